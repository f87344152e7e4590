# A C program of its own uses two models at once: typed calls, errors as codes and texts, parameters, no allocation in a
# step, results that do not depend on threads.
model first.tg 'dim N = 3' 'param W: [N, N] ~ xavier' 'graph f(x: [N]) -> (y: [N]) { y = x @ W }' \
    'graph pick(i: i32[2]) -> (r: [2, N]) { r = gather(W, i) }' \
    'train step(x: [4, N], t: [4, N]) -> (loss: []) { loss = mean((x @ W - t) ** 2) } using adam(lr = 0.1)'
model second.tg 'dim N = 5' 'param W: [N] ~ ones' 'graph f(x: [N]) -> (y: [N]) { y = x * W }'
expect 0 tgc build first.tg -o libfirst.so
expect 0 tgc build second.tg -o libsecond.a
for cc in gcc clang; do
    command -v $cc >/dev/null || continue
    [ -z "${TGC_SANITIZE:-}" ] || [ $cc = clang ] || continue
    expect 0 $cc -std=c11 -Wall -Wextra -Wpedantic -Werror ${TGC_CFLAGS:-} "$TGC_ROOT/tests/library/two_models.c" -I. -L. -lfirst -lsecond \
        -Wl,-rpath,"$PWD" -lm -lpthread -lcjson -o two_models
    expect 0 ./two_models
    stdout_has 'all is well'
    expect 0 env TG_PROFILE=.profile ./two_models
    stdout_has 'all is well'
    exists .profile
done
expect 0 clang++ -x c++ -std=c++11 -Wall -Wextra -Werror -Wpedantic -fsyntax-only first.h
