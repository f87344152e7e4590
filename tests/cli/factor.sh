# The slope of relu is told from its result where it is needed; no mask is stored with it.
model relu.tg 'import "nn.tg"' 'use up = Affine(64, 96), down = Affine(96, 64)' \
    'train step(x: [32, 64]) -> (loss: []) { loss = mean((down(relu(up(x))) - x) ** 2) } using adam(lr = 0.01)'
expect 0 tgc inspect relu.tg step
stdout_matches 'd_up.* = select\(0 < relu, .* @ W.T, 0\)'
stdout_lacks 'd_less'

# Weight gradients behind a norm are taken from the normalised rows, which are kept anyway: the scaled ones are not, and
# the rows are laid out once for all products that read them.
model m.tg 'import "nn.tg"' 'dim B = 64, D = 256' 'use n = Norm(D), q = Affine(D, D), k = Affine(D, D), v = Affine(D, D)' \
    'train step(x: [B, 32, D]) -> (loss: []) {' '  y = n(x)' '  loss = mean(q(y) * k(y) * tanh(v(y)))' \
    '} using adam(lr = 0.01, clip = 1.0)'
expect 0 tgc inspect m.tg step
[ "$(grep -c 'normal_rows = normal.T in rows' .stdout)" = 1 ] || fail 'rows are laid out more than once'
[ "$(grep -c 'd_W.*= (gain \* (normal_rows @ .*)) + (bias \* ' .stdout)" = 3 ] || fail 'gain and bias are in no epilogue'
[ "$(grep -c ' d_b\[' .stdout)" -ge 1 ] || fail 'no gradient of a bias'
expect 0 tgc plan m.tg step --all
awk '$1 == "y" && NF > 4 { split($4, y, "-") } $1 == "normal_rows" { split($4, rows, "-") }
     END { exit !(y[2] && y[2] + 0 < rows[1] + 0) }' .stdout || fail "y lives on: $(cat .stdout)"
