# What row and map kernels read and write: each input once, each result once, whatever it takes to compute.
rows=$TGC_ROOT/bench/rows.tg
file=$rows

traffic() { # traffic ENTRY READS WRITES [M N]: at most so many bytes in all kernels of the entry of $file together
    expect 0 tgc plan "$file" "$1" -D "M=${4:-64}" -D "N=${5:-4096}"
    awk -v reads="$2" -v writes="$3" '
        /^ +kernel name/ { table = 1; next }
        table && NF >= 8 { read += $5; written += $6; kernels++ }
        END { exit !kernels || read > reads || written > writes }' .stdout ||
        fail "$1 reads more than $2 bytes or writes more than $3: $(cat .stdout)"
}
whole=$((64 * 4096 * 4)) slack=16384
traffic cross_entropy $((whole + slack)) $((whole + slack))
traffic smoothed $((whole + slack)) $((whole + slack))
traffic gelu $((2 * whole)) $((2 * whole))
# the loss reads p and g, the norm g, the update p, g and both moments
traffic adamw $((7 * whole + slack)) $((3 * whole + slack))
# x and g once for y, dx and the sums over rows of both gradients; 64 parts of each sum
parts=$((2 * 64 * 128 * 4))
traffic layernorm $((2 * whole + parts + slack)) $((2 * whole + parts + slack)) 2048 128

# Sums over the rows of a product's result take no kernel that reads it again: of a bias's gradient beside the result, of
# squares without it.
model products.tg 'dim M = 2048, N = 512, K = 32' \
    'graph bias(x: [M, K], W: [K, N], h: [M, N]) -> (d: [M, N], db: [N]) {' \
    '  d = where(h > 0, x @ W, 0.0)' '  db = sum(d, axis = 0)' '}' \
    'graph squares(x: [M, K], W: [K, N]) -> (s: []) {' '  d = x @ W' '  s = sum(sum(d * d, axis = 0))' '}'
file=products.tg operands=$(((2048 + 512) * 32 * 4)) whole=$((2048 * 512 * 4)) parts=$((8 * 512 * 4))
traffic bias $((whole + operands + parts + slack)) $((whole + parts + slack)) 2048 512
traffic squares $((operands + parts + slack)) $((parts + slack)) 2048 512

# Nor do those of its right operand, which the gradient of a weight has in common with that of a bias.
model right.tg 'dim M = 2048, N = 512, K = 64' \
    'graph right(x: [M, K], g: [M, N]) -> (dw: [K, N], db: [N]) {' '  dw = x.T @ g' '  db = sum(g, axis = 0)' '}'
file=right.tg
traffic right $((whole + 2 * 2048 * 64 * 4 + slack)) $((2048 * 64 * 5 + 64 * 512 * 4 + slack)) 2048 512

# A result of 32 MiB goes past the caches where each of its vectors stands on a line of its own.
streams() { # streams M N: how many stores of layernorm's kernels do
    "$TGC" emit "$rows" layernorm -D "M=$1" -D "N=$2" --target x86-64-v4 >.c || fail "layernorm is not written"
    grep -c 'tg_stream(' .c
}
[ "$(streams 16384 768)" -gt 0 ] && grep -q 'tg_stream_end();' .c || fail "a large result is not streamed"
[ "$(streams 2048 256)" = 0 ] || fail "a small result is streamed"
[ "$(streams 16384 767)" = 0 ] || fail "rows that share lines are streamed"

# So does a product's; and its slices go block by block of rows where the left operand is too large to be read again
# for each panel, else panel by panel.
product() { # product M K N [FORM]: the product's C into .c
    "$TGC" emit "$TGC_ROOT/bench/gemm.tg" "${4:-nn}" -D "M=$1" -D "K=$2" -D "N=$3" --target x86-64-v4 >.c ||
        fail "a product is not written"
}
product 50257 256 768
grep -q 'tg_stream(' .c && grep -q 'tg_stream_end();' .c || fail "a large product is not streamed"
grep -q 'panel = slice % 12;' .c || fail "a large left operand is read again for each panel"
product 1024 1024 1024
! grep -q 'tg_stream(' .c || fail "a small product is streamed"
grep -q 'panel = slice / 2;' .c || fail "a panel is made for each block of rows anew"
# A transposed left operand is laid out by 16 slices or more, past the caches where it is 1 MiB and more.
product 256 2048 256 tn
grep -q 'tg_transpose_stream(' .c && grep -q 'tg_stream_end();' .c || fail "many rows are laid out through the caches"
product 768 256 256 tn
grep -q 'tg_transpose_block(' .c && ! grep -q 'tg_stream' .c || fail "few rows are laid out past the caches"
grep -q 'a_rows = t.a_rows}, 16);' .c || fail "rows are laid out by too few slices"

# The gradient of a loss takes the exponentials that the loss has summed, four vectors a turn; they wait in the bytes of
# the gradient, and in an array of one row where those go past the caches.
exponentials() { # exponentials M N: how many places of the kernels compute some
    "$TGC" emit "$rows" smoothed -D "M=$1" -D "N=$2" --target x86-64-v4 >.c || fail "smoothed is not written"
    grep -c 'tg_exp(' .c
}
[ "$(exponentials 512 8000)" = 4 ] && ! grep -q 'e_row\[' .c || fail "exponentials are computed or kept twice"
[ "$(exponentials 2048 8000)" = 4 ] && grep -q 'e_row\[' .c || fail "exponentials are computed twice"

# One row times a matrix reads each of its parts of k as four streams, a quarter of the part apart.
printf 'tg 1\ngraph f(x: [1, 768], w: [768, 256]) -> (y: [1, 256]) { y = x @ w }\n' >thin.tg
expect 0 tgc emit thin.tg --target x86-64-v4
for quarter in 1 2 3; do stdout_matches "tg_load\(w .* \+ $((quarter * 24 * 256))\)"; done

# A large table is zeroed straight through memory, in slices of its own, a small one by the strips that rows are added in.
table() { # table ROWS: how many kernels scatter to one or fill it
    printf 'tg 1\ngraph f(t: [%d, 256], i: i32[9], x: [9, 256]) -> (d: [%d, 256]) { d = grad(sum(gather(t, i) * x), t) }\n' \
        "$1" "$1" >table.tg
    expect 0 tgc emit table.tg --target x86-64-v4
    grep -c '^static void k.*_\(filled\|d_t\)(' .stdout
}
[ "$(table 8000)" = 2 ] && [ "$(table 100)" = 1 ] || fail "tables are filled otherwise"

# The last sweep that folds asks for the lines of a later row of large tensors, each line once.
asked() { # asked ENTRY M N: how many lines a turn
    "$TGC" emit "$rows" "$1" -D "M=$2" -D "N=$3" --target "${4:-x86-64-v4}" >.c || fail "$1 is not written"
    grep -c 'tg_prefetch_l2(&' .c
}
[ "$(asked smoothed 2048 8000)" = 4 ] || fail "the loss asks for other lines than the next row's"
[ "$(asked layernorm 16384 768)" = 8 ] && grep -q 'tg_prefetch_l2(&g\[.* + 1536\]' .c || fail "the row after the next is not asked for"
[ "$(asked layernorm 16384 768 x86-64-v3)" = 4 ] || fail "half lines are asked for"
[ "$(asked layernorm 512 768)" = 0 ] || fail "what lies in a cache is asked for"

# Slices that make panels of a right operand from memory ask for the next panel's lines: not where it stays in a cache, nor
# where its lines lie along k, which processors foresee.
panel_lines() { # panel_lines N RIGHT PRODUCT
    printf 'tg 1\ngraph f(x: [256, 768], w: [%s]) -> (y: [256, %d]) { y = x @ %s }\n' "$2" "$1" "$3" >panels.tg
    expect 0 tgc emit panels.tg --target x86-64-v4
    grep -c 'tg_prefetch_l2(&w\[.* next_j\]' .stdout
}
[ "$(panel_lines 768 '768, 768' w)" -gt 0 ] || fail "the next panel is not asked for"
[ "$(panel_lines 256 '768, 256' w)" = 0 ] || fail "what stays in a cache is asked for"
[ "$(panel_lines 768 '768, 768' w.T)" = 0 ] || fail "lines along k are asked for"

# Rows that are only folded are read as four streams, where they are long, many and large together.
streams() { # streams ROWS COLUMNS: at how many places a turn reads x
    printf 'tg 1\ngraph f(x: [%d, %d]) -> (y: [%d]) { y = sum(x * x, axis = -1) }\n' "$1" "$2" "$1" >apart.tg
    expect 0 tgc emit apart.tg --target x86-64-v4
    grep -c "tg_load(x + slice \* $2 + [a-z]* + $(($1 / 4 * $2))\(\|\.\))" .stdout
}
[ "$(streams 1024 512)" = 1 ] && [ "$(streams 1027 512)" = 1 ] || fail "rows are not read as four streams"
[ "$(streams 256 512)" = 0 ] && [ "$(streams 16384 64)" = 0 ] || fail "small or short rows are read apart"
