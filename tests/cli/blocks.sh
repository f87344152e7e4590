# Which products are cut into blocks of rows and which are left: the name of each entry says it. Where it pays, by itself.
cat >m.tg <<'E'
tg 1
import "nn.tg"
dim B = 4, T = 5, D = 3, V = 9
use out = Affine(D, V)
state seen: [B, T] ~ zeros

graph yes_by_classes(x: [B, T, D], gold: i32[B, T]) -> (loss: []) { loss = cross_entropy(out(x), gold, ignore = 0, smooth = 0.1) }
graph yes_by_squares(x: [20, D], w: [D, V], y: [20, V]) -> (loss: []) { loss = mean((x @ w - y) ** 2) }
graph yes_a_number_per_row(x: [20, D], w: [D, V]) -> (y: [20]) { y = logsumexp(x @ w, axis = V) }
graph yes_transposed(x: [D, 20], w: [V, D]) -> (y: []) { y = sum(exp(x.T @ w.T)) }
graph yes_two_losses(x: [20, D], w: [D, V], gold: i32[20], other: i32[20]) -> (loss: []) {
  y = x @ w
  loss = cross_entropy(y, gold) + cross_entropy(y, other) + mean(logsumexp(y, axis = V) ** 2)
}
train yes_trained(x: [B, T, D], gold: i32[B, T]) -> (loss: []) {
  loss = cross_entropy(dropout(out(x), 0.1), gold)
} using sgd(lr = 0.1)

graph no_given_back(x: [20, D], w: [D, V], gold: i32[20]) -> (loss: [], y: [20, V]) {
  y = x @ w
  loss = cross_entropy(y, gold)
}
graph no_asked_for(x: [20, D], w: [D, V], gold: i32[20]) -> (d: [20, V]) {
  y = x @ w
  d = grad(cross_entropy(y, gold), y)
}
graph no_across(x: [20, D], w: [D, V]) -> (y: [V]) { y = sum(x @ w, axis = 0) }
graph no_product_of_it(x: [20, D], w: [D, V], v: [V, D]) -> (y: [20, D]) { y = tanh(x @ w) @ v }
graph no_rows_of_it(x: [D, 6], w: [V, D]) -> (y: []) { y = sum(exp((w @ x).T)) }
graph no_mean_of_all(x: [20, D], w: [D, V]) -> (y: []) {
  h = x @ w
  y = sum((h - mean(h)) ** 2)
}
graph no_batches(x: [B, T, D], w: [B, D, V]) -> (y: []) { y = sum(exp(x @ w)) }
graph no_few_rows(x: [6, D], w: [D, V]) -> (y: []) { y = sum(exp(x @ w)) }
graph no_state_between(x: [B, T, D], gold: i32[B, T]) -> (loss: []) {
  y = out(x)
  seen := logsumexp(y, axis = V)
  loss = cross_entropy(y - seen as [B, T, 1], gold)
}
E
products() { # products OPTION…: each entry's name and how many products it has
    expect 0 tgc emit m.tg "$@" --dump all --stop-after block
    awk 'NF == 2 && /^(graph|train) / { seen[name = $2] = 1; count[name] = 0 } /= matmul\(/ { count[name]++ } END { for (n in seen) print n, count[n] + 0 }' .stdout
}
products --block-rows 6 >found
[ "$(wc -l <found)" -eq 15 ] || fail "15 entries were to be read: $(cat found)"
while read -r name count; do
    case $name in yes_*) [ "$count" -eq 4 ] || fail "$name has $count products, not 4" ;; *) [ "$count" -le 2 ] || fail "$name is cut" ;; esac
done <found
products --block-rows 7 | grep -q '^yes_trained 3$' || fail 'three blocks of seven rows'
products --block-rows 20 | grep -q '^yes_trained 1$' || fail 'all in one block'
products | cmp - <(products --block-rows 0) || fail 'small products are cut where nobody asked for it'

# by itself from 16 MiB on, and where there is more than one block of 512 rows
cat >m.tg <<'E'
tg 1
dim R = 1024, V = 4096
graph f(x: [R, 2], w: [2, V], gold: i32[R]) -> (loss: []) { loss = cross_entropy(x @ w, gold) }
E
for case in '1024 4096 2' '1024 4095 1' '1025 4096 3' '513 8192 2' '512 80000 1' '40000 4096 64'; do
    read -r rows columns count <<<"$case"
    [ "$(products -D "R=$rows" -D "V=$columns")" = "f $count" ] || fail "$case: $(products -D "R=$rows" -D "V=$columns")"
done

# one block lives at a time, and each is followed by its backward pass
cat >m.tg <<'E'
tg 1
import "nn.tg"
dim R = 64, D = 8, V = 512
use out = Affine(D, V)
train step(x: [R, D], gold: i32[R]) -> (loss: []) { loss = cross_entropy(out(x), gold) } using sgd(lr = 0.1)
E
arena() { tgc plan m.tg step "$@" | awk '$1 == "arena" { print $2 }'; }
[ $(($(arena --block-rows 8) * 3)) -lt "$(arena)" ] || fail "$(arena --block-rows 8) bytes in blocks, $(arena) whole"
calls() { tgc emit m.tg "$@" -o c >.stdout && grep -cE 'tg_for\(|\{k[0-9]' c/m.c; }
[ "$(calls --block-rows 2)" -le $(($(calls --block-rows 8) + 8)) ] || fail 'the text grows with the number of blocks'
expect 2 tgc emit m.tg --block-rows many
stderr_has "--block-rows takes a whole number, not 'many'"

# rows so long that their folds are cut in parts
expect 0 tgc plan "$TGC_ROOT/bench/gpt2.tg" step -D L=1 -D V=20000 -D D=24 -D H=2 --block-rows 6
