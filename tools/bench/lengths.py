#!/usr/bin/env python3
"""What the length of a loop costs: an LSTM over 28, 280 and 2,800 steps (lengths.nn).

    tools/bench/lengths.py NNC [--lengths 28,280,2800] [--rounds 5]

NNC is the optimized command. For each length: nodes after the last pass, bytes of the object file, processor time of
the command that makes it (the least of the rounds, which take the lengths in turn), and the most memory that a
training of three steps of 16 sequences holds. A body is built once, so the first three stay; what a round leaves for
its derivative is kept, so memory grows by the same number of bytes with each step. The exit status is 1 when code or
time to compile differ by more than a tenth from those of the first length, or the growth of memory by more than a
tenth between neighbouring lengths.
"""

import argparse
import array
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

PROGRAM = pathlib.Path(__file__).resolve().with_suffix(".nn")
FEATURES, EXAMPLES, STEPS, BATCH = 28, 48, 3, 16
TOLERANCE = 0.1


def write_idx(path, code, shape, elements):
    elements.byteswap()  # the format is big-endian
    path.write_bytes(bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}i", *shape) + elements.tobytes())


def write_data(folder, length):
    """Sequences of numbers in [0, 1), and a label for each."""
    x = array.array("f", (k * 37 % 101 / 101 for k in range(EXAMPLES * length * FEATURES)))
    write_idx(folder / "x", 0x0D, (EXAMPLES, length, FEATURES), x)
    write_idx(folder / "label", 0x0C, (EXAMPLES,), array.array("i", (k % 10 for k in range(EXAMPLES))))
    return f"x={folder / 'x'},label={folder / 'label'}"


def run(nnc, length, *options):
    """What the command says, its seconds of processor time, and the most bytes of memory that it held."""
    command = [nnc, PROGRAM, "--set", f"length={length}", "--threads", "1", *options]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        said.seek(0)
        text = said.read()
    if status != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{text}")
    return text, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def nodes_in(text):
    return int(re.search(r"^plan_memory +\S+ +(\d+)$", text, re.MULTILINE)[1])


def measure(nnc, lengths, rounds, folder):
    """By length: nodes, bytes of code, seconds to compile, bytes of memory in training."""
    found = {n: {"seconds": []} for n in lengths}
    object_file = folder / "object.o"
    for _ in range(rounds):
        for length in lengths:
            text, seconds, _ = run(nnc, length, "--emit", "object", "-o", object_file, "--time")
            found[length] |= {"nodes": nodes_in(text), "code": object_file.stat().st_size}
            found[length]["seconds"].append(seconds)
    for length in lengths:
        data = write_data(folder, length)
        found[length]["memory"] = run(nnc, length, "--train", data, "--steps", str(STEPS))[2]
        found[length]["seconds"] = min(found[length]["seconds"])
    return found


def differs(a, b):
    return abs(a - b) > TOLERANCE * b


def complaints(found):
    lengths = sorted(found)
    first = found[lengths[0]]
    for length in lengths[1:]:
        for what in ("code", "seconds"):
            if differs(found[length][what], first[what]):
                yield f"{what} of {length} steps: {found[length][what]:.4g}, of {lengths[0]}: {first[what]:.4g}"
    slopes = [(found[b]["memory"] - found[a]["memory"]) / (b - a) for a, b in zip(lengths, lengths[1:])]
    for a, b in zip(slopes, slopes[1:]):
        if differs(b, a):
            yield f"memory grows by {a:.0f}, then by {b:.0f} bytes a step"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("nnc", type=pathlib.Path)
    arguments.add_argument("--lengths", default="28,280,2800", type=lambda text: [int(n) for n in text.split(",")])
    arguments.add_argument("--rounds", default=5, type=int)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(given.nnc.resolve(), given.lengths, given.rounds, pathlib.Path(folder))
    print("steps  nodes  code, bytes  compile, ms  memory, MiB  bytes a step and sequence")
    before = None
    for length, m in sorted(found.items()):
        slope = f"{(m['memory'] - before[1]) / (length - before[0]) / BATCH:,.0f}" if before else "-"
        numbers = f"{length:5,} {m['nodes']:6,} {m['code']:12,} {1000 * m['seconds']:12.1f} {m['memory'] / 2**20:12.1f}"
        print(f"{numbers} {slope:>26}")
        before = length, m["memory"]
    wrong = list(complaints(found))
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
