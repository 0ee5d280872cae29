"""examples/noise.nn in PyTorch; see peer.py."""

from adversarial import attacked, net
from peer import *

DATA, BATCH, MOST, SIGMA = "mnist", 64, 1.0, 0.5


class Net:
    def __init__(self, w):
        self.w, self.optimizer = w, Optimizer(below(w, "net."), cosine(2e-3, warmup=100))

    def step(self, data, draw, steps):
        x = data["image"] / 255
        strength = MOST * draw.uniform("uniform", len(x), 1, 1, 1)
        loss = F.cross_entropy(net(self.w, x + strength * draw.normal("normal", *x.shape)), data["label"])
        self.optimizer.update(loss, steps)
        return {"loss": loss}

    def figure(self, data, draw):
        x, label = data["image"] / 255, data["label"]
        noisy = net(self.w, x + SIGMA * draw.normal("normal", *x.shape))
        return {"noisy": accuracy(noisy, label), "accuracy": accuracy(net(self.w, x), label),
                "robust": accuracy(net(self.w, attacked(self.w, x, label, draw, 20)), label)}


run(__name__)
