"""What the peers of this folder share: the same nets as in examples/*.nn, in PyTorch.

A peer is a module with

    DATA                   "mnist" or "fashion"
    BATCH                  rows of a step
    class Net:
      __init__(weights)    parameters by nnc's paths, as tensors of PyTorch that want gradients
      step(data, draw)     makes an update and returns the losses by nnc's names, of before the update; data are the columns of
                           a batch. It may hold optimizers, and asks self.pace(k, n) for nothing
      figure(data, draw)   optional: what is reached, by name, from the columns of the test set

Two sources of draws are given to `step` and `figure`: Philox makes the numbers that nnc makes (ir/NUMERICS.md, "Random bits"), so that
losses can be compared step by step; Torch draws by PyTorch, for trainings of their own.

    NAME.py losses WEIGHTS.safetensors --steps 200 --data FOLDER    one line of JSON for each step: losses in f32, in f64, and
                                                                   how far apart both are
    NAME.py train [WEIGHTS.safetensors] --steps N --data FOLDER --seed S --threads 2   figure and seconds, as JSON
"""

import argparse
import gzip
import json
import math
import pathlib
import struct
import sys
import time

import numpy
import torch

FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")  # Debian's dataset-fashion-mnist
KINDS = {"F64": numpy.float64, "F32": numpy.float32, "I32": numpy.int32, "I64": numpy.int64}


# ------------------------------------------------------------------------------------------------ data
def idx(path):
    """A file in the format of MNIST: two zero bytes, the type (8: bytes), the rank, the extents, the elements."""
    packed = path.with_name(path.name + ".gz")
    content = path.read_bytes() if path.is_file() else gzip.decompress(packed.read_bytes())
    extents = struct.unpack_from(f">{content[3]}I", content, 4)
    return numpy.frombuffer(content, numpy.uint8, offset=4 + 4 * len(extents)).reshape(extents)


def data_set(name, folder, first=None):
    """(training, test), each {"image", "label"}; of the training examples the first `first`."""
    folder = FASHION if name == "fashion" else pathlib.Path(folder)
    parts = []
    for part, rows in (("train", first), ("t10k", None)):
        image, label = idx(folder / f"{part}-images-idx3-ubyte"), idx(folder / f"{part}-labels-idx1-ubyte")
        parts.append({"image": image[:rows], "label": label[:rows].astype(numpy.int64)})
    return parts


def tensors(columns, rows, dtype):
    """Rows of columns as tensors; pictures [n, 1, 28, 28] as they are, 0 to 255."""
    image = torch.from_numpy(columns["image"][rows].copy())[:, None].to(dtype)
    return {"image": image, "label": torch.from_numpy(columns["label"][rows].copy())}


def safetensors(path):
    """{name: array} of a file of weights."""
    content = pathlib.Path(path).read_bytes()
    size = int.from_bytes(content[:8], "little")
    found = {}
    for name, entry in json.loads(content[8 : 8 + size]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            part = content[8 + size + begin : 8 + size + end]
            found[name] = numpy.frombuffer(part, KINDS[entry["dtype"]]).reshape(entry["shape"])
    return found


# ------------------------------------------------------------------------------------------------ draws
def fnv1a(text):
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


class Philox:
    """nnc's draws: their bits depend on the seed, the step, the path of the draw, the round of a scan, and the element."""

    def __init__(self, seed, dtype):
        self.seed, self.step, self.dtype, self.round = seed, 0, dtype, 0

    def bits(self, path, shape):
        """Signed words of 32 bits."""
        count = math.prod(shape)
        blocks = numpy.arange((count + 63) // 64 * 16, dtype=numpy.uint64)
        words = [blocks, numpy.full_like(blocks, fnv1a(path)), numpy.full_like(blocks, self.step),
                 numpy.full_like(blocks, self.round)]
        key, low = [self.seed & 0xFFFFFFFF, self.seed >> 32], numpy.uint64(0xFFFFFFFF)
        for _ in range(10):
            a, b = words[0] * numpy.uint64(0xD2511F53), words[2] * numpy.uint64(0xCD9E8D57)
            words = [b >> numpy.uint64(32) ^ words[1] ^ numpy.uint64(key[0]), b & low,
                     a >> numpy.uint64(32) ^ words[3] ^ numpy.uint64(key[1]), a & low]
            key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
        # Word w of 16 neighbouring blocks are 16 neighbouring elements.
        lines = numpy.stack([w.reshape(-1, 16) for w in words], 1).reshape(-1)[:count]
        return lines.astype(numpy.uint32).view(numpy.int32).reshape(shape)

    def uniform_array(self, path, shape):
        return (self.bits(path + ".bits", shape).astype(numpy.int64) // 256 + 8388608) / 16777216

    def uniform(self, path, *shape):
        return torch.from_numpy(self.uniform_array(path, shape)).to(self.dtype)

    def normal(self, path, *shape):
        radius = numpy.sqrt(-2 * numpy.log1p(-self.uniform_array(path + ".uniform", shape)))
        turn = numpy.cos(2 * numpy.pi * self.uniform_array(path + ".uniform_2", shape))
        return torch.from_numpy(radius * turn).to(self.dtype)

    def integers(self, path, low, high, *shape):
        return torch.from_numpy(low + self.bits(path + ".bits", shape).astype(numpy.int64) % (high - low))

    def permutation(self, path, count):
        return torch.from_numpy(numpy.argsort(self.bits(path + ".bits", (count,)), kind="stable"))


class Torch:
    """Draws of PyTorch, whose order nobody compares."""

    def __init__(self, seed):
        torch.manual_seed(seed)
        self.dtype, self.round = torch.float32, 0

    def uniform(self, path, *shape):
        return torch.rand(*shape)

    def normal(self, path, *shape):
        return torch.randn(*shape)

    def integers(self, path, low, high, *shape):
        return torch.randint(low, high, shape)

    def permutation(self, path, count):
        return torch.randperm(count)


# ------------------------------------------------------------------------------------------------ layers
F = torch.nn.functional


def dense(w, path, x):
    """nnc's weights are [in, out]."""
    return x @ w[f"{path}.weight"] + w[f"{path}.bias"]


def conv(w, path, x, stride=1, padding=None):
    kernel = w[f"{path}.weight"]
    return F.conv2d(x, kernel, w.get(f"{path}.bias"), stride, kernel.shape[-1] // 2 if padding is None else padding)


def shifted(draw, x, most, path="random_shift.random_crop"):
    """Each picture moved by up to `most` pixels both ways."""
    n, _, height, width = x.shape
    around = F.pad(x, [most] * 4)
    top = draw.integers(f"{path}.random_int", 0, 2 * most + 1, n)
    left = draw.integers(f"{path}.random_int_2", 0, 2 * most + 1, n)
    down = top[:, None] + torch.arange(height)
    across = left[:, None] + torch.arange(width)
    return around[torch.arange(n)[:, None, None], 0, down[:, :, None], across[:, None, :]][:, None]


def dropped(draw, path, x, rate):
    return torch.where(draw.uniform(f"{path}.uniform", *x.shape) < 1 - rate, x / (1 - rate), torch.zeros(()).to(x.dtype))


def accuracy(logits, label):
    return (logits.argmax(1) == label).double().mean().item()


def lenet(w, path, x, draw=None, rate=0.3):
    """The net of examples/lenet.nn; with `draw` it drops."""
    x = F.max_pool2d(F.relu(conv(w, f"{path}.conv2d", x)), 2)
    x = F.max_pool2d(F.relu(conv(w, f"{path}.conv2d_2", x)), 2)
    x = F.relu(dense(w, f"{path}.dense", x.flatten(1)))
    return dense(w, f"{path}.dense_2", dropped(draw, f"{path}.dropout", x, rate) if draw else x)


# ------------------------------------------------------------------------------------------------ optimizers
def cosine(base, warmup=0, end=0.0):
    """The rate of update k of n, from 1: nnc's `cosine`."""

    def rate(k, n):
        if k <= warmup:
            return base * k / warmup
        return end + (base - end) * (1 + math.cos(math.pi * (k - warmup - 1) / (n - warmup))) / 2

    return rate


class Optimizer:
    """One of PyTorch's for some of the weights, with a rate for each update."""

    nudge = None  # a source of random numbers: derivatives are then changed as another order of their sums would change them

    def __init__(self, weights, rate, make=torch.optim.Adam, clip=None, **options):
        self.weights, self.made, self.clip = list(weights), 0, clip
        self.rate = rate if callable(rate) else lambda k, n: rate
        self.inner = make(self.weights, lr=self.rate(1, 1 << 30), **options)

    def update(self, loss, steps):
        """steps: how many updates there will be."""
        self.take(torch.autograd.grad(loss, self.weights), steps)

    def take(self, slopes, steps):
        self.made += 1
        for group in self.inner.param_groups:
            group["lr"] = self.rate(self.made, steps)
        for weight, slope in zip(self.weights, slopes):
            if self.nudge:  # what is 0 is a sum of zeros, whatever the order
                size = slope.square().mean().sqrt() * 2**-24
                slope = slope + (slope != 0) * size * torch.randn(slope.shape, generator=self.nudge)
            weight.grad = slope
        if self.clip:
            torch.nn.utils.clip_grad_norm_(self.weights, self.clip)
        self.inner.step()


def update_together(optimizers, loss, steps):
    """One backward pass for the weights of several."""
    slopes = list(torch.autograd.grad(loss, [weight for one in optimizers for weight in one.weights]))
    for one in optimizers:
        one.take([slopes.pop(0) for _ in one.weights], steps)


def below(w, *paths):
    return [tensor for name, tensor in w.items() if name.startswith(paths)]


# ------------------------------------------------------------------------------------------------ jobs
def parameters(arrays, dtype):
    """Those of the net itself; averages and what optimizers keep is left out."""
    return {name: torch.from_numpy(array.copy()).to(dtype).requires_grad_(array.dtype == numpy.float32)
            for name, array in arrays.items() if "/" not in name}


def losses(peer, arguments):
    """In f32, in f64, and the largest distance between both: also of trainings in f32 whose derivatives are nudged."""
    train, _ = data_set(peer.DATA, arguments.data, arguments.first)
    count, trained = len(train["label"]), []
    for variant in ("f64", "f32", *range(arguments.nudges)):
        dtype = torch.float64 if variant == "f64" else torch.float32
        weights = parameters(safetensors(arguments.weights), dtype)
        net = peer.Net(weights)
        Optimizer.nudge = torch.Generator().manual_seed(variant) if isinstance(variant, int) else None
        draw, rows = Philox(0, dtype), []
        for step in range(arguments.steps):
            draw.step, draw.round = step + 1, 0
            first = step * peer.BATCH % count
            data = tensors(train, numpy.arange(first, min(first + peer.BATCH, count)), dtype)
            rows.append({name: float(value) for name, value in net.step(data, draw, arguments.steps).items()})
        trained.append(rows)
    for f64, f32, *others in zip(*trained):
        apart = {name: max(abs(one[name] - f64[name]) for one in (f32, *others)) for name in f64}
        print(json.dumps({"f32": f32, "f64": f64, "apart": apart}))


def train_all(peer, arguments):
    train, test = data_set(peer.DATA, arguments.data, arguments.first)
    net, draw = peer.Net(parameters(safetensors(arguments.weights), torch.float32)), Torch(arguments.seed)
    count, order, place = len(train["label"]), None, 0
    begin = time.time()
    for step in range(arguments.steps):
        if order is None or place >= count:
            order, place = torch.randperm(count).numpy(), 0
        net.step(tensors(train, order[place : place + peer.BATCH], torch.float32), draw, arguments.steps)
        place += peer.BATCH
    seconds = time.time() - begin
    print(json.dumps({"seconds": seconds, **figures(net, test, draw)}))


def figures(net, test, draw, size=500):
    """Means over the test set of what `figure` says of a part of it."""
    sums, count = {}, len(test["label"])
    for first in range(0, count, size):
        rows = numpy.arange(first, min(first + size, count))
        for name, value in net.figure(tensors(test, rows, torch.float32), draw).items():
            sums[name] = sums.get(name, 0.0) + float(value) * len(rows) / count
    return sums


def evaluate(peer, arguments):
    _, test = data_set(peer.DATA, arguments.data)
    test = {name: column[: arguments.first] for name, column in test.items()}
    net = peer.Net(parameters(safetensors(arguments.weights), torch.float32))
    begin = time.time()
    found = figures(net, test, Torch(arguments.seed))
    print(json.dumps({"seconds": time.time() - begin, **found}))


def main(peer):
    parser = argparse.ArgumentParser(description=peer.__doc__)
    parser.add_argument("job", choices=["losses", "train", "evaluate"])
    parser.add_argument("weights", help="a checkpoint of nnc: the weights to begin with, or to look at")
    parser.add_argument("--data", default="", help="the folder of MNIST")
    parser.add_argument("--first", type=int, help="so many training examples are there")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--nudges", type=int, default=3, help="trainings in f32 whose derivatives differ in the last bits")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    {"losses": losses, "train": train_all, "evaluate": evaluate}[arguments.job](peer, arguments)


def run(name):
    if name == "__main__":
        main(sys.modules[name])
