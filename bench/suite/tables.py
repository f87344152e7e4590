"""The results as tables in Markdown, one function for each kind of row."""
from suite import results
from suite.workloads import untimed
from suite.results import OWN, median, milliseconds, number, percent, titles

frameworks, libraries = ["torch", "torch.compile", "jax"], ["openblas", "dnnl"]


def markdown(heads, rows):
    """Columns of even width, numbers to the right."""
    cells = [heads, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    line = lambda row: "| " + " | ".join(  # noqa: E731
        [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]) + " |"
    rule = "|" + "|".join(["-" * (widths[0] + 2)] + ["-" * (width + 1) + ":" for width in widths[1:]]) + "|"
    return "\n".join([line(heads), rule, *map(line, rows)])


def with_spread(record, taker):
    ms = median(record, taker, "ms_median")
    return "-" if ms is None else f"{milliseconds(ms)} ± {percent(results.spread(record, taker))}"


def drift(record):
    return ("" if record["quiet"] else "~") + percent(record["drift"])


def of_set(records, name):
    return [record for record in records if record["set"] == name]


def steps(records):
    """Training steps, attention, decoding: time, shares, memory."""
    who = [OWN, *frameworks]
    heads = ["workload", *(f"{titles[name]}, ms" for name in who), "ratio", "share", "counted", "drift", "MiB"]
    heads.append("leanest peer")
    rows = []
    for record in records:
        lean, mib = results.leanest(record)
        rows.append([record["row"], *(with_spread(record, name) for name in who), number(results.ratio(record)),
                     percent(results.share(record, OWN)),
                     percent(results.counted_share(record)) if record["unit"] == "flop" else "-", drift(record),
                     number(median(record, OWN, "mib"), ".0f"), f"{number(mib, '.0f')} {titles.get(lean, '')}".strip()])
    return markdown(heads, rows)


def products(records):
    who = [OWN, "torch", "jax", *libraries]
    heads = ["product", *(f"{titles[name]}, ms" for name in who), "ratio", "% peak", "drift"]
    return markdown(heads, [[record["row"], *(milliseconds(median(record, name, "ms_median")) for name in who),
                             number(results.ratio(record)), percent(results.share(record, OWN)), drift(record)]
                            for record in records])


def rows_at_memory_speed(records):
    who = [OWN, *frameworks]
    heads = ["kernel, both ways", *(f"{titles[name]}, ms" for name in who), "ratio", "tgc, GB/s", "% memory", "in cache, GB/s",
             "% bound", "drift"]
    return markdown(heads, [[record["row"], *(milliseconds(median(record, name, "ms_median")) for name in who),
                             number(results.ratio(record)), number(results.rate(record, OWN), ".1f"),
                             percent(results.share(record, OWN)), number(median(record, OWN, "own_rate"), ".1f"),
                             percent(results.bound_share(record)), drift(record)] for record in records])


def compiling(records):
    """Seconds to the first step's end, all caches cold; for tgc from the .tg to the library."""
    who = [OWN, "torch.compile", "jax"]
    heads = ["model", *(f"{titles[name]}, s" for name in who)]
    seconds = lambda record, name: number(record["takers"].get(name, {}).get("first_s"), ".1f")  # noqa: E731
    return markdown(heads, [[record["row"], *(seconds(record, name) for name in who)] for record in records])


def targets(records):
    """One line a set: the worst and the median ratio to the fastest peer, and the least share."""
    heads = ["set", "rows", "least ratio", "median ratio", "least share"]
    rows = []
    for name in sorted({record["set"] for record in records} - set(untimed)):
        found = of_set(records, name)
        ratios = sorted(r for r in map(results.ratio, found) if r)
        shares = [s for s in (results.share(record, OWN) for record in found) if s]
        rows.append([name, str(len(found)), number(ratios[0] if ratios else None),
                     number(ratios[len(ratios) // 2] if ratios else None), percent(min(shares, default=None))])
    return markdown(heads, rows)


def setting(runs, records):
    """Machine, versions and commands of the runs that these rows come from."""
    used = [runs[i] for i in sorted({record["run"] for record in records}) if i >= 0]
    if not used:
        return ""
    versions = {}
    for run in used:
        versions |= {name: version for name, version in run["versions"].items() if version}
    named = ", ".join(version if name in ("torch", "jax", OWN) else f"{titles[name]} {version}"
                      for name, version in versions.items() if name != "torch.compile")
    peaks = [peak for record in records for peak in record["peaks"]]
    reached = f"; multiply-adds at {min(peaks):.0f} to {max(peaks):.0f} GFLOP/s between the bursts" if peaks else ""
    lines = [f"{used[-1]['machine']}, {used[-1]['threads']} threads, {used[-1]['clang']}; {named}{reached}."]
    lines += sorted({f"`{run['command']}` at {run['commit']}, {run['date']}" for run in used}, key=lambda l: l[-25:])
    return "  \n".join(lines)
