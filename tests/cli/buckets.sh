# Specialisations on the command line: named with their sizes in any order, found by some of them where that is enough, all
# shown by what shows several, and one size alone with -D.
model m.tg 'dim B = 2, S in [2, 3], T in [1, 4]' 'param w: [] ~ constant(0.5)' \
    'graph pair(x: [B, S], y: [B, T]) -> (z: [B]) { z = (sum(x, axis = S) + sum(y, axis = T)) * w }' \
    'graph flat(x: [B * T]) -> (y: [T, B]) { y = x as [T, B] }' \
    'graph plain(x: [B]) -> (y: [B]) { y = x * w }' \
    'train step(x: [B, S] pad 0) -> (loss: []) { loss = mean((x * w - 1) ** 2) } using sgd(lr = 0.1)'
expect 0 tgc run m.tg 'pair[S=3,T=1]' 'x=[[1,2,3],[4,5,6]]' 'y=[[2],[4]]'
stdout_has 'z = [4, 9.5]'
expect 0 tgc run m.tg 'pair[T=1,S=3]' 'x=[[1,2,3],[4,5,6]]' 'y=[[2],[4]]'
stdout_has 'z = [4, 9.5]'
expect 0 tgc run --interp m.tg 'flat[T=4]' 'x=[1,2,3,4,5,6,7,8]'
stdout_has '[[1, 2], [3, 4], [5, 6], [7, 8]]'
expect 0 tgc run m.tg 'plain' 'x=[1,2]'
expect 2 tgc run m.tg flat 'x=[1,2]'
stderr_has 'flat of m.tg has specialisations: say which of flat[T=1], flat[T=4]'
expect 2 tgc run m.tg 'pair[T=1]' 'x=[1,2]'
stderr_has 'say which of pair[S=2,T=1], pair[S=3,T=1]'
for name in 'flat[T=2]' 'flat[S=2]' 'flat[T=1' 'flat[]' 'flat[T=1]x' 'plain[T=1]' 'fla[T=1]' 'flat[T=]' 'flat[T=1,]'; do
    expect 2 tgc run m.tg "$name" 'x=[1,2]'
    stderr_has "has no entry point $name"
done

# one size alone
expect 0 tgc run m.tg -D T=4 flat 'x=[1,2,3,4,5,6,7,8]'
expect 0 tgc run m.tg -D T=4 'pair[S=2]' 'x=[[1,2],[4,5]]' 'y=[[1,1,1,1],[0,0,0,1]]'
stdout_has 'z = [3.5, 5]'
expect 1 tgc run m.tg -D T=2 flat 'x=[1]'
stderr_has '2 is none of the sizes of `T`'

# calls in turn on one instance: one parameter, one count of steps
for size in 2 3; do # x of B x S ones
    bytes=$((8 * size))
    safetensors in$size.safetensors "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,$size],\"data_offsets\":[0,$bytes]}}" \
        "$(printf '0000803f%.0s' $(seq $((2 * size))))"
done
for way in '' --interp; do # w goes to 1 by (1 - w) / 5 a step, whatever the size: 0.5, 0.6, 0.68, so the third loss is 0.1024
    # shellcheck disable=SC2086
    expect 0 tgc run $way m.tg --call 'step[S=2]:in2.safetensors:' --call 'step[S=3]:in3.safetensors:' \
        --call 'step[S=2]:in2.safetensors:-'
    stdout_matches '^loss = 0\.1024'
done

# what shows several, and what takes one
expect 0 tgc plan m.tg pair
[ "$(grep -c '^pair\[S=.,T=.\]: ' .stdout)" = 4 ] || fail 'plan shows not all four'
expect 0 tgc plan m.tg 'pair[T=1]'
[ "$(grep -c '^pair\[S=.,T=1\]: ' .stdout)" = 2 ] || fail 'plan shows not the two'
expect 0 tgc inspect m.tg step
[ "$(grep -c '^step\[S=.\] of ' .stdout)" = 2 ] || fail 'inspect shows not both'
expect 0 tgc inspect m.tg --json
stdout_has '"name": "step[S=3]"'
expect 0 tgc dot m.tg 'step[S=2]'
stdout_has 'digraph "step[S=2]"'
expect 2 tgc dot m.tg step
expect 0 tgc gradcheck m.tg 'step[S=3]'
stdout_has 'step[S=3]: value'
expect 0 tgc bench m.tg 'step[S=3]' --steps 2 --json
stdout_has '"entry": "step[S=3]"'
expect 0 tgc profile m.tg 'step[S=3]' --steps 2
stdout_has 'step[S=3]: 2 calls'
expect 0 tgc emit m.tg 'flat[T=4]'
stdout_has 'int m_flat_T4('
stdout_lacks 'm_pair'
expect 0 tgc emit m.tg 'step[S=2]' --only d_w
stdout_has 'static void'
expect 0 tgc check m.tg
