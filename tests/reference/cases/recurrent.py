"""Recurrent layers, against PyTorch's modules and its packed sequences."""
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from framework import Case, case

PARTS = {"rnn": 1, "lstm": 4, "gru": 3}
MODULES = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


def places(kind, layers, both):
    """Our path, PyTorch's suffix, and the layer."""
    if layers == 1 and not both:
        return [(kind, "l0", 0)]
    return [(f"{kind}.layer.{k + 1}{back}", f"l{k}{'_reverse' if back else ''}", k)
            for k in range(layers) for back in (["", "_from_end"] if both else [""])]


def parameters(d, kind, width, hidden, layers, both):
    out = {}
    for path, _, k in places(kind, layers, both):
        n = width if k == 0 else hidden * (2 if both else 1)
        out[f"{path}.weight"] = d.normal(n, PARTS[kind] * hidden, scale=0.5)
        out[f"{path}.recurrent"] = d.normal(hidden, PARTS[kind] * hidden, scale=0.5)
        out[f"{path}.bias"] = d.normal(PARTS[kind] * hidden, scale=0.5)
        if kind == "gru":
            out[f"{path}.recurrent_bias"] = d.normal(hidden, scale=0.5)
    return out


def of_pytorch(kind, values, hidden, layers, both):
    """PyTorch's weights are transposed and it has two biases."""
    out = {}
    for path, suffix, _ in places(kind, layers, both):
        own = {n: values[f"{path}.{n}".replace(".", "_")] for n in ("weight", "recurrent", "bias")}
        bias, other = own["bias"], torch.zeros_like(own["bias"])
        if kind == "lstm":
            bias = bias + (torch.arange(4 * hidden) // hidden == 1)
        if kind == "gru":
            other = torch.cat([other[:2 * hidden], values[f"{path}.recurrent_bias".replace(".", "_")]])
        out |= {f"weight_ih_{suffix}": own["weight"].T, f"weight_hh_{suffix}": own["recurrent"].T,
                f"bias_ih_{suffix}": bias, f"bias_hh_{suffix}": other}
    return out


def recurrent(d, kind, layers=1, both=False, ends=False, begins=False, from_end=False):
    b, t, width, hidden = d.size(2, 5), d.size(3, 9), d.size(1, 6), d.size(1, 6)
    count = layers * (2 if both else 1)
    inputs, options = {"x": d.normal(b, t, width)}, ""
    if layers > 1:
        options += f", layers = {layers}"
    if both:
        options += ", bidirectional = true"
    if from_end:
        options += ", from_end = true"
    if ends:
        inputs["lengths"] = d.ints(1, t + 1, b)
        options += ", lengths = lengths"
    states = ["start", "start_cell"] if kind == "lstm" else ["start"]
    for name in states if begins else []:
        inputs[name] = d.normal(b, *([count] if count > 1 else []), hidden)
        options += f", {name} = {f'moved({name}, 1, 0)' if count > 1 else name}"
    outputs = ["y", "last", "cell"] if kind == "lstm" else ["y", "last"]
    body = f"{', '.join(outputs)} = {kind}(x, {hidden}{options})"
    if count > 1:
        body += "".join(f"\n{n} = moved({n}, 1, 0)" for n in outputs[1:])
    module = MODULES[kind](width, hidden, layers, batch_first=True, bidirectional=both).double()

    def f(x, lengths=None, start=None, start_cell=None, **values):
        before = [s if s is None else s.transpose(0, 1) if count > 1 else s[None] for s in (start, start_cell)]
        before = before[0] if kind != "lstm" else None if before[0] is None else tuple(before)
        until = torch.full([b], t) if lengths is None else lengths.long()
        order = torch.arange(t).expand(b, t)
        if from_end:
            order = torch.where(order < until[:, None], until[:, None] - 1 - order, order)
        turned = torch.gather(x, 1, order[..., None].expand(x.shape))
        given = pack_padded_sequence(turned, until, batch_first=True, enforce_sorted=False)
        weights = of_pytorch(kind, values, hidden, layers, both)
        module._flat_weights = [weights[n] for n in module._flat_weights_names]
        y, last = module(given, before)
        y = pad_packed_sequence(y, batch_first=True, total_length=t)[0]
        y = torch.gather(y, 1, order[..., None].expand(y.shape))
        last = [s.transpose(0, 1) if count > 1 else s[0] for s in (last if kind == "lstm" else [last])]
        return [y, *last]

    return Case(body, f, inputs=inputs, params=parameters(d, kind, width, hidden, layers, both), outputs=outputs)


def variant(d, kind):
    form = d.pick({}, {"ends": True, "begins": True}, {"layers": 2, "both": True, "ends": True, "begins": True},
                  {"layers": 3}, {"both": True}, {"from_end": True}, {"from_end": True, "ends": True, "begins": True})
    return recurrent(d, kind, **form)


@case(covers="rnn", variants=7)
def rnn(d):
    return variant(d, "rnn")


@case(covers="lstm", variants=7)
def lstm(d):
    return variant(d, "lstm")


@case(covers="gru", variants=7)
def gru(d):
    return variant(d, "gru")


@case(covers="conv_lstm", variants=4)
def conv_lstm(d):
    """Step by step, by PyTorch's convolutions."""
    axes, size = d.pick(1, 2), d.pick(3, 1)
    b, t, channels, features = d.size(1, 3), d.size(1, 4), d.size(1, 3), d.size(1, 3)
    space, taps = [d.size(1, 5) for _ in range(axes)], [size] * axes
    convolve = {1: F.conv1d, 2: F.conv2d}[axes]

    def f(x, conv_lstm_weight, conv_lstm_recurrent, conv_lstm_bias):
        h = c = torch.zeros(b, features, *space, dtype=x.dtype)
        states = []
        for k in range(t):
            gates = convolve(x[:, k], conv_lstm_weight, conv_lstm_bias, padding="same")
            i, g, new, o = (gates + convolve(h, conv_lstm_recurrent, padding="same")).chunk(4, 1)
            c = torch.sigmoid(g + 1) * c + torch.sigmoid(i) * torch.tanh(new)
            h = torch.sigmoid(o) * torch.tanh(c)
            states.append(h)
        return [torch.stack(states, 1), h, c]

    return Case(f"states, last, cell = conv_lstm(x, {features}, {size})", f,
                inputs={"x": d.normal(b, t, channels, *space)}, outputs=("states", "last", "cell"), within=2e-5,
                params={"conv_lstm.weight": d.normal(4 * features, channels, *taps, scale=0.5),
                        "conv_lstm.recurrent": d.normal(4 * features, features, *taps, scale=0.5),
                        "conv_lstm.bias": d.normal(4 * features)})
