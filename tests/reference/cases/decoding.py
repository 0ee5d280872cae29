"""Decoding, against loops in Python; all sequences where there are few."""
import itertools
import math

import numpy as np
import torch

from framework import Case, Script, case

STEP = """fn next_of(token, h, table, across, head) {
  h = tanh(h @ across + table[token])
  return h @ head, h
}"""


def cell(d):
    classes, hidden = d.size(3, 5), d.size(3, 5)
    return classes, hidden, {"table": d.normal(classes, hidden), "across": d.normal(hidden, hidden),
                             "head": d.normal(hidden, classes, scale=2)}


def after(token, h, p):
    h = torch.tanh(h @ p["across"] + p["table"][token.long()])
    return h @ p["head"], h


@case(covers="generate greedy", variants=2)
def generate(d):
    classes, hidden, fixed = cell(d)
    b, length = d.size(1, 5), d.size(3, 9)

    def f(first, h, **p):
        token, out = first, []
        for _ in range(length):
            logits, h = after(token, h, p)
            token = logits.argmax(-1)
            out.append(token)
        return torch.stack(out, 1)

    return Case(f"y = generate(fn(token, h) {{ return next_of(token, h, table, across, head) }}, first, h, {length})", f,
                inputs={"first": d.ints(0, classes, b), "h": d.normal(b, hidden)}, fixed=fixed, gradients=False,
                declarations=STEP)


@case(covers="generate_by_model", variants=2)
def generate_by_model(d):
    classes, n, length = d.size(3, 5), d.size(1, 4), d.size(2, 6)
    b = d.size(1, 4)

    def f(begin, table):
        tokens = begin.long()
        for _ in range(length):
            tokens = torch.cat([tokens, torch.sin(7 * table[tokens].cumsum(1)[:, -1]).argmax(-1)[:, None]], 1)
        return tokens

    return Case(f"y = generate_by_model(fn(x) {{ sin(7 * cumulative_sum(table[x], axis = 1)) }}, begin, {length})", f,
                inputs={"begin": d.ints(0, classes, b, n)}, fixed={"table": d.uniform(classes, classes)},
                gradients=False)


@case(covers="beam_search", variants=4)
def beam_search(d):
    classes, hidden, fixed = cell(d)
    everything, end = d.pick(True, False), d.pick(None, 1)
    if everything:  # so many beams lose nothing
        classes, length = 3, 3
        fixed = {**fixed, "table": fixed["table"][:3], "head": fixed["head"][:, :3]}
        beams = 9
    else:
        length, beams = d.size(4, 6), d.pick(2, 3)
    b = d.size(1, 3)

    def chances(tokens, h, p):
        """Of all next tokens behind a beginning, with what is before it."""
        total, over = 0.0, False
        for i, token in enumerate(tokens):
            logits, h = after(torch.tensor(token), h, p)
            chance = torch.log_softmax(logits, -1)
            if over or (end is not None and i > 0 and token == end):
                over = True
                chance = torch.full_like(chance, -torch.inf)
                chance[end] = 0
            if i + 1 < len(tokens):
                total = total + chance[tokens[i + 1]]
        return total + chance

    def f(first, h, **p):
        tokens, scores = [], []
        for row in range(b):
            begin = int(first[row])
            if everything:
                found = [([*s], chances([begin, *s[:-1]], h[row], p)[s[-1]])
                         for s in itertools.product(range(classes), repeat=length)]
            else:
                found = [([], torch.tensor(0.0))]
                for _ in range(length):
                    longer = [([*s, c], v) for s, _ in found
                              for c, v in enumerate(chances([begin, *s], h[row], p))]
                    found = sorted(longer, key=lambda e: -e[1])[:beams]
            found = sorted(found, key=lambda e: -e[1])[:beams]
            tokens.append([s for s, _ in found])
            scores.append(torch.stack([v for _, v in found]))
        return [torch.tensor(tokens), torch.stack(scores)]

    ended = "" if end is None else f", end = {end}"
    return Case(f"tokens, scores = beam_search(fn(token, h) {{ return next_of(token, h, table, across, head) }}, first, h, "
                f"{length}, {beams}{ended})", f, inputs={"first": d.ints(0, classes, b), "h": d.normal(b, hidden)},
                fixed=fixed, gradients=False, outputs=("tokens", "scores"), declarations=STEP)


@case(covers="sample", variants=5)
def sample(d):
    form = d.pick("", "k = 3", "p = 0.7", "temperature = 0", "temperature = 0.5, k = 4, p = 0.9")
    logits = np.array([1.0, 0.2, -1, 1.5, 0, -0.5], np.float32)
    chance = logits / (0.5 if "0.5" in form else 1)
    order = np.argsort(-chance)
    kept = np.ones(6, bool)
    if "k =" in form:
        kept[order[int(form.split("k = ")[1][0]):]] = False
    chance = np.where(kept, np.exp(chance), 0)
    chance /= chance.sum()
    if "p =" in form:
        before = np.cumsum(chance[order]) - chance[order]
        chance[order[before >= float(form.split("p = ")[1])]] = 0
        chance /= chance.sum()
    if form == "temperature = 0":
        chance = np.eye(6)[logits.argmax()]
    # The draws are along an axis of the program, so that the stored input is short.
    script = Script(f"""model m {{
  input x: f32[batch, 6]
  y = sample(broadcast(x[:, none], [batch, 8000, 6]){', ' if form else ''}{form})
  output share = mean(one_hot(y, 6), 1)
}}""", 0.03)
    return script.input("x", logits[None]).run(1).output("share", chance[None].astype(np.float32))


@case(covers="greedy")
def generate_with_shared_parameters(d):
    """The loop in the body of a model, whose tag shares what a training call declares."""
    classes, hidden, fixed = cell(d)
    length = d.size(3, 9)
    program = f"""model m {{
  input first: i32[batch]
  input h: f32[batch, {hidden}]
  fn next_of(token, h) {{
    h = tanh(dense(h, {hidden}, use_bias = false) + embedding(token, {classes}, {hidden}))
    return dense(h, {classes}, use_bias = false) @head, h
  }}
  logits, _ = next_of(first, h) @net
  token = first
  tokens = scan i in iota({length}) carry token, h {{
    next, h = next_of(token, h) @net
    token = greedy(next)
    emit token
  }}
  output tokens = moved(tokens, 0, 1)
  loss cross_entropy(logits, first)
}}"""
    script = Script(program)
    for path, name in (("net.embedding.table", "table"), ("net.dense.weight", "across"), ("net.head.weight", "head")):
        script.set(path, fixed[name])
    first, h = d.ints(0, classes, 3), d.normal(3, hidden)
    script.input("first", first).input("h", h).run(3)
    token, h, p = torch.tensor(first), torch.tensor(h), {n: torch.tensor(v) for n, v in fixed.items()}
    out = []
    for _ in range(length):
        logits, h = after(token, h, p)
        token = logits.argmax(-1)
        out.append(token)
    return script.output("tokens", torch.stack(out, 1))


@case(covers="generate_by_cache", variants=2)
def generate_by_cache(d):
    """Tokens of two blocks place by place are those of the whole sequence computed anew for each token."""
    learned, n, length, classes = d.pick(False, True), d.size(1, 4), d.size(2, 6), d.size(5, 7)
    most = n + length + 1
    rotary = "" if learned else ", rotary_base = 100"
    places = f"learned_positions(most = {most}, start = at)" if learned else "sinusoidal_positions(start = at)"
    program = f"""model m {{
  input begin: i32[batch, {n}]
  fn net(tokens, cache, at) {{
    x = embedding(tokens, {classes}, 8) * 40 |> {places}
    caches = []
    for i in range(2) {{
      if cache == none {{ x = x |> transformer_encoder_block(heads = 2, causal = true{rotary}) @"block{{i}}" }} else {{
        x, next = x |> transformer_encoder_block(heads = 2{rotary}, cache = cache[:, i], at = at) @"block{{i}}"
        caches = [..caches, next]
      }}
    }}
    logits = 4 * dense(layer_norm(x), {classes})
    return if cache == none {{ logits }} else {{ [logits, stack(..caches, axis = 1)] }}
  }}
  all = fn(tokens) {{ net(tokens, none, none) }}
  one = fn(token, cache, at) {{ net(token, cache, at) }}
  whole = generate_by_model(all, begin, {length}) @net
  tokens = generate_by_cache(one, begin, zeros([batch, 2, 2, 2, {most}, 4]), {length}) @net
  output apart = sum(i32(whole != tokens), 1)
  loss   cross_entropy(all(begin) @net, begin)
}}"""
    b = d.size(2, 5)
    begin = d.ints(0, classes, b, n)
    begin[:, 0] = 0
    script = Script(program).input("begin", begin).run(b)
    return script.output("apart", np.zeros(b, np.int32))


@case(covers="beam_search", variants=2)
def beam_search_with_a_penalty(d):
    """Of so many beams that nothing is lost; the end is likely, so that without a penalty short ones come first."""
    penalty, classes, hidden, length, end = d.pick(0.6, 2), 3, d.size(3, 5), 3, 1
    fixed = {"table": d.normal(classes, hidden), "across": d.normal(hidden, hidden), "head": d.normal(hidden, classes, scale=2)}
    b = d.size(1, 3)

    def f(first, h, **p):
        tokens, scores = [], []
        for row in range(b):
            found = []
            for s in itertools.product(range(classes), repeat=length):
                total, state, token, made = 0.0, h[row], first[row], 0
                for c in s:
                    if made and token == end:
                        total = total if c == end else -math.inf
                        continue
                    logits, state = after(token, state, p)
                    total, token, made = total + torch.log_softmax(logits, -1)[c], torch.tensor(c), made + 1
                if total > -math.inf:
                    found.append(([*s], total / ((5 + made) / 6)**penalty))
            found = sorted(found, key=lambda e: -e[1])[:4]
            tokens.append([s for s, _ in found])
            scores.append(torch.stack([v for _, v in found]))
        return [torch.tensor(tokens), torch.stack(scores)]

    return Case(f"all, sums = beam_search(fn(token, h) {{ return next_of(token, h, table, across, head) }}, first, h, {length}, 9, "
                f"end = {end}, penalty = {penalty})\ntokens = all[:, :4]\nscores = sums[:, :4]", f,
                inputs={"first": d.ints(0, classes, b), "h": d.normal(b, hidden)}, fixed=fixed, gradients=False,
                outputs=("tokens", "scores"), declarations=STEP)
