# Training with sizes in buckets: rows of any width go to the smallest specialisation that fits, batches are of similar
# length, every row comes once an epoch, and runs go on as if they had never stopped.
model m.tg 'dim B = 4, S in [2, 4, 8], T in [1, 3]' 'const PAD = 0, LR = 0.05' \
    'param emb: [10, 3] ~ normal(0, 1)' 'param b: [] ~ zeros' 'state count: [] ~ zeros' \
    'fn pooled[B, N](ids: i32[B, N]) -> [B] = sum(gather(emb, ids) * f32((ids != PAD) as [B, N, 1]), axis = [1, 2])' \
    'fn error[B, S, T](src: i32[B, S], tgt: i32[B, T], y: [B]) -> [] = mean((pooled(src) + pooled(tgt) + b - y) ** 2)' \
    'train step(src: i32[B, S] pad PAD, tgt: i32[B, T] pad PAD, y: [B]) -> (loss: [], noise: [B, S]) {' \
    '  noise = dropout(ones([B, S]), 0.5)' '  loss = error(src, tgt, y) + 0.01 * mean(noise)' \
    '} using adam(lr = LR, clip = 1.0)' \
    'graph valid(src: i32[B, S], tgt: i32[B, T], y: [B]) -> (loss: []) { loss = error(src, tgt, y) }'

# rows SEED COUNT WIDTH LONGEST: ids in little endian, lengths from 1 to LONGEST, padded with 0
rows() {
    awk -v seed="$1" -v n="$2" -v w="$3" -v most="$4" 'BEGIN {
        srand(seed)
        for (i = 0; i < n; i++) {
            length_ = 1 + int(rand() * most)
            for (k = 0; k < w; k++) printf "%02x000000", k < length_ ? 1 + int(rand() * 9) : 0
        }
    }'
}
floats() { awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "%s", (i % 2 ? "0000803f" : "000000bf") }'; }
# data FILE SOURCE-WIDTH TARGET-WIDTH LONGEST
data() {
    local s=$((22 * 4 * $2)) t=$((22 * 4 * $3))
    safetensors "$1" "{\"src\":{\"dtype\":\"I32\",\"shape\":[22,$2],\"data_offsets\":[0,$s]},\"tgt\":{\"dtype\":\"I32\",\"shape\":[22,$3],\"data_offsets\":[$s,$((s + t))]},\"y\":{\"dtype\":\"F32\",\"shape\":[22],\"data_offsets\":[$((s + t)),$((s + t + 88))]}}" \
        "$(rows 1 22 "$2" "$4") $(rows 2 22 "$3" 2) $(floats 22)"
}
data narrow.safetensors 6 2 6
data wide.safetensors 9 5 6

# ---- the whole way ----
expect 0 tgc build m.tg --exe -o m-train
expect 0 env TG_PROFILE=profile.json ./m-train --data narrow.safetensors --valid narrow.safetensors --valid-every 5 \
    --epochs 2 --out a --seed 3 --log-every 1
[ "$(grep -c '"loss"' a/log.jsonl)" = 11 ] || fail 'two epochs of 22 rows are not 11 steps of 4'
calls() { sed -n "s/.*\"entry\": \"$1\[[^\"]*\", \"calls\": \([0-9]*\),.*/\1/p" profile.json | awk '{ n += $1 } END { print n + 0 }'; }
[ "$(calls step)" = 11 ] || fail "the specialisations of step were called $(calls step) times"
[ "$(grep -c '"entry": "step\[' profile.json)" -ge 3 ] || fail 'batches are not of several sizes'

# the bits don't depend on the number of threads, nor on the width of the file
expect 0 ./m-train --data narrow.safetensors --valid narrow.safetensors --valid-every 5 --epochs 2 --out c --seed 3 --threads 3
same c/weights.safetensors a/weights.safetensors
same c/checkpoint.safetensors a/checkpoint.safetensors
expect 0 ./m-train --data wide.safetensors --epochs 2 --out wide --seed 3
same wide/weights.safetensors a/weights.safetensors

# ---- stopping and going on, in the middle of an epoch and at the end of one ----
for stop in 3 6; do
    rm -rf d
    expect 0 ./m-train --data narrow.safetensors --steps $stop --out d --seed 3
    expect 0 ./m-train --data narrow.safetensors --epochs 2 --out d --seed 3 --resume d --threads 2
    same a/weights.safetensors d/weights.safetensors
    same a/checkpoint.safetensors d/checkpoint.safetensors
done
expect 1 ./m-train --data narrow.safetensors --steps 20 --entry 'step[S=8,T=3]' --resume d
stderr_has 'made by the train entry step, not by step[S=8,T=3]'

# ---- the loss of validation is that of the largest size, whichever sizes are called ----
data whole.safetensors 8 3 6
expect 0 tgc train m.tg -D LR=0 --data whole.safetensors --valid whole.safetensors --steps 1 --out f --init a/weights.safetensors
expect 0 tgc train m.tg -D LR=0 -D S=8 -D T=3 --data whole.safetensors --valid whole.safetensors --steps 1 --out g \
    --init a/weights.safetensors
losses=$(sed -n 's/.*"valid_loss":\([^}]*\)}.*/\1/p' f/log.jsonl g/log.jsonl)
echo "$losses" | awk '{ loss[NR] = $1 } END { exit !(NR == 2 && loss[1] > 0 && (loss[1] - loss[2]) ^ 2 < 1e-10) }' ||
    fail "losses of validation: $losses"

# ---- one specialisation alone is trained by its name: as if its sizes were the only ones ----
expect 0 tgc build m.tg -D S=8 -D T=3 --exe -o whole-train
expect 0 ./m-train --data whole.safetensors --steps 3 --entry 'step[S=8,T=3]' --out one --seed 3
expect 0 ./whole-train --data whole.safetensors --steps 3 --out two --seed 3
same one/weights.safetensors two/weights.safetensors

# ---- what is wrong ----
data long.safetensors 12 2 12
expect 1 ./m-train --data long.safetensors --steps 3 --out e
stderr_matches 'long.safetensors: src of example [0-9]+ is [0-9]+ long without its padding; the largest size is 8'
absent e/weights.safetensors
expect 2 ./m-train --data narrow.safetensors --steps 3 --entry 'step[S=3]' --out e
stderr_has 'no train entry step[S=3]'
expect 1 ./m-train --data narrow.safetensors --steps 3 --entry 'step[S=2,T=1]' --out e
stderr_has 'tensor src is I32 [22, 6]; entry step[S=2,T=1] wants I32 [examples, 2]'
sed 's/ pad PAD//' m.tg >bare.tg
expect 1 tgc train bare.tg --data narrow.safetensors --steps 3 --out e
stderr_has 'entry step: input src has sizes in buckets, and nothing says what its rows are filled up with'
model batches.tg 'dim B in [2, 4]' 'param w: [] ~ zeros' \
    'train step(y: [B] pad 0) -> (loss: []) { loss = mean((y - w) ** 2) } using sgd(lr = 0.1)'
expect 1 tgc train batches.tg --data narrow.safetensors --steps 3 --out e
stderr_has 'the batch of input y has several sizes'
model check.tg 'dim B = 2, T in [2, 4]' 'param w: [] ~ zeros' \
    'train step(y: [B, T] pad 0) -> (loss: []) { loss = mean((y - w) ** 2) } using sgd(lr = 0.1)' \
    'graph valid(y: [B, 4]) -> (loss: []) { loss = mean((y - w) ** 2) }'
expect 2 tgc train check.tg --data narrow.safetensors --valid narrow.safetensors --steps 3 --out e
stderr_has '--valid needs a graph entry step_valid or valid with the inputs of step'
