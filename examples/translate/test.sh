# The corpus is what its grammar gives, pairs become tensors or a clear message, BLEU is sacreBLEU's, and a translator of
# tiny sizes goes the whole way from sentences to sentences.
here=$TGC_ROOT/examples/translate

expect 0 "$here/corpus/generate" --check
stdout_has '7000 pairs to train on, 300 to test'

# ---- BLEU: numbers of sacreBLEU 2.6.0, corpus_bleu(translations, [references], tokenize="13a") ----

scored() { # EXACT BLEU PRECISIONS, texts in h and r
    expect 0 "$here/score" h r --detail
    stdout_has "exact $1"
    stdout_matches "^$2 $3"
}
cat >h <<'E1'
The cat sat on the mat.
It costs $3.50, or 1,000.5 yen.
"Yes" - she said: 3-4 times (a/b)!
U.S. & Japan...
&quot;A&quot; &amp; B <skipped>
 two  spaces
E1
cat >r <<'E1'
The cat sat on a mat.
It cost $3.5, or 1,000.5 yen!
"Yes," she said: 3-4 times (a/b).
The U.S. and Japan ...
"A" & B
two spaces
E1
scored '16.67 % (1 of 6)' 61.880393 '85.7143/69.7674/56.7568/46.8750 BP 0.979799, 49 words for 50'
printf 'the the the the\na b c\n' >h
printf 'the cat is here\na b c\n' >r
scored '50.00 % (1 of 2)' 44.179182 '57.1429/40.0000/33.3333/50.0000 BP 1.000000, 7 words for 7'
printf 'a x c d e y g\nHello world .\n' >h
printf 'a b c d e f g\nHello world.\n' >r
scored '0.00 % (0 of 2)' 35.930411 '80.0000/50.0000/33.3333/12.5000'
printf 'a b c\nd e\n' >h # no 4-gram at all
scored_zero() { expect 0 "$here/score" h r; stdout_has 'BLEU 0.00'; }
cp h r
scored_zero
printf 'x y\n\n' >h # nothing matches, and an empty line
scored_zero
printf 'いぬ\tThe dog.\tfurther\r\nねこ\tA cat.\tfurther\r\n' >r # a column of a TSV
printf 'The dog.\nA  cow.\n' >h
expect 0 "$here/score" h r --at-least 50
stdout_has 'exact 50.00 % (1 of 2)'
expect 1 "$here/score" h r --at-least 51
stderr_has 'fewer than 51 %'
printf 'one line\n' >h
expect 1 "$here/score" h r
stderr_has 'give one line each'
expect 3 "$here/score" h nowhere
stderr_has "can't read nowhere"
rm h r

# ---- pairs to tensors ----

command -v spm_train >/dev/null || skip 'SentencePiece is not here'
prepared() { # STATUS ARGUMENT...: where it fails nothing is left behind
    local status=$1
    shift
    expect "$status" "$here/prepare" "$@"
    [ "$status" = 0 ] || absent data
}
printf '\357\273\277いぬ\tThe dog.\tmore\r\n\r\nねこがいます。\tThere is a cat.\r\n' >two.tsv
printf 'いぬ\tThe dog.\nno tab\n\tempty side\nempty side\t \n' >bad.tsv
printf 'ok\tok\nbad \377\tbyte\n' >bytes.tsv
printf '\n' >empty.tsv
printf '1\tいぬ\t2\tThe dog.\n3\tねこ\t4\tThe cat.\n' >tatoeba.tsv
prepared 1 bad.tsv --out data
stderr_has 'bad.tsv:2: no tab'
stderr_has 'bad.tsv:3: the source (column 1) is empty'
stderr_has 'bad.tsv:4: the target (column 2) is empty'
prepared 1 bytes.tsv --out data
stderr_has 'bytes.tsv:2: byte 5 is not UTF-8'
prepared 1 empty.tsv --out data
stderr_has 'there is no sentence pair in it'
prepared 1 tatoeba.tsv --out data --target-column 5
stderr_has 'there is no column 5 for the target'
prepared 1 two.tsv --out data --vocab 16
stderr_has 'that --vocab must be at least'
prepared 3 nowhere.tsv --out data
stderr_has "can't read nowhere.tsv"
prepared 2 two.tsv --out data --vocab many
prepared 2 two.tsv
expect 3 "$here/prepare" two.tsv --out two.tsv/data
stderr_has "can't make the folder"
expect 0 "$here/prepare" two.tsv --out data --source-length 8 --target-length 4
stdout_has '1 longer than 8 or 3 tokens left out'
expect 0 "$here/prepare" tatoeba.tsv --out 'a, folder' --source-column 2 --target-column 4 --separate --vocab 30
exists 'a, folder/train.safetensors'
[ "$(ls -A 'a, folder' | wc -l)" = 3 ] || fail 'prepare left files behind'
rm -r data 'a, folder' ./*.tsv

# ---- all the way, in tiny sizes ----

sizes='-D B=16 -D D=16 -D H=2 -D F=16 -D L=1 -D V=400'
head -n 200 "$here/corpus/train.tsv" >train.tsv
head -n 21 "$here/corpus/test.tsv" >test.tsv
expect 0 "$here/prepare" train.tsv --valid test.tsv --vocab 400 --out run --source-length 32 --target-length 32
# shellcheck disable=SC2086 # one word per size
expect 0 tgc train "$here/translate.tg" $sizes -D S=32 -D T=32 -D WARM=2 --data run/train.safetensors \
    --valid run/valid.safetensors --steps 5 --out run
# shellcheck disable=SC2086
expect 0 "$here/compile" run $sizes -D S=32 -D T=32
cut -f 1 test.tsv >sentences
"$here/translate" run <sentences >together || fail 'translate fails'
[ "$(wc -l <together)" = 21 ] || fail 'a line for each sentence is missing'
while IFS= read -r sentence; do printf '%s\n' "$sentence" | "$here/translate" run; done <sentences >singly
same together singly
expect 0 "$here/score" together test.tsv
# shellcheck disable=SC2086
for shared in 0 1; do expect 0 tgc check "$here/translate.tg" $sizes -D SHARED=$shared; done
printf '400 5\n' >ids
expect 5 sh -c 'run/decoder run/weights.safetensors <ids'
printf '5 x\n' >ids
expect 1 sh -c 'run/decoder run/weights.safetensors <ids'
stderr_has 'line 1 is not a line of ids'
expect 3 sh -c 'run/decoder nowhere <ids'
