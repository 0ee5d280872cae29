"""examples/lenet.nn in PyTorch; see peer.py."""

from peer import *

DATA, BATCH = "mnist", 64


class Net:
    def __init__(self, w):
        self.w, self.optimizer = w, Optimizer(below(w, "net."), cosine(1e-3, warmup=100))
        self.average = {name: value.detach().clone() for name, value in w.items()}

    def step(self, data, draw, steps):
        x = shifted(draw, data["image"] / 255, 2)
        loss = F.cross_entropy(lenet(self.w, "net", x, draw), data["label"])
        self.optimizer.update(loss, steps)
        made = self.optimizer.made
        decay = min(0.999, (1 + made) / (10 + made))
        with torch.no_grad():
            for name, value in self.w.items():
                self.average[name] += (1 - decay) * (value - self.average[name])
        return {"loss": loss}

    def figure(self, data, draw):
        with torch.no_grad():
            logits = lenet(self.average, "net", data["image"] / 255)
        return {"accuracy": accuracy(logits, data["label"])}


run(__name__)
