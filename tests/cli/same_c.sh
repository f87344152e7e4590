# The same text gives the same C for a named target: every model is written twice, the second time with all that could
# matter otherwise: another folder and name of the compiler, HOME, TMPDIR, time zone, locale, umask, environment, no
# randomised addresses, memory that malloc and free fill with other bytes, and by another build of tgc where $TGC_OTHER
# names one (by clang instead of gcc, say). The same for libraries: their bytes hold no folder and no date.
mkdir -p plain other/deep/models home
umask 022
models=$(ls "$TGC_ROOT"/tests/models/*.tg "$TGC_ROOT"/examples/*/*.tg)
elsewhere() {
    local fixed=()
    command -v setarch >/dev/null && setarch "$(uname -m)" -R true 2>/dev/null && fixed=(setarch "$(uname -m)" -R)
    (
        umask 077
        cd other/deep || exit 1
        env -i PATH="$PATH" HOME="$PWD/nowhere" TMPDIR="$home" TZ=Asia/Kathmandu LANG=tr_TR.UTF-8 LC_ALL=C \
            MALLOC_PERTURB_=165 MALLOC_ARENA_MAX=1 MALLOC_TOP_PAD_=4096 COLUMNS=40 TERM=dumb PADDING="$(seq -s, 4000)" \
            ${TGC_CFLAGS:+TGC_CFLAGS="$TGC_CFLAGS"} ${ASAN_OPTIONS:+ASAN_OPTIONS="$ASAN_OPTIONS"} \
            "${fixed[@]}" "$@"
    )
}
home=$PWD/home
ln -s "${TGC_OTHER:-$TGC}" other/deep/another-name
for path in $models; do
    name=$(basename "$path" .tg)
    cp "$path" "${path%/*}"/*.h other/deep/models/ 2>/dev/null
    expect 0 "$TGC" emit "$path" --target x86-64-v3 -o "plain/$name"
    expect 0 elsewhere ./another-name emit "models/$name.tg" --target x86-64-v3 -o "$home/$name"
    for file in plain/"$name"/*; do same "$file" "home/$name/${file##*/}"; done
done
[ "$(ls plain | wc -l)" -ge 20 ] || fail 'hardly any model was written'
grep -rlF -e "$PWD" -e "$TGC_ROOT" plain && fail 'a folder stands in the C'

# libraries
cp "$TGC_ROOT"/tests/models/optimiser_adam.tg m.tg
cp m.tg other/deep/
expect 0 "$TGC" build m.tg --target x86-64-v3 -o libm.so
expect 0 elsewhere ./another-name build m.tg --target x86-64-v3 -o "$home/libm.so"
same libm.so home/libm.so
if [ -z "${TGC_COVERAGE:-}" ]; then # counters know their folder
    strings -a libm.so 2>/dev/null | grep -F -e "$PWD" -e "$TGC_ROOT" -e tgc- -e /tmp && fail 'a folder stands in the library'
fi
