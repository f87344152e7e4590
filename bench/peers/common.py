"""What the peers' programs share: they are driven line by line, so that one process can take turns with others.

    python torch_peer.py --threads 2 --mode compile
    > make W4 nt M=256 N=768 K=768       builds the workload and warms it up, which compiles it
    < {"ready": …, "first_s": 1.2, "losses": […]}
    > time 0.5                           about half a second of steps, five at least
    < {"ms_median": …, "ms_low": …, "ms_high": …, "ms_min": …, "steps": …, "mib": …}

A workload is a function of its entry and a dict of sizes that returns `step`, which does one step, waits for its end and
returns the loss, if there is one. `first_s` is the time of the first step, compiling included. `mib` is the most memory
that was resident during the timed steps, less what the library had before the workload was made.
"""
import argparse
import gc
import json
import resource
import statistics
import sys
import time

WARM_UP = 3


def options(modes):
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", choices=modes, default=modes[0])
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def resident_mib():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / 2**20


def reset_most_resident():
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass  # then the most since the process began counts


def most_resident_mib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def warm_up(step):
    """Seconds of the first step and of the last one, and the losses of all."""
    seconds, losses = [], []
    for _ in range(WARM_UP):
        begun = time.perf_counter()
        loss = step()
        seconds.append(time.perf_counter() - begun)
        losses.append(loss)
    return seconds[0], seconds[-1], [loss for loss in losses if isinstance(loss, float)]


def timed(step, seconds, once, before):
    reset_most_resident()
    times = []
    for _ in range(max(5, min(1000, int(seconds / max(once, 1e-9))))):
        begun = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - begun))
    low, median, high = statistics.quantiles(times, n=4)
    return {"ms_median": median, "ms_low": low, "ms_high": high, "ms_min": min(times), "steps": len(times),
            "mib": round(most_resident_mib() - before, 1)}


def serve(makers):
    """Answers lines of standard input until it ends; `makers` maps a workload's name to its function."""
    step, once, before = None, 0, resident_mib()
    for line in sys.stdin:
        command, *words = line.split()
        if command == "make":
            step = None
            gc.collect()
            before = resident_mib()
            sizes = {name: int(size) for name, size in (pair.split("=") for pair in words[2:])}
            step = makers[words[0]](words[1], sizes)
            first, once, losses = warm_up(step)
            answer = {"ready": " ".join(words), "first_s": first, "losses": losses}
        else:
            answer = timed(step, float(words[0]), once, before)
        print(json.dumps(answer), flush=True)
