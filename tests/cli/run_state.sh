# tgc run over several calls: training steps on one instance agree with the evaluator's, what --save wrote --weights
# reads, a loss that is no number is status 5, and --call excludes what it says itself.
model m.tg 'param W: [3] ~ normal(0.0, 1.0)' 'state n: [] ~ zeros' \
    'train step(x: [2, 3]) -> (loss: []) {' '  loss = mean((dropout(x, 0.5) * W) ** 2)' '  n := n + 1.0' '} using adam(lr = 0.1)' \
    'graph get() -> (w: [3], count: []) {' '  w = W + 0.0' '  count = n + 0.0' '}'
safetensors in.safetensors '{"x":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}' \
    '0000803f 00000040 0000803f 000000bf 0000803f 00000040'
for way in '' --interp; do
    expect 0 tgc run m.tg $way --dtype f64 --seed 4 --call step:in.safetensors: --call step:in.safetensors:- --call get::- --save s.safetensors
    stdout_has 'count = 2'
    grep '^w = ' .stdout | tr -d 'w=[],' | xargs printf '%.10f\n' >"w$way"
    expect 0 tgc run m.tg get $way --dtype f64 --weights s.safetensors
    grep '^w = ' .stdout | tr -d 'w=[],' | xargs printf '%.10f\n' >"again$way"
    same "w$way" "again$way"
    expect 5 tgc run m.tg step $way 'x=[[nan,nan,nan],[nan,nan,nan]]'
    stderr_has 'loss'
done
same w w--interp
expect 2 tgc run m.tg get --call get::
expect 2 tgc run m.tg --in in.safetensors --call get::
expect 2 tgc run m.tg --call nothing::
stderr_has 'get'
