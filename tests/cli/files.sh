# tgc run with files: tensors by name in and out, weights, several calls on one instance.
model m.tg 'param W: [2, 2] ~ constant(1.0)' 'state s: [2] ~ zeros' \
    'graph f(x: [2], i: i32[2], b: bool[2]) -> (y: [2], j: i32[2], c: bool[2]) {' \
    '  y = x @ W' '  j = i + 1' '  c = not b' '}' \
    'graph push(x: [2]) -> (t: [2]) {' '  s := s + x' '  t = s' '}'
one='0000803f' two='00000040'
safetensors in.safetensors \
    '{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"i":{"dtype":"I32","shape":[2],"data_offsets":[8,16]},"b":{"dtype":"BOOL","shape":[2],"data_offsets":[16,18]},"extra":{"dtype":"F32","shape":[1],"data_offsets":[18,22]}}' \
    "$one $two 05000000 ffffffff 01 00 00000000"
safetensors w.safetensors '{"__metadata__":{"about":"test"},"W":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}' "$two $one $one $two"
for way in '' --interp; do
    expect 0 tgc run m.tg f $way --in in.safetensors --out out.safetensors --weights w.safetensors
    stdout_empty
    expect 0 "$TGC_TOOLS/show" out.safetensors
    stdout_has 'y = [4, 5]'
    stdout_has 'j = [6, 0]'
    stdout_has 'c = [false, true]'
    expect 0 tgc run m.tg $way --call push:in.safetensors:a.safetensors --call push:in.safetensors:b.safetensors \
        --call f:in.safetensors:c.safetensors
    expect 0 "$TGC_TOOLS/show" b.safetensors
    stdout_has 't = [2, 4]'
    expect 0 "$TGC_TOOLS/show" c.safetensors
    stdout_has 'y = [3, 3]'
done
# a file in f32 serves an f64 build and the other way round
expect 0 tgc run m.tg f --dtype f64 --in in.safetensors --out d.safetensors
expect 0 "$TGC_TOOLS/show" d.safetensors
stdout_has 'y = [3, 3]'

expect 3 tgc run m.tg f --in nowhere.safetensors --out out.safetensors
stderr_has 'nowhere.safetensors'
expect 3 tgc run m.tg f --in in.safetensors --out no/folder/out.safetensors
stderr_has 'no/folder/out.safetensors'
expect 3 tgc run m.tg f --in in.safetensors --out out.safetensors --weights nowhere.safetensors
