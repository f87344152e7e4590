# Temporary folders: none stays, whatever ends tgc while the C compiler runs; and what tgc says where none can be made.
model m.tg 'param w: [] ~ ones' 'graph f(x: [2]) -> (y: [2]) { y = w * x }' \
    'train step(x: [2, 1]) -> (loss: []) { loss = mean((x * w) ** 2) } using sgd(lr = 0.01)'
mkdir room
export TMPDIR=$PWD/room

# a C compiler that never ends, and that has a child of its own, as compilers do
printf '#!/usr/bin/env bash\necho $$ >"$PIDS"\nsleep 300 &\necho $! >>"$PIDS"\necho half >"$TMPDIR/half.o"\nwait\n' >slow
chmod +x slow
export PIDS=$PWD/pids
empty() { [ -z "$(ls -A room)" ] || fail "left in TMPDIR: $(find room)"; }
ended() { # no process of the C compiler's is alive
    local pid
    for _ in $(seq 50); do
        local alive=0
        while read -r pid; do ! kill -0 "$pid" 2>/dev/null || alive=1; done <pids
        [ $alive = 1 ] || return 0
        sleep 0.1
    done
    fail 'the C compiler still runs'
}
cut() { # SIGNAL STATUS COMMAND…: begins the command and ends it while the C compiler runs
    local signal=$1 wanted=$2 pid status=0
    shift 2
    last="$* ended by SIG$signal"
    rm -f pids
    "$@" >.stdout 2>.stderr </dev/null &
    pid=$!
    for _ in $(seq 200); do [ -e pids ] && [ "$(wc -l <pids)" = 2 ] && break; sleep 0.05; done
    kill -"$signal" $pid
    wait $pid 2>/dev/null || status=$?
    [ $status = "$wanted" ] || fail "status $status, not $wanted"
    ended
    empty
}
cut INT 130 "$TGC" build m.tg --cc ./slow -o libm.so
cut TERM 143 "$TGC" build m.tg --cc ./slow -o libm.so
cut HUP 129 "$TGC" build m.tg --cc ./slow -o libm.a
cut INT 130 "$TGC" run m.tg --cc ./slow f 'x=[1, 2]'
cut TERM 143 "$TGC" train m.tg --cc ./slow --data none --steps 1
absent libm.so

# failures leave nothing either
printf '#!/usr/bin/env bash\necho half >"$TMPDIR/half.o"\necho no >&2\nexit 1\n' >broken
chmod +x broken
expect 4 tgc build m.tg --cc ./broken -o libm.so
empty
expect 3 tgc build m.tg -o nowhere/libm.so
empty

expect 3 env TMPDIR="$PWD/nowhere" "$TGC" build m.tg -o libm.so
stderr_has 'TMPDIR'
expect 3 env TMPDIR="$PWD/nowhere" "$TGC" run m.tg f 'x=[1, 2]'
stderr_has 'TMPDIR'
expect 3 env TMPDIR="$PWD/m.tg" "$TGC" train m.tg --data none --steps 1
stderr_has 'TMPDIR'
expect 0 env TMPDIR= "$TGC" run m.tg f 'x=[1, 2]'

# folders that must not be written: permissions bind other users than root
if [ "$(id -u)" != 0 ]; then
    as() { "$@"; }
elif command -v setpriv >/dev/null && setpriv --reuid=65534 --clear-groups "$TGC" --version >/dev/null 2>&1; then
    as() { setpriv --reuid=65534 --clear-groups "$@"; }
    chmod 755 .
else
    as() { return 77; }
fi
status=0
as true || status=$?
if [ $status = 0 ]; then
    safetensors data.safetensors '{"x":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}' '0000803f00000040'
    mkdir -p sealed/run open
    echo before >sealed/out.safetensors
    chmod 555 sealed sealed/run
    chmod 777 open
    chmod 644 m.tg data.safetensors
    expect 3 as env TMPDIR="$PWD/sealed" "$TGC" run m.tg f 'x=[1, 2]'
    stderr_has 'TMPDIR'
    expect 3 as env TMPDIR="$PWD/open" "$TGC" emit m.tg -o sealed
    stderr_has 'sealed'
    expect 3 as env TMPDIR="$PWD/open" "$TGC" build m.tg -o sealed/libm.so
    expect 3 as env TMPDIR="$PWD/open" "$TGC" run --interp m.tg f 'x=[1, 2]' --out sealed/out.safetensors
    stderr_has 'sealed/out.safetensors'
    expect 3 as env TMPDIR="$PWD/open" "$TGC" train m.tg --data data.safetensors --steps 1 --out sealed/run
    stderr_has 'sealed/run'
    expect 0 cat sealed/out.safetensors
    stdout_has before
    [ -z "$(ls -A open)" ] || fail "left behind: $(ls -A open)"
    [ "$(find sealed -type f)" = sealed/out.safetensors ] || fail "written into a sealed folder: $(find sealed)"
fi
