# Sizes in buckets from C, C++ and Python: one function for each specialisation, one that selects, and tables that say so.
model buckets.tg 'dim B = 2, T in [2, 3, 5]' 'param w: [] ~ constant(0.5)' \
    'train step(x: [B, T] pad -1) -> (loss: []) { loss = mean((x * w - 2) ** 2) } using sgd(lr = 0.01, momentum = 0.9)' \
    'graph f(x: [B, T]) -> (y: [B]) { y = sum(x, axis = T) * w }' 'graph plain(x: [B]) -> (y: [B]) { y = x * w }'
expect 0 tgc build buckets.tg -o libbuckets.so
expect 0 tgc build buckets.tg -o libbuckets.a
for cc in gcc clang; do
    command -v $cc >/dev/null || continue
    [ -z "${TGC_SANITIZE:-}" ] || [ $cc = clang ] || continue
    expect 0 $cc -std=gnu11 -Wall -Wextra -Werror ${TGC_CFLAGS:-} "$TGC_ROOT/tests/library/buckets.c" \
        "$TGC_ROOT"/runtime/{core,pool,profile,random}.c -I. -I"$TGC_ROOT/runtime" libbuckets.a -lm -lpthread -lcjson -o use
    expect 0 ./use
    stdout_has 'all is well'
done
expect 0 clang++ -x c++ -std=c++11 -Wall -Wextra -Werror -Wpedantic -fsyntax-only buckets.h

# a model that stands alone has the same calls
expect 0 tgc emit buckets.tg --standalone --target portable -o alone
expect 0 clang -std=gnu11 -Wall -Wextra -Werror -c alone/buckets.c -o buckets.o

python=''
for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import numpy' 2>/dev/null; then python=$candidate; break; fi
done
if [ -n "$python" ] && [ -z "${TGC_SANITIZE:-}" ]; then
    expect 0 "$python" "$TGC_ROOT/tests/library/use_buckets.py" ./libbuckets.so
    stdout_has 'all is well'
fi

# names that meet: a size called as an input, an entry point called as a specialisation
model clash.tg 'dim x in [2, 3], double in [1, 2]' 'graph f(x: [x, double]) -> (y: [double]) { y = sum(x, axis = 0) }' \
    'graph f_x2_double1(a: [x]) -> (b: [x]) { b = a }'
expect 0 tgc build clash.tg -o libclash.so
expect 0 clang++ -x c++ -std=c++11 -Wall -Wextra -Werror -Wpedantic -fsyntax-only clash.h
expect 0 tgc run clash.tg 'f[double=2,x=3]' 'x=[[1,2],[3,4],[5,6]]'
stdout_has 'y = [9, 12]'
