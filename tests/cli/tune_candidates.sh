# Every candidate of every product computes what the evaluator computes, and for the portable target the same bits: odd sizes,
# all forms, a long k in blocks, batches, an epilogue, gradients. The rows of `tgc tune --list` are dealt to files: the first candidates, the
# second, and so on.
model m.tg 'graph plain(a: [70, 150], b: [150, 69]) -> (c: [70, 69], d: [70, 150], e: [150, 69]) {' '  c = a @ b' \
    '  d, e = grad(sum(c * c), a, b)' '}' \
    'graph ends(x: [97, 64], w: [64, 128], b: [128], r: [97, 128]) -> (y: [97, 128]) { y = relu(x @ w + b) + r }' \
    'graph long(x: [2050, 49], y: [2050, 64]) -> (z: [49, 64]) { z = x.T @ y }' \
    'graph batch(a: [3, 67, 20], b: [3, 33, 20], s: [20, 48]) -> (c: [3, 67, 33], d: [3, 67, 48]) {' '  c = a @ b.T' \
    '  d = a @ s' '}'
mkdir folder got
for target in native portable; do
    expect 0 tgc tune m.tg --list --target $target -o all.tune
    rm -f [0-9]*.tune got/*
    awk '/^product/ { key = $0; sub(/ tile=.*/, "", key); file = seen[key]++ ".tune"
             if (!(file in begun)) { print "tgc tune 1" >file; print machine >file; begun[file] = 1 }
             print >file; next }
         /^machine/ { machine = $0 }' all.tune
    [ -s 8.tune ] || fail 'there are too few candidates'
    for file in [0-9]*.tune; do
        if [ $target = portable ]; then
            expect 0 tgc run --target $target --tune $file m.tg $(sed 's/want/got/' calls)
            cat folder/got* >got/$file
            exists got/$file
            same got/0.tune got/$file
            continue
        fi
        expect 0 tgc build m.tg -o lib.so --tune $file
        stderr_empty
        if [ ! -s calls ]; then
            "$TGC_TOOLS/models" inputs ./lib.so m folder 1 >calls
            expect 0 tgc run --interp --seed 7 m.tg $(cat calls)
        fi
        expect 0 "$TGC_TOOLS/models" check ./lib.so m folder 1e-3
    done
done
