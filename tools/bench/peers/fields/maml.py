"""examples/maml.nn in PyTorch; see peer.py."""

from peer import *

DATA, BATCH, TASKS, INNER = "mnist", 400, 4, 3
NAMES = ["w1", "b1", "w2", "b2"]


def answers(x, w):
    return F.relu(x @ w[0] + w[1]) @ w[2] + w[3]


class Net:
    def __init__(self, w):
        self.w, self.optimizer = w, Optimizer([w[name] for name in [*NAMES, "pace"]], 1e-3)

    def adapted(self, xs, ys, draw):
        """Loss, accuracy before and after, of each task."""
        for task in range(TASKS):
            draw.round = task
            other = draw.permutation("permutation", 10)
            learn, ask = other[ys[task, 0]], other[ys[task, 1]]
            start = w = [self.w[name] for name in NAMES]
            for _ in range(INNER):
                slopes = torch.autograd.grad(F.cross_entropy(answers(xs[task, 0], w), learn), w, create_graph=True)
                w = [w[k] - self.w["pace"][k] * slopes[k] for k in range(4)]
            said = answers(xs[task, 1], w)
            yield F.cross_entropy(said, ask), accuracy(answers(xs[task, 1], start), ask), accuracy(said, ask)

    def results(self, data, draw):
        xs = (data["image"] / 255).reshape(TASKS, 2, -1, 784)
        losses, before, after = zip(*self.adapted(xs, data["label"].reshape(TASKS, 2, -1), draw))
        return {"loss": sum(losses) / TASKS, "before": sum(before) / TASKS, "after": sum(after) / TASKS}

    def step(self, data, draw, steps):
        found = self.results(data, draw)
        self.optimizer.update(found["loss"], steps)
        return found

    def figure(self, data, draw):
        return self.results(data, draw)


run(__name__)
