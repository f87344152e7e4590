# The inner loop of a product keeps its accumulators in registers, however many constants the epilogue beside it has.
command -v clang >/dev/null || skip 'no clang'
[ "$(uname -m)" = x86_64 ] || skip 'not x86-64'

spills() { # spills ENTRY TARGET: instructions that put away a register in loops of eight multiply-adds or more
    rm -rf made
    expect 0 tgc emit m.tg "$1" --target "$2" -o made
    line=$(sed -n '/^ \*   cc /,/-c m\.c/{s/^ \* *//;s/\\$//;s/ *(.*//;p}' made/m.c | tr '\n' ' ')
    expect 0 env -C made clang ${line#cc } -I "$TGC_ROOT/runtime" -S -o m.s
    awk '/^\.L/ { adds = stack = 0 }
        /vfmadd/ { adds++ }
        /Spill$/ { stack++ }
        /^\tj.*\.LBB/ { if (adds >= 8) { loops++; sum += stack } adds = stack = 0 }
        END { print loops ? sum + 0 : "no loop" }' made/m.s
}

model m.tg 'dim M = 256, K = 768, N = 3072' \
    'graph tanh_form(x: [M, K], W: [K, N], b: [N]) -> (h: [M, N]) { h = gelu_tanh(x @ W + b) }' \
    'graph erf_form(x: [M, K], W: [K, N], b: [N]) -> (h: [M, N]) { h = gelu(x @ W + b) }'
for entry in tanh_form erf_form; do
    for target in x86-64-v3 x86-64-v4; do
        count=$(spills $entry $target)
        [ "$count" = 0 ] || fail "$entry for $target: $count spills in the inner loops of its product"
    done
done
