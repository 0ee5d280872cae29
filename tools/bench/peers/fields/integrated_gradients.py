"""examples/integrated_gradients.nn in PyTorch, from the same weights; see peer.py."""

from peer import *
from saliency import slopes

DATA, STEPS = "mnist", 20


class Net:
    def __init__(self, w):
        self.w = w

    def figure(self, data, draw):
        x = data["image"] / 255
        logits, base = lenet(self.w, "net", x), lenet(self.w, "net", torch.zeros_like(x))
        won = F.one_hot(logits.argmax(1), 10)
        share = (x * sum(slopes(self.w, (i + 0.5) / STEPS * x, won) for i in range(STEPS)) / STEPS).flatten(1)
        gain = (won * (logits - base)).sum(1)
        positive = share.relu().sort(1, descending=True).values
        before = positive.cumsum(1) - positive
        needed = ((before < 0.9 * positive.sum(1, keepdim=True)) & (positive > 0)).sum(1)
        return {"accuracy": accuracy(logits, data["label"]), "gain": gain.mean(), "gap": (share.sum(1) - gain).abs().mean(),
                "pixels": needed.double().mean()}


run(__name__)
