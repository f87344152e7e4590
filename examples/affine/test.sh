# One plain step, W <- W - rate dW and b <- b - rate db, by the parameters that the model keeps.
safetensors in.safetensors '{"x":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"g":{"dtype":"F32","shape":[2,2],"data_offsets":[24,40]}}' \
    '0000803f 00000040 00004040 00008040 0000a040 0000c040  0000803f 00000040 000080bf 0000003f'
safetensors none.safetensors '{}'
for evaluator in '' --interp; do
    expect 0 tgc run "$TGC_ROOT/examples/affine/affine.tg" $evaluator \
        --call step:in.safetensors:loss.safetensors --call parameters:none.safetensors:after.safetensors
    expect 0 "$TGC_TOOLS/show" after.safetensors
    stdout_has 'w_now = [[2.5, -1], [2.5, -2.25], [2.5, -3.5]]' # 1 - 0.5 xᵀ g
    stdout_has 'b_now = [0, -1.25]'
    expect 0 "$TGC_TOOLS/show" loss.safetensors
    stdout_has 'loss = 10.5'
done
