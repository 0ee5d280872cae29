#!/usr/bin/env python3
"""Makes digits.bin, the digits that are embedded in the command, from the four files of MNIST.

    runtime/data/make_digits.py FOLDER      FOLDER is where tools/fetch-data mnist has put the files

It takes every 12th training digit (5,000) and every 10th test digit (1,000), so that both are spread over the whole
sets: the first half of the test digits was written by other people than the second and is easier. The result is one
zlib stream of four IDX files, one after the other, in the order of FILES. The same files give the same bytes.
"""

import pathlib
import struct
import sys
import zlib

# name, every how manyth example
FILES = [("train-images-idx3-ubyte", 12), ("train-labels-idx1-ubyte", 12),
         ("t10k-images-idx3-ubyte", 10), ("t10k-labels-idx1-ubyte", 10)]


def every(idx: bytes, step: int) -> bytes:
    """The IDX file `idx` with the examples 0, step, 2 * step, ... alone."""
    rank = idx[3]
    extents = struct.unpack_from(f">{rank}I", idx, 4)
    header = 4 + 4 * rank
    size = (len(idx) - header) // extents[0]
    rows = [idx[header + i * size:header + (i + 1) * size] for i in range(0, extents[0], step)]
    return idx[:4] + struct.pack(f">{rank}I", len(rows), *extents[1:]) + b"".join(rows)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: make_digits.py FOLDER")
    folder = pathlib.Path(sys.argv[1])
    parts = [every((folder / name).read_bytes(), step) for name, step in FILES]
    target = pathlib.Path(__file__).with_name("digits.bin")
    target.write_bytes(zlib.compress(b"".join(parts), 9))
    print(f"{target.name}: {target.stat().st_size} bytes")


main()
