# tgc tune and --tune: what is written is read, the C is the same each time, rows for others are told, and files that are
# wrong are refused with the line. (That any bytes are read or refused: tests/unit/test_tuned.c)
model m.tg 'param W: [48, 16] ~ normal(0.0, 0.1)' 'graph f(x: [18, 48]) -> (y: [18, 16]) { y = relu(x @ W) }' \
    'graph g(x: [18, 48], w: [48, 7]) -> (y: [18, 7]) { y = x @ w }' 'graph h(x: [18]) -> (y: [18]) { y = exp(x) }'

# measured: a line per product, its file taken without a word; no time, so that nothing depends on the machine's mood
expect 0 tgc tune m.tg f --seconds 0 --threads 1 -o m.tune
stdout_empty
stderr_has 'of 1 products gained'
[ "$(sed -n 1p m.tune)" = 'tgc tune 1' ] || fail 'the first line'
[ "$(grep -c '^product=nn ends=maps batch=1 shared=1 m=18 n=16 k=48 ' m.tune)" = 1 ] || fail "$(cat m.tune)"
grep -q '^machine=.* dtype=f32 threads=1$' m.tune || fail "$(cat m.tune)"
expect 0 tgc emit m.tg f -o once --tune m.tune
stderr_empty
expect 0 tgc emit m.tg f -o again --tune=m.tune
same once/m.c again/m.c

# a row is what decides
sed -i 's/ tile=.*/ tile=2x1 rows=4 steps=16 right=place left=place/' m.tune
expect 0 tgc emit m.tg f --tune m.tune
stderr_empty
stdout_has 'tile 2 x 1 vectors'
stdout_has 'slices of 4 rows'
expect 0 tgc plan m.tg f --tune m.tune --memory 1M
expect 0 tgc run m.tg g x=[[1]] --tune m.tune --stop-after tile
stderr_empty

# rows that nothing takes
expect 0 tgc emit m.tg --tune m.tune --dtype f64 -o other
stderr_has 'm.tune: 1 of 1 rows not used: 1 for another machine or type'
expect 0 tgc emit m.tg --tune m.tune --target portable -o other
stderr_has '1 for another machine or type'
expect 0 tgc emit m.tg g --tune m.tune -o other
stderr_has '1 for no product of this model'

# candidates, which are rows too: the first of a product counts, and it is the cost model's
expect 0 tgc tune m.tg --list
stdout_has "# the cost model's"
stdout_has '# a candidate'
cp .stdout list.tune
expect 0 tgc tune m.tg --list -o list2.tune
same list.tune list2.tune
expect 0 tgc emit m.tg -o with --tune list.tune
stderr_empty
expect 0 tgc emit m.tg -o without
same with/m.c without/m.c

# refuses ERROR LINE…: the first line of the file is right
refuses() {
    local message=$1
    shift
    { echo 'tgc tune 1'; printf '%s\n' "$@"; } >bad.tune
    expect 1 tgc check m.tg --tune bad.tune
    expect 1 tgc emit m.tg --tune bad.tune
    stdout_empty
    stderr_has "bad.tune:$((1 + $#)):"
    stderr_has "error[E0902]: $message"
    stderr_has 'help: '
}
machine='machine=x86-64-v4 dtype=f32 threads=2' shape='product=nn ends=maps batch=1 shared=1 m=18 n=16 k=48'
refuses 'no machine is named above this line' "$shape tile=2x1 rows=4 steps=48 right=place left=place"
refuses 'a line begins with machine= or product=' "$machine" 'm=3'
refuses 'no field is called `tiel`' "$machine" "$shape tiel=2x1 rows=4 steps=48 right=place left=place"
stderr_has 'did you mean `tile`?'
refuses 'this line lacks `rows`' "$machine" "$shape tile=2x1 steps=48 right=place left=place"
refuses '`steps` is given twice' "$machine" "$shape tile=2x1 steps=48 steps=48 rows=4 right=place left=place"
refuses '`f16` is not a value of this field' 'machine=x86-64-v4 dtype=f16 threads=2'
stderr_has 'dtype=: f32 or f64'
for wrong in tile=2 tile=2x tile=x1 tile=2x1x1 tile=0x1 tile=-2x1 rows=0 rows=4.5 rows=99999999999999999999 right=here left=; do
    row="$shape tile=2x1 rows=4 steps=48 right=place left=place"
    refuses "\`${wrong#*=}\` is not a value of this field" "$machine" "$(sed "s/${wrong%%=*}=[^ ]*/$wrong/" <<<"$row")"
done
# tiles that no kernel can have: too many accumulators, rows and steps that don't divide, panels in place that aren't whole
for wrong in tile=15x1 tile=8x4 tile=1x5 tile=7x1 rows=3 rows=19 steps=49 steps=8 steps=40 tile=2x2 left=before; do
    row="$shape tile=2x1 rows=4 steps=48 right=place left=place"
    refuses 'no kernel can have this tile' "$machine" "$(sed "s/ ${wrong%%=*}=[^ ]*/ $wrong/" <<<"$row")"
done
row="$shape tile=2x1 rows=4 steps=48 right=place left=place" # rows that are added up are those of one slice
refuses 'no kernel can have this tile' "$machine" "${row/ends=maps/ends=columns}"
: >bad.tune
expect 1 tgc check m.tg --tune bad.tune
stderr_has 'error[E0901]: bad.tune holds no tiles that this tgc can read'
echo 'tgc tune 2' >bad.tune
expect 1 tgc emit m.tg --tune bad.tune
stderr_has 'E0901'
expect 1 tgc emit m.tg --tune m.tg
stderr_has 'its first line is `tgc tune 1`'
expect 3 tgc emit m.tg --tune nowhere.tune
stderr_has 'nowhere.tune'
expect 3 tgc emit m.tg --tune .

# what can't be tuned
expect 1 tgc tune m.tg h
stderr_has 'no product to tune'
expect 2 tgc tune m.tg nothing
expect 2 tgc tune m.tg --tune m.tune
expect 2 tgc tune -
expect 2 tgc tune m.tg --seconds soon
expect 3 tgc tune nowhere.tg
expect 3 tgc tune m.tg --list -o nowhere/m.tune
expect 4 tgc tune m.tg f --cc ./no-compiler
expect 0 tgc tune m.tg f --stop-after tile
stdout_empty
echo 'tg 1' >none.tg
expect 1 tgc tune none.tg
if [ -e /dev/full ]; then
    expect 3 bash -c '"$TGC" tune m.tg --list >/dev/full'
fi

# interrupted: nothing is left, and what the name held stays
rm -rf *.tune once again other with without
echo before >m.tune
mkdir temporary
TMPDIR=$PWD/temporary "$TGC" tune m.tg --seconds 60 --threads 1 -o m.tune 2>/dev/null &
process=$!
for wait in $(seq 200); do [ -z "$(ls temporary)" ] || break; sleep 0.05; done
sleep 0.5
kill -INT $process
status=0
wait $process || status=$?
[ $status = 130 ] || fail "status $status when interrupted"
[ "$(cat m.tune)" = before ] || fail 'the file was touched'
[ -z "$(ls temporary)" ] || fail "a folder stays: $(ls temporary)"
