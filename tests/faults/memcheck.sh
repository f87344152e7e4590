# valgrind finds nothing: in the compiler, up to the C it writes, and in a library and a training program that it made
# for the target `portable` (valgrind knows no AVX-512, and of debug information only what is older than DWARF 5).
command -v valgrind >/dev/null || skip 'valgrind is not here: scripts/setup --dev'
[ -z "${TGC_SANITIZE:-}" ] || skip 'valgrind and sanitizers exclude each other'
memcheck() { valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible "$@"; }
model m.tg 'param W: [4, 3] ~ normal(0.0, 1.0)' 'state seen: [1] ~ zeros' 'train step(x: [2, 4]) -> (loss: []) {' \
    '  seen := seen + 1' '  h = dropout(relu(x @ W), 0.1)' '  loss = mean((h @ h.T) ** 2)' \
    '} using adam(lr = 0.01, clip = 1.0)' 'graph f(x: [2, 4]) -> (y: [2, 3]) {' '  y = softmax(x @ W)' '}'
echo 'tg 1 graph f(x: [2]) -> (y: [3]) { y = x + z @ }' >wrong.tg
expect 0 memcheck "$TGC" check m.tg
expect 1 memcheck "$TGC" check wrong.tg
expect 0 memcheck "$TGC" fmt --check "$TGC_ROOT/examples/gpt/gpt.tg"
expect 0 memcheck "$TGC" emit m.tg --target portable --dump=emit --stop-after=emit
expect 0 memcheck "$TGC" run m.tg --interp f 'x=[[1, 2, 3, 4], [5, 6, 7, 8]]'

for check in '' --check; do
    expect 0 env TGC_CFLAGS=-gdwarf-4 "$TGC" build m.tg $check --target portable -o libm.a
    expect 0 ${CC:-clang} -gdwarf-4 "$TGC_ROOT/tests/faults/use.c" -I. libm.a -lcjson -lm -lpthread -o use
    expect 0 memcheck ./use
done
safetensors data.safetensors '{"x":{"dtype":"F32","shape":[3,4],"data_offsets":[0,48]}}' "$(printf '0000803f%.0s' $(seq 12))"
expect 0 tgc build m.tg --target portable --exe -o m-train
expect 0 memcheck ./m-train --data data.safetensors --steps 3 --out run
