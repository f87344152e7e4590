# --no-fuse makes every operation a kernel of its own and changes no result; --noise shows what rounding may do, and is
# for the evaluator alone.
model m.tg 'graph f(x: [4]) -> (y: []) { y = sum(tanh(x * 0.3) + 1) }'
expect 0 tgc emit m.tg
stdout_has ' 1 launches forward'
expect 0 tgc emit m.tg --no-fuse
stdout_has ' 4 launches forward'
for way in '' --no-fuse --interp; do
    expect 0 tgc run m.tg f 'x=[1, 2, 3, 4]' $way
    stdout_has 'y = 6.3'
done
expect 0 tgc run m.tg f 'x=[1, 2, 3, 4]' --interp --dtype f64
mv .stdout exact
for seed in 1 2 3 4 5 6 7 8; do
    expect 0 tgc run m.tg f 'x=[1, 2, 3, 4]' --interp --noise $seed --dtype f64
    cat .stdout >>noisy
done
[ "$(sort -u noisy | wc -l)" -gt 2 ] || fail 'noise changes nothing'
[ "$(cut -c 1-14 noisy | sort -u)" = "$(cut -c 1-14 exact)" ] || fail 'noise changes too much'
expect 2 tgc run m.tg f 'x=[1, 2, 3, 4]' --noise 1
stderr_has '--noise is for --interp'
