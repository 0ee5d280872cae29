#!/usr/bin/env python3
"""Writes the data that the recipes of cookbook.md train on, as IDX files.

    examples/cookbook/data.py FOLDER

FOLDER/points     eight numbers and one of four kinds; the kinds are clouds, and the last one is rare
FOLDER/sequences  twelve times three numbers (x), how many of the twelve count (length), and whether the first of the three
                  has a positive sum over these (label)
FOLDER/text       sentences as numbers: 0 a blank, 1 to 26 the letters, 27 a full stop; rows of 33, each beginning with the
                  last one of the row in front of it
FOLDER/linear.safetensors  weights of a dense layer as PyTorch stores them: fc.weight [4, 8] and fc.bias [4]

Only random.random() is used, whose numbers are the same in every version of Python.
"""

import json
import pathlib
import random
import struct
import sys

U8, I32, F32 = (0x08, "B"), (0x0C, "i"), (0x0D, "f")


def idx(path, kind, extents, numbers):
    """Two zero bytes, the code of the element type, the rank, the extents, the elements; big-endian."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">BBBB{len(extents)}I", 0, 0, kind[0], len(extents), *extents)
    path.write_bytes(header + struct.pack(f">{len(numbers)}{kind[1]}", *numbers))


def points(folder, part, examples, source):
    kinds = [min(int(source.random() * 3.2), 3) for _ in range(examples)]
    noise = lambda: source.random() + source.random() + source.random() - 1.5
    numbers = [(k == i % 4) + 0.8 * noise() for k in kinds for i in range(8)]
    idx(folder / f"{part}-images-idx3-ubyte", F32, [examples, 8], numbers)
    idx(folder / f"{part}-labels-idx1-ubyte", U8, [examples], kinds)


def sequences(folder, examples, source):
    x = [2 * source.random() - 1 for _ in range(examples * 36)]
    lengths = [3 + int(10 * source.random()) for _ in range(examples)]
    sums = [sum(x[i * 36 : i * 36 + 3 * n : 3]) for i, n in enumerate(lengths)]
    idx(folder / "x.idx", F32, [examples, 12, 3], x)
    idx(folder / "length.idx", I32, [examples], lengths)
    idx(folder / "label.idx", I32, [examples], [int(s > 0) for s in sums])


def text(folder, rows, source):
    pick = lambda words: words.split()[int(source.random() * len(words.split()))]
    letters = ""
    while len(letters) <= rows * 32:
        letters += f"the {pick('cat dog bird fish')} {pick('sees likes follows')} a {pick('small old red')} {pick('cat dog bird fish')}. "
    codes = [0 if c == " " else 27 if c == "." else ord(c) - 96 for c in letters]
    idx(folder / "text.idx", U8, [rows, 33], [code for row in range(rows) for code in codes[row * 32 : row * 32 + 33]])


def linear(path):
    tensors = {"fc.weight": ([4, 8], [float(k == i % 4) for k in range(4) for i in range(8)]), "fc.bias": ([4], [0.0] * 4)}
    header, elements = {}, b""
    for name, (shape, numbers) in tensors.items():
        begin = len(elements)
        elements += struct.pack(f"<{len(numbers)}f", *numbers)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(elements)]}
    words = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(words)) + words + elements)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder, source = pathlib.Path(sys.argv[1]), random.Random(1)
    points(folder / "points", "train", 640, source)
    points(folder / "points", "t10k", 200, source)
    sequences(folder / "sequences", 512, source)
    text(folder / "text", 256, source)
    linear(folder / "linear.safetensors")


if __name__ == "__main__":
    main()
