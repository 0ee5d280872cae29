"""examples/saliency.nn in PyTorch, from the same weights; see peer.py."""

from peer import *

DATA, HIDDEN, COPIES, NOISE = "mnist", 50, 8, 0.15


def slopes(w, x, won):
    x = x.detach().requires_grad_()
    return torch.autograd.grad((won * lenet(w, "net", x)).sum(), x)[0]


class Net:
    def __init__(self, w):
        self.w = w

    def figure(self, data, draw):
        x, label = data["image"] / 255, data["label"]
        logits = lenet(self.w, "net", x)
        won = F.one_hot(logits.argmax(1), 10)
        size = sum(slopes(self.w, x + NOISE * draw.normal("normal", *x.shape), won).abs() for _ in range(COPIES)).flatten(1)
        flat, nothing = x.flatten(1), -torch.ones(())

        def judged(score):
            score = torch.where(flat > 0, score, nothing)
            gone = score >= score.topk(HIDDEN, 1).values[:, -1:]
            return accuracy(lenet(self.w, "net", torch.where(gone, torch.zeros(()), flat).reshape(x.shape)), label)

        return {"accuracy": accuracy(logits, label), "without": judged(size),
                "without_others": judged(draw.uniform("uniform", *flat.shape))}


run(__name__)
