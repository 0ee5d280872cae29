#!/usr/bin/env python3
"""Writes the first 100 training losses of the three examples as numpy computes them: softmax.losses, two_layer.losses
and mlp.losses beside this script. The tests compare nnc with these files and need neither numpy nor this script.

    tests/train/reference.py NNC        NNC is the built command; needs Debian's python3-numpy

The initial weights are those of nnc (`--steps 0 --save`); the batches are drawn anew here (Fisher-Yates on Philox words,
runtime/random.h); the nets, their gradients and the optimizers are written out by hand in f64. Data: the digits that are
embedded in the command.
"""

import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small
import numpy as np  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
STEPS = 100
# A unit of relu whose input is within rounding of 0 may be on in f32 and off in f64; of the ten million inputs in 100
# steps of mlp some are that close, and then the losses part by percents. With this seed none of those falls over.
SEED = {"softmax": 0, "two_layer": 0, "mlp": 1}
# What the test gives beside --steps: the embedded set is too small for the validation of the example.
SETTINGS = {"softmax": [], "two_layer": ["--set", "validation=1000"], "mlp": []}


def embedded_digits():
    """The four arrays inside runtime/data/digits.bin (see make_digits.py)."""
    data = zlib.decompress((ROOT / "runtime/data/digits.bin").read_bytes())
    arrays = []
    while data:
        rank = data[3]
        shape = struct.unpack_from(f">{rank}I", data, 4)
        size = int(np.prod(shape))
        start = 4 + 4 * rank
        arrays.append(np.frombuffer(data, np.uint8, size, start).reshape(shape))
        data = data[start + size:]
    return arrays


def philox(counter, key):
    """Philox4x32-10 (Salmon and others, SC 2011)."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def shuffled(count, seed, epoch):
    rows = list(range(count))
    for i in range(count, 1, -1):
        block, half = divmod(i - 1, 2)
        words = philox([block, epoch & 0xFFFFFFFF, epoch >> 32, 0x726F7773], [seed & 0xFFFFFFFF, seed >> 32])
        bits = words[2 * half + 1] << 32 | words[2 * half]
        other = bits * i >> 64
        rows[i - 1], rows[other] = rows[other], rows[i - 1]
    return np.array(rows)


def read_safetensors(path):
    data = path.read_bytes()
    size, = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + size])
    return {name: np.frombuffer(data[8 + size:], np.float32, int(np.prod(t["shape"])), t["data_offsets"][0])
            .reshape(t["shape"]).astype(np.float64)
            for name, t in header.items() if name != "__metadata__" and t["dtype"] == "F32"}


def initial_weights(nnc, example):
    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder) / "w.safetensors"
        env = dict(os.environ, XDG_CACHE_HOME=folder)
        env.pop("NNC_DATA", None)
        subprocess.run([nnc, ROOT / "examples" / f"{example}.nn", "--train", "mnist", "--steps", "0", "--save", target,
                        "--seed", str(SEED[example]), *SETTINGS[example]], env=env, check=True)
        return read_safetensors(target)


def cross_entropy(z, label):
    """Mean loss and its derivative by the logits."""
    z = z - z.max(axis=1, keepdims=True)
    e = np.exp(z)
    total = e.sum(axis=1, keepdims=True)
    n = len(label)
    loss = np.mean(np.log(total[:, 0]) - z[np.arange(n), label])
    d = e / total
    d[np.arange(n), label] -= 1
    return loss, d / n


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def relu(z):
    return np.maximum(z, 0)


def gradients(w, layers, activation, x, label):
    """Loss and gradients of a chain of dense layers with one activation between them."""
    inputs, hidden = [x], x
    for i, name in enumerate(layers):
        z = hidden @ w[f"{name}.weight"] + w[f"{name}.bias"]
        hidden = z if i == len(layers) - 1 else activation(z)
        inputs.append(hidden)
    loss, d = cross_entropy(inputs[-1], label)
    g = {}
    for i in reversed(range(len(layers))):
        name = layers[i]
        g[f"{name}.weight"] = inputs[i].T @ d
        g[f"{name}.bias"] = d.sum(axis=0)
        if i:
            d = d @ w[f"{name}.weight"].T
            h = inputs[i]
            d = d * (h * (1 - h) if activation is sigmoid else h > 0)
    return loss, g


class Adam:
    def __init__(self, rate):
        self.rate, self.m, self.v, self.step = rate, {}, {}, 0

    def update(self, w, g):
        self.step += 1
        rate = self.rate(self.step) if callable(self.rate) else self.rate
        for name in g:
            m = self.m[name] = 0.9 * self.m.get(name, 0) + 0.1 * g[name]
            v = self.v[name] = 0.999 * self.v.get(name, 0) + 0.001 * g[name] ** 2
            w[name] = w[name] - rate * (m / (1 - 0.9 ** self.step)) / (np.sqrt(v / (1 - 0.999 ** self.step)) + 1e-8)


class GradientDescent:
    def __init__(self, rate):
        self.rate = rate

    def update(self, w, g):
        for name in g:
            w[name] = w[name] - self.rate * g[name]


def losses(nnc, example, layers, activation, optimizer, batch, validation=0):
    images, labels, _, _ = embedded_digits()
    count = len(images) - validation
    w = initial_weights(nnc, example)
    out, epoch, rows = [], 0, []
    while len(out) < STEPS:
        if not len(rows):
            epoch += 1
            rows = shuffled(count, SEED[example], epoch)
        now, rows = rows[:batch], rows[batch:]
        x = images[now].reshape(len(now), -1) / 255.0
        loss, g = gradients(w, layers, activation, x, labels[now])
        optimizer.update(w, g)
        out.append(loss)
    return out


def write(example, values):
    text = f"# The first {STEPS} losses of examples/{example}.nn on the embedded digits, seed {SEED[example]}; made by reference.py.\n"
    (HERE / f"{example}.losses").write_text(text + "".join(f"{v:.9g}\n" for v in values))


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: reference.py NNC")
    nnc = sys.argv[1]
    write("softmax", losses(nnc, "softmax", ["dense"], None, Adam(1e-3), 32))
    write("two_layer", losses(nnc, "two_layer", ["dense", "dense_2"], sigmoid, GradientDescent(0.5), 10, validation=1000))
    warmup = lambda step: 1e-3 * step / 100  # the cosine of the example begins behind its 100 steps of warmup
    write("mlp", losses(nnc, "mlp", ["dense", "dense_2", "dense_3"], relu, Adam(warmup), 128))


if __name__ == "__main__":
    main()
