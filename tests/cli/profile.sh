# TG_PROFILE on whatever tgc built: a table per entry point that was called, with counts, times and shares that agree.
model m.tg 'dim B = 4, N = 40' 'module Layer(N) {' '  param W: [N, N] ~ normal(0.0, 0.1)' '  param b: [N] ~ zeros' \
    '  fn (x: [.., N]) -> [.., N] = tanh(x @ W + b)' '}' 'use net[3] = Layer(N)' \
    'graph f(x: [B, N]) -> (y: [B, N]) {' '  y = x' '  for l in net { y = l(y) }' '}' \
    'train step(x: [B, N], t: [B, N]) -> (loss: []) {' '  y = x' '  for l in net { y = l(y) }' \
    '  loss = mean((y - t) ** 2)' '} using adam(lr = 0.01, accumulate = 2)'
cat >user.c <<'C'
#include "m.h"
int main(int argc, char **argv) {
    static float x[4 * 40], t[4 * 40], y[4 * 40], loss;
    m *handle;
    (void)argv;
    if (m_new(&handle, 2, 1)) return 1;
    for (int i = 0; i < 6; i++)
        if (m_step(handle, x, t, &loss)) return 1;
    for (int i = 0; i < 3; i++)
        if (m_f(handle, x, y)) return 1;
    if (argc < 2) m_free(handle);
    return 0;
}
C

# table FILE ENTRY: the rows of one entry point.
table() { awk -v entry="$2:" '$1 == entry { on = 1; next } /calls? on/ { on = 0 } on' "$1"; }

# agrees FILE: shares make 100 %, each row's mean times its launches is its total.
agrees() {
    for entry in step f; do
        table "$1" $entry >rows
        awk '$2 == "%" { share += $1 } END { exit !(share > 99.7 && share < 100.3) }' rows || fail "shares of $entry: $(cat rows)"
        awk '$2 == "%" && !/between/ && ($4 < 1 || ($4 * $5 / 1000 - $3) ^ 2 > (0.001 + 0.001 * $4) ^ 2) { bad = 1 } END { exit bad }' rows ||
            fail "totals of $entry: $(cat rows)"
    done
}

# launched FILE ENTRY PHASE: how many launches of a phase.
launched() { table "$1" "$2" | awk -v phase="$3" '$9 == phase { n += $4 } END { print n + 0 }'; }

# launches_of COUNT CALLS FILE ENTRY PHASE
launches_are() { [ "$(launched "$3" "$4" "$5")" = $(($1 * $2)) ] || fail "$4: $(launched "$3" "$4" "$5") launches $5, not $2 times $1"; }

# planned ENTRY WORD: how many launches the file's first lines promise.
planned() { sed -n "s/^ \* *[0-9]*  m_$1: .*\b\([0-9][0-9]*\) \(launches \)\?$2.*/\1/p" m.c; }

tgc emit m.tg -o . >/dev/null
[ -n "$(planned step backward)" ] || fail 'the file does not say how many launches there are'
expect 0 tgc build m.tg -o libm.a
expect 0 clang -Wall -Werror ${TGC_CFLAGS:-} user.c libm.a -lm -lpthread -lcjson -o user
expect 0 ./user
stderr_empty
expect 0 env TG_PROFILE=0 ./user
stderr_empty
for how in '' unfreed; do
    expect 0 env TG_PROFILE=1 ./user $how
    stdout_empty
    stderr_has 'step: 6 calls on 2 threads'
    stderr_has 'f: 3 calls on 2 threads'
    stderr_has 'm.tg:6  fn (x: [.., N]) -> [.., N] = tanh(x @ W + b)'
    cp .stderr shown
    agrees shown
    # updates happen at every second call alone
    launches_are 6 "$(planned step forward)" shown step forward
    launches_are 6 "$(planned step backward)" shown step backward
    launches_are 3 "$(planned step 'for the update')" shown step update
    launches_are 3 "$(planned f forward)" shown f forward
done
# a file: text is added to it, JSON a line per entry point; one that cannot be written is no reason to lose the table
rm -f .profile .profile.json
expect 0 env TG_PROFILE=.profile ./user
stderr_empty
agrees .profile
expect 0 env TG_PROFILE=.profile.json ./user
expect 0 env TG_PROFILE=.profile.json ./user
[ "$(wc -l <.profile.json)" = 4 ] || fail "JSON lines: $(cat .profile.json)"
if command -v jq >/dev/null; then
    expect 0 jq -es 'all(.[]; ((([.rows[].seconds] | add) + .between - .seconds | fabs) < 1e-7) and .calls > 0)' .profile.json
fi
expect 0 env TG_PROFILE=nowhere/profile ./user
stderr_has 'TG_PROFILE: cannot write nowhere/profile'
stderr_has 'step: 6 calls'

# one file with its runtime inside, without threads
expect 0 tgc emit m.tg --standalone -o alone
sed -n 's/^ \*   cc \(.*\) \\$/\1/p' alone/m.c >flags
expect 0 clang $(cat flags) ${TGC_CFLAGS:-} -DTG_NO_THREADS -Ialone user.c alone/m.c -lm -o single
expect 0 env TG_PROFILE=1 ./single
stderr_has 'step: 6 calls on 1 thread,'
cp .stderr shown
agrees shown

# a shared library in somebody's process, and a training program
expect 0 env TG_PROFILE=1 "$TGC" bench m.tg step --steps 5 --threads 1
stderr_has 'step: 8 calls on 1 thread,'
stdout_lacks 'share'
header='{"x":{"dtype":"F32","shape":[8,40],"data_offsets":[0,1280]},"t":{"dtype":"F32","shape":[8,40],"data_offsets":[1280,2560]}}'
safetensors data.safetensors "$header" "$(printf '0000003f%.0s' $(seq 640))"
expect 0 tgc build m.tg --exe -o m-train
expect 0 env TG_PROFILE=.training ./m-train --data data.safetensors --steps 4 --out out
expect 0 grep -q '^step: 8 calls' .training
expect 0 env TG_PROFILE=.training.json ./m-train --data data.safetensors --steps 4 --out again
expect 0 grep -q '"entry": *"step"' .training.json
if command -v jq >/dev/null; then
    expect 0 jq -e '.calls == 8 and ([.rows[].launches] | min) > 0' .training.json
fi

# tgc profile: the same beside the machine's rates, its work that of the C's first lines
expect 0 tgc profile m.tg f --steps 4 --threads 1
stdout_has 'f: 4 calls on 1 thread,'
stderr_empty
awk '$2 == "%" && !/between/ { n += $4; s += $1; if ($6 <= 0) bad = 1 } /between/ { s += $1 }
    END { exit !(n == 4 * '"$(planned f forward)"' && s > 99.7 && s < 100.3 && !bad) }' .stdout || fail 'launches or shares of f'
expect 0 tgc profile m.tg step --steps 6 --json
for key in calls threads seconds between flop estimate peak_gflops peak_gbytes share gflops gbytes; do stdout_has "\"$key\""; done
expect 0 tgc profile m.tg f --steps 2 --json
flop=$(sed -n 's/^ "flop": \([0-9]*\).*/\1/p' .stdout)
mega=$(sed -n 's/^ \* *[0-9]*  m_f: .*; \([0-9.e+-]*\) MFLOP.*/\1/p' m.c)
awk -v flop="$flop" -v mega="$mega" 'BEGIN { exit !(flop > 0 && (flop - mega * 1e6) ^ 2 <= (flop * 1e-3) ^ 2) }' ||
    fail "$flop operations a call, $mega MFLOP in the C"
if command -v jq >/dev/null; then
    expect 0 jq -e '(([.rows[].share] | add) + .between / .seconds - 1 | fabs) < 1e-4 and
        (([.rows[] | .flop * .launches] | add) / .calls - .flop | fabs) < 1' .stdout
fi
expect 0 tgc profile m.tg step --steps 0 --threads 1 --dtype f64
stdout_has 'step: 1 call on 1 thread,'
expect 0 tgc profile m.tg step --stop-after=tile
stdout_empty
expect 1 bash -c 'echo "tg 1; graph (" | "$TGC" profile - f'
if [ -e /dev/full ]; then
    expect 3 bash -c '"$TGC" profile m.tg f --steps 1 --threads 1 >/dev/full'
fi
expect 2 tgc profile m.tg
expect 2 tgc profile m.tg nothing
