# What allocations.sh and calls.sh share: a small model with all that tgc does to it ready-made, and `each`, which
# makes one call after the other fail in a command and looks at what is left.
#
#     each tgc alloc ENOMEM 0,70 "$TGC" check m.tg
#
# FAULTS_EVERY=1 tries every call; by default every 11th, beginning at the first, and the last.

faults=$TGC_TOOLS/libfaults.so
[ -e "$faults" ] || skip 'libfaults.so is not built: it needs Linux and no sanitizers'
[ -z "${TGC_COVERAGE:-}" ] || skip 'what counts the coverage would fail, too'
every=${FAULTS_EVERY:-11}
tried=0

model m.tg 'param W: [4, 3] ~ normal(0.0, 1.0)' 'state seen: [1] ~ zeros' \
    'train step(x: [2, 4]) -> (loss: []) {' '  seen := seen + 1' '  h = relu(x @ W)' '  loss = mean((h @ h.T) ** 2)' \
    '} using adam(lr = 0.01, clip = 1.0)' 'graph f(x: [2, 4]) -> (y: [2, 3]) {' '  y = softmax(x @ W)' '}'
safetensors data.safetensors '{"x":{"dtype":"F32","shape":[7,4],"data_offsets":[0,112]}}' \
    "$(for i in $(seq 28); do printf '0000%02x3f' $((128 + i)); done)"
safetensors in.safetensors '{"x":{"dtype":"F32","shape":[2,4],"data_offsets":[0,32]}}' "$(printf '0000803f%.0s' $(seq 8))"
expect 0 tgc build m.tg -o libm.so
expect 0 tgc build m.tg --exe -o m-train
[ "$failures" = 0 ] || finish

# stands in for the C compiler, which takes too long: gives the result that was made once
printf '#!/usr/bin/env bash\nwhile [ "$1" != -o ]; do shift; done\ncp "%s/libm.so" "$2"\n' "$PWD" >quick
chmod +x quick
mkdir room
export TMPDIR=$PWD/room

harmed() { # PROGRAM CALL NUMBER HOW COMMAND…
    local program=$1 call=$2 number=$3 how=$4
    shift 4
    if [ "$call" = alloc ]; then
        FAULTS_IN=$program FAULTS_ALLOC=$number LD_PRELOAD=$faults "$@"
    else
        FAULTS_IN=$program FAULTS_CALL=$call:$number:$how LD_PRELOAD=$faults "$@"
    fi
}

calls_of() { # CALL: how many there were in the run that was counted
    awk -v call="$1" '$1 == call { print $2 }' counts
}

counted() { # PROGRAM COMMAND…
    local program=$1
    shift
    rm -f counts
    FAULTS_IN=$program FAULTS_REPORT=$PWD/counts LD_PRELOAD=$faults "$@" >.stdout 2>.stderr </dev/null ||
        fail "status $? of $*"
    [ "$(calls_of alloc)" -gt 0 ] 2>/dev/null || fail "no allocation was counted in $*"
}

nothing_left() {
    [ -z "$(ls -A room)" ] || fail "left in TMPDIR: $(find room | head -3)"
    rm -rf room/*
}

# prepare and after are set by the test: what comes before each run, and what has to hold after it, given its status
prepare() { :; }
after() { :; }

each() { # PROGRAM CALL HOW STATUSES COMMAND…
    local program=$1 call=$2 how=$3 statuses=,$4, count number status
    shift 4
    prepare
    counted "$program" "$@"
    count=$(calls_of "$call")
    for number in $({ seq 1 "$every" "$count"; echo "$count"; } | sort -nu); do
        [ "$number" -gt 0 ] || continue
        prepare
        status=0
        last="$call $number of $count, $how: $*"
        harmed "$program" "$call" "$number" "$how" "$@" >.stdout 2>.stderr </dev/null || status=$?
        tried=$((tried + 1))
        [[ $statuses = *,$status,* ]] || fail "status $status, not one of $statuses"
        [ $status = 0 ] || [ -s .stderr ] || fail 'a failure without a word'
        nothing_left
        after $status
    done
}

whole_or_before() { # FILE STATUS: holds what it held before, or all of it; before where the command failed early
    cmp -s "$1" "$1.good" || [ "$(cat "$1")" = before ] || fail "$1 is neither whole nor what it was"
    [ "$2" != 0 ] || same "$1" "$1.good"
    [ "$(find . -maxdepth 2 -name "$(basename "$1")*.tmp*" | wc -l)" = 0 ] || fail "left beside $1: $(ls)"
}
