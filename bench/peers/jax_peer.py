"""The workloads of docs/performance.md in JAX, jitted as a whole; see common.py for its options.

The models are those of bench/*.tg and of torch_peer.py; parameters and optimiser state are donated, so that a step may
write in place.
"""
import math
from functools import partial

import jax
import jax.numpy as jnp

import common

given = common.options(["jit"])
key = jax.random.key(0)


def draw(*shape, scale=1.0):
    global key
    key, one = jax.random.split(key)
    return scale * jax.random.normal(one, shape, jnp.float32)


def integers(low, high, *shape):
    global key
    key, one = jax.random.split(key)
    return jax.random.randint(one, shape, low, high)


def dense(i, o):
    return {"w": draw(i, o, scale=i**-0.5), "b": jnp.zeros(o)}


def norm_new(d):
    return {"gain": jnp.ones(d), "bias": jnp.zeros(d)}


def norm(p, x):
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * p["gain"] + p["bias"]


def affine(p, x):
    return x @ p["w"] + p["b"]


def heads(x, h):
    return x.reshape(*x.shape[:-1], h, -1)  # [batch, places, heads, width], as dot_product_attention takes them


def attention_new(d, cross=False):
    maps = {"q": dense(d, d), "kv": dense(d, 2 * d)} if cross else {"qkv": dense(d, 3 * d)}
    return maps | {"o": dense(d, d)}


def attention(p, x, y, h, mask=None, causal=False):
    if "qkv" in p:
        q, k, v = jnp.split(affine(p["qkv"], x), 3, -1)
    else:
        q, k, v = affine(p["q"], x), *jnp.split(affine(p["kv"], y), 2, -1)
    mixed = jax.nn.dot_product_attention(heads(q, h), heads(k, h), heads(v, h), mask=mask, is_causal=causal)
    return affine(p["o"], mixed.reshape(x.shape))


def layer_new(d, f, cross):
    layer = {"own": attention_new(d), "norm1": norm_new(d), "up": dense(d, f), "down": dense(f, d), "norm3": norm_new(d)}
    return layer | ({"other": attention_new(d, True), "norm2": norm_new(d)} if cross else {})


def layer_run(p, x, h, act, mask=None, causal=False, memory=None, memory_mask=None):
    x = x + attention(p["own"], norm(p["norm1"], x), None, h, mask, causal)
    if "other" in p:
        x = x + attention(p["other"], norm(p["norm2"], x), memory, h, memory_mask)
    return x + affine(p["down"], act(affine(p["up"], norm(p["norm3"], x))))


def cross_entropy(scores, gold, ignore=None, smooth=0.0):
    logs = jax.nn.log_softmax(scores)
    each = -(1 - smooth) * jnp.take_along_axis(logs, gold[..., None], -1)[..., 0] - smooth * logs.mean(-1)
    kept = jnp.ones_like(each) if ignore is None else (gold != ignore).astype(jnp.float32)
    return (each * kept).sum() / kept.sum()


def training(params, loss_of, rate, beta1, beta2, eps, decay, clip):
    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def update(params, m, v, count):
        loss, grads = jax.value_and_grad(loss_of)(params)
        if clip:
            size = jnp.sqrt(sum((g**2).sum() for g in jax.tree.leaves(grads)))
            grads = jax.tree.map(lambda g: g * jnp.minimum(1, clip / size), grads)
        m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, grads)
        v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, grads)
        params = jax.tree.map(
            lambda p, m, v: p * (1 - rate * decay * (p.ndim > 1))
            - rate * (m / (1 - beta1**count)) / (jnp.sqrt(v / (1 - beta2**count)) + eps), params, m, v)
        return params, m, v, loss

    zeros = jax.tree.map(jnp.zeros_like, params)
    state = [params, zeros, jax.tree.map(jnp.zeros_like, params), 0]

    def step():
        state[3] += 1
        *state[:3], loss = update(*state[:3], float(state[3]))
        return float(loss)

    return step


def w1(_, sizes):
    b, t, v, d, f, count = (sizes[name] for name in "BTVDFL")
    h = 8
    params = {"source": draw(v, d, scale=d**-0.5), "target": draw(v, d, scale=d**-0.5), "out": dense(d, v),
              "enc": [layer_new(d, f, False) for _ in range(count)], "dec": [layer_new(d, f, True) for _ in range(count)],
              "enc_norm": norm_new(d), "dec_norm": norm_new(d)}
    src, tgt, gold = (integers(1, v, b, t) for _ in range(3))
    angle = jnp.arange(t)[:, None] / 10000 ** (jnp.arange(0, d, 2)[None] / d)
    places = jnp.stack([jnp.sin(angle), jnp.cos(angle)], -1).reshape(t, d)
    causal = jnp.tril(jnp.ones((t, t), bool))

    def loss_of(p):
        src_mask = (src != 0)[:, None, None]
        x = p["source"][src] * math.sqrt(d) + places
        for layer in p["enc"]:
            x = layer_run(layer, x, h, jax.nn.relu, src_mask)
        memory = norm(p["enc_norm"], x)
        y = p["target"][tgt] * math.sqrt(d) + places
        own = causal & (tgt != 0)[:, None, None]
        for layer in p["dec"]:
            y = layer_run(layer, y, h, jax.nn.relu, own, memory=memory, memory_mask=src_mask)
        return cross_entropy(affine(p["out"], norm(p["dec_norm"], y)), gold, 0, 0.1)

    return training(params, loss_of, 1e-4, 0.9, 0.98, 1e-9, 0.0, 1.0)


def writer_new(v, d, layers):
    return {"words": draw(v, d, scale=0.02), "places": draw(1024, d, scale=0.01), "norm": norm_new(d),
            "layers": [layer_new(d, 4 * d, False) for _ in range(layers)]}


def w2(_, sizes):
    b, t, v, d, count = (sizes[name] for name in "BTVDL")
    x, y = (integers(0, v, b, t) for _ in range(2))

    def loss_of(p):
        h = p["words"][x] + p["places"][:t]
        for layer in p["layers"]:
            h = layer_run(layer, h, 12, jax.nn.gelu, causal=True)
        return cross_entropy(norm(p["norm"], h) @ p["words"].T, y)

    return training(writer_new(v, d, count), loss_of, 1e-4, 0.9, 0.95, 1e-8, 0.1, None)


def timed(function, *arguments):
    run = jax.jit(function)
    return lambda: jax.block_until_ready(run(*arguments))


def w3(_, sizes):
    q, k, v, g = (draw(*(sizes[name] for name in "BTHK")) for _ in range(4))

    def both(q, k, v, g):
        value, back = jax.vjp(lambda q, k, v: jax.nn.dot_product_attention(q, k, v, is_causal=True), q, k, v)
        return value, back(g)

    return timed(both, q, k, v, g)


def w4(entry, sizes):
    m, n, k, batch = (sizes[name] for name in ("M", "N", "K", "BATCH"))
    lead, tn, nt = (batch,) if batch > 1 else (), entry.endswith("tn"), entry.endswith("nt")
    a, b = draw(*lead, *((k, m) if tn else (m, k))), draw(*lead, *((n, k) if nt else (k, n)))
    return timed(lambda a, b: (a.mT if tn else a) @ (b.mT if nt else b), a, b)


def w5(entry, sizes):
    rows, columns = sizes["M"], sizes["N"]
    x = draw(rows, columns)
    gold = integers(0, columns, rows)
    if entry in ("cross_entropy", "smoothed"):
        smooth = 0.1 if entry == "smoothed" else 0.0
        return timed(jax.value_and_grad(lambda x, gold: cross_entropy(x, gold, None, smooth)), x, gold)
    if entry != "adamw":
        value = norm if entry == "layernorm" else lambda _, x: jax.nn.gelu(x, approximate=False)

        def both(p, x, g):
            y, back = jax.vjp(value, p, x)
            return y, back(g)

        return timed(both, norm_new(columns), x, draw(rows, columns))
    g = draw(rows, columns)
    state = [x, jnp.zeros_like(x), jnp.zeros_like(x)]

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def update(p, m, v, g):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        return p * (1 - 1e-5) - 1e-4 * m / (jnp.sqrt(v) + 1e-8), m, v

    def step():
        state[:] = update(*state, g)
        jax.block_until_ready(state)

    return step


def w6(_, sizes):
    v, d, layers = (sizes[name] for name in "VDL")
    h, at = 12, 512
    p = writer_new(v, d, layers)
    state = [jnp.zeros((layers, 1024, h, d // h)), jnp.zeros((layers, 1024, h, d // h))]
    token = integers(0, v, 1)

    @partial(jax.jit, donate_argnums=(1, 2))
    def write(p, keys, values, token, at):
        x = p["words"][token] + jax.lax.dynamic_slice(p["places"], (at, 0), (1, d))
        seen = jnp.arange(1024) <= at
        for i, layer in enumerate(p["layers"]):
            n = norm(layer["norm1"], x)
            q, k, value = jnp.split(affine(layer["own"]["qkv"], n), 3, -1)
            keys = jax.lax.dynamic_update_slice(keys, heads(k, h)[None], (i, at, 0, 0))
            values = jax.lax.dynamic_update_slice(values, heads(value, h)[None], (i, at, 0, 0))
            scores = jnp.einsum("hk,phk->hp", q.reshape(h, d // h), keys[i]) / math.sqrt(d // h)
            shares = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf))
            x = x + affine(layer["own"]["o"], jnp.einsum("hp,phk->hk", shares, values[i]).reshape(1, d))
            x = x + affine(layer["down"], jax.nn.gelu(affine(layer["up"], norm(layer["norm3"], x))))
        return keys, values, norm(p["norm"], x) @ p["words"].T

    def step():
        *state[:], scores = write(p, *state, token, at)
        scores.block_until_ready()

    return step


print(f'{{"library": "jax {jax.__version__}"}}', flush=True)
common.serve({"W1": w1, "W2": w2, "W3": w3, "W4": w4, "W5": w5, "W6": w6})
