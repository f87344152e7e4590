# A disk that fills up: status 3, and under the name that was asked for lies nothing, or what lay there before.
model m.tg 'param W: [300, 300] ~ ones' 'graph f(x: [300]) -> (y: [300], z: [300, 300]) {' '  y = x @ W' '  z = W * 2' '}' \
    'train step(x: [2, 300]) -> (loss: []) { loss = mean((x @ W) ** 2) } using sgd(lr = 0.00001)'
expect 3 bash -c '"$TGC" emit m.tg --only z >/dev/full'
expect 3 bash -c '"$TGC" check m.tg --dump=gradient >/dev/full'
expect 3 bash -c '"$TGC" run m.tg f "x=1" --help >/dev/full'

# A limit on the size of files stands in for the disk: writing past it fails as on a full one.
limited() { (trap '' XFSZ; ulimit -f 16; "$@"); }
safetensors in.safetensors '{"x":{"dtype":"F32","shape":[300],"data_offsets":[0,1200]}}' "$(printf '0000803f%.0s' $(seq 300))"
safetensors data.safetensors '{"x":{"dtype":"F32","shape":[4,300],"data_offsets":[0,4800]}}' "$(printf '0000803f%.0s' $(seq 1200))"
expect 3 limited "$TGC" run m.tg f --interp --in in.safetensors --out out.safetensors
stderr_has 'out.safetensors'
only data.safetensors in.safetensors m.tg
echo before >out.safetensors
expect 3 limited "$TGC" run m.tg f --interp --in in.safetensors --out out.safetensors
expect 0 cat out.safetensors
stdout_has before
rm out.safetensors

expect 0 tgc build m.tg --exe -o m-train
expect 3 limited ./m-train --data data.safetensors --steps 2 --out run
stderr_has 'run'
[ -z "$(find run -name '*.safetensors' 2>/dev/null)" ] || fail "a half-written checkpoint is left: $(find run)"

# and a disk that is really full, where one may be mounted
mkdir small
if mount -t tmpfs -o size=32k tmpfs small 2>/dev/null; then
    expect 3 tgc run m.tg f --interp --in in.safetensors --out small/out.safetensors
    stderr_has 'small/out.safetensors'
    [ -z "$(ls -A small)" ] || fail "left on the full disk: $(ls -A small)"
    umount small
fi
