# The text is what its grammar gives, windows are cut at the right bytes, and a tiny model writes: the same bytes for the
# same seed, the likeliest ones at temperature 0.
here=$TGC_ROOT/examples/gpt

LC_ALL=C awk -v seed=1 -v tales=72 -f "$here/tales.awk" >tales.txt
same tales.txt "$here/tales.txt"

printf 'abcdefghijklmnopqrstuvwxyz' >short.txt
expect 3 "$here/prepare" nowhere.txt --out run
expect 1 "$here/prepare" short.txt --out run --length 64
stderr_has 'the text is shorter than one window'
rm -r run
head -c 4000 "$here/tales.txt" >text.txt
expect 0 "$here/prepare" text.txt --out run --length 16
stdout_has 'train.safetensors: 512 windows of 16 bytes'
sizes='-D B=8 -D T=16 -D D=16 -D H=2 -D F=16 -D L=1'
# shellcheck disable=SC2086 # one word per size
expect 0 tgc train "$here/gpt.tg" $sizes -D WARM=2 --data run/train.safetensors --valid run/valid.safetensors --steps 20 --out run
# shellcheck disable=SC2086
expect 0 tgc build "$here/gpt.tg" $sizes -o run/libgpt.a
# shellcheck disable=SC2086
expect 0 "${CC:-clang}" -O1 -I run -o generate "$here/generate.c" run/libgpt.a -lcjson -lm -lpthread ${TGC_CFLAGS-}
write() { ./generate run/weights.safetensors --prompt 'The fox ' --bytes 60 "$@"; }
write --seed 1 >first && write --seed 1 >again && write --seed 2 >other
same first again
! cmp -s first other || fail 'the seed changes nothing'
write --temperature 0 --seed 1 >first && write --temperature 0 --seed 2 >again
same first again
[ "$(wc -c <first)" = 69 ] || fail 'not so many bytes as asked for'
expect 2 ./generate run/weights.safetensors --bytes
expect 3 ./generate nowhere
