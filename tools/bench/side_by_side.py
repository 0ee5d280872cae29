#!/usr/bin/python3
"""Milliseconds per step of nnc on W1 to W9, side by side with the peers on the same machine in the same session.

    tools/bench/side_by_side.py NNC [--peers DIR] [--threads 1,2] [--rounds 3] [W1 ... W9]

NNC is the optimized command. DIR holds the drivers of the peers (numpy_bench.py, torch_bench.py); without it nnc is
measured alone. Every round measures each contender once, one after the other, so that a slow minute of the machine
hits all of them; the fastest round of each counts. Both sides train on Fashion-MNIST (Debian's dataset-fashion-mnist), and
W6, W7, W9 on random numbers. Needs Debian's python3-numpy.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

import workloads
from workloads import HERE, WORKLOADS


def nnc_ms(command, workload, threads):
    """The median epoch of one run; the first one, in which caches are cold, does not count."""
    facts = WORKLOADS[workload]
    with tempfile.TemporaryDirectory() as name:
        log = pathlib.Path(name) / "log.jsonl"
        data = workloads.data(workload, pathlib.Path(name))
        subprocess.run([command, workloads.program(workload), "--train", data, "--epochs", str(facts.epochs),
                        "--threads", str(threads), "--log", log], check=True, capture_output=True)
        seconds = [json.loads(line)["seconds"] for line in log.read_text().splitlines()]
    steps = -(-facts.examples // facts.batch)
    return 1000 * statistics.median(b - a for a, b in zip(seconds, seconds[1:])) / steps


def peer_ms(script, workload, threads):
    """The best line that a peer's driver prints for this workload; none when it cannot run."""
    done = subprocess.run(["/usr/bin/python3", script, workload, "--threads", str(threads)], capture_output=True, text=True)
    found = [float(m) for m in re.findall(r"ms_per_step=([\d.]+)", done.stdout)]
    return min(found) if found else None


def peak_gflops(threads):
    """What a loop of nothing but FMA instructions reaches (peak.c); none without a compiler."""
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "peak"
        build = ["gcc", "-O2", "-march=native", "-ffp-contract=fast", "-pthread", HERE / "peak.c", "-o", program]
        try:
            subprocess.run(build, check=True)
            return float(subprocess.run([program, str(threads)], capture_output=True, text=True, check=True).stdout)
        except (OSError, subprocess.CalledProcessError):
            return None


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def contenders(arguments):
    yield "nnc", lambda workload, threads: nnc_ms(arguments.nnc, workload, threads)
    for name in ("numpy", "torch") if arguments.peers else ():
        script = arguments.peers / f"{name}_bench.py"
        yield name, lambda workload, threads, script=script: peer_ms(script, workload, threads)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nnc", type=os.path.abspath)
    parser.add_argument("workloads", nargs="*")
    parser.add_argument("--peers", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_intermixed_args()
    print(processor())
    team = [int(word) for word in arguments.threads.split(",")]
    peak = {threads: peak_gflops(threads) for threads in team}
    for threads in team:
        print(f"peak of {threads} threads: {peak[threads] or 'unknown'} GFLOP/s")
    print(f"{'':4} {'threads':>7} {'who':>6} {'ms/step':>9} {'GFLOP/s':>8} {'of peak':>8}  nnc is faster by")
    for workload in arguments.workloads or WORKLOADS:
        for threads in team:
            best = {}
            for _ in range(arguments.rounds):
                for name, measure in contenders(arguments):
                    ms = measure(workload, threads)
                    if ms is not None:
                        best[name] = min(ms, best.get(name, ms))
            for name, ms in best.items():
                factor = "" if name == "nnc" else f"{ms / best['nnc']:.2f} x"
                speed = workloads.flops(workload) / ms / 1e6
                part = f"{speed / peak[threads]:.1%}" if peak[threads] else ""
                print(f"{workload:4} {threads:>7} {name:>6} {ms:>9.4f} {speed:>8.1f} {part:>8}  {factor}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
