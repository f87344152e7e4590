# Every .tg file of the project is laid out as `tgc fmt` does it, but for those whose layout is what they test.
expect 0 "$TGC" fmt --check "$TGC_ROOT"/compiler/std/*.tg "$TGC_ROOT"/examples/*/*.tg "$TGC_ROOT"/bench/*.tg \
    "$TGC_ROOT"/tests/models/*.tg "$TGC_ROOT"/tests/values/*.tg
