# tgc gradcheck: compiled gradients against central differences, per input and parameter.
model m.tg 'param W: [3, 2] ~ xavier' 'graph f(x: [4, 3]) -> (y: [4, 2]) { y = tanh(x @ W) ** 2 }' \
    'train step(x: [4, 3], i: i32[4]) -> (loss: []) { loss = cross_entropy(dropout(x, 0.2) @ W, i % 2) } using sgd(lr = 0.1)'
expect 0 tgc gradcheck m.tg
stdout_has 'x'
stdout_has 'W'
expect 0 tgc gradcheck m.tg f
expect 2 tgc gradcheck m.tg nothing
