"""examples/adversarial.nn in PyTorch; see peer.py."""

from peer import *

DATA, BATCH, EPS = "mnist", 64, 0.1


def net(w, x):
    x = F.relu(conv(w, "net.conv2d", x, 2, 1))
    x = F.relu(conv(w, "net.conv2d_2", x, 2, 1))
    return dense(w, "net.dense_2", F.relu(dense(w, "net.dense", x.flatten(1))))


def attacked(w, x, label, draw, steps, path="uniform"):
    low, high, rate = (x - EPS).clamp(min=0), (x + EPS).clamp(max=1), 2.5 / steps * EPS
    moved = torch.minimum(torch.maximum(x + (2 * draw.uniform(path, *x.shape) - 1) * EPS, low), high)
    for _ in range(steps):
        moved = moved.detach().requires_grad_()
        slope = torch.autograd.grad(F.cross_entropy(net(w, moved), label, reduction="sum"), moved)[0]
        moved = torch.minimum(torch.maximum(moved + rate * slope.sign(), low), high)
    return moved.detach()


class Net:
    def __init__(self, w):
        self.w, self.optimizer = w, Optimizer(below(w, "net."), cosine(2e-3, warmup=100))

    def step(self, data, draw, steps):
        x, label = data["image"] / 255, data["label"]
        loss = F.cross_entropy(net(self.w, attacked(self.w, x, label, draw, 5)), label)
        self.optimizer.update(loss, steps)
        return {"loss": loss}

    def figure(self, data, draw):
        x, label = data["image"] / 255, data["label"]
        return {"robust": accuracy(net(self.w, attacked(self.w, x, label, draw, 20)), label), "accuracy": accuracy(net(self.w, x), label)}


run(__name__)
