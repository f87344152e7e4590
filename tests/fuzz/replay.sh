# Every input of the corpora and every finding of the past once more, and some thousand that the mutators make of them,
# under gcc's ASan and UBSan (which come with gcc): no crash, no leak, every promise of the targets kept.
command -v gcc >/dev/null || skip 'gcc is not here'
echo 'int main(void) { return 0; }' >empty.c
gcc -fsanitize=address,undefined empty.c -o empty 2>/dev/null && ./empty || skip "gcc's sanitizers are not here"

build=$(dirname "$TGC")/fuzz-replay
generator=()
if command -v ninja >/dev/null; then generator=(-G Ninja); fi
[ -f "$build/CMakeCache.txt" ] ||
    CC=gcc expect 0 cmake -S "$TGC_ROOT" -B "$build" "${generator[@]}" -DTGC_FUZZ=REPLAY -DCMAKE_BUILD_TYPE=None
expect 0 cmake --build "$build" -j 2
export ASAN_OPTIONS=malloc_context_size=2:quarantine_size_mb=8:detect_leaks=1:detect_stack_use_after_return=0
for target in scanner parser elaborate safetensors checkpoint data; do
    files=$(ls "$TGC_ROOT"/tests/fuzz/{corpus,findings}/$target.inputs 2>/dev/null)
    expect 0 "$build/replay-$target" --mutate 2000 $files
    stderr_has 'fuzz: '
    inputs=$(sed -n 's/^fuzz: \([0-9]*\) inputs.*/\1/p' .stderr)
    [ "${inputs:-0}" -ge 2050 ] || fail "only ${inputs:-0} inputs of $target were run"
done

# the text form gives every byte back
printf '# \\\n\0\377\r' >odd
mkdir in
cp odd in/a
"$build/replay-scanner" --pack in >text
"$build/replay-scanner" --unpack text out
same odd out/00000
