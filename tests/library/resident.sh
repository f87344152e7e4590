# An instance that only predicts doesn't hold the moments and gradients of the training step beside it.
[ -z "${TGC_SANITIZE:-}" ] || return 0 # ASan keeps shadows of its own
model wide.tg 'dim N = 2048' 'param W: [N, N] ~ normal(0.0, 0.02)' 'graph predict(x: [N]) -> (y: [N]) { y = x @ W }' \
    'train step(x: [N]) -> (loss: []) { loss = mean((x @ W - x) ** 2) } using adam(lr = 0.1, clip = 1.0)'
expect 0 tgc build wide.tg -o libwide.so
expect 0 ${CC:-clang} -std=c11 -Wall -Wextra -Wpedantic -Werror "$TGC_ROOT/tests/library/resident.c" \
    -I. -L. -lwide -Wl,-rpath,"$PWD" -lm -lpthread -o resident
expect 0 ./resident
stdout_matches 'all is well|not told'
