# Every call of the system that the compiler and the training program make, failing in turn: full disks, broken disks,
# interrupted calls, reads and writes that do a part only.
. "$TGC_ROOT/tests/faults/faults.bash"

harm() { # PROGRAM STATUSES COMMAND…: each kind of call, each way
    local program=$1 statuses=$2 call
    shift 2
    for call in write fsync rename ftruncate fwrite fclose; do each "$program" $call ENOSPC "$statuses" "$@"; done
    for call in open read pread close fork waitpid mkdtemp thread fflush; do
        each "$program" $call EIO "$statuses" "$@"
    done
    for call in open read pread write fsync waitpid fork; do always "$program" $call EINTR "$@"; done
    for call in read pread write; do always "$program" $call short "$@"; done
}

always() { # PROGRAM CALL HOW COMMAND…: every other call interrupted, or all in parts; the command succeeds all the same
    local program=$1 call=$2 how=$3 status=0
    shift 3
    [ "$call" != fork ] || return 0 # fork is not interrupted
    prepare
    last="$call, always $how: $*"
    harmed "$program" "$call" '*' "$how" "$@" >.stdout 2>.stderr </dev/null || status=$?
    tried=$((tried + 1))
    [ $status = 0 ] || fail "status $status"
    nothing_left
    after $status
}

# ---- training ----
expect 0 ./m-train --data data.safetensors --steps 4 --seed 3 --log-every 1 --out begun
expect 0 ./m-train --data data.safetensors --steps 8 --seed 3 --out whole
prepare() { rm -rf run && cp -r begun run; }
after() {
    [ -z "$(find run -name '*.tmp')" ] || fail "left in run: $(ls run)"
    ./m-train --data data.safetensors --steps 8 --log-every 1 --resume run --out run >/dev/null 2>&1 ||
        fail "status $? of going on"
    same run/weights.safetensors whole/weights.safetensors
    [ "$(grep -c '^{"step":[1-8],"loss":.*}$' run/log.jsonl)" = 8 ] || fail "the log is not whole: $(cat run/log.jsonl)"
}
harm m-train 0,3,70 ./m-train --data data.safetensors --steps 6 --save-every 1 --log-every 1 --threads 2 --resume run --out run

# ---- the compiler ----
expect 0 tgc emit m.tg -o good
mkdir out
cp good/m.c out/m.c.good
prepare() { echo before >out/m.c; }
after() { whole_or_before out/m.c "$1"; }
harm tgc 0,3 "$TGC" emit m.tg -o out
cp libm.so built.so.good
prepare() { echo before >built.so; }
after() { whole_or_before built.so "$1"; }
harm tgc 0,3,4 "$TGC" build m.tg --cc ./quick -o built.so
expect 0 tgc run m.tg f --in in.safetensors --out result
mv result result.good
prepare() { echo before >result; }
after() { whole_or_before result "$1"; }
harm tgc 0,3,4 "$TGC" run m.tg --cc ./quick f --in in.safetensors --out result
cp m.tg m.tg.good
prepare() { sed 's/  h = relu/  h  =  relu/' m.tg.good >m.tg; }
after() { [ "$1" != 0 ] || same m.tg m.tg.good; grep -q 'optimiser\|adam' m.tg || fail 'm.tg lost its text'; }
tgc fmt m.tg.good
harm tgc 0,3 "$TGC" fmt m.tg
echo "$tried calls failed"
