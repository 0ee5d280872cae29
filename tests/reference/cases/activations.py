"""Activations, element by element; softmax and its kin along an axis."""
import numpy as np
import torch
import torch.nn.functional as F

from framework import Case, case


def elementwise(name, f, call=None, variants=1):
    """`f` of x, `call` the text of the call; both may depend on the draw."""

    def one(d):
        # Ties of sorting, kinks at 0.5, 1 ... are left out: x has an odd last digit beyond.
        x = np.float32(d.normal(*d.shape(2), scale=3) + np.float32(0.00037))
        text, g = call(d) if call else (f"{name}(x)", f)
        return Case(f"y = {text}", lambda x: g(x), inputs={"x": x})

    one.__name__ = name
    one.__module__ = __name__
    case(covers=name, variants=variants)(one)


def number(make):
    return lambda d: make(d.number(0.2, 2))


elementwise("relu", F.relu)
elementwise("relu6", F.relu6)
elementwise("leaky_relu", None, number(lambda a: (f"leaky_relu(x, {a})", lambda x: F.leaky_relu(x, a))))
elementwise("rrelu", lambda x: F.rrelu(x, training=False))
elementwise("elu", None, number(lambda a: (f"elu(x, {a})", lambda x: F.elu(x, a))))
elementwise("selu", F.selu)
elementwise("celu", None, number(lambda a: (f"celu(x, {a})", lambda x: F.celu(x, a))))
elementwise("hard_tanh", None, number(lambda a: (f"hard_tanh(x, {-a}, {a / 2})", lambda x: F.hardtanh(x, -a, a / 2))))
elementwise("hard_sigmoid", F.hardsigmoid)
elementwise("hard_silu", F.hardswish)
elementwise("hard_shrink", None, number(lambda a: (f"hard_shrink(x, {a})", lambda x: F.hardshrink(x, a))))
elementwise("soft_shrink", None, number(lambda a: (f"soft_shrink(x, {a})", lambda x: F.softshrink(x, a))))
elementwise("tanh_shrink", F.tanhshrink)
elementwise("threshold", None, number(lambda a: (f"threshold(x, {a}, -1)", lambda x: F.threshold(x, a, -1))))
elementwise("sigmoid", torch.sigmoid)
elementwise("silu", F.silu)
elementwise("mish", F.mish)
elementwise("softsign", F.softsign)
elementwise("softplus", F.softplus)
elementwise("softplus", None, number(lambda b: (f"softplus(x, beta = {b})", lambda x: F.softplus(x, b, threshold=1000))))
elementwise("log_sigmoid", F.logsigmoid)
elementwise("squareplus", None, number(lambda b: (f"squareplus(x, {b})", lambda x: (x + (x * x + b).sqrt()) / 2)))
elementwise("sparse_plus", lambda x: torch.where(x <= -1, 0 * x, torch.where(x >= 1, x, (x + 1) ** 2 / 4)))
elementwise("sparse_sigmoid", lambda x: ((x + 1) / 2).clamp(0, 1))
elementwise("gelu", None, lambda d: (lambda tanh: (f"gelu(x, approximate = {'true' if tanh else 'false'})",
                                                   lambda x: F.gelu(x, approximate="tanh" if tanh else "none")))(
    d.pick(False, True)), variants=2)


@case(covers="prelu", variants=3)
def prelu(d):
    axis = d.pick("none", 1, -1)
    x = d.normal(*d.shape(3))
    size = [] if axis == "none" else [x.shape[axis]]
    return Case(f"y = prelu(x, axis = {axis})",
                lambda x, prelu_slope: torch.where(x > 0, x, x * (prelu_slope[:, None] if axis == 1 else prelu_slope)),
                inputs={"x": x}, params={"prelu.slope": d.normal(*size)})


@case(covers="log_add_exp")
def log_add_exp(d):
    s = d.shape(2)
    return Case("y = log_add_exp(a, b)", lambda a, b: torch.logaddexp(a, b),
                inputs={"a": d.normal(*s, scale=3), "b": d.normal(*s, scale=3)})


def along(name, f):
    def one(d):
        axis = d.pick(-1, 1)
        return Case(f"y = {name}(x, axis = {axis})", lambda x: f(x, axis), 
                    inputs={"x": np.float32(1.037 * d.normal(*d.shape(3), scale=2))})  # no ties

    one.__name__ = name
    one.__module__ = __name__
    case(covers=name, variants=2)(one)


def sparsemax_of(x, axis):
    z, _ = torch.sort(x.detach(), axis, descending=True)
    n = x.shape[axis]
    k = torch.arange(1, n + 1, dtype=x.dtype).reshape([n if i == axis % x.dim() else 1 for i in range(x.dim())])
    count = (1 + k * z > z.cumsum(axis)).sum(axis, keepdim=True)
    t = (torch.gather(z.cumsum(axis), axis, count - 1) - 1) / count
    inside = (x.detach() > t).double()
    return inside * (x - ((inside * x).sum(axis, keepdim=True) - 1) / count)


along("softmax", F.softmax)
along("log_softmax", F.log_softmax)
along("softmin", F.softmin)
along("sparsemax", sparsemax_of)


@case(covers="glu", variants=2)
def glu(d):
    axis, s = d.pick(-1, 1), d.shape(3)
    s[axis] *= 2
    return Case(f"y = glu(x, axis = {axis})", lambda x: F.glu(x, axis), inputs={"x": d.normal(*s)})
