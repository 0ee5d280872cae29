"""What the scripts of this folder know of W1 to W9: batch sizes, data, the work of a step, initial weights.

Rows, noise and weights are drawn by numpy.random.RandomState, whose numbers are the same in every version of numpy.
"""

import dataclasses
import gzip
import pathlib
import struct

import numpy

HERE = pathlib.Path(__file__).resolve().parent
FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")  # Debian's dataset-fashion-mnist
TRAINING_IMAGES = 60000


@dataclasses.dataclass(frozen=True)
class Workload:
    batch: int
    examples: int  # of an epoch, where speed is measured
    epochs: int  # that are measured
    layers: list  # multiply-adds of one example, forward, layer by layer
    shapes: dict  # of the parameters, by path


def chain(*sizes):
    return [a * b for a, b in zip(sizes, sizes[1:])]


def dense(path, inputs, units):
    return {f"{path}.weight": (inputs, units), f"{path}.bias": (units,)}


def denses(*sizes):
    """The second call of a function in a model has the path name_2, and so on."""
    return numbered("dense", [dense("", a, b) for a, b in zip(sizes, sizes[1:])])


def numbered(name, calls):
    shapes = {}
    for i, call in enumerate(calls):
        path = name if i == 0 else f"{name}_{i + 1}"
        shapes |= {f"{path}.{inner.lstrip('.')}": shape for inner, shape in call.items()}
    return shapes


def conv(channels, features, size):
    return {"conv2d.weight": (features, channels, size, size)}


def norm(path, width):
    return {f"{path}.scale": (width,), f"{path}.shift": (width,)}


def normed(channels, features, size):
    return conv(channels, features, size) | norm("batch_norm", features)


def residual(channels, features):
    calls = [normed(channels, features, 3), normed(features, features, 3)]
    return numbered("normed", calls + ([normed(channels, features, 1)] if channels != features else []))


STAGES = [(16, 16), (16, 16), (16, 32), (32, 32), (32, 64), (64, 64)]  # channels into and out of W7's blocks
TRANSFORMER = norm("layer_norm", 128) | norm("layer_norm_2", 128) | numbered(
    "dense", [dense("", 128, 384), dense("", 128, 128), dense("", 128, 512), dense("", 512, 128)])
LSTM = {"lstm.weight": (28, 512), "lstm.recurrent": (128, 512), "lstm.bias": (512,)}


def residual_work():
    work, side = [3 * 9 * 16 * 32 * 32], 32
    for channels, features in STAGES:
        side //= 1 if channels == features else 2
        work += [side * side * features * n for n in (9 * channels, 9 * features, channels * (channels != features))]
    return work + [640]


# In front of the first layer of W6 and W9 stands a table, so the first layer has an input gradient: they begin with 0.
WORKLOADS = {
    "W1": Workload(32, TRAINING_IMAGES, 8, chain(784, 10), denses(784, 10)),
    "W2": Workload(32, TRAINING_IMAGES, 8, chain(784, 5, 10), denses(784, 5, 10)),
    "W3": Workload(128, TRAINING_IMAGES, 6, chain(784, 512, 512, 10), denses(784, 512, 512, 10)),
    "W4": Workload(64, TRAINING_IMAGES, 3, [28 * 28 * 9 * 32, 14 * 14 * 9 * 32 * 64] + chain(3136, 128, 10),
                   {"conv2d.weight": (32, 1, 3, 3), "conv2d.bias": (32,), "conv2d_2.weight": (64, 32, 3, 3),
                    "conv2d_2.bias": (64,)} | denses(3136, 128, 10)),
    "W5": Workload(64, TRAINING_IMAGES, 3, [28 * 28 * 512, 28 * 128 * 512, 1280], LSTM | denses(128, 10)),
    "W6": Workload(16, 16 * 30, 4, [0] + 4 * [128 * 12 * 128 * 128, 2 * 128 * 128 * 128] + [128 * 128 * 96],
                   {"place": (128, 128), "embedding.table": (96, 128)} | numbered("block", 4 * [TRANSFORMER])
                   | norm("layer_norm", 128) | {"dense.weight": (128, 96)}),
    "W7": Workload(64, 64 * 16, 6, residual_work(),
                   numbered("normed", [normed(3, 16, 3)]) | numbered("block", [residual(*stage) for stage in STAGES])
                   | dense("dense", 64, 10)),
    "W8": Workload(128, TRAINING_IMAGES, 6, chain(784, 256, 64, 256, 784), denses(784, 256, 64, 256, 784)),
    "W9": Workload(256, 256 * 256, 8, [0] + chain(64, 64, 32, 1),
                   {"embedding.table": (10000, 32), "embedding_2.table": (5000, 32)} | denses(64, 64, 32, 1)),
}


def flops(workload):
    """Of one step, what nobody can save: forward, weight gradients, and input gradients but for the first layer."""
    layers = WORKLOADS[workload].layers
    return 2 * WORKLOADS[workload].batch * (3 * sum(layers) - layers[0])


def program(workload):
    return HERE / f"{workload.lower()}.nn"


def fashion(name):
    """An IDX file of Fashion-MNIST."""
    with gzip.open(FASHION / f"train-{name}-ubyte.gz") as file:
        rank = struct.unpack(">I", file.read(4))[0] & 255
        extents = struct.unpack(f">{rank}I", file.read(4 * rank))
        return numpy.frombuffer(file.read(), numpy.uint8).reshape(extents)


def columns(workload, examples):
    """The columns of a data set with so many examples, in the order in which they are taken."""
    random = numpy.random.RandomState(1)
    if workload == "W6":
        text = random.randint(0, 96, 1000000)
        rows = text[random.randint(0, text.size - 129, examples)[:, None] + numpy.arange(129)].astype(numpy.int32)
        return {"text": rows[:, :-1], "next": rows[:, 1:]}
    if workload == "W7":
        image = random.standard_normal((examples, 3, 32, 32)).astype(numpy.float32)
        return {"image": image, "label": random.randint(0, 10, examples).astype(numpy.int32)}
    if workload == "W9":
        user, item = (random.randint(0, count, examples).astype(numpy.int32) for count in (10000, 5000))
        return {"user": user, "item": item, "wanted": random.randint(0, 2, examples).astype(numpy.float32)}
    image = fashion("images-idx3")[:examples]
    if workload == "W8":
        return {"image": image, "noise": random.standard_normal((examples, 784)).astype(numpy.float32)}
    return {"image": image, "label": fashion("labels-idx1")[:examples].astype(numpy.int32)}


def write_idx(path, array):
    """Two zero bytes, the code of the element type, the rank, the extents, the elements; big-endian."""
    code = {"uint8": 0x08, "int32": 0x0C, "float32": 0x0D}[array.dtype.name]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    path.write_bytes(header + array.astype(array.dtype.newbyteorder(">")).tobytes())


def write_data(workload, examples, folder):
    """Writes the columns to files; what to give to --train."""
    words = []
    for name, array in columns(workload, examples).items():
        file = folder / f"{workload.lower()}.{name}.idx"
        write_idx(file, array)
        words.append(f"{name}={file}")
    return ",".join(words)


def data(workload, folder):
    """What to give to --train where speed or bits count: all of Fashion-MNIST, or files of random numbers."""
    return write_data(workload, WORKLOADS[workload].examples, folder) if workload in ("W6", "W7", "W9") else "fashion"


def initial_weights(workload, seed):
    """As PyTorch draws them: uniform in 1 / sqrt(inputs) of the layer, tables normal, norms the identity."""
    random, weights, bound = numpy.random.RandomState(seed), {}, 0
    for path, shape in WORKLOADS[workload].shapes.items():
        kind = path.rsplit(".")[-1]
        if kind in ("scale", "shift"):
            weights[path] = numpy.full(shape, kind == "scale")
        elif kind in ("table", "place"):
            weights[path] = random.standard_normal(shape) * (1 if kind == "table" else 0.02)
        else:
            if kind == "weight":  # its bias comes next and has the same bound
                bound = 1 / numpy.sqrt(shape[0] if len(shape) == 2 else numpy.prod(shape[1:]))
            if path.startswith("lstm"):
                bound = 1 / numpy.sqrt(128)
            weights[path] = random.uniform(-bound, bound, shape)
    return {path: weight.astype(numpy.float32) for path, weight in weights.items()}
