# tgc bench: every key of its JSON, numbers that can be true.
model m.tg 'graph f(a: [64, 64], b: [64, 64]) -> (c: [64, 64]) { c = a @ b }'
expect 0 tgc bench m.tg f --steps 3 --threads 1 --json
for key in ms_median ms_low ms_high ms_min flop gflops peak_gflops arena_bytes rss_bytes model_bytes compile_s; do stdout_has "\"$key\""; done
stdout_matches '"flop": *(524288|5\.24288e\+0?5)'
expect 0 tgc bench m.tg f --steps 0 --threads 2 --dtype f64
stdout_has 'f: 1 calls on 2 threads'
for word in 'ms median' 'GFLOP/s measured, of which' 'MiB arena' compiling; do stdout_has "$word"; done

# what can't be timed: no such entry, no entry, a mistake, no compiler, a place that is full, ids that no table has
expect 2 tgc bench m.tg g
stderr_has 'g'
echo 'tg 1' >none.tg
expect 1 tgc bench none.tg
expect 1 bash -c 'echo "tg 1; graph (" | "$TGC" bench -'
expect 3 tgc bench nowhere.tg
expect 4 tgc bench m.tg f --cc ./no-compiler
expect 3 env TMPDIR=nowhere "$TGC" bench m.tg f
expect 0 tgc bench m.tg f --stop-after=tile
stdout_empty
if [ -e /dev/full ]; then
    expect 3 bash -c '"$TGC" bench m.tg f --steps 1 --threads 1 >/dev/full'
fi

# a C compiler that makes the model but not the program that measures the peak
printf '#!/usr/bin/env bash\ncase " $* " in *peak.c*) exit 1 ;; esac\nexec %s "$@"\n' "${CC:-clang}" >half
chmod +x half
expect 0 tgc bench m.tg f --steps 1 --threads 1 --cc ./half
stderr_has 'the peak rate of multiply-adds cannot be measured'
expect 4 tgc profile m.tg f --steps 1 --threads 1 --cc ./half
stderr_has 'the rate of memory cannot be measured'
