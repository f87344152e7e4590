# Ctrl-C at tgc train reaches the training program: it saves, and tgc ends with 130.
model m.tg 'param w: [] ~ ones' 'train step(x: [2, 1]) -> (loss: []) { loss = mean((x * w) ** 2) } using sgd(lr = 0.0001)'
safetensors data.safetensors '{"x":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}' '0000803f00000040'
"$TGC" train m.tg --data data.safetensors --steps 1000000000 --out run >out.txt 2>err.txt </dev/null &
pid=$!
for _ in $(seq 200); do [ -s run/log.jsonl ] && break; sleep 0.1; done
kill -INT $pid
wait $pid
status=$?
[ $status = 130 ] || { cat out.txt err.txt; fail "tgc train ended with status $status"; }
exists run/weights.safetensors
