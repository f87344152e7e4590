"""What is measured: the families of workloads, and the rows of bench/workloads.tsv.

A family has tgc's model, the sizes that a row may change, and what a call has to do at least: its arithmetic, for a
share of the multiply-add peak, or its bytes, each input read and each result written once, for a share of memory's rate.
This is the workload's own work, the same for everybody; what a program does beside it (probabilities computed again,
panels packed) makes its share smaller.

    W4  nn  M=256 N=768 K=768      2 M N K multiply-adds and additions, 0.30 GFLOP
"""
from collections import namedtuple
from pathlib import Path

bench = Path(__file__).resolve().parent.parent

Family = namedtuple("Family", "model sizes work")
Row = namedtuple("Row", "set workload entry given sizes work unit")


def translator_step(_, s):
    """Products alone: an encoder's layer, a decoder's, the scores; forward once, backward twice."""
    layers = s["L"] * (12 * s["D"] ** 2 + 4 * s["D"] * s["F"] + 6 * s["T"] * s["D"])
    return 6 * s["B"] * s["T"] * (layers + s["V"] * s["D"]), "flop"


def writer_step(_, s):
    layers = s["L"] * (12 * s["D"] ** 2 + 2 * s["T"] * s["D"])
    return 6 * s["B"] * s["T"] * (layers + s["V"] * s["D"]), "flop"


def causal_attention(_, s):
    """Six products of T x T x 64 a head, the half of each that the causal mask leaves."""
    return 12 * s["B"] * s["H"] * s["T"] ** 2 * s["K"] // 2, "flop"


def product(_, s):
    return 2 * s["M"] * s["N"] * s["K"] * s["BATCH"], "flop"


def row_bytes(entry, s):
    """Tensors of [M, N] that are read or written: x and the adjoint of y in, y and the adjoint of x out; …"""
    tensors = {"layernorm": 4, "gelu": 4, "cross_entropy": 2, "smoothed": 2, "adamw": 7}[entry]
    return 4 * tensors * s["M"] * s["N"], "bytes"


def token_bytes(_, s):
    """Every weight once: the layers' and the table of words; one row of the places."""
    return 4 * (s["L"] * (12 * s["D"] ** 2 + 13 * s["D"]) + (s["V"] + 3) * s["D"]), "bytes"


translator = {"B": 64, "S": 32, "T": 32, "V": 8000, "D": 256, "F": 1024, "L": 3}
writer = {"B": 4, "T": 64, "V": 50257, "D": 768, "L": 12}
families = {
    "W1": Family("w1.tg", translator, translator_step),
    "W2": Family("gpt2.tg", writer, writer_step),
    "W3": Family("attention.tg", {"B": 4, "H": 8, "T": 512, "K": 64}, causal_attention),
    "W4": Family("gemm.tg", {"M": 1024, "N": 1024, "K": 1024, "BATCH": 1}, product),
    "W5": Family("rows.tg", {"M": 2048, "N": 256}, row_bytes),
    "W6": Family("gpt2.tg", writer, token_bytes),
}
standing = [f"W{i}" for i in range(1, 7)]
cold = ["layers", "compile"]  # sets whose rows compile without caches
untimed = ["compile"]  # and those that do nothing else


def rows():
    """All rows of bench/workloads.tsv."""
    found = []
    for line in (bench / "workloads.tsv").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        of_set, workload, entry, given = line.split("\t")
        family = families[workload]
        given = {name: int(size) for name, size in (pair.split("=") for pair in given.split())}
        sizes = family.sizes | given
        found.append(Row(of_set, workload, entry, given, sizes, *family.work(entry, sizes)))
    return found


def name(row):
    """W4 nn 256 x 768 x 3072 (rows, inner, columns), W5 gelu 2048 x 1024, W3 T=512, W1 B=16 L=6"""
    workload, entry, given, s = row.workload, row.entry, row.given, row.sizes
    if workload == "W4":
        form = entry.removeprefix("batched_")
        shape = f"{s['M']} x {s['K']} x {s['N']}"
        return f"W4 {form} {shape}" if s["BATCH"] == 1 else f"W4 {form} {s['BATCH']} of {shape}"
    if workload == "W5":
        return f"W5 {entry.replace('_', '-')} {s['M']} x {s['N']}"
    if workload == "W6":
        return "W6 one token"
    return " ".join([workload] + [f"{k}={v}" for k, v in given.items()]) + ("" if given else " step")
