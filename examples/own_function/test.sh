# A function in C: its check, its derivatives against numbers worked out by hand, compiled code against the evaluator.
model=$TGC_ROOT/examples/own_function/own_function.tg
expect 0 tgc gradcheck "$model" step
stdout_has 'd2_swish'
# swish'(x) = s (1 + 2 x (1 - s)), swish''(x) = 4 s (1 - s) (1 + x (1 - 2 s)), s = 1 / (1 + exp(-2 x))
for way in '' --interp; do
    expect 0 tgc run $way --dtype f64 "$model" slopes 'x=[0, 1, -1, 0.5, 2]'
    stdout_has 'dx = [0.5, 1.09078424878489'
    stdout_has ', -0.09078424878489'
    stdout_has 'd2x = [1, 0.100124'
done
expect 0 "$TGC_ROOT/tests/compare-model" "$model"
