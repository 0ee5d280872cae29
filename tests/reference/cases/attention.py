"""Attention, positions, and the blocks that are made of them."""
import math

import torch
import torch.nn.functional as F
from torch.nn.utils.stateless import functional_call

from framework import Case, case


def under(values, path):
    """The parameters below a path, by what is behind it."""
    return {n.removeprefix(path + "_"): v for n, v in values.items() if n.startswith(path + "_")}


@case(covers="attention", variants=6)
def attention(d):
    b, t, s, width, out = d.size(1, 3), d.size(1, 6), d.size(1, 6), d.size(1, 6), d.size(1, 6)
    form, extra = d.pick("", "causal", "mask"), d.pick(False, True)
    if form == "causal":  # PyTorch counts places from the begin
        s = t
    inputs = {"q": d.normal(b, 2, t, width), "k": d.normal(b, 2, s, width), "v": d.normal(b, 2, s, out)}
    options = {"": "", "causal": ", causal = true", "mask": ", mask = mask"}[form]
    if form == "mask":
        inputs["mask"] = d.bools(b, 1, t, s)
        inputs["mask"][..., 0] = True
    if extra:
        inputs["add"] = d.normal(b, 1, t, s)
        options += ", bias = add"

    def f(q, k, v, mask=None, add=None):
        scores = q @ k.transpose(-1, -2) / math.sqrt(width)
        if add is not None:
            scores = scores + add
        if form == "causal":
            mask = torch.ones(t, s, dtype=torch.bool).tril()
        if mask is not None:
            scores = scores.masked_fill(~mask, -math.inf)
        return torch.softmax(scores, -1) @ v

    return Case(f"y = attention(q, k, v{options})", f, inputs=inputs)


def heads_of(d, path, width, inside, memory, outside=None, scale=0.5):
    sizes = {"query": (width, inside), "key": (memory, outside or inside), "value": (memory, outside or inside),
             "out": (inside, width)}
    out = {}
    for name, shape in sizes.items():
        out[f"{path}.{name}.weight"] = d.normal(*shape, scale=scale)
        out[f"{path}.{name}.bias"] = d.normal(shape[1], scale=scale)
    return out


def unseen(params):
    """A bias of the keys adds the same to all scores of a query, so nothing depends on it: 0, and here rounding."""
    return [n for n in params if n.endswith("key.bias")]


def in_pytorch(values, path, prefix="", memory=False):
    own = under(values, path)
    if memory:
        weights = {f"{prefix}{n[0]}_proj_weight": own[f"{n}_weight"].T for n in ("query", "key", "value")}
    else:
        weights = {f"{prefix}in_proj_weight": torch.cat([own[f"{n}_weight"].T for n in ("query", "key", "value")])}
    return weights | {f"{prefix}in_proj_bias": torch.cat([own[f"{n}_bias"] for n in ("query", "key", "value")]),
                      f"{prefix}out_proj.weight": own["out_weight"].T, f"{prefix}out_proj.bias": own["out_bias"]}


@case(covers="multi_head_attention length_mask", variants=6)
def multi_head_attention(d):
    form = d.pick("self", "causal", "lengths", "mask", "cross", "cross lengths")
    heads = d.size(1, 3)
    b, t, width, memory = d.size(2, 4), d.size(2, 5), heads * d.size(1, 3), d.size(1, 6)
    cross = form.startswith("cross")
    s = d.size(2, 5) if cross else t
    inputs = {"x": d.normal(b, t, width)}
    options = ""
    if cross:
        inputs["other"] = d.normal(b, s, memory)
        options += ", context = other"
    if form == "causal":
        options += ", causal = true"
    if form.endswith("lengths"):
        inputs["lengths"] = d.ints(1, s + 1, b)
        options += ", lengths = lengths"
    if form == "mask":
        inputs["mask"] = d.bools(b, t, s)
        inputs["mask"][:, :, 0] = True
        options += ", mask = mask"
    width_of = {"kdim": memory, "vdim": memory} if cross else {}
    module = torch.nn.MultiheadAttention(width, heads, batch_first=True, **width_of).double()

    def f(x, other=None, lengths=None, mask=None, **values):
        hidden = None if lengths is None else torch.arange(s) >= lengths[:, None]
        if form == "causal":
            mask = torch.ones(t, t, dtype=torch.bool).tril()
        elif mask is not None:
            mask = mask.repeat_interleave(heads, 0)
        context = x if other is None else other
        weights = in_pytorch(values, "multi_head_attention", memory=cross and memory != width)
        return functional_call(module, weights, (x, context, context), {
            "key_padding_mask": hidden, "attn_mask": None if mask is None else ~mask, "need_weights": False})[0]

    params = heads_of(d, "multi_head_attention", width, width, memory if cross else width)
    return Case(f"y = multi_head_attention(x, {heads}{options})", f, inputs=inputs, params=params,
                no_gradient=unseen(params))


def turned(x, base, neighbours):
    """By complex numbers: pair i of place t times exp(i t / base^(2 i / width))."""
    t, width = x.shape[-2:]
    angle = torch.outer(torch.arange(t).double(), base ** (-torch.arange(0, width, 2).double() / width))
    turn = torch.polar(torch.ones_like(angle), angle)
    if neighbours:
        pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], width // 2, 2).contiguous())
        return torch.view_as_real(pairs * turn).flatten(-2)
    y = torch.complex(x[..., :width // 2], x[..., width // 2:]) * turn
    return torch.cat([y.real, y.imag], -1)


@case(covers="multi_head_attention", variants=3)
def multi_head_attention_grouped(d):
    groups, each, part = d.size(1, 2), d.pick(1, 2, 3), 2 * d.size(1, 3)
    heads = groups * each
    b, t, width = d.size(1, 3), d.size(2, 5), d.size(1, 6)
    rotary = d.pick(True, False)
    options = f"kv_heads = {groups}, head_width = {part}{', rotary_base = 100' if rotary else ''}"

    def apart(y, n):
        return y.reshape(b, t, n, part).transpose(1, 2)

    def f(x, **values):
        own = under(values, "multi_head_attention")
        q = apart(x @ own["query_weight"] + own["query_bias"], heads)
        k, v = (apart(x @ own[f"{n}_weight"] + own[f"{n}_bias"], groups) for n in ("key", "value"))
        if rotary:
            q, k = turned(q, 100, False), turned(k, 100, False)
        heads_of_y = []
        for h in range(heads):
            scores = q[:, h] @ k[:, h // each].transpose(1, 2) / math.sqrt(part)
            heads_of_y.append(torch.softmax(scores, -1) @ v[:, h // each])
        return torch.cat(heads_of_y, -1) @ own["out_weight"] + own["out_bias"]

    params = heads_of(d, "multi_head_attention", width, heads * part, width, groups * part)
    return Case(f"y = multi_head_attention(x, {heads}, {options})", f, inputs={"x": d.normal(b, t, width)},
                params=params, no_gradient=[] if rotary else unseen(params))


@case(covers="rotary", variants=4)
def rotary(d):
    neighbours, base = d.pick(False, True), d.pick(10000, 100)
    t, width = d.size(2, 9), 2 * d.size(1, 4)
    return Case(f"y = rotary(x, {base}, neighbours = {'true' if neighbours else 'false'})\n"
                f"z = rotary(x[:, 1:], {base}, 1, {'true' if neighbours else 'false'})",
                lambda x: [turned(x, base, neighbours), turned(x, base, neighbours)[:, 1:]],
                inputs={"x": d.normal(d.size(1, 3), t, width)}, outputs=("y", "z"))


@case(covers="sinusoidal_positions sinusoids", variants=2)
def sinusoidal_positions(d):
    t, width = d.size(1, 9), d.pick(4, 5)
    table = torch.zeros(t, width).double()
    for place in range(t):
        for i in range(width):
            angle = place / 10000 ** (2 * (i // 2) / width)
            table[place, i] = math.sin(angle) if i % 2 == 0 else math.cos(angle)
    return Case(f"y = sinusoidal_positions(x)\nz = sinusoids({t}, {width})", lambda x: [x + table, table],
                inputs={"x": d.normal(d.size(1, 3), t, width)}, outputs=("y", "z"))


@case(covers="learned_positions", variants=2)
def learned_positions(d):
    t, width = d.size(1, 9), d.size(1, 5)
    rows = t + d.pick(0, 3)
    return Case(f"y = learned_positions(x, {rows})", lambda x, learned_positions_table: x + learned_positions_table[:t],
                inputs={"x": d.normal(d.size(1, 3), t, width)},
                params={"learned_positions.table": d.normal(rows, width)})


@case(covers="alibi", variants=2)
def alibi(d):
    heads, t, s = d.pick(4, 3), d.size(1, 5), d.size(5, 9)
    table = [[[-(2 ** (-8 * (h + 1) / heads)) * abs(i + s - t - j) for j in range(s)] for i in range(t)]
             for h in range(heads)]
    return Case(f"y = alibi({heads}, {t}, {s}) + x[0, 0] * 0", lambda x: torch.tensor(table).double() + x[0, 0] * 0,
                inputs={"x": d.normal(1, 1)})


def norm_of(d, path, width):
    return {f"{path}.scale": d.normal(width), f"{path}.shift": d.normal(width)}


def dense_of(d, path, n, units, bias=True):
    return {f"{path}.weight": d.normal(n, units, scale=0.5), **({f"{path}.bias": d.normal(units)} if bias else {})}


def block(d, kind, norms, heads_names, f, inputs, width, options, hidden, heads):
    names = [f"{kind}.{n}" for n in norms]
    params = {}
    for name in names:
        params |= norm_of(d, name, width)
    for name in heads_names:
        params |= heads_of(d, f"{kind}.{name}", width, width, width)
    params |= dense_of(d, f"{kind}.feed_forward.dense", width, hidden)
    params |= dense_of(d, f"{kind}.feed_forward.dense_2", hidden, width)
    arguments = ", ".join(["x", *(["context"] if "context" in inputs else []), str(heads), f"hidden = {hidden}"])
    return Case(f"y = {kind}({arguments}, rate = none{options})", f, inputs=inputs, params=params, within=3e-5,
                no_gradient=unseen(params))


def of_module(values, kind, norms):
    out = {}
    for i, name in enumerate(norms):
        out |= {f"norm{i + 1}.weight": values[f"{kind}_{name}_scale"], f"norm{i + 1}.bias": values[f"{kind}_{name}_shift"]}
    for i, name in enumerate(["dense", "dense_2"]):
        own = under(values, f"{kind}_feed_forward_{name}")
        out |= {f"linear{i + 1}.weight": own["weight"].T, f"linear{i + 1}.bias": own["bias"]}
    return out


def choices(d):
    pre, name = d.pick(True, False), d.pick("gelu", "relu")
    return pre, name, f", pre_norm = {'true' if pre else 'false'}, activation = {name}"


@case(covers="transformer_encoder_block", variants=4)
def transformer_encoder_block(d):
    pre, activation, options = choices(d)
    heads, b, t = d.size(1, 3), d.size(2, 3), d.size(2, 5)
    width, hidden = heads * (d.size(4, 6) if heads == 1 else d.size(2, 3)), d.size(2, 7)
    norms = ["layer_norm", "layer_norm_2"]
    kind = "transformer_encoder_block"
    module = torch.nn.TransformerEncoderLayer(width, heads, hidden, 0.0, activation, batch_first=True,
                                              norm_first=pre).double()

    def f(x, lengths, **values):
        weights = of_module(values, kind, norms) | in_pytorch(values, f"{kind}_multi_head_attention", "self_attn.")
        return functional_call(module, weights, (x,), {
            "src_mask": torch.ones(t, t, dtype=torch.bool).triu(1),
            "src_key_padding_mask": torch.arange(t) >= lengths[:, None]})

    return block(d, kind, norms, ["multi_head_attention"], f,
                 {"x": d.normal(b, t, width), "lengths": d.ints(1, t + 1, b)}, width,
                 options + ", causal = true, lengths = lengths", hidden, heads)


@case(covers="transformer_decoder_block", variants=4)
def transformer_decoder_block(d):
    pre, activation, options = choices(d)
    heads, b, t, s = d.size(1, 3), d.size(2, 3), d.size(2, 5), d.size(2, 5)
    width, hidden = heads * (d.size(4, 6) if heads == 1 else d.size(2, 3)), d.size(2, 7)
    norms = ["norm", "norm_2", "norm_3"]
    kind = "transformer_decoder_block"
    module = torch.nn.TransformerDecoderLayer(width, heads, hidden, 0.0, activation, batch_first=True,
                                              norm_first=pre).double()

    def f(x, context, lengths, **values):
        weights = of_module(values, kind, norms) | in_pytorch(values, f"{kind}_self", "self_attn.")
        weights |= in_pytorch(values, f"{kind}_cross", "multihead_attn.")
        return functional_call(module, weights, (x, context), {
            "tgt_mask": torch.ones(t, t, dtype=torch.bool).triu(1),
            "memory_key_padding_mask": torch.arange(s) >= lengths[:, None]})

    return block(d, kind, norms, ["self", "cross"], f,
                 {"x": d.normal(b, t, width), "context": d.normal(b, s, width), "lengths": d.ints(1, s + 1, b)}, width,
                 options + ", context_lengths = lengths", hidden, heads)


@case(covers="feed_forward gated_feed_forward")
def feed_forward(d):
    width, hidden = d.size(1, 6), d.size(1, 6)

    def f(x, **values):
        a, g = under(values, "feed_forward"), under(values, "gated_feed_forward")
        y = F.gelu(x @ a["dense_weight"] + a["dense_bias"]) @ a["dense_2_weight"] + a["dense_2_bias"]
        return [y, (F.silu(x @ g["gate_weight"]) * (x @ g["up_weight"])) @ g["down_weight"]]

    return Case(f"y = feed_forward(x, {hidden})\nz = gated_feed_forward(x, {hidden})", f,
                inputs={"x": d.normal(d.size(1, 5), width)}, outputs=("y", "z"),
                params={**dense_of(d, "feed_forward.dense", width, hidden),
                        **dense_of(d, "feed_forward.dense_2", hidden, width),
                        **dense_of(d, "gated_feed_forward.gate", width, hidden, False),
                        **dense_of(d, "gated_feed_forward.up", width, hidden, False),
                        **dense_of(d, "gated_feed_forward.down", hidden, width, False)})


@case(covers="mixer_block", variants=2)
def mixer_block(d):
    t, width, across, hidden = d.size(2, 5), d.size(4, 7), d.size(1, 5), d.size(1, 5)

    def f(x, **values):
        own = under(values, "mixer_block")

        def layers(y, path):
            h = F.gelu(y @ own[f"{path}_dense_weight"] + own[f"{path}_dense_bias"])
            return h @ own[f"{path}_dense_2_weight"] + own[f"{path}_dense_2_bias"]

        def norm(y, path):
            return F.layer_norm(y, [width], own[f"{path}_scale"], own[f"{path}_shift"])

        x = x + layers(norm(x, "layer_norm").mT, "feed_forward").mT
        return x + layers(norm(x, "layer_norm_2"), "feed_forward_2")

    params = {**norm_of(d, "mixer_block.layer_norm", width), **norm_of(d, "mixer_block.layer_norm_2", width)}
    for path, n, inside in (("feed_forward", t, across), ("feed_forward_2", width, hidden)):
        params |= dense_of(d, f"mixer_block.{path}.dense", n, inside) | dense_of(d, f"mixer_block.{path}.dense_2", inside, n)
    return Case(f"y = mixer_block(x, {across}, {hidden})", f, inputs={"x": d.normal(d.size(1, 3), t, width)},
                params=params, within=3e-5)


@case(covers="highway residual layer_scale", variants=2)
def highway(d):
    n, axis = d.size(2, 6), d.pick(-1, 1)
    x = d.normal(d.size(1, 4), n)

    def f(x, **values):
        own = under(values, "highway")
        gate = torch.sigmoid(x @ own["gate_weight"] + own["gate_bias"] - 2)
        y = gate * torch.relu(x @ own["transform_weight"] + own["transform_bias"]) + (1 - gate) * x
        inside = x @ values["residual_dense_weight"] + values["residual_dense_bias"]
        return [y, x + inside * values["residual_layer_scale_scale"]]

    return Case(f"y = highway(x)\nz = residual(x, fn(h) {{ h |> dense({n}) |> layer_scale(axis = {axis}) }})", f,
                inputs={"x": x}, outputs=("y", "z"),
                params={**dense_of(d, "highway.gate", n, n), **dense_of(d, "highway.transform", n, n),
                        **dense_of(d, "residual.dense", n, n), "residual.layer_scale.scale": d.normal(n)})


@case(covers="additive_attention", variants=2)
def additive_attention(d):
    b, t, s, width, out = d.size(1, 3), d.size(1, 6), d.size(1, 6), d.size(1, 6), d.size(1, 6)
    masked = d.pick(False, True)
    inputs = {"q": d.normal(b, t, width), "k": d.normal(b, s, width), "v": d.normal(b, s, out)}
    if masked:
        inputs["mask"] = d.bools(b, t, s)
        inputs["mask"][..., 0] = True

    def f(q, k, v, additive_attention_scale, mask=None):
        scores = (torch.tanh(q[:, :, None] + k[:, None]) * additive_attention_scale).sum(-1)
        return torch.softmax(scores if mask is None else scores.masked_fill(~mask, -math.inf), -1) @ v

    return Case(f"y = additive_attention(q, k, v{', mask = mask' if masked else ''})", f, inputs=inputs,
                params={"additive_attention.scale": d.normal(width)})


@case(covers="multi_head_attention", variants=4)
def attention_with_a_cache(d):
    """Place by place, or a few places at a time, it is causal attention of the whole."""
    together, grouped = d.pick(1, 2), d.pick(False, True)
    heads = 2
    b, t, width = d.size(1, 3), together * d.size(2, 4), heads * d.size(1, 3)
    groups = 1 if grouped else 2
    part = width // heads
    params = heads_of(d, "multi_head_attention", width, width, width, groups * part)
    body = f"""cache = zeros([batch, 2, {groups}, {t + 1}, {part}])
ys = scan i in iota({t // together}) carry cache {{
  here, cache = multi_head_attention(dynamic_slice(x, {together} * i, {together}, axis = 1), {heads}, kv_heads = {groups}, cache = cache, at = {together} * i)
  emit here
}}
y = reshape(moved(ys, 0, 1), [batch, {t}, {width}])"""

    def f(x, **values):
        own = under(values, "multi_head_attention")
        q, k, v = [(x @ own[f"{n}_weight"] + own[f"{n}_bias"]).reshape(b, t, -1, part).transpose(1, 2) for n in ("query", "key", "value")]
        k, v = [h.repeat_interleave(heads // groups, 1) for h in (k, v)]
        scores = (q @ k.transpose(-1, -2) / math.sqrt(part)).masked_fill(~torch.ones(t, t, dtype=torch.bool).tril(), -math.inf)
        y = (torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(b, t, width)
        return y @ own["out_weight"] + own["out_bias"]

    return Case(body, f, inputs={"x": d.normal(b, t, width)}, params=params, no_gradient=unseen(params), within=2e-5)
