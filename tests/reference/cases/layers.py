"""Layers on the last axis, and normalization."""
import numpy as np
import torch
import torch.nn.functional as F

from framework import Case, Script, case


@case(covers="dense", variants=2)
def dense(d):
    n, units, rows = d.size(), d.size(), d.size()
    bias = d.pick(True, False)
    return Case(f"y = dense(x, {units}{'' if bias else ', use_bias = false'})",
                lambda x, dense_weight, dense_bias=None: F.linear(x, dense_weight.T, dense_bias),
                inputs={"x": d.normal(rows, n)},
                params={"dense.weight": d.normal(n, units), **({"dense.bias": d.normal(units)} if bias else {})})


@case(covers="bilinear", variants=2)
def bilinear(d):
    n, m, units = d.size(high=9), d.size(high=9), d.size(high=9)
    between = d.pick([], [d.size(high=5)])
    bias = d.pick(True, False)
    rows = [d.size(high=9), *between]
    return Case(f"y = bilinear(x, z, {units}{'' if bias else ', use_bias = false'})",
                lambda x, z, bilinear_weight, bilinear_bias=None: F.bilinear(x, z, bilinear_weight.permute(2, 0, 1),
                                                                             bilinear_bias),
                inputs={"x": d.normal(*rows, n), "z": d.normal(*rows, m)},
                params={"bilinear.weight": d.normal(n, m, units),
                        **({"bilinear.bias": d.normal(units)} if bias else {})})


@case(covers="embedding", variants=3)
def embedding(d):
    vocab, width = d.size(3, 12), d.size(high=9)
    padding = d.pick(None, 0, 2)
    shape = d.shape(2, high=9)

    def f(ids, embedding_table):
        table = embedding_table
        if padding is not None:  # a row of zeros; PyTorch stops the derivative by this row alone
            table = table * (torch.arange(vocab) != padding)[:, None]
        return F.embedding(ids, table, padding)

    return Case(f"y = embedding(ids, {vocab}, {width}{'' if padding is None else f', padding = {padding}'})", f,
                inputs={"ids": d.ints(0, vocab, *shape)}, params={"embedding.table": d.normal(vocab, width)})


@case(covers="layer_norm", variants=2)
def layer_norm(d):
    n, eps = d.size(3), d.pick(1e-5, 1e-2)
    return Case(f"y = layer_norm(x, eps = {eps:f})",
                lambda x, layer_norm_scale, layer_norm_shift: F.layer_norm(x, [n], layer_norm_scale, layer_norm_shift,
                                                                           eps),
                inputs={"x": d.normal(d.size(), n)},
                params={"layer_norm.scale": d.normal(n), "layer_norm.shift": d.normal(n)}, within=2e-5)


@case(covers="rms_norm", variants=2)
def rms_norm(d):
    n, eps = d.size(3), d.pick(1e-6, 1e-2)
    return Case(f"y = rms_norm(x, eps = {eps:f})",
                lambda x, rms_norm_scale: x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * rms_norm_scale,
                inputs={"x": d.normal(d.size(), n)}, params={"rms_norm.scale": d.normal(n)})


def image(d, channels, axes):
    """Of two places the deviations are 1 and -1, whatever x is."""
    low = 4 if axes == 1 else 3
    return d.normal(d.size(2, 3), channels, *d.shape(axes, low, {1: 9, 2: 4, 3: 3}[axes]))


# Sums over what is normalized do not depend on x; `by` makes its derivative more than rounding.


@case(covers="batch_norm", variants=4)
def batch_norm(d):
    channels, training, axes = d.size(high=4), d.pick(True, False), d.pick(1, 2)
    x = image(d, channels, axes)
    before = {"mean": d.normal(channels), "var": d.uniform(channels, low=0.5, high=2)}
    after = {n: torch.tensor(v).double() for n, v in before.items()}

    def f(x, by, batch_norm_scale, batch_norm_shift, batch_norm_running_mean, batch_norm_running_var):
        return by * F.batch_norm(x, after["mean"], after["var"], batch_norm_scale, batch_norm_shift, training, 0.1, 1e-5)

    script = Case(f"y = by * batch_norm(x, training = {'true' if training else 'false'})", f,
                  inputs={"x": x, "by": d.normal(*x.shape)},
                  params={"batch_norm.scale": d.normal(channels), "batch_norm.shift": d.normal(channels),
                          **{f"batch_norm.running_{n}": v for n, v in before.items()}},
                  no_gradient=("batch_norm.running_mean", "batch_norm.running_var"), within=2e-5)
    for n, v in after.items():
        script.parameter(f"batch_norm.running_{n}", v)
    return script


@case(covers="group_norm", variants=3)
def group_norm(d):
    groups, axes = d.size(high=3), d.pick(1, 2, 3)
    channels = groups * d.size(high=3)
    x = image(d, channels, axes)
    return Case(f"y = by * group_norm(x, {groups})",
                lambda x, by, group_norm_scale, group_norm_shift: by * F.group_norm(x, groups, group_norm_scale,
                                                                                    group_norm_shift),
                inputs={"x": x, "by": d.normal(*x.shape)}, params={"group_norm.scale": d.normal(channels), "group_norm.shift": d.normal(channels)},
                within=2e-5)


@case(covers="instance_norm", variants=4)
def instance_norm(d):
    affine, axes = d.pick(True, False), d.pick(1, 2)
    channels = d.size(high=5)
    names = ["instance_norm.group_norm.scale", "instance_norm.group_norm.shift"] if affine else []

    x = image(d, channels, axes)

    def f(x, by, instance_norm_group_norm_scale=None, instance_norm_group_norm_shift=None):
        return by * F.instance_norm(x, weight=instance_norm_group_norm_scale, bias=instance_norm_group_norm_shift)

    return Case(f"y = by * instance_norm(x{'' if affine else ', affine = false'})", f,
                inputs={"x": x, "by": d.normal(*x.shape)}, params={n: d.normal(channels) for n in names},
                within=2e-5)


@case(covers="spectral_norm", variants=2)
def spectral_norm(d):
    """PyTorch's, whose vectors are set: the derivative and the state of a step, then a run with the state that it left."""
    shape = d.pick([d.size(2, 12), d.size(2, 12)], [d.size(2, 6), d.size(2, 4), 3])
    rows, columns = shape[0], int(np.prod(shape[1:]))
    w, v, x = d.normal(*shape), d.normal(columns), d.normal(3, *shape)
    program = f"""
model m {{
  input x: f32[batch, {", ".join(map(str, shape))}]
  param w: f32{shape} = zeros()
  y = sum(x * spectral_norm(w), {list(range(1, 1 + len(shape)))})
  output y
  loss sum(y + y * y / 4)
}}
optimizer keep() {{ state seen = zeros_like(p); seen <- g; p <- p }}
train m {{ minimize loss with keep(); steps = 1; batch = 3 }}"""
    script = Script(program, 2e-5).set("w", w).set("spectral_norm.right", v).input("x", x).step(3)
    w, v, x = [torch.tensor(a).double() for a in (w, v, x)]
    w.requires_grad_()
    matrix = w.reshape(rows, columns)
    with torch.no_grad():
        u = F.normalize(matrix @ F.normalize(v, dim=0), dim=0)
        v = F.normalize(matrix.T @ u, dim=0)
        u = F.normalize(matrix @ v, dim=0)
    y = (x * (w / (u @ matrix @ v))).flatten(1).sum(1)
    (y + y * y / 4).sum().backward()
    script.parameter("seen/w", w.grad, 1e-4).parameter("spectral_norm.right", v)
    return script.run(3).output("y", y)
