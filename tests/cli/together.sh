# Launches that don't need each other share a call: whatever one of them writes is no byte that another one touches; the
# text of layers doesn't grow; profiles and builds with --check run them one by one; the bits are the same at any number
# of threads, and a thread sanitizer sees no race.
model m.tg 'import "nn.tg"' 'dim B = 2, T = 8, D = 64, L = 3' 'use net[L] = EncoderLayer(D, 4, 128, 0.1, 1)' \
    'train step(x: [B, T, D], t: [B, T, D]) -> (loss: []) {' '  y = x' '  for l in net { y = l(y, true) }' \
    '  loss = mean((y - t) ** 2)' '} using adam(lr = 0.01, clip = 1.0)'
expect 0 tgc emit m.tg -D L=5 --target x86-64-v3 -o c
calls() { grep -c "$1(model->pool" c/m.c; }
[ "$(calls tg_for_all)" -gt 4 ] || fail "$(calls tg_for_all) calls of tg_for_all"
# the three products of a layer that read the same rows, once for all layers
awk '/for \(int layer = 0/ { inside = 1 } inside && /tg_for_all/ { on = 1 } on && /\.att_[qkv]_W|att_[qkv]_W, / { found++ }
    on && /^ *[0-9]+\);/ { on = 0; if (found == 3) whole = 1; found = 0 } END { exit !whole }' c/m.c ||
    fail 'queries, keys and values are not one call'
before=$(calls tg_for) together=$(calls tg_for_all)
expect 0 tgc emit m.tg -D L=9 --target x86-64-v3 -o c
[ "$(calls tg_for)" = "$before" ] && [ "$(calls tg_for_all)" = "$together" ] || fail 'the text grows with the layers'
expect 0 tgc emit m.tg --check -o c
[ "$(calls tg_for_all)" = 0 ] && [ "$(calls tg_for_here)" = 0 ] || fail 'launches share calls in a build with --check'

# shown by every look at the kernels
expect 0 tgc inspect m.tg step
stdout_matches ' [0-9]+-[0-9]+ .*\bq\['
expect 0 tgc plan m.tg step
stdout_matches '^ +[0-9]+ q +contract .* [0-9]+-[0-9]+ '
expect 0 tgc dot m.tg step --kernels --depth 3
stdout_matches 'kernels [0-9]+-[0-9]+ together'
expect 0 tgc emit m.tg --dump=group --stop-after=group
stdout_has 'runs together with the launch before it'
if command -v python3 >/dev/null; then
    cat >check.py <<'PY'
import json, sys
together = 0
for entry in json.load(open(sys.argv[1]))["entries"]:
    buffers = {buffer["id"]: buffer for buffer in entry["buffers"]}
    writers = [writes for launch in entry["launches"] for writes in launch["writes"]]
    def share(a, b):
        a, b = buffers[a], buffers[b]
        if a["kind"] != "arena" or b["kind"] != "arena" or writers.count(a["id"]) > 1 or writers.count(b["id"]) > 1:
            return False # those that many write their parts of: the compiler checks them, and the sanitizer
        return a["offset"] < b["offset"] + b["bytes"] and b["offset"] < a["offset"] + a["bytes"]
    launches = entry["launches"]
    for number, launch in enumerate(launches):
        first, last = launch["together"]
        assert first <= number <= last and launch["together"] == launches[first]["together"], launch
        assert not launch["here"] or first == last and launch["slices"] > 1, launch
        together += first < last
        for other in launches[first:number]:
            assert launch["phase"] == "both" or other["phase"] in ("both", launch["phase"]), (launch, other)
            for a in launch["writes"]:
                assert not any(share(a, b) for b in other["writes"] + other["reads"]), (launch, other)
            assert not any(share(a, b) for a in launch["reads"] for b in other["writes"]), (launch, other)
assert together > 1
PY
    for file in m.tg "$TGC_ROOT/examples/gpt/gpt.tg" "$TGC_ROOT/bench/w1.tg"; do
        expect 0 tgc inspect "$file" --json
        cp .stdout m.json
        expect 0 python3 check.py m.json
    done
fi

# the same bits, and no race
words() { awk -v n="$1" -v s="$2" 'BEGIN { srand(s); for (k = 0; k < n; k++) printf "%s", (rand() < .5 ? "0000803f" : "9a9919bf") }'; }
safetensors data.safetensors '{"x":{"dtype":"F32","shape":[4,8,64],"data_offsets":[0,8192]},"t":{"dtype":"F32","shape":[4,8,64],"data_offsets":[8192,16384]}}' \
    "$(words 2048 1) $(words 2048 2)"
expect 0 tgc build m.tg --exe -o m-train
train() { # train FOLDER THREADS
    expect 0 ./m-train --data data.safetensors --seed 5 --steps 6 --threads "$2" --out "$1"
}
train a 1
for threads in 2 3 8; do
    train t$threads $threads
    same a/checkpoint.safetensors t$threads/checkpoint.safetensors
done
TG_PROFILE=times.json train p 3
same a/checkpoint.safetensors p/checkpoint.safetensors
if command -v jq >/dev/null; then
    tgc inspect m.tg step --json >m.json
    expect 0 jq -e --slurpfile m m.json '([.rows[].launches] | add) == 6 * ($m[0].entries[0].launches | length)' times.json
fi
echo 'int main(void) { return 0; }' >none.c
if gcc -fsanitize=thread none.c -o none 2>none.said && ./none 2>>none.said; then
    expect 0 env TGC_CFLAGS='-fsanitize=thread -g -O1' "$TGC" build m.tg --exe --cc gcc -o m-train
    train s1 1
    train s3 3
    ! grep -qF ThreadSanitizer .stderr || fail 'the thread sanitizer has something to say'
    same s1/checkpoint.safetensors s3/checkpoint.safetensors
fi
