"""Losses: every reduction, weights, and what else they take."""
import math

import numpy as np
import torch
import torch.nn.functional as F

from framework import Case, case

REDUCTIONS = ("mean", "sum", "none")


def LossCase(call, f, **more):
    return Case(f"value = {call}", f, outputs=("value",), **more)


def reduced(x, reduce, weight=None):
    if weight is not None:
        x = x * weight.reshape(weight.shape + (1,) * (x.dim() - weight.dim()))
    return x.mean() if reduce == "mean" else x.sum() if reduce == "sum" else x


def loss(name, f, inputs, options=lambda d: ({}, {}), variants=3, weights=True, no_gradient=()):
    """`f` gives the losses, not reduced, of the inputs that `inputs` draws and of the second part of what `options` gives,
    whose first part is text of the call."""

    def one(d):
        reduce = d.pick(*REDUCTIONS)
        tensors = inputs(d)
        text, more = options(d)
        call = "".join(f", {k} = {v}" for k, v in text.items())
        names = ", ".join(tensors)
        if weights and d.pick(True, False):
            tensors = {**tensors, "w": d.uniform(len(next(iter(tensors.values()))))}
            call += ", weight = w"
        return LossCase(f'{name}({names}{call}, reduce = "{reduce}")',
                    lambda w=None, **all: reduced(f(*all.values(), **more), reduce, w), inputs=tensors,
                        no_gradient=no_gradient)

    one.__name__ = name
    one.__module__ = __name__
    case(covers=name, variants=variants)(one)


OFF = np.float32(0.00037)  # what has kinks at numbers of three digits is tried beside them


def pair(d):
    s = d.shape(2)
    return {"y": d.normal(*s, scale=2) + OFF, "t": d.normal(*s, scale=2)}


def with_signs(d):
    s = d.shape(2)
    return {"y": d.normal(*s) + OFF, "t": np.float32(2 * d.bools(*s) - 1)}


def with_targets(d):
    s = d.shape(2)
    return {"y": d.normal(*s, scale=3), "t": d.uniform(*s)}


def with_labels(d):
    rows, classes = d.size(), d.size(2)
    return {"y": d.normal(rows, classes, scale=3) + OFF * np.arange(classes, dtype=np.float32), "t": d.ints(0, classes, rows)}


def with_shares(d):
    rows, classes = d.size(), d.size(2)
    t = d.uniform(rows, classes) + np.float32(0.001)
    return {"y": d.normal(rows, classes, scale=3), "t": np.float32(t / t.sum(1, keepdims=True))}


def option(name, low, high, theirs=None):
    def draw(d):
        value = d.number(low, high)
        return {name: value}, {theirs or name: value}

    return draw


none = {"reduction": "none"}
loss("mean_squared_error", lambda y, t: F.mse_loss(y, t, **none), pair)
loss("mean_absolute_error", lambda y, t: F.l1_loss(y, t, **none), pair)
loss("mean_absolute_percentage_error", lambda y, t: 100 * (y - t).abs() / t.abs().clamp(min=1e-7), pair)
loss("mean_squared_log_error", lambda y, t: (torch.log1p(y.relu()) - torch.log1p(t.relu())) ** 2, pair)
loss("huber", lambda y, t, delta: F.huber_loss(y, t, delta=delta, **none), pair, option("delta", 0.3, 3))
loss("log_cosh", lambda y, t: torch.log(torch.cosh(y - t)), pair)
loss("quantile_error", lambda y, t, q: torch.maximum(q * (t - y), (q - 1) * (t - y)), pair, option("q", 0.05, 0.95))
loss("hinge", lambda y, t: (1 - t * y).clamp(min=0), with_signs)
loss("squared_hinge", lambda y, t: (1 - t * y).clamp(min=0) ** 2, with_signs)
loss("hinge_embedding", lambda y, t, margin: F.hinge_embedding_loss(y, t, margin=margin, **none),
     lambda d: {**(p := with_signs(d)), "y": np.abs(p["y"])}, option("margin", 0.3, 2))
loss("soft_cross_entropy", lambda y, t: F.cross_entropy(y, t, **none), with_shares)
loss("kl_divergence", lambda y, t: F.kl_div(F.log_softmax(y, -1), t, **none).sum(-1), with_shares)
loss("categorical_hinge",
     lambda y, t: F.relu(1 + y.masked_fill(F.one_hot(t.long(), y.shape[1]).bool(), -math.inf).max(1)[0] -
                         y.gather(1, t.long()[:, None])[:, 0]), with_labels)
loss("multi_margin", lambda y, t, p, margin: F.multi_margin_loss(y, t.long(), p=p, margin=margin, **none), with_labels,
     lambda d: (lambda p, m: ({"power": p, "margin": m}, {"p": p, "margin": m}))(d.pick(1, 2), d.number(0.3, 2)))
loss("gaussian_nll", lambda y, t, v, full: F.gaussian_nll_loss(y, t, v, full=full, **none),
     lambda d: (lambda s: {"y": d.normal(*s), "t": d.normal(*s), "v": d.uniform(*s, low=0.1, high=2)})(d.shape(2)),
     lambda d: (lambda full: ({"full": str(full).lower()}, {"full": full}))(d.pick(True, False)))
loss("poisson_nll", lambda y, t, full: F.poisson_nll_loss(y, t, full=full, **none),
     lambda d: (lambda s: {"y": d.normal(*s), "t": np.float32(d.ints(0, 5, *s))})(d.shape(2)),
     lambda d: (lambda full: ({"full": str(full).lower()}, {"full": full}))(d.pick(True, False)), no_gradient=("t",))
loss("cosine_embedding", lambda a, b, t, margin: F.cosine_embedding_loss(a, b, t, margin=margin, **none),
     lambda d: (lambda s: {"a": d.normal(*s), "b": d.normal(*s), "t": np.float32(2 * d.bools(s[0]) - 1)})(d.shape(2, low=2)),
     option("margin", 0.01, 0.5))
loss("margin_ranking", lambda a, b, t, margin: F.margin_ranking_loss(a, b, t, margin=margin, **none),
     lambda d: (lambda s: {"a": d.normal(*s) + OFF, "b": d.normal(*s), "t": np.float32(2 * d.bools(*s) - 1)})(d.shape(1)),
     option("margin", 0.01, 0.5))


def distance(a, b):
    return ((a - b) ** 2).sum(-1).sqrt()


loss("contrastive", lambda a, b, t, margin: t * distance(a, b) ** 2 + (1 - t) * (margin - distance(a, b)).clamp(min=0) ** 2,
     lambda d: (lambda s: {"a": d.normal(*s), "b": d.normal(*s), "t": np.float32(d.bools(s[0]))})(d.shape(2, low=2)),
     option("margin", 1, 4))
loss("triplet", lambda a, p, n, margin, swap: F.triplet_margin_loss(a, p, n, margin=margin, swap=swap, eps=0, **none),
     lambda d: (lambda s: {"a": d.normal(*s), "p": d.normal(*s), "n": d.normal(*s)})(d.shape(2, low=2)),
     lambda d: (lambda m, s: ({"margin": m, "swap": str(s).lower()}, {"margin": m, "swap": s}))(
         d.number(0.3, 2), d.pick(True, False)))


def focal_binary(y, t, gamma, alpha):
    p = torch.sigmoid(y)
    missed = t * (1 - p) + (1 - t) * p
    value = missed**gamma * F.binary_cross_entropy_with_logits(y, t, **none)
    return value if alpha is None else value * (t * alpha + (1 - t) * (1 - alpha))


loss("binary_focal_cross_entropy", focal_binary, with_targets,
     lambda d: (lambda g, a: ({"gamma": g, "alpha": a or "none"}, {"gamma": g, "alpha": a}))(
         d.pick(2.0, 1.5, 3), d.pick(None, 0.25)), variants=6)


@case(covers="focal_cross_entropy", variants=6)
def focal_cross_entropy(d):
    reduce, weighs, gamma = d.pick(*REDUCTIONS), d.pick(True, False), d.pick(2.0, 1.5)
    x = with_labels(d)
    if weighs:
        return LossCase(f'focal_cross_entropy(y, t, gamma = {gamma}, class_weight = c, reduce = "{reduce}")',
                    lambda y, t, c: reduced((1 - torch.exp(-F.cross_entropy(y, t.long(), **none)))**gamma *
                                            F.cross_entropy(y, t.long(), **none) * c[t.long()], reduce),
                    inputs=x, fixed={"c": d.uniform(x["y"].shape[1])})
    return LossCase(f'focal_cross_entropy(y, t, gamma = {gamma}, reduce = "{reduce}")',
                lambda y, t: reduced((1 - torch.exp(-F.cross_entropy(y, t.long(), **none)))**gamma *
                                     F.cross_entropy(y, t.long(), **none), reduce), inputs=x)


@case(covers="cross_entropy", variants=12)
def cross_entropy(d):
    reduce, mode = d.pick(*REDUCTIONS), d.pick("plain", "class_weight", "ignore", "both")
    smoothing = d.pick(0, 0.2)
    x = with_labels(d)
    if mode in ("ignore", "both"):
        t = x["t"].copy()
        t[d.bools(len(t), p=0.3)] = -100
        t[0] = 0
        x["t"] = t
    fixed = {"c": d.uniform(x["y"].shape[1], low=0.1)} if mode in ("class_weight", "both") else {}
    text = ", class_weight = c" if fixed else ""
    text += ", ignore = -100" if mode in ("ignore", "both") else ""
    text += f", smoothing = {smoothing}" if smoothing else ""
    return LossCase(f'cross_entropy(y, t, reduce = "{reduce}"{text})',
                lambda y, t, c=None: F.cross_entropy(y, t.long(), weight=c, reduction=reduce, label_smoothing=smoothing),
                inputs=x, fixed=fixed, no_gradient=("c",))


@case(covers="cross_entropy", variants=3)
def cross_entropy_of_masks(d):
    reduce, s = d.pick(*REDUCTIONS), d.shape(3, low=2)
    x = {"y": d.normal(*s), "t": d.ints(0, s[2], s[0], s[1]), "m": d.bools(s[0], s[1]), "w": d.uniform(s[0])}
    return LossCase(f'cross_entropy(y, t, mask = m, weight = w, reduce = "{reduce}")',
                lambda y, t, m, w: reduced(F.cross_entropy(y.transpose(1, 2), t.long(), **none) * m, reduce, w), inputs=x)


@case(covers="binary_cross_entropy", variants=6)
def binary_cross_entropy(d):
    reduce, positive, weighs = d.pick(*REDUCTIONS), d.pick(None, 2.5), d.pick(True, False)
    x = with_targets(d)
    if weighs:
        x["w"] = d.uniform(*x["y"].shape)
    text = f", positive_weight = {positive}" if positive else ""
    text += ", weight = w" if weighs else ""
    return LossCase(f'binary_cross_entropy(y, t{text}, reduce = "{reduce}")',
                lambda y, t, w=None: F.binary_cross_entropy_with_logits(
                    y, t, weight=w, reduction=reduce, pos_weight=positive and torch.tensor(positive).double()), inputs=x,
                no_gradient=("w",))


def images_and_masks(d):
    s = d.shape(3)
    return {"y": d.normal(*s, scale=2), "t": np.float32(d.bools(*s))}


def tversky_of(y, t, alpha=0.5, beta=0.5, smooth=1.0):
    p = torch.sigmoid(y).flatten(1)
    t = t.flatten(1)
    found = (p * t).sum(1)
    return 1 - (found + smooth) / (found + alpha * (p * (1 - t)).sum(1) + beta * ((1 - p) * t).sum(1) + smooth)


loss("tversky", tversky_of, images_and_masks,
     lambda d: (lambda o: (o, o))({"alpha": d.number(0.1, 0.9), "beta": d.number(0.1, 0.9), "smooth": d.number(0.1, 2)}))
loss("dice", lambda y, t: 1 - (2 * (torch.sigmoid(y) * t).flatten(1).sum(1) + 1) /
     (torch.sigmoid(y).flatten(1).sum(1) + t.flatten(1).sum(1) + 1), images_and_masks)


@case(covers="normalized cosine_similarity", variants=2)
def cosine_similarity(d):
    axis, s = d.pick(-1, 1), d.shape(3, low=2)
    return Case(f"y = cosine_similarity(a, b, axis = {axis}); z = normalized(a, {axis})",
                lambda a, b: (F.cosine_similarity(a, b, dim=axis), F.normalize(a, dim=axis)),
                inputs={"a": d.normal(*s), "b": d.normal(*s)}, outputs=("y", "z"))


@case(covers="info_nce", variants=6)
def info_nce(d):
    reduce, both, s = d.pick(*REDUCTIONS), d.pick(False, True), d.shape(2, low=2)

    def f(a, b):
        scores = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / 0.2
        own = torch.arange(s[0])
        value = F.cross_entropy(scores, own, **none)
        return reduced((value + F.cross_entropy(scores.T, own, **none)) / 2 if both else value, reduce)

    return LossCase(f'info_nce(a, b, temperature = 0.2, symmetric = {str(both).lower()}, reduce = "{reduce}")', f,
                inputs={"a": d.normal(*s), "b": d.normal(*s)}, within=2e-5)


@case(covers="ctc", variants=6)
def ctc(d):
    reduce, zero = d.pick(*REDUCTIONS), d.pick(True, False)
    b, longest, classes = d.size(high=7), d.size(high=5), d.size(2, 8)
    time = 2 * longest + d.size(high=5)
    blank = d.pick(0, classes - 1)
    label = d.ints(0, classes - 1, b, longest)
    label = np.int32(label + (label >= blank))
    lengths = d.ints(1, longest + 1, b)
    times = d.ints(longest if zero else 2 * longest, time + 1, b)
    padded = np.where(np.arange(longest) < lengths[:, None], label, -1).astype(np.int32)

    def f(y, t, n, m):
        return reduced(F.ctc_loss(F.log_softmax(y, -1).transpose(0, 1), t.long().clamp(min=0), n.long(), m.long(), blank=blank,
                                  reduction="none", zero_infinity=zero), reduce)

    return LossCase(f'ctc(y, t, n, m, blank = {blank}, zero_infinity = {str(zero).lower()}, reduce = "{reduce}")', f,
                inputs={"y": d.normal(b, time, classes), "t": padded, "n": times, "m": lengths}, within=2e-5)


loss("soft_margin", lambda y, t: F.soft_margin_loss(y, t, **none), with_signs, no_gradient=("t",))


def classes_of(d):
    s = d.shape(2, low=2)
    return {"y": d.normal(*s, scale=2) + OFF * np.arange(s[1], dtype=np.float32), "t": np.float32(d.bools(*s))}


def multilabel_margin_of(y, t):
    """PyTorch's takes the classes that are there, then -1."""
    rows = []
    for found in t.bool():
        classes = found.nonzero()[:, 0]
        rows.append(torch.cat([classes, torch.full([len(found) - len(classes)], -1)]))
    return F.multilabel_margin_loss(y, torch.stack(rows), **none)


loss("multilabel_margin", multilabel_margin_of, classes_of, no_gradient=("t",))
loss("generalized_cross_entropy", lambda y, t, q: (1 - torch.softmax(y, -1).gather(-1, t.long()[:, None])[:, 0]**q) / q,
     with_labels, option("q", 0.1, 1))


def circle_of(e, label, gamma, margin):
    e = F.normalize(e, dim=1)
    s, values = e @ e.T, []
    for i in range(len(e)):
        alike = [s[i, j] for j in range(len(e)) if j != i and label[j] == label[i]]
        others = [s[i, j] for j in range(len(e)) if label[j] != label[i]]
        if not alike or not others:
            values.append(0 * s[i, i])
            continue
        near = sum(torch.exp(gamma * (v + margin).clamp(min=0) * (v - margin)) for v in others)
        far = sum(torch.exp(gamma * (1 + margin - v).clamp(min=0) * (1 - margin - v)) for v in alike)
        values.append(torch.log1p(near * far))
    return torch.stack(values)


loss("circle", circle_of, lambda d: (lambda s: {"e": d.normal(*s), "t": d.ints(0, 3, s[0])})([d.size(2, 12), d.size(2, 12)]),
     lambda d: (lambda o: (o, o))({"gamma": d.number(1, 20), "margin": d.number(0.1, 0.5)}))
