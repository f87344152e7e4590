# Options of every command, one row each: the status, a word that is said (on either stream), and the command line.
model m.tg 'dim N = 4' 'param W: [N, N] ~ normal(0.0, 0.1)' 'param b: [N] ~ zeros' 'state seen: [] ~ zeros' \
    'fn double_it(x: [..]) -> [..] = x * 2' \
    'graph f(x: [2, N], m: bool[2, N], k: i32[2]) -> (y: [2, N], double: [2, N]) {' \
    '  y = softmax(where(m, x @ W + b, -inf)) + gather(W, k)' '  double = double_it(y)' '}' \
    'graph none(k: i32[2]) -> (j: i32[2]) { j = k + 1 }' 'graph big(x: [0, N]) -> (y: [0, N]) { y = exp(x) }' \
    'train step(x: [2, N]) -> (loss: []) {' '  seen := seen + 1' '  loss = mean((x @ W + b) ** 2)' \
    '} using adamw(lr = 0.1, decay = 0.01)'
model empty.tg 'dim N = 4'
printf 'tg 1\n' >nothing.tg
x='x=[[1,2,3,4],[5,6,7,8]]' m='m=[[true,false,1,0],[1,1,1,1]]' k='k=[0,3]'

rows() {
    local status word line
    while IFS='|' read -r status word line; do
        [ -n "$status" ] || continue
        eval "expect $status tgc $line"
        [ -z "$word" ] || cat .stdout .stderr | grep -qF -e "$word" || fail "nothing says: $word"
    done
}

rows <<'ROWS'
0|y = [[|run m.tg f "$x" "$m" "$k" --interp
0|y = [[|run m.tg f "$x" "$m" "$k" --interp --seed=5 --dtype=f64
0|y = [[|run m.tg f "$x" "$m" "$k" --interp -DN=4 -I . -I/tmp
0|y = [[|run --interp -- m.tg f "$x" "$m" "$k"
2|N|run m.tg f --interp -D N
2|N|run m.tg f --interp -D N=two
2|takes a whole number|run m.tg f --seed x
2|takes a whole number|run m.tg f --seed 99999999999999999999999
2|takes a whole number|run m.tg f --seed ''
2|takes no value|check m.tg --timings=3
2|needs a value|check m.tg --target
2|did you mean --target|check m.tg --tarjet x
2|no option -q|check m.tg -q
2|bf16|check m.tg --dtype bf16
2|f16|check m.tg --dtype f16
2|simplify|check m.tg --dump simplfy
2|write NAME=VALUE|run m.tg f --interp nonsense
2|write NAME=VALUE|run m.tg f --interp =3
1|the shape []|run m.tg f --interp "x=true" "$m" "$k"
1|a bool is|run m.tg f --interp "$x" "m=[[2,0,1,0],[1,1,1,1]]" "$k"
1|whole number|run m.tg f --interp "$x" "$m" "k=[0.5,1]"
1|outside i32|run m.tg f --interp "$x" "$m" "k=[3000000000,1]"
1|outside i32|run m.tg f --interp "$x" "$m" "k=[-3000000000,1]"
1|x|run m.tg f --interp "x=[[1,2],[3]]" "$m" "$k"
1|x|run m.tg f --interp "x=[[1,2,3,0x4],[5,6,7,8]]" "$m" "$k"
1|x|run m.tg f --interp "x=[[1,2,3,4],[5,6,7,8]] 9" "$m" "$k"
1|x|run m.tg f --interp "x=" "$m" "$k"
1|x|run m.tg f --interp "x=[1" "$m" "$k"
1|x|run m.tg f --interp "x=5" "$m" "$k"
0|y = []|run m.tg big --interp "x=[]"
0|y|run m.tg f --interp "x=[[inf,-inf,nan,1e300],[5,6,7,8]]" "$m" "$k"
5|gather|run m.tg f --interp "$x" "$m" "k=[4,0]"
0||run m.tg step --interp "$x" --out out.safetensors
0|loss|run m.tg step --interp --in out.safetensors "$x"
3|nowhere|run m.tg f --interp --in nowhere.safetensors
3|nowhere|run m.tg f --interp --weights nowhere.safetensors "$x" "$m" "$k"
2|f|run m.tg nothing --interp
1|entry|run empty.tg f --interp
1|train|train empty.tg --data d --steps 1
0||check empty.tg
0||check nothing.tg
1||bench empty.tg
1||profile empty.tg
1||gradcheck empty.tg
1||dot empty.tg
1||plan empty.tg
1||inspect empty.tg
2|step|bench m.tg stop
2|step|profile m.tg stop
2|step|plan m.tg stop
2|step|dot m.tg stop
2|no kernel|inspect m.tg stop
2|k03|inspect m.tg step k03_nothing k03
1|no result depends|gradcheck m.tg none
2|tolerance|gradcheck m.tg f --tolerance x
2|tolerance|gradcheck m.tg f --tolerance -1
2|tolerance|gradcheck m.tg f --tolerance 1e-3x
2|f64|gradcheck m.tg f --dtype f32
0|direction|gradcheck m.tg f --interp --tolerance 1e-4 --dtype f64
5|differ|gradcheck m.tg step --interp --tolerance 1e-300
3|nowhere|gradcheck m.tg f --interp --in nowhere.safetensors
3|nowhere|gradcheck m.tg f --interp --weights nowhere.safetensors
0|total|check m.tg --timings
0|parse|check m.tg --passes
0|digraph|dot m.tg step --stop-after elaborate
0|digraph|dot m.tg step --kernels --no-fuse
0|digraph|dot m.tg step --backward --depth 0
0|"entry"|plan m.tg step --json
0|step|plan m.tg --all --target portable --dtype f64
0|{|inspect m.tg step --json --threads 3
0|step|inspect m.tg step --backward
0||inspect m.tg step --html page.html
3|no/such|inspect m.tg step --html no/such/page.html
3|no/such|dot m.tg step -o no/such/graph.dot
3|no/such|emit m.tg -o no/such/folder
3|no/such|run m.tg f --interp "$x" "$m" "$k" --out no/such/file.safetensors
ROWS

# every command stops after the pass it is told to, and says what that pass made
for pass in $(tgc --passes | awk '$1 != "build" { print $1 }'); do
    expect 0 tgc emit m.tg --stop-after "$pass" --dump "$pass" -o out
    stdout_matches .
done
for command in emit build bench run train gradcheck profile; do
    words=m.tg
    [ $command != run ] || words='m.tg f'
    expect 0 tgc $command $words --stop-after plan --dump=all
    stdout_has 'simplify'
done
for target in native portable x86-64-v3 x86-64-v4; do
    expect 0 tgc emit m.tg --target $target --dtype f64 -o out-$target
    exists out-$target/m.c
done

# what is said where the disk has no room, and where output has no reader
if [ -w /dev/full ]; then
    for command in 'check --passes' '--version' 'run m.tg none --interp k=[1,2]' 'plan m.tg --json' 'dot m.tg step' \
        'inspect m.tg step' 'inspect m.tg step --json' 'gradcheck m.tg f --interp' 'explain E0302'; do
        # shellcheck disable=SC2086 # words
        "$TGC" $command >/dev/full 2>.stderr </dev/null
        status=$?
        last="tgc $command >/dev/full"
        case $status in 0 | 2 | 3) ;; *) fail "status $status" ;; esac
    done
fi
