# A library and what uses it, compiled under ASan and UBSan with leak detection: nothing is found, and nothing leaks.
[ -z "${TGC_SANITIZE:-}" ] || skip 'the flags are set here'
flags=-fsanitize=address,undefined
echo 'int main(void) { return 0; }' >empty.c
clang $flags empty.c -o empty 2>/dev/null && ./empty || skip "clang's sanitizers are not here: scripts/setup --dev"
model m.tg 'param W: [4, 3] ~ normal(0.0, 1.0)' 'state seen: [1] ~ zeros' 'train step(x: [2, 4]) -> (loss: []) {' \
    '  seen := seen + 1' '  h = dropout(relu(x @ W), 0.1)' '  loss = mean((h @ h.T) ** 2)' \
    '} using adam(lr = 0.01, clip = 1.0)' 'graph f(x: [2, 4]) -> (y: [2, 3]) {' '  y = softmax(x @ W)' '}'
for check in '' --check; do
    expect 0 env TGC_CFLAGS="$flags -fno-sanitize-recover=all" "$TGC" build m.tg $check -o libm.a
    expect 0 clang $flags "$TGC_ROOT/tests/faults/use.c" -I. libm.a -lcjson -lm -lpthread -o use
    expect 0 env ASAN_OPTIONS=detect_leaks=1 ./use
    stderr_empty
done

# a leak would be seen
sed 's|^    if (m_new|    m_new(\&model, 1, 7);\n&|' "$TGC_ROOT/tests/faults/use.c" >leaking.c
expect 0 clang $flags leaking.c -I. libm.a -lcjson -lm -lpthread -o leaking
expect 23 env ASAN_OPTIONS=detect_leaks=1 LSAN_OPTIONS=exitcode=23 ./leaking
stderr_has 'LeakSanitizer'
