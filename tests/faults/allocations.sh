# Every allocation of the compiler, the training program and the library, made to fail one after the other.
. "$TGC_ROOT/tests/faults/faults.bash"

# ---- the library: tests/faults/library.c makes each of its functions run out of memory ----
expect 0 ${CC:-clang} -std=gnu11 -Wall -Wextra -Werror "$TGC_ROOT/tests/faults/library.c" -I. -L. -lm -Wl,-rpath,"$PWD" \
    -Wl,--no-as-needed ./libm.so -ldl -o library
expect 0 env FAULTS_IN=library LD_PRELOAD="$faults" ./library
stdout_has 'all is well'
cat .stdout
# a timed instance takes the profile's memory with its own, and a step takes none
expect 0 env TG_PROFILE=table FAULTS_IN=library LD_PRELOAD="$faults" ./library
stdout_has 'all is well'
stdout_has '100 steps: 0 allocations'
exists table

# ---- the training loop: as many allocations for 110 steps as for 10, where the log has as many lines ----
for steps in 10 110; do
    counted m-train ./m-train --data data.safetensors --steps $steps --log-every 1000 --out steps
    eval "allocations_$steps=$(calls_of alloc)"
done
[ "$allocations_10" = "$allocations_110" ] || fail "10 steps: $allocations_10 allocations, 110 steps: $allocations_110"

# ---- the compiler ----
each tgc alloc ENOMEM 0,70 "$TGC" check m.tg
stdout_lacks 'internal error'
mkdir out
expect 0 tgc emit m.tg -o good
prepare() { echo before >out/m.c; }
cp good/m.c out/m.c.good
after() {
    whole_or_before out/m.c "$1"
    [ "$1" = 0 ] || grep -q 'out of memory\|Cannot allocate' .stderr || fail 'does not speak of memory'
}
each tgc alloc ENOMEM 0,3,70 "$TGC" emit m.tg -o out
cp m.tg m.tg.good
prepare() { cp m.tg.good m.tg; }
after() { same m.tg m.tg.good; }
each tgc alloc ENOMEM 0,3,70 "$TGC" fmt m.tg
expect 0 tgc run m.tg f --in in.safetensors --out result
mv result result.good
prepare() { echo before >result; }
after() { whole_or_before result "$1"; }
each tgc alloc ENOMEM 0,3,70 "$TGC" run m.tg --cc ./quick f --in in.safetensors --out result
expect 0 tgc run --interp m.tg f --in in.safetensors --out result
mv result result.good
each tgc alloc ENOMEM 0,3,70 "$TGC" run m.tg --interp f --in in.safetensors --out result
cp libm.so built.so.good
prepare() { echo before >built.so; }
after() { whole_or_before built.so "$1"; }
each tgc alloc ENOMEM 0,3,4,70 "$TGC" build m.tg --cc ./quick -o built.so

# ---- training: the checkpoint before stays or the next stands there whole, and going on gives the same bits ----
expect 0 ./m-train --data data.safetensors --steps 4 --seed 3 --log-every 1 --out begun
expect 0 ./m-train --data data.safetensors --steps 8 --seed 3 --out whole
prepare() { rm -rf run && cp -r begun run; }
after() {
    ./m-train --data data.safetensors --steps 8 --log-every 1 --resume run --out run >/dev/null 2>&1 || fail "status $? of going on"
    same run/weights.safetensors whole/weights.safetensors
    [ "$(grep -c '^{"step":[1-8],"loss":.*,"learning_rate":.*,"gradient_norm":.*,"seconds":.*,"memory":.*}$' run/log.jsonl)" = 8 ] ||
        fail "the log is not whole: $(cat run/log.jsonl)"
}
each m-train alloc ENOMEM 0,70 ./m-train --data data.safetensors --steps 6 --save-every 1 \
    --log-every 1 --resume run --out run
echo "$tried allocations failed"
