# Files that are no safetensors, or not the right ones: status 1, a message that names file and tensor, nothing written.
model m.tg 'graph f(x: [2]) -> (y: [2]) { y = x + 1 }'

bad() { # bad WHAT [WORDS of the message]: tries bad.safetensors
    rm -f out.safetensors
    for way in '' --interp; do
        expect 1 tgc run m.tg f $way --in bad.safetensors --out out.safetensors
        stderr_has 'bad.safetensors'
        [ $# -lt 2 ] || stderr_matches "$2"
        [ "$failures" = 0 ] || { echo "  ^ $1"; failures_before=$failures; }
        absent out.safetensors
    done
}
x='"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'

: >bad.safetensors
bad 'an empty file'
bytes bad.safetensors '0800'
bad 'a file shorter than its length field'
bytes bad.safetensors 'ffffffffffffff7f 7b7d'
bad 'a header longer than the file'
bytes bad.safetensors 'ffffffffffffffff 7b7d'
bad 'a header length that overflows'
bytes bad.safetensors '0000000000000000'
bad 'a header of no bytes'
safetensors bad.safetensors '{"x":' '0000000000000000'
bad 'JSON that breaks off'
safetensors bad.safetensors '[1, 2]'
bad 'JSON that is no object'
safetensors bad.safetensors '{"x": 3}'
bad 'a tensor that is no object' x
safetensors bad.safetensors '{"x":{"dtype":"F32","shape":[2]}}' '0000000000000000'
bad 'no offsets' x
safetensors bad.safetensors '{"x":{"dtype":"Q9","shape":[2],"data_offsets":[0,8]}}' '0000000000000000'
bad 'an unknown dtype' Q9
safetensors bad.safetensors '{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,16]}}' '00000000000000000000000000000000'
bad 'offsets that are not the size of the shape' x
safetensors bad.safetensors "{$x}" '00000000'
bad 'data that breaks off' x
safetensors bad.safetensors '{"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}' '0000000000000000'
bad 'offsets the wrong way round' x
safetensors bad.safetensors '{"x":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}' '0000000000000000'
bad 'a negative offset' x
safetensors bad.safetensors '{"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}' '0000000000000000'
bad 'a negative size' x
safetensors bad.safetensors '{"x":{"dtype":"F32","shape":[4611686018427387905,4],"data_offsets":[0,16]}}' '00000000000000000000000000000000'
bad 'a shape whose size overflows' x
safetensors bad.safetensors '{"x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}}' '0000000000000000'
bad 'a shape of fractions' x
safetensors bad.safetensors "{$x,\"z\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}" '000000000000000000000000'
bad 'two tensors that overlap' '[xz]'
safetensors bad.safetensors "{$x,$x}" '0000000000000000'
bad 'a tensor named twice' x
safetensors bad.safetensors '{"y":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}' '0000000000000000'
bad 'no tensor of the name' x
safetensors bad.safetensors '{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}' '000000000000000000000000'
bad 'another shape' '\[3\]'
safetensors bad.safetensors '{"x":{"dtype":"I32","shape":[2],"data_offsets":[0,8]}}' '0000000000000000'
bad 'another dtype' 'I32'
