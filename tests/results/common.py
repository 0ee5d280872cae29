"""What the tests of results share: the command, IDX files, a reader of PNG files that looks at every checksum."""
import os
import struct
import subprocess
import sys
import zlib

import numpy as np

NNC = os.path.abspath(sys.argv[1])
ENVIRONMENT = dict(os.environ, XDG_CACHE_HOME="/nowhere", TERM="dumb")  # `mnist` is the digits inside the command
ENVIRONMENT.pop("NNC_DATA", None)


def idx(array):
    """An IDX file of f32, which is big-endian."""
    return struct.pack(f">HBB{array.ndim}I", 0, 0x0D, array.ndim, *array.shape) + array.astype(">f4").tobytes()


def nnc(*arguments, status=0):
    """Standard output and error of the command, which ends with this status."""
    done = subprocess.run([NNC, *arguments], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stderr}"
    return done.stdout, done.stderr


def read_png(path):
    """[h, w] or [h, w, 3] of a PNG of 8 bits that is not interlaced, every checksum looked at."""
    content = open(path, "rb").read()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    at, data = 8, b""
    while at < len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        body = content[at + 8 : at + 8 + length]
        assert struct.unpack(">I", content[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
        if kind == b"IHDR":
            width, height, depth, color = struct.unpack(">IIBB", body[:10])
        if kind == b"IDAT":
            data += body
        at += 12 + length
    assert depth == 8 and color in (0, 2)
    size = 3 if color == 2 else 1
    raw, lines, above = zlib.decompress(data), [], np.zeros(width * size, int)
    for y in range(height):
        line = raw[y * (width * size + 1) : (y + 1) * (width * size + 1)]
        row = np.frombuffer(line[1:], np.uint8).astype(int)
        if line[0] == 2:
            row = (row + above) % 256
        for i, byte in enumerate(line[1:] if line[0] in (1, 3, 4) else b""):
            left, up = (row[i - size] if i >= size else 0), above[i]
            corner = above[i - size] if i >= size else 0
            guess = left + up - corner
            nearest = min((abs(guess - v), k, v) for k, v in enumerate((left, up, corner)))[2]
            row[i] = (byte + [0, left, up, (left + up) // 2, nearest][line[0]]) % 256
        lines.append(row)
        above = row
    return np.array(lines).reshape((height, width, 3) if size == 3 else (height, width))
