# tgc inspect: the table of kernels, each kind of NAME, JSON that agrees with the C, messages.
cat >m.tg <<'TG'
tg 1
import "nn.tg"

dim B = 4, I = 6, H = 5, O = 3
use up = Affine(I, H), down = Affine(H, O)

train step(x: [B, I], label: i32[B]) -> (loss: []) {
  h = gelu(up(x))
  loss = cross_entropy(down(h), label)
} using adam(lr = 0.001, clip = 1.0)

graph guess(x: [B, I]) -> (y: [B, O]) {
  y = softmax(down(gelu(up(x))))
}
TG

# ---- the table: a row for each launch ----
expect 0 tgc inspect m.tg step --target portable
stdout_has 'step of m.tg: '
stdout_matches '# +kernel +phase +line +loops +tile +FLOP +bytes +FLOP/B +slices +together +share +computes'
stdout_matches ' 0  step_k00_[a-z_]+ +forward +m.tg:9 +4 ids'
first=$(grep -o 'step_k00_[a-z_]*' .stdout | head -n 1)
stdout_matches 'step_k[0-9]+_d_W +backward +nn.tg:15 .* d_W\[I, O\] = '
stdout_matches ' update +m.tg:10 '
stdout_lacks 'guess of'
expect 0 tgc inspect m.tg --target portable
stdout_has 'guess of m.tg: '
expect 0 tgc inspect m.tg step --backward
stdout_lacks ' update '
stdout_matches ' backward '

# ---- names ----
shows() { # NAME WORDS…: the kernels of a name show these
    local name=$1
    shift
    expect 0 tgc inspect m.tg step "$name" --target portable
    for word; do stdout_has "$word"; done
}
shows h '_h  both' 'forward   m.tg:8  h = gelu(up(x))' 'gelu      Y = X * Phi(X)' 'rule      dX = G * (Phi(X) + X phi(X))' \
    'rule      dA = G . B^T' 'static void step_k'
shows up.W 'rule      dB = A^T . G' 'called    m.tg:8  h = gelu(up(x))' 'computes  d_W[I, O] = ' ' update, ' 'C = A . B' 'δC = δA . B + A . δB'
stdout_lacks 'm.tg:9  loss' # that is down.W
shows d_up.W 'computes  d_W[I, O] = '
stdout_lacks ' update, '
shows down 'called    m.tg:9  loss = cross_entropy(down(h), label)' 'rule      dA = G . B^T'
shows m.tg:9 'rule      dX = G * exp(X - Y)' 'logsumexp' 'down'
shows :8 'h = gelu(up(x))'
shows 8 'h = gelu(up(x))'
shows nn.tg:15 'forward   nn.tg:15  fn (x: [.., I]) -> [.., O] = x @ W + b'
shows "$first" "$first  forward, 0 of"
shows k00 "$first  forward, 0 of"
shows label 'label is given, not computed'
expect 0 tgc inspect m.tg step h --backward --target portable
stdout_matches '^static void step_k[0-9]+_d'
expect 0 tgc inspect m.tg step down.b down.W --target portable
stdout_has 'd_b[O] = '
stdout_has 'd_W[I, O] = '

# Whole kernels, as they stand in the C.
expect 0 tgc emit m.tg --target portable
cp .stdout m.c
expect 0 tgc inspect m.tg step "$first" --target portable
sed -n '/^struct/,$p' .stdout | sed '$d' >kernel
line=$(sed -n 's/.*, m\.c:\([0-9]*\)$/\1/p' .stdout)
tail -n +"$line" m.c | head -n "$(wc -l <kernel)" | cmp -s - kernel || fail "m.c:$line is not the kernel"

# ---- colour on terminals alone ----
if command -v script >/dev/null; then
    env -u NO_COLOR TERM=xterm script -qec "$TGC inspect m.tg step h" /dev/null </dev/null >coloured
    grep -q $'\e\[35mstatic' coloured || fail 'no colour on a terminal'
    NO_COLOR=1 script -qec "$TGC inspect m.tg step h" /dev/null </dev/null >plain
    ! grep -q $'\e' plain || fail 'colour despite NO_COLOR'
    sed $'s/\e\[[0-9]*m//g' coloured | cmp -s - plain || fail 'the colours change the text'
fi
expect 0 env -u NO_COLOR "$TGC" inspect m.tg step h
stdout_lacks $'\e'

# ---- JSON that agrees with the C ----
expect 0 tgc inspect m.tg --json --target portable --threads 2
cp .stdout m.json
if command -v python3 >/dev/null; then
    cat >check.py <<'PY'
import json, re
c, data = open("m.c").read(), json.load(open("m.json"))
assert data["schema"] == 1 and data["model"] == "m" and data["machine"]["threads"] == 2
names = [kernel["name"] for kernel in data["kernels"]]
assert names == re.findall(r"^static void (\w+)\(const void \*args, int lo, int hi\) \{$", c, re.M), names
lines = c.split("\n")
for kernel in data["kernels"]:
    text = kernel["text"].rstrip("\n").split("\n")
    assert lines[kernel["line"] - 1:kernel["line"] - 1 + len(text)] == text, kernel["name"]
assert {launch["kernel"] for entry in data["entries"] for launch in entry["launches"]} == set(range(len(names)))
for entry in data["entries"]:
    head = re.search(r"%s: .*; ([0-9.e+]+) MFLOP" % entry["name"], c)
    flop = sum(launch["flop"] for launch in entry["launches"])
    assert flop == entry["flop"] and "%.4g" % (flop * 1e-6) == head.group(1), (flop, head.group(0))
    stated = re.search(r'\.name = "%s",.*?\.flop = (\d+),\s*\.bytes = (\d+),' % entry["name"], c, re.S)
    assert flop == int(stated.group(1)) and entry["bytes"] == int(stated.group(2))
    assert abs(sum(launch["share"] for launch in entry["launches"]) - 1) < 1e-3
    calls = re.search(r"m_%s\(.*?\n\}" % entry["name"], c, re.S)
    ids, computed = {node["id"] for node in entry["nodes"]}, set()
    for launch in entry["launches"]:
        assert launch["phase"] in ("forward", "backward", "both", "update") and launch["slices"] > 0
        assert launch["computes"] and set(launch["nodes"]) <= ids
        computed |= set(launch["nodes"])
        for rule in launch["rules"]:
            assert 0 <= rule["place"] < len(data["places"]) and rule["formula"] < len(data["formulas"])
    for node in entry["nodes"]:
        assert set(node["from"]) <= ids and all(operand < node["id"] or entry["train"] for operand in node["from"])
        assert node["kind"] != "op" or node["id"] in computed, node
    for buffer in entry["buffers"]:
        assert buffer["kind"] != "arena" or buffer["offset"] + buffer["bytes"] <= entry["arena_bytes"]
launches = [launch for entry in data["entries"] if entry["name"] == "step" for launch in entry["launches"]]
d_w = [launch for launch in launches if any(line.startswith("d_W") for line in launch["computes"])]
rules = {rule["rule"] for launch in d_w for rule in launch["rules"]}
assert "dB = A^T . G" in rules, rules
chains = [data["places"][launch["place"]] for launch in d_w]
files = [source["file"] for source in data["sources"]]
assert all([files[file] for file, line, scope in chain] == ["nn.tg", "m.tg"] for chain in chains), chains
assert {chain[1][1] for chain in chains} == {8, 9} and {chain[0][2] for chain in chains} == {"up", "down"}
PY
    expect 0 python3 check.py
fi

# Text that would end an element of a page, and line ends of Unicode, are escaped.
printf 'tg 1\n# </script> \xe2\x80\xa8 & <!--\ngraph f(x: [2]) -> (y: [2]) { y = 2 * x }\n' >odd.tg
expect 0 tgc inspect odd.tg --json
for bad in '</' '<!' $'\xe2\x80\xa8'; do ! LC_ALL=C grep -qF -e "$bad" .stdout || fail "$bad stands in the JSON"; done
stdout_has '\u003c/script\u003e \u2028 \u0026 \u003c!--'

# Characters of two to four bytes, tabs, quotes and control characters come through; a byte of a file's name that is no
# character gives U+FFFD.
printf 'tg 1\n# d\xc3\xa9j\xc3\xa0 \xe6\xbc\xa2 \xf0\x9d\x84\x9e\t"\\ \x1b \x7f\ngraph f(x: [2]) -> (y: [2]) { y = 2 * x }\n' >$'odd\xff.tg'
expect 0 tgc inspect $'odd\xff.tg' --json
cp .stdout odd.json
if command -v python3 >/dev/null; then
    cat >check.py <<'PY'
import json
source = json.loads(open("odd.json", "rb").read().decode())["sources"][0]
assert source["text"].split("\n")[1] == '# d\u00e9j\u00e0 \u6f22 \U0001d11e\t"\\ \x1b \x7f', source
assert source["file"] == "odd\ufffd.tg", source
PY
    expect 0 python3 check.py
fi

# States, windows known when running, and an entry point that has nothing to do.
for model in cache found_empty attend; do
    expect 0 tgc inspect "$TGC_ROOT/tests/models/$model.tg" --json --dtype f64
    cp .stdout all.json
    if command -v python3 >/dev/null; then expect 0 python3 -c 'import json; assert json.load(open("all.json"))["entries"]'; fi
done
expect 0 tgc inspect "$TGC_ROOT/tests/models/cache.tg" keys
stdout_matches '^[a-z_]*k[0-9]+_[a-z_]+ +[a-z]+, '

# ---- messages ----
expect 2 tgc inspect m.tg up.V
stderr_has 'm.tg has no kernel, value, variable or module up.V; did you mean up.W'
expect 2 tgc inspect m.tg step W.up
expect 2 tgc inspect m.tg m.tg:1
stderr_has 'no kernel comes from line 1 of m.tg'
expect 2 tgc inspect m.tg mm.tg:1
stderr_has 'no kernel comes from a file mm.tg; did you mean m.tg?'
for name in m.tg: : :x m.tg:123456789012 m.tg:0 '' . up. .W up..W d_ k k99 K0 net; do expect 2 tgc inspect m.tg step "$name"; done
expect 2 tgc inspect m.tg h --json
expect 2 tgc inspect m.tg --json --html x.html
expect 2 tgc inspect
expect 3 tgc inspect nowhere.tg
expect 1 bash -c 'echo "tg 1; graph (" | "$TGC" inspect -'
expect 1 bash -c 'echo "tg 1" | "$TGC" inspect -'
