"""examples/lora.nn in PyTorch; see peer.py. WEIGHTS: what transfer.nn:body left, with what is added and the head begun anew."""

from peer import *
from transfer import Net as Transfer
from transfer import logits_of, masked

DATA, BATCH = "mnist", 40


def adapted(w):
    """The weights of the body with what is added to them."""
    found = dict(w)
    for path in ("body.conv2d", "body.conv2d_2", "body.dense"):
        change = w[f"{path}.added.down"] @ w[f"{path}.added.up"]
        found[f"{path}.weight"] = w[f"{path}.weight"] + change.reshape(w[f"{path}.weight"].shape)
    return found


class Net(Transfer):
    def __init__(self, w):
        self.raw = w
        learns = [v for name, v in w.items() if not (name.startswith("body.") and name.endswith(".weight"))]
        self.optimizer = Optimizer(learns, cosine(2e-3, warmup=20))

    @property
    def w(self):
        return adapted(self.raw)

    def step(self, data, draw, steps):
        loss = masked(logits_of(self.w, data["image"] / 255, draw), data["label"])
        self.optimizer.update(loss, steps)
        return {"loss": loss}


run(__name__)
