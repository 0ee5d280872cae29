"""Optimizers: the parameters of a small problem after each of 5 steps."""
import numpy as np
import torch

from framework import Script, case

STEPS = 5


def steps(call, d, make, within=2e-5, wide=None):
    """`make` gives an object with `step()` for the list of parameters, whose gradients are set."""
    rows, n, m = d.size(), wide or d.size(), d.size()
    w, b = d.normal(n, m), d.normal(m)
    x, y = d.normal(rows, n), d.normal(rows, m)
    program = f"""
model m {{
  input x: f32[batch, {n}]
  target y: f32[batch, {m}]
  param w: f32[{n}, {m}] = zeros()
  param b: f32[{m}] = zeros()
  loss mean_squared_error(x @ w + b, y)
}}
train m {{ minimize loss with {call}; steps = {STEPS}; batch = {rows} }}"""
    script = Script(program, within).set("w", w).set("b", b).input("x", x).input("y", y)
    w, b = [torch.tensor(v).double().requires_grad_() for v in (w, b)]
    x, y = torch.tensor(x).double(), torch.tensor(y).double()
    optimizer = make([w, b])
    for _ in range(STEPS):
        w.grad = b.grad = None
        ((x @ w + b - y)**2).mean().backward()
        optimizer.step()
        script.step(rows).parameter("w", w).parameter("b", b)
    return script


def torch_case(name, variants=1):
    """The function gives the text of the arguments, and what makes PyTorch's optimizer."""

    def register(f):
        def one(d):
            text, make = f(d)
            return steps(f"{name}({text})", d, make)

        one.__name__, one.__module__ = f.__name__, __name__
        case(covers=name, variants=variants)(one)

    return register


def call(**options):
    return ", ".join(f"{k} = {str(v).lower()}" for k, v in options.items())


@torch_case("sgd", variants=4)
def sgd(d):
    lr, momentum, nesterov, decay = d.number(0.01, 0.3), *d.pick((None, False), (0.9, False), (0.9, True)), d.number(0, 0.2)
    text = f"lr = {lr}, decay = {decay}" + (f", momentum = {momentum}, nesterov = {str(nesterov).lower()}" if momentum else "")
    return text, lambda p: torch.optim.SGD(p, lr, momentum or 0, nesterov=nesterov, weight_decay=decay)


def betas(d):
    return d.number(0.5, 0.95), d.number(0.9, 0.999)


@torch_case("adam", variants=2)
def adam(d):
    lr, b, amsgrad = d.number(0.001, 0.1), betas(d), d.pick(False, True)
    return (call(lr=lr, beta1=b[0], beta2=b[1], amsgrad=amsgrad), lambda p: torch.optim.Adam(p, lr, b, amsgrad=amsgrad))


@torch_case("adamw", variants=2)
def adamw(d):
    lr, b, amsgrad, decay = d.number(0.001, 0.1), betas(d), d.pick(False, True), d.number(0, 0.3)
    return (call(lr=lr, beta1=b[0], beta2=b[1], decay=decay, amsgrad=amsgrad),
            lambda p: torch.optim.AdamW(p, lr, b, weight_decay=decay, amsgrad=amsgrad))


@torch_case("rmsprop", variants=4)
def rmsprop(d):
    lr, rho, momentum, centered = d.number(0.001, 0.05), d.number(0.5, 0.99), d.pick(None, 0.9), d.pick(False, True)
    # eps: a first gradient of little more than rounding, 1e-4, would make a step of lr * 3 in a direction of its own.
    text = call(lr=lr, rho=rho, centered=centered, eps=0.01) + (f", momentum = {momentum}" if momentum else "")
    return text, lambda p: torch.optim.RMSprop(p, lr, rho, 0.01, 0, momentum or 0, centered)


@torch_case("adagrad", variants=2)
def adagrad(d):
    lr, start = d.number(0.01, 0.3), d.pick(0.0, 0.1)
    return call(lr=lr, start=start), lambda p: torch.optim.Adagrad(p, lr, initial_accumulator_value=start)


@torch_case("adadelta")
def adadelta(d):
    lr, rho = d.number(0.1, 1), d.number(0.5, 0.99)
    return call(lr=lr, rho=rho), lambda p: torch.optim.Adadelta(p, lr, rho)


@torch_case("adamax")
def adamax(d):
    lr, b = d.number(0.001, 0.1), betas(d)
    return call(lr=lr, beta1=b[0], beta2=b[1]), lambda p: torch.optim.Adamax(p, lr, b)


@torch_case("nadam")
def nadam(d):
    lr, b = d.number(0.001, 0.1), betas(d)
    return call(lr=lr, beta1=b[0], beta2=b[1]), lambda p: torch.optim.NAdam(p, lr, b, foreach=True)  # the other form of 1.13 has mu twice


@torch_case("radam", variants=2)
def radam(d):
    lr, b = d.number(0.001, 0.1), (d.number(0.5, 0.95), d.pick(0.99, 0.6))  # 0.6 is never trusted
    return call(lr=lr, beta1=b[0], beta2=b[1]), lambda p: torch.optim.RAdam(p, lr, b)


@torch_case("rprop", variants=2)
def rprop(d):
    lr, shrink, grow, most = d.number(0.001, 0.1), d.number(0.2, 0.8), d.number(1.1, 2), d.pick(50, 0.05)
    return (call(lr=lr, shrink=shrink, grow=grow, most=most),
            lambda p: torch.optim.Rprop(p, lr, (shrink, grow), (1e-6, most)))


@case(covers="asgd mean_of_steps", variants=3)
def asgd(d):
    """With the mean of the weights, which PyTorch keeps as a state of the optimizer."""
    lr, decay, power, start = d.number(0.01, 0.3), d.number(0.01, 0.3), d.number(0.3, 1), d.pick(0, 1, 3)
    made = []

    def make(p):
        made.append(torch.optim.ASGD(p, lr, decay, power, t0=start))
        return made[0]

    script = steps(f"asgd({call(lr=lr, decay=decay, power=power)}); average with mean_of_steps(start = {start + 1})", d, make)
    w = made[0].param_groups[0]["params"][0]
    return script.parameter("average/w", made[0].state[w]["ax"])


class Own:
    """What PyTorch 1.13 lacks: `update` of a parameter, its gradient, a dictionary of its states, and the step."""

    def __init__(self, parameters, update):
        self.parameters, self.update, self.states, self.at = parameters, update, [{} for _ in parameters], 0

    def step(self):
        self.at += 1
        with torch.no_grad():
            for p, s in zip(self.parameters, self.states):
                p -= self.update(p, p.grad, s, self.at)


def ema(s, name, x, beta):
    s[name] = beta * s.get(name, torch.zeros_like(x)) + (1 - beta) * x
    return s[name]


def own(name, variants=1):
    def register(f):
        def one(d):
            text, update = f(d)
            return steps(f"{name}({text})", d, lambda p: Own(p, update))

        one.__name__, one.__module__ = f.__name__, __name__
        case(covers=name, variants=variants)(one)

    return register


@own("lion")
def lion(d):
    lr, decay = d.number(0.001, 0.1), d.number(0, 0.3)

    def update(p, g, s, t):
        direction = torch.sign(0.9 * s.get("m", torch.zeros_like(p)) + 0.1 * g)
        ema(s, "m", g, 0.99)
        return lr * (direction + decay * p)

    return call(lr=lr, decay=decay), update


@own("lamb")
def lamb(d):
    lr, decay = d.number(0.001, 0.1), d.number(0, 0.3)

    def update(p, g, s, t):
        m = ema(s, "m", g, 0.9) / (1 - 0.9**t)
        v = ema(s, "v", g * g, 0.999) / (1 - 0.999**t)
        move = m / (v.sqrt() + 1e-6) + decay * p
        return lr * p.norm() / move.norm() * move

    return call(lr=lr, decay=decay), update


@own("lars")
def lars(d):
    lr, decay = d.number(0.1, 1), d.number(0, 0.3)

    def update(p, g, s, t):
        if p.dim() > 1:
            g = 1e-3 * p.norm() / (g.norm() + decay * p.norm() + 1e-8) * (g + decay * p)
        s["m"] = 0.9 * s.get("m", 0) + g
        return lr * s["m"]

    return call(lr=lr, decay=decay), update


@own("adafactor", variants=2)
def adafactor(d):
    lr, relative = d.number(0.001, 0.1), d.pick(True, False)

    def update(p, g, s, t):
        rho = 1 - t**-0.8
        squares = g * g + 1e-30
        if p.dim() > 1:
            r, c = ema(s, "r", squares.mean(-1), rho), ema(s, "c", squares.mean(-2), rho)
            v = torch.outer(r, c) / r.mean()
        else:
            v = ema(s, "v", squares, rho)
        u = g / v.sqrt()
        u = u / max(1, (u * u).mean().sqrt())
        return lr * (max(1e-3, (p * p).mean().sqrt()) if relative else 1) * u

    return call(lr=lr, relative=relative), update


@own("ftrl", variants=4)
def ftrl(d):
    lr, power, start, l1, l2 = d.number(0.01, 0.5), d.number(0.3, 0.8), d.number(0.05, 0.3), d.pick(0.0, 0.05), d.number(0, 0.2)
    shrinkage, beta = d.pick(0.0, 0.02), d.pick(0.0, 0.1)

    def update(p, g, s, t):
        n = s.get("n", torch.full_like(p, start))
        s["n"] = n + g * g
        sigma = (s["n"]**power - n**power) / lr
        s["z"] = s.get("z", 0) + g + 2 * shrinkage * p - sigma * p
        z = s["z"]
        wanted = -(z - z.clamp(-l1, l1)) / (s["n"]**power / lr + 2 * (l2 + beta / (2 * lr)))
        return p - wanted

    return call(lr=lr, power=power, start=start, l1=l1, l2=l2, shrinkage=shrinkage, beta=beta), update


def orthogonal_by_rounds(x, rounds=5):
    y = x.T if x.shape[0] > x.shape[1] else x
    y = y / (y.norm() + 1e-7)
    for _ in range(rounds):
        a = y @ y.T
        y = 3.4445 * y + (-4.775 * a + 2.0315 * a @ a) @ y
    return y.T if x.shape[0] > x.shape[1] else y


@case(covers="muon made_orthogonal", variants=4)
def muon(d):
    lr, nesterov, wide, decay = d.number(0.001, 0.1), d.pick(True, False), d.pick(3, 9), d.number(0, 0.3)

    def update(p, g, s, t):
        if p.dim() > 1:
            m = ema(s, "m", g, 0.95)
            move = orthogonal_by_rounds(0.95 * m + 0.05 * g if nesterov else m)
            return lr * decay * p + lr * max(1, p.shape[1] / p.shape[0])**0.5 * move
        m, v = ema(s, "m", g, 0.9) / (1 - 0.9**t), ema(s, "v", g * g, 0.95) / (1 - 0.95**t)
        return 3e-4 * (decay * p + m / (v.sqrt() + 1e-8))

    return steps(f"muon({call(lr=lr, nesterov=nesterov, decay=decay)})", d, lambda p: Own(p, update), wide=wide, within=1e-4)
