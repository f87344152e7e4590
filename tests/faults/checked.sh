# --check: after every kernel its values and the guards around its tensors are tested; the first wrong one is told with
# the kernel and the line of the model, and the call changes nothing.
model m.tg 'param W: [4, 3] ~ ones' 'state seen: [] ~ zeros' 'train step(x: [2, 4]) -> (loss: []) {' \
    '  seen := seen + 1' '  l = log(x @ W)' '  loss = mean((l @ l.T) ** 2)' '} using adam(lr = 0.01, clip = 1.0)' \
    'graph inverse(x: [3]) -> (y: [3]) {' '  y = 1 / x' '}' 'graph root(x: [3]) -> (z: [3]) {' '  z = sqrt(x)' '}' \
    'graph row(i: i32[2]) -> (y: [2, 3]) {' '  y = gather(W, i)' '}' \
    'graph masked(x: [2, 2], m: bool[2, 2]) -> (y: [2, 2], s: [2, 2]) {' '  s = where(m, x, -inf)' '  y = s - s.T' '}' \
    'graph even(x: [2, 2]) -> (y: [2, 2]) { y = x / x }'

expect 0 tgc run m.tg inverse 'x=[1, -1, 0]'
expect 5 tgc run --check m.tg inverse 'x=[1, 2, 0]'
stderr_has 'inverse: y[2] is inf, made by'
stderr_has '(forward) from m.tg:10  y = 1 / x'
expect 5 tgc run --check m.tg root 'x=[1, -0.25, 2]'
stderr_has 'z[1] is nan'
expect 5 tgc run --check m.tg even 'x=[[1, 1], [0, 1]]'
stderr_has 'y[1, 0] is nan'
expect 5 tgc run --check m.tg inverse 'x=[1, nan, 2]'
stderr_has 'x[1] is nan as the call begins'
expect 5 tgc run --check m.tg row 'i=[0, 4]'
stderr_has 'element 1 is 4, not in 0 to 3 (gather); m.tg:16  y = gather(W, i)'
expect 0 tgc run --check m.tg row 'i=[0, 3]'

expect 5 tgc run --check --dtype f64 m.tg inverse 'x=[1, 2, 0]'
stderr_has 'inverse: y[2] is inf, made by'
expect 5 tgc run --check --dtype f64 m.tg root 'x=[1, -0.25, 2]'
stderr_has 'z[1] is nan'
expect 0 tgc run --check --dtype f64 m.tg masked 'x=[[1, 2], [3, 4]]' 'm=[[true, false], [true, true]]'

# infinities that the text asks for are no mistake; what is made of two of them may be
expect 0 tgc run --check m.tg masked 'x=[[1, 2], [3, 4]]' 'm=[[true, false], [true, true]]'
stdout_has 's = [[1, -inf], [3, 4]]'
expect 5 tgc run --check m.tg masked 'x=[[1, 2], [3, 4]]' 'm=[[true, false], [false, false]]'
stderr_has 'y[0, 1] is nan'
expect 2 tgc run --check --interp m.tg even 'x=[[1, 1], [0, 1]]'
stderr_has '--interp'

# a library: the codes, and nothing changed
strict="-std=c11 -Wall -Wextra -Wpedantic -Werror ${TGC_CFLAGS:-}"
expect 0 tgc build --check m.tg -o libm_checked.so
expect 0 ${CC:-clang} $strict "$TGC_ROOT/tests/faults/checked.c" -I. -L. -lm_checked -Wl,-rpath,"$PWD" -o checked
expect 0 ./checked value
stdout_has 'all is well'

# a kernel that writes one element too far, put in by hand
expect 0 tgc emit --check --standalone m.tg -o out
expect 0 ${CC:-clang} $strict -std=gnu11 -O1 -march=native -Iout "$TGC_ROOT/tests/faults/checked.c" out/m.c -lm -lpthread -o whole
expect 0 ./whole value
stdout_has 'all is well'
count=$(grep -c '^    float \*l = given->l;' out/m.c)
[ "$count" -ge 1 ] || fail 'no kernel writes l'
sed -i 's/^    float \*l = given->l;/&\n    l[6] = 1;/' out/m.c
expect 0 ${CC:-clang} $strict -std=gnu11 -O1 -march=native -Iout "$TGC_ROOT/tests/faults/checked.c" out/m.c -lm -lpthread -o broken
expect 0 ./broken guard
stdout_has 'all is well'

# training stops at the line, and the checkpoint before it stays
safetensors data.safetensors '{"x":{"dtype":"F32","shape":[2,4],"data_offsets":[0,32]}}' "$(printf '0000803f%.0s' $(seq 8))"
safetensors bad.safetensors '{"x":{"dtype":"F32","shape":[2,4],"data_offsets":[0,32]}}' "$(printf '000080bf%.0s' $(seq 8))"
expect 0 tgc train --check m.tg --data data.safetensors --steps 3 --out run
cp run/checkpoint.safetensors before
expect 5 tgc train --check m.tg --data bad.safetensors --steps 6 --resume run --out run
stderr_has 'm.tg:6  l = log(x @ W)'
same before run/checkpoint.safetensors
