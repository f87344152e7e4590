# A product takes the optimiser's step of the weight whose gradient it gives, so that the gradient is not stored, and asks
# for what it overwrites while it folds; the gradients that nothing gives but sums and scatters are left to the update.
body='import "nn.tg"
dim B = 96, D = 256
use up = Affine(D, 4 * D), down = Affine(4 * D, D)
train step(x: [B, D]) -> (loss: []) { loss = mean((down(tanh(up(x))) - x) ** 2) }'
model m.tg "$body using adamw(lr = 0.01)"
expect 0 tgc plan m.tg step
stdout_matches 'new_W +contract'
stdout_lacks 'new_W +map|new_[mv] +map +backward'
awk '$1 == "gradients" && $3 == "B" { exit !($2 < 20000) }' .stdout || fail "weights' gradients are stored: $(cat .stdout)"
expect 0 tgc emit m.tg -D B=160
[ "$(grep -c 'tg_prefetch(&adamw_m_0\[' .stdout)" -ge 2 ] || fail 'nothing is asked for ahead'
stdout_matches 'adamw_v_0\[.*\] = \(0.999 \* adamw_v_0'

# All of it waits for the norm where gradients are clipped, and runs at some calls only where they are accumulated.
for waits in 'clip = 1.0' 'accumulate = 2'; do
    model waits.tg "$body using adamw(lr = 0.01, $waits)"
    expect 0 tgc plan waits.tg step
    stdout_lacks 'new_W'
done

# A weight that is still read after its gradient is there, on the left of a product, is written when that is done.
model left.tg 'param W: [64, 64] ~ xavier' 'param U: [64, 64] ~ xavier' 'train step(x: [64, 64]) -> (loss: []) {' \
    '  loss = mean((W @ tanh(U @ x)) ** 2)' '} using sgd(lr = 0.1)'
expect 0 tgc plan left.tg step
awk '/ contract .* backward / && $2 ~ /^d_/ { last = $1 } $2 == "new_W" && $3 == "map" { copy = $1 }
     END { exit !(copy > last) }' .stdout || fail "W is overwritten too early: $(cat .stdout)"

# A product asks ahead for what its epilogue reads and writes where that is more than a cache holds: not for the bias.
model ahead.tg 'dim B = 2048, D = 256' 'param W: [D, D] ~ xavier' 'param b: [D] ~ zeros' \
    'graph f(x: [B, D], y: [B, D]) -> (z: [B, D]) { z = x @ W + b + y }'
expect 0 tgc emit ahead.tg
[ "$(grep -o 'tg_prefetch(&[a-z]*\[' .stdout | sort -u | tr -d '\n')" = 'tg_prefetch(&y[tg_prefetch(&z[' ] ||
    fail "asked for: $(grep tg_prefetch .stdout)"
expect 0 tgc emit -D B=32 ahead.tg
stdout_lacks 'tg_prefetch'
