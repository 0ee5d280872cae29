"""What the cases are made of: a draw of sizes and options, and a script that the test reads (reference_test.cpp).

A case is a function of a `Draw` that gives a `Case` or a `Script`:

    @case(covers="huber", variants=3)
    def huber(d):
        reduce = d.pick("mean", "sum", "none")
        s = d.shape(2)
        return Case(f'y = huber(x, t, reduce = "{reduce}")', lambda x, t: F.huber_loss(x, t, reduction=reduce),
                    inputs={"x": d.normal(*s), "t": d.normal(*s)})

It is called once for each stored variant, with odd sizes and the options in turn, and for each random draw.
"""
import math
import zlib

import numpy as np
import torch

torch.set_num_threads(1)

CASES = []  # (module, name, covers, variants, function)
WIDEN = False  # of random cases: tolerances are no less than 4 times what PyTorch's own rounding does in f32
FILL = 118  # characters of a line of numbers
DTYPES = {"float32": "f32", "float64": "f64", "int32": "i32", "int64": "i64", "bool": "bool", "uint8": "u8", "int8": "i8"}


def case(covers, variants=1):
    """Registers a case: `covers` names the functions of the library that it tries, separated by spaces."""

    def register(f):
        CASES.append((f.__module__.split(".")[-1], f.__name__.strip("_"), covers.split(), variants, f))
        return f

    return register


class Draw:
    """Sizes, options and numbers of one variant. Stored ones take options in turn and sizes from 3, 5, 7."""

    def __init__(self, name, variant, seed=None):
        self.random = np.random.default_rng([zlib.crc32(name.encode()), variant, 0 if seed is None else seed + 1])
        self.variant, self.stored, self.before = variant, seed is None, 1

    def size(self, low=1, high=40):
        """An extent: 3, 5 or 7 in stored cases, up to `high` in random ones."""
        if self.stored:
            return int(self.random.choice([n for n in (3, 5, 7) if low <= n <= high] or [low]))
        return int(self.random.integers(low, high + 1))

    def shape(self, rank, low=1, high=None):
        high = high or (40 if rank < 3 else 12)
        return [self.size(low, high) for _ in range(rank)]

    def pick(self, *options):
        """One of the options; the first two picks of a stored variant go through all pairs."""
        if self.stored:
            i, self.before = self.variant // self.before, self.before * len(options)
            return options[i % len(options)] if self.before <= 12 else options[int(self.random.integers(len(options)))]
        return options[int(self.random.integers(len(options)))]

    def number(self, low, high):
        return round(float(self.random.uniform(low, high)), 3)

    def normal(self, *shape, scale=1.0):
        return np.round(self.random.normal(size=shape) * scale, 3).astype(np.float32)

    def uniform(self, *shape, low=0.0, high=1.0):
        return np.round(self.random.uniform(low, high, size=shape), 3).astype(np.float32)

    def ints(self, low, high, *shape):
        """From low to below high."""
        return self.random.integers(low, high, size=shape).astype(np.int32)

    def bools(self, *shape, p=0.6):
        return self.random.uniform(size=shape) < p


def array_of(x):
    return x.detach().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)


def numbers(x):
    if x.dtype.kind in "iub":
        return [str(int(v)) for v in x.ravel()]
    if x.dtype == np.float32:
        return [str(v).removesuffix(".0") for v in x.ravel()]
    return [f"{v:.8g}" for v in x.ravel().astype(np.float64)]


def shape_text(x):
    return ",".join(str(n) for n in x.shape) or "scalar"


class Script:
    """The lines of a case: a program, then what is set, run and expected, in this order."""

    def __init__(self, program, within=1e-5):
        self.within = within
        self.lines = ["| " + line for line in program.strip("\n").split("\n")]

    def tensor(self, head, x):
        self.lines.append(head)
        line = ""
        for word in numbers(x):
            if line and len(line) + len(word) >= FILL:
                self.lines.append(line)
                line = ""
            line += " " + word
        if line:
            self.lines.append(line)
        return self

    def set(self, name, x):
        """A parameter or a state, by its path."""
        return self.tensor(f"set {name} {DTYPES[x.dtype.name]} {shape_text(x)}", x)

    def input(self, name, x):
        """An input, which stays until it is given anew."""
        return self.tensor(f"input {name} {DTYPES[x.dtype.name]} {shape_text(x)}", x)

    def run(self, batch=1):
        self.lines.append(f"run {batch}")
        return self

    def step(self, batch=1, count=1):
        self.lines.append(f"step {batch} {count}")
        return self

    def output(self, name, x, within=None):
        """Of the last run."""
        return self.tensor(f"output {name} {within or self.within:g} {shape_text(array_of(x))}", array_of(x))

    def parameter(self, name, x, within=None):
        """A parameter, a state, or a state of the optimizer, "velocity/dense.weight", as it is now."""
        return self.tensor(f"parameter {name} {within or self.within:g} {shape_text(array_of(x))}", array_of(x))

    def report(self, name, x, within=None):
        """A loss or metric of the last step."""
        return self.tensor(f"report {name} {within or self.within:g} scalar", np.float64(x))


def declared(x, batch):
    extents = [str(n) for n in x.shape]
    if batch:
        extents[0] = "batch"
    return f"{DTYPES[x.dtype.name]}[{', '.join(extents)}]"


def Case(body, f, inputs={}, fixed={}, params={}, outputs=("y",), gradients=True, within=1e-5, gradient_within=None,
         declarations="", no_gradient=()):
    """A script that compares what `body` binds, the names `outputs`, and derivatives, with what `f` gives in f64.

    `inputs` have `batch` as their first axis, `fixed` have fixed types; `params` are the parameters that the body declares,
    by their paths. f takes all of them by these names, with "_" for the points of a path, and gives a tensor or a list of
    them. The derivatives are those of sum(y + y^2 / 4) over the outputs of floats: by each float input and parameter,
    but for those in `no_gradient`.
    """

    def computed(dtype):
        """The outputs, and the derivatives by name."""
        leaves, arguments = {}, {}
        for name, x in {**inputs, **fixed, **params}.items():
            t = torch.tensor(x)
            if t.is_floating_point():
                t = t.to(dtype).requires_grad_(gradients and name not in no_gradient)
            leaves[name] = arguments[name.replace(".", "_")] = t
        got = f(**arguments)
        values = list(got) if isinstance(got, (list, tuple)) else [got]
        if not gradients:
            return values, {}
        total = sum((v + v * v / 4).sum() for v in values if v.is_floating_point())
        wanted = [n for n, t in leaves.items() if t.requires_grad]
        found = torch.autograd.grad(total, [leaves[n] for n in wanted], allow_unused=True)
        return values, {n: g for n, g in zip(wanted, found) if g is not None}

    values, slopes = computed(torch.float64)
    floats = [n for n, v in zip(outputs, values) if v.is_floating_point()]
    rounded_values, rounded_slopes = values, slopes
    if WIDEN:
        try:
            rounded_values, rounded_slopes = computed(torch.float32)
        except RuntimeError:  # some functions insist on f64
            pass

    def tolerance(exact, rounded, within):
        if not exact.is_floating_point() or exact.numel() == 0:
            return within
        apart = (rounded.detach().double() - exact.detach()).abs()
        apart = apart[apart.isfinite()]
        largest = max(1e-3, *exact.detach()[exact.isfinite()].abs().flatten().tolist(), 0)
        return max(within, 4 * float(apart.max()) / largest) if len(apart) else within


    text = [declarations.strip("\n")] if declarations else []
    text.append("model m {")
    for name, x in inputs.items():
        text.append(f"  input {name}: {declared(x, True)}")
    if not inputs and params:
        text.append("  input unused: f32[batch]")
    for name, x in fixed.items():
        text.append(f"  {'param' if x.dtype == np.float32 else 'state'} {name}: {declared(x, False)} = zeros()")
    text += ["  " + line for line in body.strip("\n").split("\n")]
    text += [f"  output {name} = {name}" for name in outputs]
    by_parameter = [n for n in slopes if n in params]
    if slopes:
        text.append(f"  objective = {' + '.join(f'sum({n}) + sum({n} * {n}) / 4' for n in floats)}")
        text += [f"  output {n}_gradient = grad(objective, {n})" for n in slopes if n not in params]
        if by_parameter:
            text.append(f"  loss objective{' + 0 * mean(unused)' if not inputs else ''}")
    text.append("}")
    batch = len(next(iter(inputs.values()))) if inputs else 1
    if by_parameter:
        text.append("optimizer keep() { state seen = zeros_like(p); seen <- g; p <- p }")
        text.append(f"train m {{ minimize loss with keep(); steps = 1; batch = {batch} }}")
    script = Script("\n".join(text), within)
    for name, x in {**fixed, **params}.items():
        script.set(name, x)
    for name, x in inputs.items():
        script.input(name, x)
    if not inputs and params:
        script.input("unused", np.zeros(1, np.float32))
    script.run(batch)
    for name, v, rounded in zip(outputs, values, rounded_values):
        script.output(name, v, tolerance(v, rounded, within))
    gradient_within = gradient_within or 2 * within
    for name in slopes:
        if name not in params:
            script.output(f"{name}_gradient", slopes[name], tolerance(slopes[name], rounded_slopes[name], gradient_within))
    if by_parameter:
        script.step(batch)
        for name in by_parameter:
            script.parameter(f"seen/{name}", slopes[name], tolerance(slopes[name], rounded_slopes[name], gradient_within))
    return script
