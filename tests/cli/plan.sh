# tgc plan: the arena is that of the header, no two tensors that live together share bytes, the lower bound is the most
# that lives at one kernel, and the text and the JSON say the same.
model m.tg 'import "nn.tg"' 'dim B = 4, T = 8, D = 16, L = 2' 'use net[L] = EncoderLayer(D, 2, 32, 0.0, 1, 2)' \
    'graph f(x: [B, T, D]) -> (y: [B, T, D]) {' '  y = x' '  for l in net { y = l(y, true) }' '}' \
    'train step(x: [B, T, D], t: [B, T, D]) -> (loss: []) {' '  y = x' '  for l in net { y = l(y, true) }' \
    '  loss = mean((y - t) ** 2)' '} using adam(lr = 0.01, clip = 1.0)'
expect 0 tgc plan m.tg --all
cp .stdout shown
expect 0 tgc emit m.tg -o out
size() { sed -n "s/.*M_$1[ =]*\([0-9][0-9]*\).*/\1/p" out/m.h | head -n 1; }
line() { awk -v entry="$1:" -v word="$2" '$1 == entry { on = 1 } on && $1 == word { print $2; exit }' shown; }
for entry in f step; do
    arena=$(line $entry arena)
    [ -n "$arena" ] && [ "$arena" -gt 0 ] || fail "no arena of $entry"
    [ "$arena" = "$(size "${entry^^}_ARENA_BYTES")" ] || fail "$entry: arena $arena, in the header $(size "${entry^^}_ARENA_BYTES")"
done
[ "$(line step parameters)" -gt 0 ] || fail 'no parameters'
[ "$(line step gradients)" -ge "$(line step parameters)" ] || fail 'a gradient for each parameter'
[ "$(line step moments)" = $((2 * $(line step parameters))) ] || fail 'adam keeps two moments of each parameter'
[ "$(line f gradients)" = 0 ] || fail 'f has no gradients'
[ "$(line f inputs)" = 2048 ] && [ "$(line f results)" = 2048 ] || fail 'inputs and results of f'
# tensors: name bytes offset first-last picture [line]
awk '$4 ~ /^[0-9]+-[0-9]+$/ && NF >= 5 { split($4, life, "-"); print $2, $3, life[1], life[2] } /^step:/ { exit }' shown >tensors
[ -s tensors ] || fail 'no tensors shown'
arena=$(line f arena) bound=$(awk '/lower bound/ { print $6; exit }' shown)
awk -v arena="$arena" -v bound="$bound" '
    { bytes[NR] = $1; offset[NR] = $2; first[NR] = $3; last[NR] = $4; for (k = $3; k <= $4; k++) live[k] += $1
      if ($2 + $1 > top) top = $2 + $1
      for (i = 1; i < NR; i++) if (first[i] <= $4 && $3 <= last[i] && offset[i] < $2 + $1 && $2 < offset[i] + bytes[i])
          # one takes the other over: the same bytes, at the kernel that reads the one last and writes the other first
          if (offset[i] == $2 && bytes[i] == $1 && (last[i] == $3 || first[i] == $4)) live[last[i] == $3 ? $3 : $4] -= $1
          else bad = 1 }
    END { for (k in live) if (live[k] > most) most = live[k]; exit bad || top != arena || most != bound }' tensors ||
    fail "the tensors of f do not make an arena of $arena with the bound $bound: $(cat tensors)"
stdout_lacks 'nan'
expect 0 tgc plan m.tg f
stdout_has 'm.tg:7 > nn.tg:60'
stdout_lacks 'step:'
expect 0 tgc plan m.tg f --json
stdout_has "\"arena_bytes\": $arena, \"lower_bound\": $bound"
[ "$(grep -c '"offset"' .stdout)" = "$(wc -l <tensors)" ] || fail 'the JSON has more or fewer tensors'
if command -v jq >/dev/null; then
    expect 0 jq -e --argjson bound "$bound" '([.kernels[].live] | max) == $bound and ([.kernels[].writes] | min) > 0' .stdout
fi
# what kernels read and write: each tensor once in f32; a slice counts as far as it is seen
model p.tg 'graph f(a: [3, 4], b: [4]) -> (c: [3]) { c = sum(a * b + a, axis = 1) }' 'graph g(a: [6, 4]) -> (c: [2, 4]) { c = 2 * a[1:3, :] }'
expect 0 tgc plan p.tg
stdout_matches '^ +0 c +row +forward +64 +12 '
stdout_matches '^ +0 c +map +forward +32 +32 '
expect 2 tgc plan m.tg nowhere
stderr_has 'nowhere'
expect 3 tgc plan nowhere.tg
model bad.tg 'graph f(x: [2]) -> (y: [3]) { y = x }'
expect 1 tgc plan bad.tg
stdout_empty

expect 0 tgc plan m.tg --stop-after=parse
stdout_empty

# states, windows at a place known when running, values without elements
expect 0 tgc plan "$TGC_ROOT/tests/models/cache.tg"
for entry in remember recall before_and_after; do stdout_has "$entry: "; done
expect 0 tgc plan "$TGC_ROOT/tests/models/found_empty.tg" --json --dtype f64
stdout_has '"arena_bytes": 0'
