# tgc build: library and header, archive, training program; a compiler that is missing or fails (status 4); files that
# can't be written (status 3) leave nothing behind.
model m.tg 'param W: [2] ~ ones' 'graph f(x: [2]) -> (y: [2]) { y = x * W }' \
    'train step(x: [2]) -> (loss: []) { loss = sum(x * W) } using sgd(lr = 0.1)'
expect 0 tgc build m.tg -o libm_model.so
stdout_empty
exists libm_model.so
exists m.h
rm -f libm_model.so m.h
expect 0 tgc build m.tg -o libm_model.a
exists libm_model.a
rm -f libm_model.a m.h
expect 0 tgc build m.tg --exe -o m-train
exists m-train
expect 0 ./m-train --help
rm -f m-train m.h
expect 0 tgc build m.tg -v -o libm_model.so
stderr_has 'clang'
rm -f libm_model.so m.h
only m.tg

expect 4 tgc build m.tg -o libm_model.so --cc no-such-compiler
stderr_has 'no-such-compiler'
only m.tg
expect 4 tgc build m.tg -o libm_model.so --cc false
only m.tg
expect 4 env PATH=/nowhere "$TGC" build m.tg -o libm_model.so
stderr_has 'clang'
only m.tg
expect 4 env PATH=/nowhere "$TGC" run m.tg f 'x=[1,2]'
stderr_has 'clang'
expect 0 env PATH=/nowhere "$TGC" run m.tg f 'x=[1,2]' --interp
stdout_has 'y = [1, 2]'

expect 3 tgc build m.tg -o no/folder/libm_model.so
stderr_has 'no/folder'
only m.tg
# nobody can write into /proc, root included
expect 3 tgc build m.tg -o /proc/libm_model.so
stderr_has '/proc/libm_model.so'
expect 3 tgc run m.tg f 'x=[1,2]' --out /proc/out.safetensors
if [ "$(id -u)" != 0 ]; then
    mkdir locked
    chmod a-w locked
    expect 3 tgc build m.tg -o locked/libm_model.so
    stderr_has 'locked'
    expect 3 tgc emit m.tg -o locked/sub
    expect 3 tgc run m.tg f 'x=[1,2]' --out locked/out.safetensors
    chmod u+w locked
    rmdir locked
fi
only m.tg
