# --memory: the arena is as small as asked for, what is computed again is told, the same text gives the same C, and where
# nothing is left to drop the message says the least that would do. (That results stay what they are: tests/models/memory.tg)
model m.tg 'import "nn.tg"' 'dim B = 4, T = 8, D = 16, L = 6' 'use net[L] = EncoderLayer(D, 2, 32, 0.1, 1, 2)' \
    'param W: [D, D] ~ normal(0.0, 0.3)' \
    'train step(x: [B, T, D], t: [B, T, D]) -> (loss: [], y: [B, T, D]) {' '  y = x' \
    '  for l in net { y = l(y, true) }' '  loss = mean((y @ W - t) ** 2)' '} using adam(lr = 0.01, clip = 1.0)' \
    'graph slope(x: [B, T, D]) -> (d: [B, T, D], w: [D, D]) {' '  y = x' '  for l in net { y = l(y, true) }' \
    '  d = grad(sum((y @ W) ** 2), x)' '  w = net[1].att.q.W' '}'
arena() { tgc plan m.tg "$1" --json "${@:2}" | sed -n 's/.*"arena_bytes": \([0-9]*\).*/\1/p'; }

all=$(arena step)
for percent in 90 70 50; do
    limit=$((all * percent / 100))
    [ "$(arena step --memory $limit)" -le $limit ] || fail "an arena of $percent %: $(arena step --memory $limit)"
    expect 0 tgc plan m.tg step --memory $limit
    stdout_has '  again        in '
    expect 0 tgc emit m.tg -o part --memory $limit
    [ "$(sed -n 's/.*STEP_ARENA_BYTES[ =]*\([0-9]*\).*/\1/p' part/m.h | head -n 1)" -le $limit ] || fail 'in the header'
    cp -r part first
    expect 0 tgc emit m.tg -o part --memory $limit
    cmp first/m.c part/m.c || fail 'another C the second time'
    rm -r first part
done

expect 0 tgc plan m.tg step --memory 1G
stdout_lacks ' again '
[ "$(arena step --memory 1G)" = "$all" ] || fail 'an arena that fits is left alone'
expect 0 tgc plan m.tg step --memory "$((all * 4 / 5))" --json
stdout_has '"again": {"kernels": '
stdout_lacks '"again": {"kernels": 0'

# less than there can be
expect 1 tgc plan m.tg step --memory 1k
stderr_has 'error[E0801]: step cannot do with an arena of 1000 bytes'
least=$(sed -n 's/.*the least that was found is \([0-9]*\) bytes.*/\1/p' .stderr | head -n 1)
[ "${least:-0}" -gt 1000 ] && [ "$least" -lt $((all / 2)) ] || fail "the least is $least, of $all"
expect 0 tgc plan m.tg step --memory "$least"

for wrong in '' 400X -5 0 M 1e30 4MBB; do
    expect 2 tgc plan m.tg step --memory "$wrong"
    stderr_has 'is a number of bytes such as'
done
for fine in 1e9 1000000k 1G 1GB 1.5Gi 900MiB 1000000KiB 1000000000B; do expect 0 tgc plan m.tg step --memory $fine; done

# every arena is within a tenth of the least that its schedule can do with
for model in "$TGC_ROOT"/tests/models/*.tg "$TGC_ROOT"/examples/*/*.tg "$TGC_ROOT"/bench/*.tg; do
    tgc plan "$model" 2>/dev/null | awk '/lower bound/ && $NF > 1.1 { bad = 1; print } END { exit bad }' ||
        fail "$model: an arena more than a tenth above the lower bound"
done

# a loop that says so itself keeps what lies between layers, and nothing else of them, attention included
sed 's/for l in net {/for l in net remat {/' m.tg >r.tg
expect 0 tgc plan r.tg step --all
[ "$(awk '$1 == "arena" { print $2; exit }' .stdout)" -lt $((all * 60 / 100)) ] || fail "remat's arena, of $all"
stdout_has 'net_0_att_q_q_again '
stdout_has 'net_5_att_k_k_again '

# likewise where attention is one operation
sed 's/\(for [a-z] in [a-z]*\) {/\1 remat {/' "$TGC_ROOT/bench/w1.tg" >w1.tg
expect 0 tgc plan w1.tg step --all
stdout_has 'enc_0_att_attended_again '
stdout_has 'enc_0_att_q_q_again '
