# Where libFuzzer is: a short run of each target from its corpus, the same seed each time, finds nothing.
export TGC_FUZZ_BUILD=$(dirname "$TGC")/fuzz
"$TGC_ROOT/tests/fuzz/run" all --runs 3000 --seed 1 >log 2>&1
status=$?
[ $status = 77 ] && skip 'libFuzzer is not here'
[ $status = 0 ] || { cat log; fail 'something was found'; }
for target in scanner parser elaborate safetensors checkpoint data; do
    grep -q "^$target: [1-9]" log || fail "$target did not run"
done
