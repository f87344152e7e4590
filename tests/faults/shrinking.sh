# Files that become shorter while they are read: an error and its status, never a crash; and what a resumed run reads.
model m.tg 'param w: [] ~ ones' 'train step(x: [2, 64]) -> (loss: []) { loss = mean((x * w) ** 2) } using sgd(lr = 0.0001)'
zeros=$(printf '00000000%.0s' $(seq 8192))
safetensors data.safetensors '{"x":{"dtype":"F32","shape":[128,64],"data_offsets":[0,32768]}}' "$zeros"
cp data.safetensors whole.safetensors
expect 0 tgc build m.tg --exe -o m-train

shrink() { # BYTES: while the program trains; FILE is data.safetensors
    cp whole.safetensors data.safetensors
    rm -rf run
    ./m-train --data data.safetensors --steps 1000000000 --save-every 1000 --log-every 100 --out run >.stdout 2>.stderr </dev/null &
    local pid=$! status=0
    for _ in $(seq 200); do [ -e run/checkpoint.safetensors ] && break; sleep 0.05; done
    truncate -s "$1" data.safetensors
    wait $pid || status=$?
    last="data cut to $1 bytes"
    [ $status = 3 ] || fail "status $status, not 3"
    stderr_has 'data.safetensors: ends early'
    # the checkpoint before is whole, and the run goes on from it once the data are back
    cp whole.safetensors data.safetensors
    local step
    step=$(grep -ao '"tgc.step":"[0-9]*"' run/checkpoint.safetensors | tr -dc 0-9)
    expect 0 ./m-train --data data.safetensors --steps $((step + 5)) --resume run --out run
}
shrink 16384
shrink 100
shrink 0

# a file that is cut before it is opened says so as well
truncate -s 20000 data.safetensors
expect 1 ./m-train --data data.safetensors --steps 2 --out other
stderr_has 'cut short'

# replaced by another file while open: the run goes on with the one it opened
cp whole.safetensors data.safetensors
rm -rf run
./m-train --data data.safetensors --steps 3000 --log-every 1000 --out run >.stdout 2>.stderr </dev/null &
pid=$!
echo short >other.file
mv other.file data.safetensors
status=0
wait $pid || status=$?
[ $status = 0 ] || [ $status = 1 ] || fail "status $status" # 1: it was replaced before it was opened
