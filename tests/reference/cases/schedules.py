"""Schedules: the values of 50 updates."""
import math

import numpy as np
import torch
from torch.optim import lr_scheduler as L

from framework import Script, case

STEPS = 50


def record(call, values, steps=STEPS):
    program = f"""
optimizer record(lr = 0.1) {{ p <- select(iota({steps}) == i32(step) - 1, f32(lr), p) }}
model m {{
  input x: f32[batch]
  param rates: f32[{steps}] = zeros()
  loss mean(x) + sum(rates)
}}
train m {{ minimize loss with record(lr = {call}); steps = {steps}; batch = 1 }}"""
    return Script(program, 1e-6).input("x", np.zeros(1, np.float32)).step(1, steps).parameter("rates", np.float64(values))


def theirs(make, base, steps=STEPS):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=base)
    scheduler, values = make(optimizer), []
    for _ in range(steps):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return values


def of_torch(name, draw, variants=1):
    """`draw` gives the arguments behind the base as text, and what makes PyTorch's scheduler."""

    def one(d):
        base = d.number(0.01, 1)
        text, make = draw(d)
        return record(f"{name}({base}{text})", theirs(make, base))

    one.__name__, one.__module__ = name, __name__
    case(covers=name, variants=variants)(one)


def own(name, draw, variants=1):
    """`draw` gives the arguments behind the base, and the value of update k as a part of the base."""

    def one(d):
        base = d.number(0.01, 1)
        text, f = draw(d)
        return record(f"{name}({base}{text})", [base * f(k) for k in range(1, STEPS + 1)])

    one.__name__, one.__module__ = name + "_by_formula", __name__
    case(covers=name, variants=variants)(one)


of_torch("constant", lambda d: ("", lambda o: L.LambdaLR(o, lambda k: 1)))
of_torch("step_decay", lambda d: (lambda n, f: (f", {n}, {f}", lambda o: L.StepLR(o, n, f)))(d.size(high=20), d.number(0.1, 0.9)))
of_torch("multi_step", lambda d: (lambda at, f: (f", {at}, {f}", lambda o: L.MultiStepLR(o, at, f)))(
    [int(v) for v in sorted(d.ints(1, 45, 3))], d.number(0.1, 0.9)), variants=2)
of_torch("exponential", lambda d: (lambda f: (f", {f}", lambda o: L.ExponentialLR(o, f)))(d.number(0.5, 0.999)))
of_torch("polynomial", lambda d: (lambda p: (f", {p}", lambda o: L.PolynomialLR(o, STEPS, p)))(d.number(0.5, 3)))
of_torch("linear", lambda d: ("", lambda o: L.LinearLR(o, 1, 0, STEPS)))
of_torch("cosine", lambda d: (lambda e: (f", end = {e}", lambda o: L.CosineAnnealingLR(o, STEPS, e)))(d.number(0.001, 0.01)))
of_torch("cosine_restarts", lambda d: (lambda n, m, e: (f", {n}, {m}, end = {e}", lambda o: L.CosineAnnealingWarmRestarts(o, n, m, e)))(
    d.size(high=20), d.pick(1, 2, 3), d.number(0.001, 0.01)), variants=3)


@case(covers="one_cycle", variants=2)
def one_cycle(d):
    base, rising = d.number(0.01, 1), d.pick(0.3, 0.55)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=base)
    scheduler, values = L.OneCycleLR(optimizer, base, STEPS, pct_start=rising), []
    for k in range(STEPS):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if k < STEPS - 1:
            scheduler.step()
    return record(f"one_cycle({base}, {rising})", values)


own("inverse_sqrt", lambda d: (lambda w: (f", {w}", lambda k: min(k / w, math.sqrt(w / k))))(d.size(high=20)))
own("cosine", lambda d: (lambda w: (f", warmup = {w}", lambda k: k / w if k <= w else
                                    0.5 + 0.5 * math.cos(math.pi * (k - 1 - w) / (STEPS - w))))(d.size(high=20)))
own("linear", lambda d: (lambda w: (f", warmup = {w}", lambda k: k / w if k <= w else 1 - (k - 1 - w) / (STEPS - w)))(
    d.size(high=20)))
own("polynomial", lambda d: (lambda w: (f", 2, warmup = {w}", lambda k: k / w if k <= w else (1 - (k - 1 - w) / (STEPS - w))**2))(
    d.size(high=20)))
own("exponential", lambda d: (lambda f, n: (f", {f}, every = {n}", lambda k: f**((k - 1) / n)))(
    d.number(0.5, 0.99), d.size(high=20)))


@case(covers="warm_up")
def warm_up(d):
    base, factor, n, start = d.number(0.01, 1), d.number(0.9, 0.99), d.size(high=20), d.number(0, 0.5)
    return record(f"warm_up(exponential({base}, {factor}), {n}, {start})",
                  [base * factor**(k - 1) * min(1, start + (1 - start) * k / n) for k in range(1, STEPS + 1)])


def cyclic_options(d):
    """The options as text, and PyTorch's."""
    rising, falling, most, form, gamma = d.size(high=12), d.pick(None, 5), d.number(1, 2), d.pick("triangular", "triangular2", "exp_range"), d.number(0.9, 1)
    text = f", {most}, rising = {rising}" + (f", falling = {falling}" if falling else "")
    text += {"triangular": "", "triangular2": ", lower = 0.5", "exp_range": f", factor = {gamma}"}[form]
    return text, lambda o: L.CyclicLR(o, o.param_groups[0]["lr"], most, rising, falling, form, gamma, cycle_momentum=False)


of_torch("cyclic", cyclic_options, variants=6)
own("inverse_time", lambda d: (lambda f, n: (f", {f}, every = {n}", lambda k: 1 / (1 + f * (k - 1) / n)))(
    d.number(0.1, 2), d.size(high=20)))


@case(covers="piecewise", variants=2)
def piecewise(d):
    at = [int(v) for v in sorted(d.ints(1, 45, 3))]
    values = [d.number(0.01, 1) for _ in range(4)]
    return record(f"piecewise({values}, {at})", [values[sum(k > n for n in at)] for k in range(1, STEPS + 1)])
