"""Initial values: those that are not random, and the moments of the others."""
import math

import numpy as np
import torch

from framework import Case, case

none = {"fixed": {"unused": np.zeros(1, np.float32)}, "gradients": False}


@case(covers="identity", variants=2)
def identity(d):
    n, m = d.shape(2)
    return Case(f"y = identity([{n}, {m}], gain = 2)", lambda unused: 2 * torch.eye(n, m), **none)


@case(covers="dirac", variants=4)
def dirac(d):
    groups, sizes = d.pick(1, 3), d.pick([3], [5, 3])
    out, into = groups * d.size(high=7), d.size(high=7)
    return Case(f"y = dirac([{out}, {into}, {', '.join(map(str, sizes))}], groups = {groups})",
                lambda unused: torch.nn.init.dirac_(torch.empty(out, into, *sizes), groups), **none)


@case(covers="orthogonal", variants=4)
def orthogonal(d):
    shape = d.pick([3, 5], [5, 3], [7, 7], [4, 3, 5, 2]) if d.stored else d.pick(d.shape(2), [5, 2, 3], [9, 1, 2, 2])
    rows, columns = shape[0], math.prod(shape[1:])
    product = "w @ transpose(w)" if rows <= columns else "transpose(w) @ w"
    return Case(f"w = reshape(orthogonal({shape}, gain = 2), [{rows}, {columns}])\ny = {product}",
                lambda unused: 4 * torch.eye(min(rows, columns)), **none)


def moments(name, call, variance, most=None, kernel=False):
    """The mean square, and the largest, of many: they are drawn, so the tolerances are of statistics."""

    def one(d):
        shape = [40, 20, 3, 5] if kernel else [200, 300]
        body = f"w = {call(shape)}\nsquare_of = mean(w * w)\nmiddle = 1 + mean(w) * rsqrt(square_of)"
        body += f"\nwithin = f32(max(abs(w)) <= {1.000001 * most(shape):.8g})" if most else ""
        outputs = ("square_of", "middle", "within") if most else ("square_of", "middle")
        return Case(body, lambda unused: [torch.tensor(v).double() for v in (variance(shape), 1.0, 1.0)][:len(outputs)],
                    outputs=outputs, within=0.03, **none)

    one.__name__, one.__module__ = name + ("_of_kernels" if kernel else ""), __name__
    case(covers=name)(one)


def fans(shape):
    rest = math.prod(shape[2:])
    return (shape[0], shape[1]) if len(shape) == 2 else (shape[1] * rest, shape[0] * rest)


for kernel in (False, True):
    for name, share in (("glorot", lambda s: 2 / sum(fans(s))), ("he", lambda s: 2 / fans(s)[0]),
                        ("lecun", lambda s: 1 / fans(s)[0])):
        moments(f"{name}_uniform", lambda s, name=name: f"{name}_uniform({s})", share,
                lambda s, share=share: math.sqrt(3 * share(s)), kernel)
        moments(f"{name}_normal", lambda s, name=name: f"{name}_normal({s})", share, None, kernel)
moments("truncated_normal", lambda s: f"truncated_normal({s}, std = 0.5)", lambda s: 0.25 * 0.8796256610342398**2,
        lambda s: 1)
moments("variance_scaling", lambda s: f'variance_scaling({s}, 2, mode = "average")', lambda s: 4 / sum(fans(s)))
moments("variance_scaling", lambda s: f'variance_scaling({s}, 3, mode = "out", distribution = "uniform")',
        lambda s: 3 / fans(s)[1], lambda s: 3 / math.sqrt(fans(s)[1]), True)


@case(covers="truncated_normal")
def central_erf_inverse(d):
    x = d.uniform(d.size(), low=-0.955, high=0.955)
    return Case("y = central_erf_inverse(x)", lambda x: torch.erfinv(x), inputs={"x": x}, within=1e-6, gradient_within=1e-4)


@case(covers="sparse", variants=2)
def sparse(d):
    n, m = d.size(), d.size(high=60)
    share = d.number(0.05, 0.95)
    zeros = math.ceil(share * m)
    return Case(f"""w = sparse([{n}, {m}], {share}, std = 3)
at_zero = sum(f32(w == 0), 1)
middle = sparse([200, 300], {share}, std = 0.5)
square_of = sum(middle * middle) / sum(f32(middle != 0))""",
                lambda unused: [torch.full([n], zeros).double(), torch.tensor(0.25).double()],
                outputs=("at_zero", "square_of"), within=0.06, **none)
