"""examples/autoencoder.nn in PyTorch; see peer.py."""

from peer import *

DATA, BATCH = "fashion", 128


def layers(w, path, x):
    x = F.relu(dense(w, f"{path}.dense", x))
    return dense(w, f"{path}.dense_3", F.relu(dense(w, f"{path}.dense_2", x)))


class Net:
    def __init__(self, w):
        self.w, self.optimizer = w, Optimizer(below(w, "encoder.", "decoder."), cosine(2e-3, warmup=100))

    def step(self, data, draw, steps):
        x = data["image"].flatten(1) / 255
        logits = layers(self.w, "decoder", layers(self.w, "encoder", x + 0.2 * draw.normal("normal", *x.shape)))
        loss = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1).mean()
        self.optimizer.update(loss, steps)
        return {"loss": loss}

    def figure(self, data, draw):
        x = data["image"].flatten(1) / 255
        with torch.no_grad():
            logits = layers(self.w, "decoder", layers(self.w, "encoder", x))
            loss = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1).mean()
        return {"loss": loss, "error": ((torch.sigmoid(logits) - x) ** 2).mean()}


run(__name__)
