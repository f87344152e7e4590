"""By whom it is measured: tgc, PyTorch, JAX, OpenBLAS and oneDNN, each behind the same two calls.

    taker.prepare(row)          compiles and warms up; {"first_s": …} where that says something
    taker.time(row, seconds)    {"ms_median": …, "ms_low": …, "ms_high": …, "ms_min": …, "mib": …}

Peers get what serves them: as many threads as tgc, a malloc that keeps its memory, huge pages, AVX-512. The frameworks'
processes are kept, since starting and compiling takes them longer than measuring, and stand still (SIGSTOP) while it is
another's turn, so that no pool of theirs spins beside it.
"""
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from suite.workloads import bench, cold, families

root = bench.parent
PATIENCE = 420  # seconds that a peer may take to answer; compiling takes the longest


def has_avx512():
    try:
        return "avx512f" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def on_cores(threads, command):
    return (["taskset", "-c", f"0-{threads - 1}"] if shutil.which("taskset") else []) + command


def peer_environment(threads):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENBLAS_", "OMP_", "MKL_"))}
    kept |= {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(8 << 30), "MALLOC_TOP_PAD_": str(64 << 20),
             "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "THP_MEM_ALLOC_ENABLE": "1",
             "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "active"}
    if has_avx512():
        kept |= {"OPENBLAS_CORETYPE": "SkylakeX", "XLA_FLAGS": "--xla_cpu_prefer_vector_width=512"}
    return kept


def words_of(row, sizes):
    return [row.entry] + [f"{name}={size}" for name, size in sizes.items()]


def attention_bytes(sizes):
    """What attention takes that keeps its matrices of T x T, about nine of them forward and backward."""
    return 9 * 4 * sizes["B"] * sizes["H"] * sizes["T"] ** 2


def memory_bytes():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class Unable(Exception):
    """It can't take part in this row, and why."""


class Tgc:
    """A process for each burst: it compiles, then times about as many calls as fill the seconds."""

    name = "tgc"

    def __init__(self, tgc, threads):
        self.tgc, self.threads, self.seconds = tgc, threads, 1.0
        self.version = subprocess.run([tgc, "--version"], capture_output=True, text=True).stdout.split("\n")[0]

    def takes(self, row):
        return True

    def prepare(self, row):
        return {"first_s": self.call(row, 5)["compile_s"]}

    def run(self, row, sizes, threads, steps):
        command = [self.tgc, "bench", str(bench / families[row.workload].model), row.entry]
        for name, size in sizes.items():
            command += ["-D", f"{name}={size}"]
        command += ["--threads", str(threads), "--steps", str(steps), "--json"]
        done = subprocess.run(on_cores(threads, command), capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode:
            raise Unable(f"tgc ends with {done.returncode}: {done.stderr.strip()[-300:]}")
        return json.loads(done.stdout)

    def call(self, row, steps):
        answer = self.run(row, row.given, self.threads, steps)
        self.seconds = answer["ms_median"] / 1e3
        return answer

    def own_rate(self, row):
        """GB/s of all cores where rows of 256 stay in a core's second-level cache: what twice the rows take longer on
        one thread, so that what a call costs beside them is not in it."""
        most = 4 * 256 * row.work // (4 * row.sizes["M"] * row.sizes["N"])  # bytes of a row of all tensors
        rows = max(8, (512 << 10) // most // 2)
        few, many = (self.run(row, {"M": times * rows, "N": 256}, 1, 2000)["ms_median"] for times in (1, 2))
        return self.threads * most * rows / (many - few) / 1e6 if many > few else None

    def time(self, row, seconds):
        answer = self.call(row, max(5, min(1000, int(seconds / self.seconds))))
        own = {"own_rate": self.own_rate(row)} if row.workload == "W5" else {}
        return answer | own | {"mib": answer["model_bytes"] / 2**20}

    def rest(self):
        pass

    def leave(self):
        pass


class Framework:
    """A Python process that bench/peers/common.py drives. Where memory counts, a fresh one for each row."""

    fresh_for = ("W1", "W2", "W3", "W6")

    def __init__(self, name, python, script, mode, threads, cache):
        self.name, self.process, self.version, self.cold = name, None, None, None
        self.command = on_cores(threads, [python, str(bench / "peers" / script), "--threads", str(threads)])
        self.command += ["--mode", mode] if mode else []
        self.environment = peer_environment(threads)
        self.environment |= {"TORCHINDUCTOR_CACHE_DIR": f"{cache}/torch", "JAX_COMPILATION_CACHE_DIR": f"{cache}/jax",
                             "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "2"}
        self.errors = tempfile.TemporaryFile()

    def takes(self, row):
        if self.name == "torch.compile":
            return row.workload != "W4"  # the same kernel as eager PyTorch's
        return self.name != "jax" or row.workload != "W3" or attention_bytes(row.sizes) < memory_bytes() / 2

    def prepare(self, row):
        if row.workload in self.fresh_for or not self.process or row.set in cold:
            self.leave()
            environment = self.environment
            if row.set in cold:
                self.cold = tempfile.TemporaryDirectory()
                environment = environment | {"TORCHINDUCTOR_CACHE_DIR": self.cold.name}
                environment.pop("JAX_COMPILATION_CACHE_DIR")
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                            stderr=self.errors, env=environment, start_new_session=True)
            self.version = self.answer()["library"]
        return self.ask(" ".join(["make", row.workload, *words_of(row, row.sizes)]))

    def time(self, row, seconds):
        return self.ask(f"time {seconds}")

    def ask(self, line):
        if not self.process:
            raise Unable(f"{self.name} has ended")
        self.signal(signal.SIGCONT)
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer says why
        return self.answer()

    def answer(self):
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if ready else ""
        if not line.startswith("{"):
            self.errors.seek(0)
            last = self.errors.read().decode(errors="replace").strip().split("\n")[-1]
            self.leave()
            raise Unable(f"{self.name}: " + (last if ready else f"no answer within {PATIENCE} s"))
        return json.loads(line)

    def signal(self, number):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def rest(self):
        self.signal(signal.SIGSTOP)

    def leave(self):
        self.signal(signal.SIGKILL)
        if self.process:
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
        self.process = None
        if self.cold:
            self.cold.cleanup()
            self.cold = None


class Library:
    """OpenBLAS or oneDNN through bench/peers/products.c: a process for each burst."""

    def __init__(self, name, program, version, threads):
        self.name, self.version, self.threads, self.program = name, version, threads, program

    def takes(self, row):
        return row.workload == "W4"

    def prepare(self, row):
        return {}

    def time(self, row, seconds):
        command = on_cores(self.threads, [self.program, str(seconds), *words_of(row, row.sizes)])
        done = subprocess.run(command, capture_output=True, text=True, env=peer_environment(self.threads), timeout=60)
        if done.returncode:
            raise Unable(f"{self.name} ends with {done.returncode}")
        return json.loads(done.stdout)

    def rest(self):
        pass

    def leave(self):
        pass


class Machine:
    """The peak, by bench/peak.c: GFLOP/s of multiply-adds and GB/s of memory."""

    def __init__(self, folder, threads):
        self.program, self.threads = f"{folder}/peak", threads
        subprocess.run(["clang", "-O3", "-march=native", "-ffp-contract=fast", "-pthread", str(bench / "peak.c"), "-o",
                        self.program], check=True)

    def rate(self, what):
        line = subprocess.run(on_cores(self.threads, [self.program, what, str(self.threads)]), capture_output=True,
                              text=True, check=True, timeout=60).stdout
        return float(line.split()[2])


def compile_library(folder, name):
    """The program that measures it, or None."""
    program = f"{folder}/{name}"
    command = ["cc", "-O2", "-fopenmp", f"-DPEER_{name}", f"{bench}/peers/products.c", "-o", program, f"-l{name}"]
    return None if subprocess.run(command, capture_output=True).returncode else program


def debian_version(package):
    try:
        found = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return found.stdout.strip()


frameworks = [("torch", "torch_peer.py", "eager"), ("torch.compile", "torch_peer.py", "compile"),
              ("jax", "jax_peer.py", None)]


def gather(tgc, peers, threads, folder, wanted):
    """All who can take part of those wanted (everybody, if none are named), and a line for each who is missing."""
    takers, missing = [Tgc(tgc, threads)], []
    python = f"{peers}/bin/python"
    if os.access(python, os.X_OK):
        for name, script, mode in frameworks:
            takers.append(Framework(name, python, script, mode, threads, f"{peers}/cache"))
        if has_avx512():
            preload = f"{folder}/avx512.so"
            command = ["cc", "-shared", "-fPIC", "-O2", f"{bench}/peers/avx512.c", "-o", preload]
            subprocess.run(command, check=True)
            for taker in takers[1:3]:
                taker.environment |= {"LD_PRELOAD": preload}
    else:
        missing.append("PyTorch and JAX left out: bench/setup-peers installs them")
    for name, package in (("openblas", "libopenblas-dev"), ("dnnl", "libdnnl-dev")):
        program = compile_library(folder, name)
        if program:
            takers.append(Library(name, program, debian_version(package), threads))
        else:
            missing.append(f"{name} left out: {package} is not installed")
    return [taker for taker in takers if not wanted or taker.name in wanted], missing
