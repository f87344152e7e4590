# Which results the plan lays over operands: those that are read at the element that is written, for the last time, before
# it is; and no others. (That the numbers stay what they are: tests/models/overlay.tg)
#   lies_over OPERANDS RESULT 'line …'     in a graph with x [5, 7], s [7, 7], ids, a = x @ W and b = s @ W
lies_over() {
    model m.tg 'dim N = 5, M = 7' 'param W: [M, M] ~ normal(0.0, 0.4)' \
        'graph f(x: [N, M], s: [M, M], ids: i32[N]) -> (y: [N, M], z: [M, M]) {' '  a = x @ W' '  b = s @ W' \
        "${@:3}" '}'
    expect 0 tgc plan m.tg f --all --json
    found=$(sed -n "s/.*\"name\": \"$2\", .*\"over\": \"\([^\"]*\)\".*/\1/p" .stdout)
    [ "$found" = "$1" ] || fail "$2 lies over '$found', not over '$1': ${*:3}"
    expect 0 tgc emit m.tg -o out # the checker of loops agrees
}
lies_over a p '  p = softmax(a)' '  y = p @ W' '  z = b @ W'                             # three sweeps over the same row
lies_over a c '  c = layernorm(a)' '  y = c @ W' '  z = b @ W'
lies_over a c '  c = x @ (W @ W) + a' '  y = c @ W' '  z = b @ W'                        # an epilogue's operand
lies_over '' c '  c = a @ W + a' '  y = c @ W' '  z = b @ W'                             # and the product's too
lies_over '' c '  c = softmax(a)' '  y = c @ W' '  z = a.T @ a'                          # read later
lies_over '' c '  c = softmax(a) * a[0:1, :]' '  y = c @ W' '  z = b @ W'                # by other rows
lies_over '' c '  c = softmax(b) * b.T' '  y = a @ c' '  z = c @ W'                      # transposed
lies_over '' c '  c = softmax(gather(a, ids))' '  y = c @ W' '  z = b @ W'               # rows that a tensor names
lies_over '' c '  c = softmax(a[:, 0:6])' '  y = c @ W[0:6, :]' '  z = b @ W'            # another shape
lies_over '' r '  r = sum(a, axis = 1, keep = true)' '  y = softmax(a - r) @ W' '  z = b @ W'

# the table says so too
model m.tg 'dim N = 5, M = 7' 'graph f(x: [N, M], W: [M, M]) -> (y: [N, M]) {' '  a = x @ W' '  p = softmax(a)' '  y = p @ W' '}'
expect 0 tgc plan m.tg f
stdout_matches '^ +p +192 +0 +1-2 .* over a$'
expect 0 tgc plan m.tg f --json
stdout_has '"arena_bytes": 192, "lower_bound": 192,'

# where memory is watched, every buffer has its own bytes
expect 0 tgc run m.tg f --check 'x=[[1,2,3,4,5,6,7],[1,1,1,1,1,1,1],[0,0,0,0,0,0,0],[1,0,1,0,1,0,1],[7,6,5,4,3,2,1]]' 'W=[[1,0,0,0,0,0,0],[0,1,0,0,0,0,0],[0,0,1,0,0,0,0],[0,0,0,1,0,0,0],[0,0,0,0,1,0,0],[0,0,0,0,0,1,0],[0,0,0,0,0,0,1]]'

# Kernels come earlier where that takes less memory: each block's values are used before the next block's are there
blocks=''
for i in 0 1 2 3 4 5; do
    blocks+="  h$i = exp(x[$((8 * i)):$((8 * i + 8)), :] @ W) @ V|"
done
for i in 0 1 2 3 4 5; do blocks+="  s$i = sum(softmax(h$i) ** 2, axis = 1)|"; done
IFS='|' read -ra lines <<<"$blocks"
model b.tg 'dim N = 48, M = 64' 'graph f(x: [N, M], W: [M, M], V: [M, 512]) -> (y: [N]) {' "${lines[@]}" \
    '  y = concat(s0, s1, s2, s3, s4, s5, axis = 0)' '}'
expect 0 tgc plan b.tg f --json
bound=$(sed -n 's/.*"lower_bound": \([0-9]*\).*/\1/p' .stdout)
[ "$bound" -lt $((3 * 8 * 512 * 4)) ] || fail "six blocks of $((8 * 512 * 4)) bytes need $bound"
