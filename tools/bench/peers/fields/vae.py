"""examples/vae.nn in PyTorch; see peer.py."""

from peer import *

DATA, BATCH = "fashion", 128


def layers(w, path, x):
    x = F.relu(dense(w, f"{path}.dense", x))
    return dense(w, f"{path}.dense_3", F.relu(dense(w, f"{path}.dense_2", x)))


class Net:
    def __init__(self, w):
        self.w, self.optimizer = w, Optimizer(below(w, "encoder.", "decoder."), cosine(2e-3, warmup=100))

    def parts(self, data, draw, training):
        x = data["image"].flatten(1) / 255
        kind = F.one_hot(data["label"], 10).to(x.dtype)
        center, log_var = layers(self.w, "encoder", torch.cat([x, kind], 1)).chunk(2, 1)
        code = center + torch.exp(0.5 * log_var) * draw.normal("normal", *center.shape) if training else center
        logits = layers(self.w, "decoder", torch.cat([code, kind], 1))
        rebuilt = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1).mean()
        return rebuilt, (0.5 * (torch.exp(log_var) + center**2 - 1 - log_var).sum(1)).mean()

    def step(self, data, draw, steps):
        rebuilt, kl = self.parts(data, draw, True)
        self.optimizer.update(rebuilt + kl, steps)
        return {"rebuilt": rebuilt, "kl": kl}

    def figure(self, data, draw):
        with torch.no_grad():
            rebuilt, kl = self.parts(data, draw, False)
        return {"rebuilt": rebuilt, "kl": kl}


run(__name__)
