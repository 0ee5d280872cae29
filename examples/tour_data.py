#!/usr/bin/env python3
"""Writes the data that tour.md trains on: four numbers and one of three kinds for each example, as IDX files.

    examples/tour_data.py FOLDER

Each kind is a cloud around a centre of its own, and the clouds overlap a little. Only random.random() is used, whose
numbers are the same in every version of Python.
"""

import pathlib
import random
import struct
import sys

CENTRES = [(0.0, 1.0, 0.5, -0.5), (1.0, 0.0, -0.5, 0.5), (-0.5, -0.5, 1.0, 0.0)]


def idx(path, code, extents, elements):
    """Two zero bytes, the code of the element type, the rank, the extents, the elements; big-endian."""
    header = struct.pack(f">BBBB{len(extents)}I", 0, 0, code, len(extents), *extents)
    path.write_bytes(header + elements)


def write(folder, part, examples, source):
    kinds = [int(source.random() * 3) for _ in range(examples)]
    numbers = [c + 2 * (source.random() - 0.5) for kind in kinds for c in CENTRES[kind]]
    idx(folder / f"{part}-images-idx3-ubyte", 0x0D, [examples, 4], struct.pack(f">{len(numbers)}f", *numbers))
    idx(folder / f"{part}-labels-idx1-ubyte", 0x08, [examples], bytes(kinds))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    source = random.Random(1)
    write(folder, "train", 600, source)
    write(folder, "t10k", 300, source)


if __name__ == "__main__":
    main()
