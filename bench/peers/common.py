"""What the peers' programs share: options, timing, and the one line of JSON that bench/compare reads.

    python torch_peer.py W1 --threads 2 --seconds 5 --mode compile [NAME=SIZE …]

A workload is a function of a dict of sizes that returns `step`, which does one step and waits for its end. A few steps warm
up (and compile); then each step is timed. Memory is the most the process had resident, less what it had before the
workload was made: the library itself is not counted.
"""
import argparse
import json
import resource
import statistics
import time


def options(modes):
    parser = argparse.ArgumentParser()
    parser.add_argument("workload")
    parser.add_argument("sizes", nargs="*", help="NAME=SIZE")
    parser.add_argument("--mode", choices=modes, default=modes[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0)
    given = parser.parse_args()
    given.sizes = {name: int(size) for name, size in (pair.split("=") for pair in given.sizes)}
    return given


def resident_mib():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / 2**20


def run(given, library, version, make):
    before = resident_mib()
    step = make(given.sizes)
    for _ in range(3):
        begun = time.perf_counter()
        step()
        once = time.perf_counter() - begun
    count = max(5, min(1000, int(given.seconds / max(once, 1e-9))))
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        step()
        times.append(time.perf_counter() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({
        "library": library, "version": version, "workload": given.workload, "threads": given.threads,
        "steps": count, "ms_median": 1e3 * statistics.median(times), "ms_min": 1e3 * min(times),
        "mib": peak - before,
    }))
