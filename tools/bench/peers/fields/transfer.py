"""examples/transfer.nn:few in PyTorch; see peer.py. WEIGHTS: what transfer.nn:body left, with the head begun anew."""

from peer import *

DATA, BATCH = "mnist", 40


def body(w, x):
    x = F.max_pool2d(F.relu(conv(w, "body.conv2d", x)), 2)
    x = F.max_pool2d(F.relu(conv(w, "body.conv2d_2", x)), 2)
    return F.relu(dense(w, "body.dense", x.flatten(1)))


def logits_of(w, x, draw=None):
    """While training, with `draw`, it drops."""
    x = body(w, x)
    return dense(w, "head", dropped(draw, "dropout", x, 0.3) if draw else x)


def masked(logits, label):
    return F.cross_entropy(logits, label, reduction="none")[label >= 5].sum() / max(int((label >= 5).sum()), 1)


class Net:
    def __init__(self, w):
        self.w = w
        self.body = Optimizer(below(w, "body."), cosine(3e-4, warmup=20))
        self.head = Optimizer(below(w, "head."), cosine(2e-3, warmup=20))

    def step(self, data, draw, steps):
        loss = masked(logits_of(self.w, data["image"] / 255, draw), data["label"])
        update_together([self.body, self.head], loss, steps)
        return {"loss": loss}

    def figure(self, data, draw):
        with torch.no_grad():
            logits = logits_of(self.w, data["image"] / 255)
        counted = data["label"] >= 5
        return {"accuracy": accuracy(logits[counted], data["label"][counted])} if counted.any() else {}


run(__name__)
