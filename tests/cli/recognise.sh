# What is taken for attention, and what is left as it is: the name of each entry says which.
cat >m.tg <<'END'
tg 1
import "nn.tg"
dim B = 2, H = 2, M = 16, N = 20, K = 8

graph yes_plain(q: [M, K], k: [N, K], v: [N, K]) -> (o: [M, K]) { o = softmax(q @ k.T) @ v }
graph yes_scaled(q: [M, K], k: [N, K], v: [N, K]) -> (o: [M, K]) { o = softmax(2 * (q @ k.T) / 3, axis = N) @ v }
graph yes_named(q: [M, K], k: [N, K], v: [N, K], m: bool[N]) -> (o: [M, K]) {
  s = q @ k.T
  t = s / sqrt(K)
  p = softmax(t, mask = m)
  d = dropout(p, 0.5)
  o = d @ v
}
graph yes_keys_transposed(q: [K, M], k: [K, N], v: [N, K]) -> (o: [M, K]) { o = softmax(q.T @ k) @ v }
graph yes_flags(q: [M, K], k: [N, K], v: [N, K]) -> (o: [M, K]) { o = softmax(matmul(q, k, transpose_b = true)) @ v }
graph yes_heads(q: [B, H, M, K], k: [B, H, N, K], v: [B, H, N, K]) -> (o: [B, H, M, K]) { o = attend(q, k, v, causal(N)[4:], 0) }
graph yes_and_a_view_of_it(q: [M, K], k: [N, K], v: [N, K]) -> (o: [K, M]) { o = (softmax(q @ k.T) @ v).T }
train yes_dropped(q: [M, K], k: [N, K], v: [N, K]) -> (loss: []) {
  loss = sum(dropout(softmax(q @ k.T), 0.5) @ v * w)
} using sgd(lr = 0.1)
param w: [K] ~ ones

graph no_shares_are_read(q: [M, K], k: [N, K], v: [N, K]) -> (o: [M, K], p: [M, N]) {
  p = softmax(q @ k.T)
  o = p @ v
}
graph no_scores_are_read(q: [M, K], k: [N, K], v: [N, K]) -> (o: [M, K], s: []) {
  scores = q @ k.T
  o = softmax(scores) @ v
  s = sum(scores)
}
graph no_bias_is_added(q: [M, K], k: [N, K], v: [N, K], b: [M, N]) -> (o: [M, K]) { o = softmax(q @ k.T + b) @ v }
graph no_scale_is_a_tensor(q: [M, K], k: [N, K], v: [N, K], s: []) -> (o: [M, K]) { o = softmax(q @ k.T * s) @ v }
graph no_other_axis(q: [M, K], k: [N, K], v: [M, K]) -> (o: [N, K]) { o = softmax(q @ k.T, axis = M).T @ v }
graph no_columns_of_shares(q: [M, K], k: [M, K], v: [M, K]) -> (o: [M, K]) { o = softmax(q @ k.T).T @ v }
graph no_few_queries(q: [3, K], k: [N, K], v: [N, K]) -> (o: [3, K]) { o = softmax(q @ k.T) @ v }
graph no_few_keys(q: [M, K], k: [15, K], v: [15, K]) -> (o: [M, K]) { o = softmax(q @ k.T) @ v }
graph no_wide_heads(q: [M, 257], k: [N, 257], v: [N, K]) -> (o: [M, K]) { o = softmax(q @ k.T) @ v }
graph no_product(p: [M, N], v: [N, K]) -> (o: [M, K]) { o = softmax(p) @ v }
END
expect 0 tgc emit m.tg --dump recognise --stop-after recognise
awk '/^(graph|train) / { name = $2 } /= attend\(/ { count[name]++ } /^(graph|train) / { seen[name] = 1 }
    END { for (name in seen) print name, count[name] + 0 }' .stdout | sort >found
[ "$(wc -l <found)" -eq 18 ] || fail "18 entries were to be read: $(cat found)"
while read -r name count; do
    case $name in yes_*) want=1 ;; *) want=0 ;; esac
    [ "$count" = $want ] || fail "$name has $count attend, not $want"
done <found
