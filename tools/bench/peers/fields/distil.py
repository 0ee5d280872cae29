"""examples/distil.nn:taught in PyTorch; see peer.py. WEIGHTS: those of the teacher, with the student begun anew."""

from peer import *

DATA, BATCH, HEAT, TRUST = "mnist", 50, 4.0, 0.9


def student(w, x):
    x = F.relu(conv(w, "student.conv2d", x, 2))
    x = F.relu(conv(w, "student.conv2d_2", x, 2))
    return dense(w, "student.dense_2", F.relu(dense(w, "student.dense", x.flatten(1))))


class Net:
    def __init__(self, w):
        self.w, self.optimizer = w, Optimizer(below(w, "student."), cosine(3e-3, warmup=20))

    def step(self, data, draw, steps):
        x = shifted(draw, data["image"] / 255, 3)
        with torch.no_grad():
            taught = F.softmax(lenet(self.w, "net", x) / HEAT, 1)
        logits = student(self.w, x)
        own = F.cross_entropy(logits, data["label"])
        copy = HEAT**2 * F.kl_div(F.log_softmax(logits / HEAT, 1), taught, reduction="batchmean")
        self.optimizer.update((1 - TRUST) * own + TRUST * copy, steps)
        return {"own": own, "copy": copy}

    def figure(self, data, draw):
        with torch.no_grad():
            return {"accuracy": accuracy(student(self.w, data["image"] / 255), data["label"])}


run(__name__)
