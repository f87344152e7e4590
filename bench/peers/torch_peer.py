"""The workloads of docs/performance.md in PyTorch, eager or through torch.compile; see common.py for its options.

The models are those of bench/*.tg: the same layers, sizes, loss, optimiser and clipping, written as a user of PyTorch
would write them for speed: fused attention (scaled_dot_product_attention), one product for queries, keys and values of
self-attention, the fused optimiser. Products alone (W4) and AdamW are the library's own kernels in either mode.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

import common

given = common.options(["eager", "compile"])
torch.set_num_threads(given.threads)
torch.set_num_interop_threads(1)
torch.manual_seed(0)


def compiled(function):
    return torch.compile(function) if given.mode == "compile" else function


def heads(x, count):
    return x.unflatten(-1, (count, -1)).transpose(-3, -2)


class Attention(nn.Module):
    """Of x to itself or, where it is `cross`, to y: one product for all that is read from the same values."""

    def __init__(self, d, h, cross=False):
        super().__init__()
        self.h, self.cross = h, cross
        self.qkv, self.o = nn.Linear(d, d if cross else 3 * d), nn.Linear(d, d)
        self.kv = nn.Linear(d, 2 * d) if cross else None

    def forward(self, x, y=None, mask=None, causal=False):
        q, k, v = [self.qkv(x), *self.kv(y).chunk(2, -1)] if self.cross else self.qkv(x).chunk(3, -1)
        mixed = F.scaled_dot_product_attention(
            heads(q, self.h), heads(k, self.h), heads(v, self.h), attn_mask=mask, is_causal=causal)
        return self.o(mixed.transpose(-3, -2).flatten(-2))


class Layer(nn.Module):
    """Pre-norm: self-attention, attention to `memory` if the layer has it, a feed-forward map."""

    def __init__(self, d, h, f, cross, act):
        super().__init__()
        self.own, self.norm1 = Attention(d, h), nn.LayerNorm(d)
        self.other, self.norm2 = (Attention(d, h, True), nn.LayerNorm(d)) if cross else (None, None)
        self.up, self.down, self.norm3 = nn.Linear(d, f), nn.Linear(f, d), nn.LayerNorm(d)
        self.act = act

    def forward(self, x, mask=None, causal=False, memory=None, memory_mask=None):
        x = x + self.own(self.norm1(x), None, mask, causal)
        if self.other is not None:
            x = x + self.other(self.norm2(x), memory, memory_mask)
        return x + self.down(self.act(self.up(self.norm3(x))))


def sinusoid(n, d):
    place, pair = torch.arange(n)[:, None], torch.arange(0, d, 2)[None]
    angle = place / 10000 ** (pair / d)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(-2)


class Translator(nn.Module):
    def __init__(self, v, d, h, f, layers):
        super().__init__()
        self.source, self.target, self.out = nn.Embedding(v, d), nn.Embedding(v, d), nn.Linear(d, v)
        self.enc = nn.ModuleList(Layer(d, h, f, False, F.relu) for _ in range(layers))
        self.dec = nn.ModuleList(Layer(d, h, f, True, F.relu) for _ in range(layers))
        self.enc_norm, self.dec_norm = nn.LayerNorm(d), nn.LayerNorm(d)
        self.scale = math.sqrt(d)

    def forward(self, src, tgt, gold, places, causal):
        src_mask = (src != 0)[:, None, None]
        x = self.source(src) * self.scale + places[: src.shape[1]]
        for layer in self.enc:
            x = layer(x, src_mask)
        memory = self.enc_norm(x)
        y = self.target(tgt) * self.scale + places[: tgt.shape[1]]
        own = causal & (tgt != 0)[:, None, None]
        for layer in self.dec:
            y = layer(y, own, memory=memory, memory_mask=src_mask)
        scores = self.out(self.dec_norm(y))
        return F.cross_entropy(scores.flatten(0, 1), gold.flatten(), ignore_index=0, label_smoothing=0.1)


def training(model, loss_of, optimiser, clip):
    def step():
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimiser.step()
        return loss.item()

    return step


def w1(_, sizes):
    b, t, v, d = (sizes[name] for name in "BTVD")
    model = Translator(v, d, 8, sizes["F"], sizes["L"])
    src, tgt, gold = (torch.randint(1, v, (b, t)) for _ in range(3))
    places, causal = sinusoid(t, d), torch.ones(t, t, dtype=torch.bool).tril()
    forward = compiled(model)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-9, fused=True)
    return training(model, lambda: forward(src, tgt, gold, places, causal), optimiser, 1.0)


class Writer(nn.Module):
    """GPT-2."""

    def __init__(self, v, d, h, layers, places=1024):
        super().__init__()
        self.words, self.places = nn.Embedding(v, d), nn.Embedding(places, d)
        nn.init.normal_(self.words.weight, std=0.02)
        nn.init.normal_(self.places.weight, std=0.01)
        gelu = nn.GELU(approximate="tanh")
        self.layers = nn.ModuleList(Layer(d, h, 4 * d, False, gelu) for _ in range(layers))
        self.norm = nn.LayerNorm(d)

    def forward(self, x, y):
        h = self.words(x) + self.places.weight[: x.shape[1]]
        for layer in self.layers:
            h = layer(h, causal=True)
        scores = self.norm(h) @ self.words.weight.T
        return F.cross_entropy(scores.flatten(0, 1), y.flatten())


def w2(_, sizes):
    b, t, v = (sizes[name] for name in "BTV")
    model = Writer(v, sizes["D"], 12, sizes["L"])
    x, y = (torch.randint(0, v, (b, t)) for _ in range(2))
    forward = compiled(model)
    tables = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": tables, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=1e-4, betas=(0.9, 0.95), fused=True)
    return training(model, lambda: forward(x, y), optimiser, None)


def w3(_, sizes):
    shape = [sizes[name] for name in "BHTK"]
    q, k, v = (torch.randn(shape, requires_grad=True) for _ in range(3))
    g = torch.randn(shape)
    attend = compiled(lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True))

    def step():
        q.grad = k.grad = v.grad = None
        attend().backward(g)

    return step


def w4(entry, sizes):
    m, n, k, batch = (sizes[name] for name in ("M", "N", "K", "BATCH"))
    lead = (batch,) if batch > 1 else ()
    a = torch.randn(*lead, k, m).mT if entry.endswith("tn") else torch.randn(*lead, m, k)
    b = torch.randn(*lead, n, k).mT if entry.endswith("nt") else torch.randn(*lead, k, n)
    c = torch.empty(*lead, m, n)

    def step():
        torch.matmul(a, b, out=c)

    return step


def forward_backward(value, inputs):
    g = torch.randn_like(value())

    def step():
        for x in inputs:
            x.grad = None
        value().backward(g)

    return step


def w5(entry, sizes):
    rows, columns = sizes["M"], sizes["N"]
    x = torch.randn(rows, columns, requires_grad=entry != "adamw")
    if entry == "layernorm":
        gain, bias = torch.ones(columns, requires_grad=True), torch.zeros(columns, requires_grad=True)
        norm = compiled(lambda: F.layer_norm(x, (columns,), gain, bias, 1e-5))
        return forward_backward(norm, [x, gain, bias])
    if entry in ("cross_entropy", "smoothed"):
        gold = torch.randint(0, columns, (rows,))
        loss = compiled(lambda: F.cross_entropy(x, gold, label_smoothing=0.1 if entry == "smoothed" else 0.0))
        return forward_backward(loss, [x])
    if entry == "gelu":
        return forward_backward(compiled(lambda: F.gelu(x)), [x])
    parameter = nn.Parameter(x)
    parameter.grad = torch.randn(rows, columns)
    optimiser = torch.optim.AdamW([parameter], lr=1e-4, weight_decay=0.1, fused=True)
    return optimiser.step


def w6(_, sizes):
    v, d, layers = (sizes[name] for name in "VDL")
    h, places, at = 12, 1024, 512
    model = Writer(v, d, h, layers)
    keys, values = (torch.zeros(layers, 1, h, places, d // h) for _ in range(2))
    token = torch.randint(0, v, (1, 1))

    @torch.no_grad()
    def write():
        x = model.words(token) + model.places.weight[at : at + 1]
        for i, layer in enumerate(model.layers):
            n = layer.norm1(x)
            q, k, value = layer.own.qkv(n).chunk(3, -1)
            keys[i, :, :, at : at + 1], values[i, :, :, at : at + 1] = heads(k, h), heads(value, h)
            mixed = F.scaled_dot_product_attention(
                heads(q, h), keys[i, :, :, : at + 1], values[i, :, :, : at + 1])
            x = x + layer.own.o(mixed.transpose(-3, -2).flatten(-2))
            x = x + layer.down(layer.act(layer.up(layer.norm3(x))))
        return model.norm(x) @ model.words.weight.T

    return compiled(write)


print(f'{{"library": "torch {torch.__version__}", "mode": "{given.mode}"}}', flush=True)
common.serve({"W1": w1, "W2": w2, "W3": w3, "W4": w4, "W5": w5, "W6": w6})
