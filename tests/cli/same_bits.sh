# The same seed gives the same bits: parameters, optimiser states, the model's own states, seed and counters, and every
# number of the log, at 1, 2, 3, 5 and 8 threads, after stopping anywhere and going on, and with memory that malloc
# fills with other bytes. Dropout, gathered gradients of repeated ids, clipping and sums over several calls are in it.
model m.tg 'dim B = 6, N = 40, M = 70' 'param W: [N, M] ~ xavier' 'param V: [M] ~ normal(0.0, 0.1)' \
    'param E: [30, N] ~ normal(0.0, 1.0)' 'state seen: [N] ~ zeros' \
    'train step(i: i32[B, 5], x: [B, N], t: [B]) -> (loss: []) {' '  seen := seen * 0.9 + mean(x, axis = 0)' \
    '  h = gelu(dropout(x + mean(gather(E, i), axis = 1), 0.2) @ W)' \
    '  loss = mean((softmax(h) @ V - t) ** 2) + 0.001 * mean(h)' '} using adam(lr = 0.01, clip = 1.0, accumulate = 3)'
words() { awk -v n="$1" -v s="$2" -v ids="$3" 'BEGIN { srand(s); for (k = 0; k < n; k++)
    if (ids) printf "%02x000000", int(rand() * 30); else printf "%s", (rand() < .5 ? "0000803f" : "9a9919bf") }'; }
safetensors data.safetensors '{"i":{"dtype":"I32","shape":[20,5],"data_offsets":[0,400]},"x":{"dtype":"F32","shape":[20,40],"data_offsets":[400,3600]},"t":{"dtype":"F32","shape":[20],"data_offsets":[3600,3680]}}' \
    "$(words 100 1 1) $(words 800 2 0) $(words 20 3 0)"
train() { # train FOLDER OPTION…: without its times and memory, the log is to be the same
    expect 0 ./m-train --data data.safetensors --seed 5 --log-every 1 --save-every 1000 --out "$@"
}
log() { sed -E 's/,?"(seconds|memory|[a-z_]*per_second)":[^,}]*//g' "$1/log.jsonl"; }
alike() { # alike FOLDER: the bits of folder a
    same a/checkpoint.safetensors "$1/checkpoint.safetensors"
    same a/weights.safetensors "$1/weights.safetensors"
    log a >a.log
    log "$1" >"$1.log"
    same a.log "$1.log"
}
for way in '' '--no-fuse --target portable'; do
    expect 0 tgc build m.tg --exe $way -o m-train
    rm -rf a t? r?
    train a --threads 1 --steps 14
    [ "$(wc -l <a/log.jsonl)" = 14 ] || fail 'the log has not a line for each step'
    log a | grep -q '"loss":[0-9.]*[0-9]' || fail 'the log has no losses'
    for threads in 2 3 5 8; do
        train t$threads --threads $threads --steps 14
        alike t$threads
    done
    export MALLOC_PERTURB_=90
    train r1 --threads 2 --steps 5
    train r1 --threads 3 --steps 11 --resume r1
    unset MALLOC_PERTURB_
    train r1 --threads 1 --steps 14 --resume r1
    alike r1
done
# and that these bits depend on the seed at all
expect 0 ./m-train --data data.safetensors --seed 6 --steps 14 --out t9
! cmp -s a/weights.safetensors t9/weights.safetensors || fail 'another seed gives the same weights'
