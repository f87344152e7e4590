# The training program's options, data and checkpoints, one row each: the status, what is said, and the words.
model m.tg 'dim B = 2' 'param W: [3] ~ ones' 'train step(x: [B, 3], ids: i32[B, 2]) -> (loss: []) {' \
    '  loss = mean((x @ W - f32(sum(ids, axis = 1))) ** 2)' '} using sgd(lr = 0.01)' \
    'train other(x: [B, 3]) -> (loss: []) { loss = mean((x @ W) ** 2) } using adam(lr = 0.01, accumulate = 2)' \
    'graph step_valid(x: [B, 3], ids: i32[B, 2]) -> (loss: []) { loss = mean((x @ W - f32(sum(ids, axis = 1))) ** 2) }' \
    'graph valid(x: [B, 3]) -> (loss: [], more: []) {' '  loss = mean(x @ W)' '  more = loss' '}'
data() { # data FILE NAME-OF-X DTYPE ROWS COLUMNS ROWS-OF-IDS: ones and the id 1
    local x=$(($4 * $5 * 4)) ids=$(($6 * 8))
    safetensors "$1" "{\"$2\":{\"dtype\":\"$3\",\"shape\":[$4,$5],\"data_offsets\":[0,$x]},\"ids\":{\"dtype\":\"I32\",\"shape\":[$6,2],\"data_offsets\":[$x,$((x + ids))]}}" \
        "$(printf '0000803f%.0s' $(seq $((x / 4)))) $(printf '01000000%.0s' $(seq $((ids / 4))))"
}
data good x F32 5 3 5
data few x F32 1 3 1
data typed x I32 5 3 5
data wide x F32 5 4 5
data uneven x F32 5 3 4
data unnamed q F32 5 3 5
safetensors flat '{"x":{"dtype":"F32","shape":[6],"data_offsets":[0,24]}}' "$(printf '0000803f%.0s' $(seq 6))"
safetensors weights '{"V":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}' 0000803f0000803f0000803f
expect 0 tgc build m.tg --exe -o m-train
expect 0 ./m-train --data good --entry step --steps 4 --out run

while IFS='|' read -r status word line; do
    # shellcheck disable=SC2086 # words
    expect "$status" ./m-train $line
    [ -z "$word" ] || cat .stdout .stderr | grep -qF -e "$word" || fail "nothing says: $word"
done <<'ROWS'
0|usage:|--help
0|usage:|--data good --help
2|unknown option '--date'|--date good
2|unknown option 'good'|good
2|--data needs a value|--data
2|--data needs a name|--data= --steps 1
2|--steps needs a whole number|--data good --steps -3
2|--steps needs a whole number|--data good --steps 3x
2|--steps needs a whole number|--data good --steps=99999999999999999999999
2|--steps needs a whole number|--data good --steps=9999999999999999999
2|--data is missing|--steps 3
2|--steps is missing|--data good
2|not both|--data good --steps 3 --epochs 1
2|--log-every needs|--data good --steps 3 --log-every 0
2|--init cannot|--data good --steps 3 --resume run --init weights
2|several train entries|--data good --steps 3
2|no train entry third|--data good --steps 3 --entry third
2|--valid needs a graph entry|--data good --steps 3 --entry other --valid good
3|nowhere|--data nowhere --steps 3 --entry step
3|nowhere|--data good --steps 3 --entry step --valid nowhere --out v
3|nowhere|--data good --steps 3 --entry step --init nowhere --out v
3|nowhere|--data good --steps 3 --entry step --resume nowhere
1|W|--data good --steps 3 --entry step --init weights --out v
1|fewer than one batch|--data few --steps 3 --entry step
1|I32 [5, 3]|--data typed --steps 3 --entry step
1|F32 [5, 4]|--data wide --steps 3 --entry step
1|has 4|--data uneven --steps 3 --entry step
1|has no tensor x|--data unnamed --steps 3 --entry step
1|F32 [6]|--data flat --steps 3 --entry other
2|which going on cannot change|--data good --steps 9 --entry step --resume run --seed 5
1|made by the train entry step|--data good --steps 9 --entry other --resume run
3|good|--data good --steps 3 --entry step --out good
3|/proc|--data good --steps 3 --entry step --out /proc/nowhere/run
0|step 5/5|--data good --entry step --epochs 2 --log-every 1 --save-every 2 --threads 2 --out deep/er/run
0|validation loss|--data good --entry step --steps 6 --valid good --valid-every 2 --resume run --out further
0|step 3/3|--data=good --entry=other --steps=3 --seed=7 --threads=9999 --out=o
0||--data good --entry step --steps 4 --resume run
ROWS
exists deep/er/run/weights.safetensors
exists further/checkpoint.safetensors
stdout_empty

# a log that was cut off or holds other lines goes on behind its last whole step
cp -r run cut
printf 'no record\n{"step":5' >>cut/log.jsonl
expect 0 ./m-train --data good --entry step --steps 6 --log-every 1 --resume cut
stdout_lacks 'no record'
[ "$(tail -n 1 cut/log.jsonl | cut -c1-9)" = '{"step":6' ] || fail 'the log does not end with step 6'
! grep -q 'no record' cut/log.jsonl || fail 'the log kept a line that is no record'
rm cut/log.jsonl
expect 0 ./m-train --data good --entry step --steps 7 --log-every 1 --resume cut
[ "$(wc -l <cut/log.jsonl)" = 1 ] || fail 'a new log does not hold one step'

# on a terminal the line is drawn again; the last one stays
if command -v script >/dev/null; then
    expect 0 script -qec './m-train --data good --entry step --steps 30 --valid good --valid-every 20 --out t' typescript
    grep -aq 'step 30/30' typescript || fail 'the last step is not drawn'
    grep -aq 'tokens/s' typescript || fail 'no tokens are counted'
    grep -aqF "$(printf '\r\033[K')" typescript || fail 'the line is not drawn in place'
fi
