#!/usr/bin/env python3
"""Writes the numbers of the files that are named at its end, as PyTorch computes them in f64.

    tests/frontend/values/reference.py        needs PyTorch; the tests compare with what stands in the files, and do not

A function below computes what the model of its name does, with the functions of PyTorch and its automatic
differentiation alone, and gives a tensor for each `output` and each line `# step: NAME` of the file, by its name. The
`#=` lines below these are written anew. What inputs and parameters hold is said in ../values_test.cpp.
"""
import math
import pathlib
import re

import torch
from torch.nn import functional as F

HERE = pathlib.Path(__file__).resolve().parent
WIDTH = 120
torch.set_default_dtype(torch.float64)


def counted(*shape):
    """The input called x."""
    return torch.arange(math.prod(shape), dtype=torch.float64).reshape(shape)


def parameter(path, *shape):
    return torch.sin(counted(*shape) + len(path)).requires_grad_()


def leaf(t):
    return t.detach().requires_grad_()


def slope(y, x, **options):
    return torch.autograd.grad(y, x, retain_graph=True, **options)[0]


class Step:
    """The loss of a file and what its training step gives beside it."""

    def __init__(self):
        self.parameters, self.out = {}, {}

    def parameter(self, path, *shape):
        return self.parameters.setdefault(path, parameter(path, *shape))

    def results(self, loss, outputs):
        self.out["loss"] = loss
        slopes = torch.autograd.grad(loss, list(self.parameters.values()))
        self.out |= {f"gradient of {path}": g for path, g in zip(self.parameters, slopes)}
        return {f"# step: {name}": t for name, t in self.out.items()} | outputs


# ---- normalization ----------------------------------------------------------------------------------------------


class BatchNorm:
    def __init__(self, step, path, channels, momentum=0.1, eps=1e-5):
        self.scale = step.parameter(f"{path}.scale", channels)
        self.shift = step.parameter(f"{path}.shift", channels)
        self.mean, self.var = torch.zeros(channels), torch.ones(channels)
        self.momentum, self.eps = momentum, eps
        step.out |= {f"{path}.running_mean": self.mean, f"{path}.running_var": self.var}

    def __call__(self, x, training=True):
        return F.batch_norm(x, self.mean, self.var, self.scale, self.shift, training, self.momentum, self.eps)


def normalization():
    step = Step()
    x = counted(2, 4, 2, 3)
    z, v, w = leaf(torch.sin(x)), leaf(torch.cos(3 * x)), torch.cos(2 * x)

    def pair(path, *shape):
        return step.parameter(f"{path}.scale", *shape), step.parameter(f"{path}.shift", *shape)

    norm = BatchNorm(step, "norm", 4, momentum=0.25)
    first, second = norm(z), norm(z * z + 1)
    # what ran is copied: PyTorch changes it in place
    later = F.batch_norm(v, norm.mean.clone(), norm.var.clone(), norm.scale, norm.shift, False, eps=1e-5)
    flat = BatchNorm(step, "flat", 4, eps=1e-3)(z[:, :, 0, 0])
    line = BatchNorm(step, "line", 4)(z[:, :, 0])
    volume = BatchNorm(step, "volume", 4)(z.reshape(2, 4, 2, 3, 1))
    grouped = F.group_norm(z, 2, *pair("group_norm", 4), eps=1e-5)
    alone = F.group_norm(z[:, :, 0], 4, *pair("alone", 4), eps=1e-3)
    layered = F.layer_norm(z, [3], *pair("layer_norm", 3), eps=1e-5)
    wide = F.layer_norm(z.reshape(2, 24), [24], *pair("wide", 24), eps=1e-3)
    deviation = torch.std(z, [0, 2], unbiased=False)
    by_layer = slope((layered * w).sum(), z, create_graph=True)
    outputs = {
        "by_the_batch": first, "by_the_second": second, "by_what_ran": later,
        "batch_slope": slope((first * w).sum(), z), "running_slope": slope((later * w).sum(), v),
        "deviations": deviation, "deviation_slope": slope((deviation * w[0, :, 0]).sum(), z),
        "variance_slope": slope((torch.var(z, 1, unbiased=False) ** 2).sum(), z),
        "in_groups": grouped, "one_to_a_group": alone, "group_slope": slope((grouped * w).sum(), z),
        "by_layer": layered, "over_all": wide, "layer_slope": by_layer, "second_slope": slope((by_layer**2).sum(), z),
    }
    loss = ((first + second + grouped + layered) * w).sum() + (later**2).sum() + (flat * w[:, :, 0, 0]).sum()
    loss = loss + ((line + alone) * w[:, :, 0]).sum() + (volume[..., 0] * w).sum() + (wide * w.reshape(2, 24)).sum()
    return step.results(loss, outputs)


# ---- recurrent layers -------------------------------------------------------------------------------------------


def run_recurrent(f, gates, start, step, path, x, hidden, bias_of_state):
    """All states and the last ones: f is what torch.nn.RNN, LSTM and GRU run, from the states `start`."""
    weight = step.parameter(f"{path}.weight", x.shape[2], gates * hidden)
    recurrent = step.parameter(f"{path}.recurrent", hidden, gates * hidden)
    weights = [weight.T, recurrent.T, step.parameter(f"{path}.bias", gates * hidden), bias_of_state]
    states, *last = f(x, start, weights, True, 1, 0.0, True, False, True)  # with biases, one layer, batch first
    return states, *(t[0] for t in last)


def rnn(step, path, x, hidden):
    return run_recurrent(torch.rnn_tanh, 1, torch.zeros(1, len(x), hidden), step, path, x, hidden, torch.zeros(hidden))


def lstm(step, path, x, hidden):
    open_by_one = torch.zeros(4, hidden)
    open_by_one[1] = 1
    start = torch.zeros(1, len(x), hidden)
    return run_recurrent(torch.lstm, 4, (start, start), step, path, x, hidden, open_by_one.flatten())


def gru(step, path, x, hidden):
    bias = torch.cat([torch.zeros(2 * hidden), step.parameter(f"{path}.recurrent_bias", hidden)])
    return run_recurrent(torch.gru, 3, torch.zeros(1, len(x), hidden), step, path, x, hidden, bias)


def recurrent():
    step = Step()
    z, w = leaf(torch.sin(counted(2, 4, 2))), torch.cos(3 * counted(3))
    plain, plain_last = rnn(step, "rnn", z, 3)
    long, long_last, cell = lstm(step, "lstm", z, 3)
    gated, gated_last = gru(step, "gru", z, 3)
    above, above_last, above_cell = lstm(step, "above", gated, 3)
    of_plain, of_long = (plain**2 * w).sum(), (long**2 * w).sum() + (cell * w).sum()
    of_gated = (gated**2 * w).sum()
    outputs = {
        "plain_states": plain, "plain_end": plain_last, "plain_slope": slope(of_plain, z),
        "long_states": long, "long_end": long_last, "cell": cell, "long_slope": slope(of_long, z),
        "gated_states": gated, "gated_end": gated_last, "gated_slope": slope(of_gated, z), "above_states": above,
    }
    return step.results(of_plain + of_long + of_gated + (above_last * w).sum() + above_cell.sum(), outputs)


# ---- attention --------------------------------------------------------------------------------------------------


def attend(*given, **options):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(*given, **options)
    return F._scaled_dot_product_attention(*given, **options)[0]  # PyTorch 1


def attention():
    x = counted(2, 2, 5, 4)
    q, k, v = leaf(torch.sin(x)[:, :, :3]), leaf(torch.cos(1.5 * x)), leaf(torch.sin(0.5 * x)[..., :3])
    w = torch.cos(2 * x)[:, :, :3, :3]
    past = torch.ones(3, 5, dtype=torch.bool).tril(2)
    seen = (x[:, 0, :3, :1] / 4 + counted(5)) % 3 != 0
    full, causal = attend(q, k, v), attend(q, k, v, attn_mask=past)
    square, masked = attend(k, k, v, is_causal=True), attend(q, k, v, attn_mask=seen[:, None])
    both = attend(q, k, v, attn_mask=past & (counted(5) != 1))
    outputs = {"of_all": full, "of_the_past": causal, "of_its_own_past": square, "of_some": masked,
               "of_some_of_the_past": both, "square_by_k": slope((square[:, :, :3] * w).sum(), k),
               "both_by_k": slope((both * w).sum(), k)}
    for name, y in {"full": full, "causal": causal, "masked": masked}.items():
        outputs |= {f"{name}_by_{letter}": slope((y * w).sum(), t) for letter, t in {"q": q, "k": k, "v": v}.items()}
    return outputs


# ---- cumulative functions, segments -----------------------------------------------------------------------------


def from_the_end(f, x, axis):
    return f(x.flip(axis), axis).flip(axis)


def moved_on(x, axis, first):
    """Without itself: each place has what was in front of it."""
    start = torch.full_like(x.narrow(axis, 0, 1), first)
    return torch.cat([start, x.narrow(axis, 0, x.shape[axis] - 1)], axis)


def largest(x, axis):
    return torch.cummax(x, axis).values


def cumulative():
    x = counted(2, 4, 3)
    z, w = leaf(torch.sin(3 * x)), torch.cos(2 * x)
    sums = torch.cumsum(z, 1)
    behind = from_the_end(lambda t, a: moved_on(torch.cumsum(t, a), a, 0), z, 2)
    products, from_end = torch.cumprod(z, 2), from_the_end(torch.cumprod, z, 1)
    holes = torch.cumprod(torch.where(z > 0.5, 0, z), 1)
    in_front = moved_on(torch.cumprod(z, 1), 1, 1)
    down = largest(z, 1)
    largest_behind = from_the_end(lambda t, a: moved_on(largest(t, a), a, -math.inf), z, 1)[:, :3]
    segments = torch.zeros(4, 2).index_add(0, torch.tensor([2, 0, 2, 2]), z[1, :, :2])
    examples = torch.zeros(3, 4, 3).index_add(0, torch.tensor([0, 2]), z)
    together = torch.logsumexp(5 * z, 1)
    return {
        "sums_down": sums, "sums_slope": slope((sums**2 * w).sum(), z),
        "sums_behind": behind, "sums_behind_slope": slope((behind**2 * w).sum(), z),
        "products_along": products, "products_slope": slope((products * w).sum(), z),
        "products_from_the_end": from_end, "products_from_the_end_slope": slope((from_end * w).sum(), z),
        "products_with_zeros": holes, "products_with_zeros_slope": slope((holes * w).sum(), z),
        "products_in_front": in_front, "products_in_front_slope": slope((in_front * w).sum(), z),
        "largest_down": down, "largest_slope": slope((down * w).sum(), z),
        "largest_behind": largest_behind, "largest_behind_slope": slope((largest_behind * w[:, :3]).sum(), z),
        "in_segments": segments, "segments_slope": slope((segments**2 * w[0, :, :2]).sum(), z),
        "of_examples": examples, "of_examples_slope": slope((examples**3).sum(), z),
        "together_": together, "together_slope": slope((together * w[:, 0]).sum(), z),
    }


# ---- losses -----------------------------------------------------------------------------------------------------


def losses():
    x, label = counted(2, 3, 5), (torch.arange(6) % 3).reshape(2, 3)
    z, v, w = leaf(3 * torch.sin(x)), leaf(torch.cos(2 * x)), torch.cos(x[:, :, 0])

    def entropy(reduction="mean", label=label, **options):
        return F.cross_entropy(z.movedim(2, 1), label, reduction=reduction, **options)  # classes stand behind the batch

    each, masked = entropy("none"), entropy("none", torch.where(w > 0, label, -100), label_smoothing=0.1)
    binary = F.binary_cross_entropy_with_logits
    first = slope(entropy(), z, create_graph=True)
    return {
        "each": each, "mean_": entropy(), "sum_": entropy("sum"), "slope": slope((each * w).sum(), z),
        "second_slope": slope((first**2).sum(), z), "smooth": entropy("none", label_smoothing=0.2),
        "smooth_slope": slope(entropy(label_smoothing=0.2), z), "some": masked, "some_slope": slope(masked.sum(), z),
        "binary": binary(z, (v + 1) / 2, reduction="none"), "binary_slope": slope(binary(z, (v + 1) / 2), z),
        "binary_slope_of_target": slope(binary(z, v), v),
        "squared": F.mse_loss(z, v), "squared_slope": slope(F.mse_loss(z, v), v),
        "shares": F.softmax(z, 1), "shares_slope": slope((F.softmax(z, 1) * v).sum(), z),
        "log_shares_slope": slope((F.log_softmax(z, 2) * v).sum(), z),
    }


# ---- lines ------------------------------------------------------------------------------------------------------


def chain(a, b, start, axis):
    y, out = start, []
    for a_t, b_t in zip(a.unbind(axis), b.unbind(axis)):
        y = a_t * y + b_t
        out.append(y)
    return torch.stack(out, axis)


def lines():
    x = counted(2, 4, 3)
    z, w = leaf(torch.sin(3 * x)), leaf(torch.cos(2 * x))
    label = torch.tensor([0, 1])
    up, order = torch.sort(z, dim=1, stable=True)
    down = torch.sort(z, dim=2, descending=True, stable=True).values
    levels = torch.where(z > 0.5, 1.0, torch.where(z < -0.5, -1.0, 0.0))
    top, top_indices = torch.topk(z, 2, 1)
    chained = chain(w, z, torch.full((2, 3), 0.5), 1)
    back = chain(torch.full_like(z, 0.9), z.flip(1), w[:, 0], 1).flip(1)
    once = {"cubes": slope((up**3 * w.detach()).sum(), z, create_graph=True),
            "chain": slope((chained**2 * z).sum(), w, create_graph=True)}
    picked = z[torch.arange(2)[:, None], order[:, :2, 0]]
    part = torch.stack([z[0, 1:3], z[1, 2:4]])
    whole = torch.cat([z[:, :2], 2 * w[:, :2]], 1)
    by_factors, by_terms = torch.autograd.grad((chained**2 * z.detach()).sum(), (w, z), retain_graph=True)
    return {
        "sorted_down": up, "sorted_slope": slope((up**2 * w).sum(), z),
        "sorted_second": slope((once["cubes"] * w.detach()).sum(), z),
        "sorted_along": down, "sorted_along_slope": slope((down * w).sum(), z),
        "places": torch.sort(levels, dim=1, descending=True, stable=True).indices,
        "top_values": top, "top_indices": top_indices, "top_slope": slope((top**2 * w[:, :2]).sum(), z),
        "chained": chained, "chained_by_factors": by_factors, "chained_by_terms": by_terms + chained**2,
        "chained_back": back, "chained_by_start": slope((back**2 * z).sum(), w),
        "chained_second": slope((once["chain"] * z.detach()).sum(), w),
        "picked_rows": picked, "picked_slope": slope((picked**2).sum(), z),
        "own_part": part, "own_part_slope": slope((part**2).sum(), z),
        "replaced": whole, "replaced_slope": slope((whole**2).sum(), z),
        "replaced_by_slope": slope((whole**2).sum(), w),
    }


# ---- the size of the batch --------------------------------------------------------------------------------------


def over_the_batch():
    step = Step()
    x = counted(2, 6)
    start, rate = step.parameter("start", 6), step.parameter("rate")
    f = x @ step.parameter("dense.weight", 6, 3) + step.parameter("dense.bias", 3)
    mean, centered = start, []
    for i, e in enumerate(x):
        mean = mean + (e - mean) * rate / (i + 1)
        centered.append(e - mean)
    centered = torch.stack(centered)
    h, states, sums = x[0, :3], [], []
    for e, g in reversed(list(zip(x[:, 3:], f))):
        h = torch.tanh(h * e / 10 + g)
        states.append(h), sums.append((h * e).sum())
    states, sums = torch.stack(states[::-1]), torch.stack(sums[::-1])
    along = h[:, None] + x.T[:3].cumsum(1)
    values, indices = torch.topk(f, 2, 0)
    loss = (centered**2 * f[:, :1]).sum() + (states * sums[:, None]).sum() + (values[1] * x[0, :3]).sum()
    return step.results(loss, {
        "so_far": centered, "last_mean": mean, "plus": centered + x, "backwards": states, "of_each": sums,
        "along_one": along, "pairs": x.T, "every_other": x[::2], "early": x * 3, "late": x[:1], "one": x[0],
        "halves": x.reshape(2, -1, 3),
        "part": x, "replaced": x * 2, "replaced_slope": x * 8, "best": values, "which": indices,
    })


# ---- the files --------------------------------------------------------------------------------------------------


def lines_of(tensor):
    """Its elements in `#=` lines."""
    lines = []
    for word in (f"{v + 0:.10g}" for v in tensor.detach().flatten().tolist()):
        if not lines or len(lines[-1]) + 1 + len(word) > WIDTH:
            lines.append("  #=")
        lines[-1] += " " + word
    return lines


def write(path, values):
    """The file with the numbers of `values` below each output and each result of the step."""
    lines, seen = [], set()
    for line in path.read_text().splitlines():
        if line.startswith("  #="):
            continue
        lines.append(line)
        name = re.match(r"  (?:output (\w+)|(# step: .*))", line)
        if name:
            name = name[1] or name[2]
            seen.add(name)
            lines += lines_of(values[name])
    missing = {name for name in values if not name.startswith("#")} - seen
    if missing:
        raise SystemExit(f"{path.name} lacks {', '.join(sorted(missing))}")
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    for model in (normalization, recurrent, attention, cumulative, losses, lines, over_the_batch):
        write(HERE / f"{model.__name__}.nn", model())
