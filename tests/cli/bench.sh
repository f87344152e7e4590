# tgc bench: every key of its JSON, numbers that can be true.
model m.tg 'graph f(a: [64, 64], b: [64, 64]) -> (c: [64, 64]) { c = a @ b }'
expect 0 tgc bench m.tg f --steps 3 --threads 1 --json
for key in ms_median ms_low ms_high ms_min flop gflops peak_gflops arena_bytes rss_bytes model_bytes compile_s; do stdout_has "\"$key\""; done
stdout_matches '"flop": *(524288|5\.24288e\+0?5)'
expect 0 tgc bench m.tg f --steps 3
stdout_has 'ms'
