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
expect 0 tgc emit m.tg
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
