# tgc dot: every drawing is one that Graphviz takes; modules are clusters or, past --depth, boxes; gradients are coloured;
# no operation and no kernel is lost.
model m.tg 'import "nn.tg"' 'dim B = 4, T = 8, D = 16, L = 6' 'use net[L] = EncoderLayer(D, 2, 32, 0.0, 1, 2)' \
    'graph f(x: [B, T, D]) -> (y: [B, T, D]) {' '  y = x' '  for l in net { y = l(y, true) }' '}' \
    'train step(x: [B, T, D], t: [B, T, D]) -> (loss: []) {' '  y = x' '  for l in net { y = l(y, true) }' \
    '  loss = mean((y - t) ** 2)' '} using adam(lr = 0.01)'
boxes() { grep -c '^ *b[0-9]* \[label' "$1"; }
arrows() { grep -c -- '->' "$1"; }

expect 0 tgc dot m.tg f --depth 9
cp .stdout whole
stdout_has 'digraph "f" {'
stdout_has 'subgraph "cluster_net.5.att.q"'
stdout_has 'result y'
stdout_has 'forward</td>'
stdout_lacks 'backward</td>'
stdout_lacks '#fde0c5'
# a whole attention: nothing of its inside; its inside is counted
expect 0 tgc dot m.tg f --depth 1
cp .stdout shallow
stdout_has 'att forward\n'
stdout_lacks 'cluster_net.5.att'
[ "$(boxes shallow)" -lt "$(boxes whole)" ] || fail 'a shallow drawing has as many boxes as a whole one'
counted=$(grep '^ *b' shallow | sed -n 's/.*\\n\([0-9]*\) operations\?".*/\1/p' | awk '{ n += $1 } END { print n }')
single=$(grep -c '^ *b[0-9]* \[label' shallow)
modules=$(grep -c '\\n[0-9]* operations\?"' shallow)
[ $((counted + single - modules)) = "$(boxes whole)" ] || fail "$counted operations in $modules modules and $((single - modules)) others are not $(boxes whole)"
expect 0 tgc dot m.tg f --depth 0
stdout_has 'net.5 forward'
# without --depth: as deep as stays legible
expect 0 tgc dot m.tg step
cp .stdout step
[ "$(boxes step)" -le 120 ] || fail "$(boxes step) boxes in a drawing whose depth nobody chose"
stdout_has 'backward</td>'
stdout_has '#fde0c5'
expect 0 tgc dot "$TGC_ROOT/examples/translate/translate.tg" step --kernels
cp .stdout kernels
[ "$(boxes kernels)" -le 100 ] && [ "$(grep -c -- '->.*label' kernels)" -le 100 ] || fail 'a hairball'
# the backward pass and what it reads of the forward pass, no update
expect 0 tgc dot m.tg step --backward --depth 9
stdout_has 'filled,dashed'
stdout_has 'd_W'
stdout_has 'rule: '
stdout_lacks '#dff0d8'
stdout_lacks 'result loss'
# kernels: each once, none of another entry, with what it costs and the tensors that it reads
expect 0 tgc dot m.tg f --kernels --depth 9
cp .stdout kernels
stdout_matches 'contract +nn.tg:[0-9]+\\n[0-9.]+ kFLOP, [0-9.]+ kB\\nreads net.0.att.q.W'
stdout_matches 'b[0-9]+ -> b[0-9]+ .*label="[a-z0-9_]+\\n[0-9.]+ kB"'
expect 0 tgc plan m.tg f
planned=$(sed -n 's/^f: \([0-9]*\) kernels.*/\1/p' .stdout)
[ $((planned + 1)) = "$(boxes kernels)" ] || fail "$planned kernels and one input, but $(boxes kernels) boxes"
# the update reads gradients that several kernels write the parts of
expect 0 tgc dot m.tg step --kernels --depth 0
update=$(sed -n 's/^ *b\([0-9]*\) \[label="update.*/\1/p' .stdout)
grep -q -- "-> b$update " .stdout || fail 'nothing leads to the update'
expect 0 tgc dot m.tg step --kernels --backward -o back.dot
stdout_empty
grep -q 'digraph "step"' back.dot || fail 'nothing in the file'

expect 0 tgc dot m.tg f --stop-after=elaborate
expect 2 tgc dot m.tg
expect 2 tgc dot m.tg f --depth many
expect 2 tgc dot m.tg f --kernels --stop-after=fuse
stderr_has '--stop-after'
expect 3 tgc dot m.tg f -o nowhere/f.dot
command -v dot >/dev/null || skip 'Graphviz is not installed (scripts/setup --dev)'
draws() {
    expect 0 tgc dot "$@" -o one.dot
    expect 0 timeout 60 dot -Tsvg one.dot -o one.svg
    stderr_empty
    grep -q '</svg>' one.svg || fail "no picture of $*"
}
# names that mean something to Graphviz
model n.tg 'graph node(edge: [2]) -> (strict: [2]) { subgraph = 2 * edge; strict = exp(subgraph) }'
draws n.tg node
draws n.tg node --kernels
for how in '' '--backward' '--kernels' '--kernels --backward' '--depth 0' '--depth 1' '--kernels --depth 0' '--kernels --depth 1'; do
    draws m.tg step $how
    draws "$TGC_ROOT/examples/attention_block/attention_block.tg" attention $how
done
for how in '' '--backward' '--kernels'; do
    draws "$TGC_ROOT/examples/gpt/gpt.tg" step $how
    draws "$TGC_ROOT/examples/translate/translate.tg" step $how
done

# states, windows at a place known when running, other float types
for options in '' '--kernels' '--kernels --dtype f64' '--kernels --no-fuse --depth 9'; do
    for entry in remember recall before_and_after; do
        expect 0 tgc dot "$TGC_ROOT/tests/models/cache.tg" $entry $options
        stdout_has "digraph \"$entry\" {"
    done
done
