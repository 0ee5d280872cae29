"""examples/resnet.nn in PyTorch; see peer.py."""

from peer import *

DATA, BATCH, WIDTH = "fashion", 64, 16


def blocks():
    """(path, features, stride) of each."""
    for i in range(6):
        yield "block" if i == 0 else f"block_{i + 1}", WIDTH * 2 ** (i // 2), 2 if i in (2, 4) else 1


class Net:
    def __init__(self, w):
        self.w = {name: value for name, value in w.items() if "running_" not in name}
        self.moments = {name: value.detach() for name, value in w.items() if "running_" in name}
        self.optimizer = Optimizer(self.w.values(), cosine(0.1, warmup=200), torch.optim.SGD, momentum=0.9, nesterov=True,
                                   weight_decay=5e-4)

    def normed(self, path, x, stride, training):
        x, at = conv(self.w, f"{path}.conv2d", x, stride), f"{path}.batch_norm"
        mean, var = self.moments[f"{at}.running_mean"], self.moments[f"{at}.running_var"]
        return F.batch_norm(x, mean, var, self.w[f"{at}.scale"], self.w[f"{at}.shift"], training)

    def logits(self, data, draw, training):
        x = data["image"] / 255
        if training:
            x = augmented(draw, x)
        x = F.relu(self.normed("normed", x, 1, training))
        for path, features, stride in blocks():
            y = F.relu(self.normed(f"{path}.normed", x, stride, training))
            y = self.normed(f"{path}.normed_2", y, 1, training)
            x = F.relu(y + (x if stride == 1 and x.shape[1] == features else self.normed(f"{path}.normed_3", x, stride, training)))
        return dense(self.w, "dense", x.mean((2, 3)))

    def step(self, data, draw, steps):
        loss = F.cross_entropy(self.logits(data, draw, True), data["label"])
        self.optimizer.update(loss, steps)
        return {"loss": loss}

    def figure(self, data, draw):
        with torch.no_grad():
            return {"accuracy": accuracy(self.logits(data, draw, False), data["label"])}


def augmented(draw, x):
    """A shift, then a mirror image of every second picture."""
    x = shifted(draw, x, 2)
    mirrored = draw.uniform("random_flip.bernoulli.uniform", len(x)) < 0.5
    return torch.where(mirrored[:, None, None, None], x.flip(3), x)


run(__name__)
