"""What a run comes to: the lines that bench/compare keeps, and the figures of a row.

A file of results holds a line of JSON for each run (machine, versions, command, commit) and one for each row:

    {"row": "W1 step", "set": "W1", …, "peaks": […], "takers": {"tgc": {"rounds": [{"ms_median": …, …}, …]}, …}}

A row that was measured again counts as it stood the last time.
"""
import json
import statistics

OWN = "tgc"
titles = {OWN: "tgc", "torch": "PyTorch", "torch.compile": "torch.compile", "jax": "JAX", "openblas": "OpenBLAS",
          "dnnl": "oneDNN"}
order = list(titles)


def load(paths):
    """All runs in order, and the rows, by set and name."""
    runs, rows = [], {}
    for path in paths:
        with open(path) as file:
            for line in filter(str.strip, file):
                record = json.loads(line)
                if "row" in record:
                    rows[record["set"], record["row"]] = record | {"run": len(runs) - 1}
                else:
                    runs.append(record)
    return runs, list(rows.values())


def rounds_of(record, taker):
    return record["takers"].get(taker, {}).get("rounds", [])


def median(record, taker, field):
    """Of the rounds that have it; None where there is none."""
    found = [burst[field] for burst in rounds_of(record, taker) if burst.get(field) is not None]
    return statistics.median(found) if found else None


def spread(record, taker):
    """Half of what lies between the quartiles of a burst, as a share of its median; the median over the rounds."""
    rounds = rounds_of(record, taker)
    return statistics.median((b["ms_high"] - b["ms_low"]) / 2 / b["ms_median"] for b in rounds) if rounds else None


def peers_of(record):
    return [name for name in order if name != OWN and median(record, name, "ms_median") is not None]


def fastest(record):
    """Name and milliseconds of the fastest peer."""
    found = [(median(record, name, "ms_median"), name) for name in peers_of(record)]
    return min(found)[::-1] if found else (None, None)


def leanest(record):
    found = [(median(record, name, "mib"), name) for name in peers_of(record) if name not in ("openblas", "dnnl")]
    return min(found)[::-1] if found else (None, None)


def ratio(record):
    """How often as fast as the fastest peer tgc is."""
    own, best = median(record, OWN, "ms_median"), fastest(record)[1]
    return best / own if own and best else None


def rate(record, taker):
    """The workload's own work over the time: GFLOP/s or GB/s."""
    ms = median(record, taker, "ms_median")
    return record["work"] / ms / 1e6 if ms else None


def share_of(record, taker, work):
    """`work` over the time and over what the machine gave at most beside each burst; the median over the bursts."""
    found = []
    for burst in rounds_of(record, taker):
        at_most = statistics.mean(burst["peaks"]) if record["unit"] == "flop" else burst["memory"]
        found.append(work(burst) / burst["ms_median"] / 1e6 / at_most)
    return statistics.median(found) if found else None


def share(record, taker):
    return share_of(record, taker, lambda burst: record["work"])


def bound_share(record):
    """tgc's rate over the smaller of memory's and of its own kernels' where their data stay in a cache."""
    found = [record["work"] / burst["ms_median"] / 1e6 / min(burst["memory"], burst["own_rate"])
             for burst in rounds_of(record, OWN) if burst.get("own_rate")]
    return statistics.median(found) if found else None


def counted_share(record):
    """tgc's counted arithmetic, products or not: what its loops do, not only what the workload asks."""
    return share_of(record, OWN, lambda burst: burst["flop"])


def milliseconds(ms):
    return "-" if ms is None else f"{ms:.3f}" if ms < 10 else f"{ms:.1f}" if ms < 1000 else f"{ms:.0f}"


def percent(value):
    return "-" if value is None else f"{100 * value:.0f} %"


def number(value, form=".2f"):
    return "-" if value is None else format(value, form)
