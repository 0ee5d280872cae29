#!/usr/bin/python3
"""Are the bits of the weights after 50 steps of W1 to W9 the same for any number of threads and any processor?

    tools/bench/bits.py NNC [--cpus x86-64-v3] [--threads 1,2,3,8] [--steps 50] [W1 ...]

Compares the checkpoints that the command NNC writes: parameters, states, states of the optimizer. Needs Debian's
python3-numpy and dataset-fashion-mnist.
"""

import argparse
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile

import workloads
from workloads import WORKLOADS


def checkpoint(command, workload, data, steps, options):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "w.safetensors"
        words = ["--train", data, "--steps", str(steps), "--save", file, *options]
        subprocess.run([command, workloads.program(workload), *words], check=True, capture_output=True)
        content = file.read_bytes()  # a u64 with the length of the header, the header, the elements in its order
        return hashlib.sha256(content[8 + int.from_bytes(content[:8], "little"):]).hexdigest()[:12]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nnc", type=os.path.abspath)
    parser.add_argument("workloads", nargs="*")
    parser.add_argument("--cpus", default="x86-64-v3")
    parser.add_argument("--threads", default="1,2,3,8")
    parser.add_argument("--steps", type=int, default=50)
    arguments = parser.parse_intermixed_args()
    ways = [["--threads", n] for n in arguments.threads.split(",")]
    ways += [["--threads", "2", "--cpu", cpu] for cpu in arguments.cpus.split(",")]
    differ = 0
    for workload in arguments.workloads or WORKLOADS:
        with tempfile.TemporaryDirectory() as folder:
            data = workloads.data(workload, pathlib.Path(folder))
            found = {" ".join(way): checkpoint(arguments.nnc, workload, data, arguments.steps, way) for way in ways}
        expected = next(iter(found.values()))
        others = [f"{way}: {bits}" for way, bits in found.items() if bits != expected]
        differ += len(others) > 0
        verdict = f"DIFFERS with {', '.join(others)}" if others else f"in all {len(ways)} ways"
        print(f"{workload}: {expected} {verdict}", flush=True)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
