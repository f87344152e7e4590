# tgc train: progress in lines, a log, checkpoints, going on exactly, bad data.
model m.tg 'dim B = 4, N = 3' 'param W: [N] ~ normal(0.0, 1.0)' 'param b: [] ~ zeros' 'param T: [5] ~ zeros' \
    'train step(x: [B, N], t: [B], i: i32[B]) -> (loss: []) {' \
    '  y = dropout(x, 0.1) @ W + b + gather(T, i) * 0' '  loss = mean((y - t) ** 2)' '} using adam(lr = 0.05, clip = 1.0)' \
    'graph valid(x: [B, N], t: [B], i: i32[B]) -> (loss: []) { loss = mean((x @ W + b - t + f32(i) * 0) ** 2) }'
numbers() { awk -v n="$1" -v s="$2" 'BEGIN { srand(s); for (i = 0; i < n; i++) printf "%s", (rand() < .5 ? "0000803f" : "000000bf") }'; }
header='{"x":{"dtype":"F32","shape":[10,3],"data_offsets":[0,120]},"t":{"dtype":"F32","shape":[10],"data_offsets":[120,160]},"i":{"dtype":"I32","shape":[10],"data_offsets":[160,200]}}'
ids=$(printf '02000000%.0s' $(seq 10))
safetensors data.safetensors "$header" "$(numbers 30 1) $(numbers 10 2) $ids"

expect 0 tgc train m.tg --data data.safetensors --steps 6 --out a --seed 3
exists a/log.jsonl
exists a/weights.safetensors
expect 0 grep -c '"loss"' a/log.jsonl
[ "$(grep -c '"step"' a/log.jsonl)" -ge 1 ] || fail 'log.jsonl has no steps'
expect 0 tgc build m.tg --exe -o m-train
expect 0 ./m-train --data data.safetensors --valid data.safetensors --steps 6 --out b --seed 3 --threads 2
same a/weights.safetensors b/weights.safetensors
# stop half way and go on: the same weights as without stopping
expect 0 ./m-train --data data.safetensors --steps 3 --out c --seed 3
expect 0 ./m-train --data data.safetensors --steps 6 --out c --seed 3 --resume c
same a/weights.safetensors c/weights.safetensors

expect 3 ./m-train --data nowhere.safetensors --steps 1
stderr_has 'nowhere.safetensors'
expect 2 ./m-train --steps 1
stderr_has '--data'
expect 3 ./m-train --data data.safetensors --steps 1 --resume no-such-run
small='{"x":{"dtype":"F32","shape":[3,3],"data_offsets":[0,36]},"t":{"dtype":"F32","shape":[3],"data_offsets":[36,48]},"i":{"dtype":"I32","shape":[3],"data_offsets":[48,60]}}'
safetensors small.safetensors "$small" "$(numbers 9 1) $(numbers 3 2) 010000000100000001000000"
expect 1 ./m-train --data small.safetensors --steps 1 --out d
stderr_has 'small.safetensors'
stderr_has '3'
stderr_has '4'
safetensors other.safetensors "${header/\"t\"/\"q\"}" "$(numbers 30 1) $(numbers 10 2) $ids"
expect 1 ./m-train --data other.safetensors --steps 1 --out d
stderr_has 't'
safetensors ids.safetensors "$header" "$(numbers 30 1) $(numbers 10 2) ${ids/02000000/07000000}"
expect 5 ./m-train --data ids.safetensors --steps 3 --out d
stderr_has '7'
safetensors nan.safetensors "$header" "$(numbers 30 1) 0000c07f $(numbers 9 2) $ids"
expect 5 ./m-train --data nan.safetensors --steps 3 --out d
stderr_matches 'nan|not a number'
absent d/weights.safetensors

# Ctrl-C saves and ends with 130; going on from there works
./m-train --data data.safetensors --steps 100000000 --out e --seed 3 >/dev/null 2>&1 </dev/null &
pid=$!
for _ in $(seq 100); do [ -s e/log.jsonl ] && break; sleep 0.1; done
kill -INT $pid
wait $pid
status=$?
[ $status = 130 ] || fail "an interrupted run ended with status $status"
exists e/weights.safetensors
