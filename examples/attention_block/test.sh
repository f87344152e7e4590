# Every entry of the compiled derivatives equals the closed form to 1e-10, called from C through the library.
expect 0 tgc build "$TGC_ROOT/examples/attention_block/attention_block.tg" --dtype f64 -o libattention_block.so
expect 0 "${CC:-clang}" -std=c11 -Wall -Wextra -Werror ${TGC_CFLAGS:-} "$TGC_ROOT/examples/attention_block/closed_form.c" \
    -I. -L. -lattention_block -Wl,-rpath,"$PWD" -lm -o closed_form
expect 0 ./closed_form
stdout_has 'df/dx'
