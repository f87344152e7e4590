# A step that fails at run time changes nothing: the steps after it are those of an instance that never failed. Some ids
# depend on a state that the step has written by then.
model late.tg 'param W: [4, 3] ~ normal(0.0, 1.0)' 'state seen: [1] ~ zeros' 'state at: i32[] ~ zeros' \
    'train step(ids: i32[4], gold: i32[4]) -> (loss: []) {' '  seen := seen + 1' '  at := at + 1' '  x = gather(W, (ids + at) % 4)' \
    '  loss = cross_entropy(dropout(x, 0.3) + gather(W, ids), gold)' '} using adam(lr = 0.1, clip = 1.0)' \
    'graph look() -> (n: [1]) { n = (seen + at) / 2 }'
for target in '' '--target portable'; do
    expect 0 tgc build late.tg $target -o liblate.so
    expect 0 ${CC:-clang} -std=c11 -Wall -Wextra -Wpedantic -Werror ${TGC_CFLAGS:-} "$TGC_ROOT/tests/library/failed_step.c" \
        -I. -L. -llate -Wl,-rpath,"$PWD" -lm -lpthread -o failed_step
    expect 0 ./failed_step
    stdout_has 'all is well'
done
