# tgc check: nothing for a good file, every mistake of a bad one, each with its place; -D, -I and imports.
model good.tg 'dim N = 2' 'graph twice(x: [N]) -> (y: [N]) { y = 2 * x }'
expect 0 tgc check good.tg
stdout_empty
stderr_empty
expect 3 tgc check nowhere.tg
stderr_has 'nowhere.tg'

model bad.tg 'dim B = 2, D = 3, V = 5' 'graph f(y: [B, D], emb: [V, D]) -> (z: [B, V], w: [B]) {' '  z = y @ emb' '  w = unknown + 1' '}'
expect 1 tgc check bad.tg
stdout_empty
stderr_has 'bad.tg:4:9: error[E0301]'
stderr_has 'z = y @ emb'
stderr_has 'D (3)'
stderr_has 'V (5)'
stderr_has 'y @ emb.T'
stderr_has 'bad.tg:5:7: error[E02'
stderr_has 'unknown'
expect 1 tgc build bad.tg -o libbad.so
absent libbad.so
absent bad.h

model other.tg 'fn half(x: [..]) -> [..] = x / 2'
model uses.tg 'import "other.tg"' 'graph f(x: [2]) -> (y: [2]) { y = half(x) }'
expect 0 tgc check uses.tg
mkdir lib
mv other.tg lib
expect 1 tgc check uses.tg
stderr_has 'other.tg'
expect 0 tgc check -I lib uses.tg
expect 0 tgc run good.tg twice -D N=3 'x=[1,2,3]'
stdout_has 'y = [2, 4, 6]'

# the built-in library is found without a file; BOM and CRLF are accepted
printf '\xef\xbb\xbftg 1\r\nimport "nn.tg"\r\nuse a = Affine(2, 3)\r\ngraph f(x: [2]) -> (y: [3]) { y = a(x) }\r\n' >crlf.tg
expect 0 tgc check crlf.tg
printf 'tg 1\n\xff\xfe' >bytes.tg
expect 1 tgc check bytes.tg
: >empty.tg
expect 1 tgc check empty.tg
{ echo 'tg 1'; printf 'graph f(x: []) -> (y: []) { y = '; printf '(%.0s' $(seq 20000); echo '}'; } >deep.tg
expect 1 tgc check deep.tg
stderr_has 'error[E0106]'

# syntax errors and mistakes in the rest are told in one run; what a broken statement would have made is no second error
model both.tg 'dim N = 3' 'dim Q = = 4' 'graph f(x: [N]) -> (y: [N]) {' '  x = x @ @ x' '  y = x + ones([7])' '}' \
    'graph g(x: [N], q: [Q]) -> (y: [N]) { y = x + ones([7]) + unheard }' 'graph h(x: [N]) -> (y: [N]) { return x }'
expect 1 tgc check both.tg
stderr_has 'both.tg:3:9: error[E0101]'
stderr_has 'both.tg:5:11: error[E0101]'
stderr_has 'both.tg:8:'
stderr_has 'unknown name `unheard`'
stderr_has 'both.tg:9:31: error[E0208]: an entry point has no return'
errors_are() { [ "$(grep -c 'error\[' .stderr)" = "$1" ] || fail "there are not $1 errors: $(cat .stderr)"; }
errors_are 5
printf 'tg 1\n\xff\xfe\n' >bytes.tg
expect 1 tgc check bytes.tg
errors_are 1
expect 1 tgc check -D N=0.5 both.tg
expect 1 tgc run good.tg twice -D N=0.5 'x=[1,2,3]'
stderr_has '-D N=0.5'
