# The words shell tests are written in. A failed expectation is printed with what was seen and counted; the test goes
# on, and `finish` (called by tests/run after the script) gives the status.
#
#     model m.tg 'graph twice(x: [2]) -> (y: [2]) { y = 2 * x }'
#     expect 0 tgc run m.tg twice 'x=[1, 2]'
#     stdout_has 'y'
#     expect 3 tgc check nowhere.tg
#     stderr_has 'nowhere.tg'

failures=0
last='(nothing run yet)'
shown=''

tgc() { "$TGC" "$@"; }

fail() {
    failures=$((failures + 1))
    printf 'FAILED: %s\n  after: %s\n' "$1" "$last"
    if [ -e .stdout ] && [ "$last" != "$shown" ]; then
        shown=$last
        echo '  --- stdout'
        head -c 3000 .stdout | sed 's/^/  /'
        echo '  --- stderr'
        head -c 3000 .stderr | sed 's/^/  /'
    fi
}

skip() {
    echo "skipped: $1"
    [ "$failures" = 0 ] || exit 1
    exit 77
}

# A word that is none, such as a misspelt one, fails the test. Bash runs this in a subshell: a file remembers.
words_unknown=$PWD/.unknown
command_not_found_handle() {
    echo "$1: no such word or command" | tee -a "$words_unknown" >&2
    return 127
}

finish() {
    [ ! -e "$words_unknown" ] || fail "$(cat "$words_unknown")"
    [ "$failures" = 0 ] || { echo "$failures expectations failed"; exit 1; }
    exit 0
}

# expect STATUS COMMAND…: runs it without a terminal, keeps its output for the words below.
expect() {
    local wanted=$1 status=0
    shift
    last="$*"
    "$@" >.stdout 2>.stderr </dev/null || status=$?
    [ "$status" = "$wanted" ] || fail "status $status, not $wanted"
}

stdout_has() { grep -qF -e "$1" .stdout || fail "stdout lacks: $1"; }
stderr_has() { grep -qF -e "$1" .stderr || fail "stderr lacks: $1"; }
stdout_matches() { grep -qE -e "$1" .stdout || fail "stdout has no match for: $1"; }
stderr_matches() { grep -qE -e "$1" .stderr || fail "stderr has no match for: $1"; }
stdout_lacks() { ! grep -qF -e "$1" .stdout || fail "stdout has: $1"; }
stdout_empty() { [ ! -s .stdout ] || fail 'stdout is not empty'; }
stderr_empty() { [ ! -s .stderr ] || fail 'stderr is not empty'; }
exists() { [ -s "$1" ] || fail "there is no file $1"; }
absent() { [ ! -e "$1" ] || fail "there is a file $1"; }
same() { cmp -s "$1" "$2" || fail "$1 and $2 differ"; }

# only FILE…: the folder holds these files and nothing else (names that begin with a dot do not count).
only() {
    local seen wanted
    seen=$(ls | sort | tr '\n' ' ')
    wanted=$(printf '%s\n' "$@" | sort | tr '\n' ' ')
    [ "$seen" = "$wanted" ] || fail "the folder holds: $seen"
}

# model FILE LINE…: writes a .tg file of edition 1.
model() {
    local file=$1
    shift
    { echo 'tg 1'; printf '%s\n' "$@"; } >"$file"
}

# bytes FILE HEX…: a file of the given bytes, "0800 0000" and the like.
bytes() {
    local file=$1
    shift
    printf '%b' "$(printf '%s' "$*" | tr -d ' ' | sed 's/../\\x&/g')" >"$file"
}

# safetensors FILE JSON [HEX]: a file with that header, its length in front, and those data bytes after it.
safetensors() {
    local file=$1 json=$2 data=${3:-} length
    length=$(printf '%s' "$json" | wc -c)
    printf '%b' "$(printf '%016x' "$length" | fold -w2 | tac | tr -d '\n' | sed 's/../\\x&/g')" >"$file"
    printf '%s' "$json" >>"$file"
    [ -z "$data" ] || printf '%b' "$(printf '%s' "$data" | tr -d ' ' | sed 's/../\\x&/g')" >>"$file"
}
