# A Python script uses a model through ctypes and NumPy alone.
python=''
for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import numpy' 2>/dev/null; then python=$candidate; break; fi
done
[ -n "$python" ] || skip 'no Python with NumPy here'
[ -z "${TGC_SANITIZE:-}" ] || skip 'a sanitised library needs a sanitised program'
model m.tg 'dim N = 3' 'param W: [N, N] ~ xavier' 'graph f(x: [2, N]) -> (y: [2, N]) { y = tanh(x @ W) }' \
    'train step(x: [2, N], t: [2, N]) -> (loss: []) { loss = mean((tanh(x @ W) - t) ** 2) } using adam(lr = 0.1)'
expect 0 tgc build m.tg -o libm_model.so
expect 0 "$python" "$TGC_ROOT/tests/library/use_model.py" ./libm_model.so
stdout_has 'all is well'
