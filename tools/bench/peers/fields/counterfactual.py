"""examples/counterfactual.nn in PyTorch, from the same weights; see peer.py."""

from adversarial import net
from peer import *

DATA, STEPS, BEYOND, STRIDE = "mnist", 30, 0.3, 0.5


def length(d):
    return (d**2).sum((1, 2, 3), keepdim=True).add(1e-12).sqrt()


class Net:
    def __init__(self, w):
        self.w = w

    def figure(self, data, draw):
        x = data["image"] / 255
        logits = net(self.w, x)
        first, second = logits.topk(2, 1).indices.T
        wanted = F.one_hot(second, 10) > 0

        def margin(at):
            said = net(self.w, at)
            return said[wanted] - said.masked_fill(wanted, -math.inf).max(1).values

        other = x
        for _ in range(STEPS):
            other = other.detach().requires_grad_()
            m = margin(other)
            slope = torch.autograd.grad(m.sum(), other)[0]
            far = ((BEYOND - m).clamp(min=0)[:, None, None, None] / length(slope)).clamp(max=STRIDE)
            other = (other + far * slope / length(slope)).clamp(0, 1)
        other = other.detach()
        low, high = torch.zeros(len(x), 1, 1, 1), torch.ones(len(x), 1, 1, 1)
        with torch.no_grad():
            for _ in range(8):
                half = 0.5 * (low + high)
                enough = (margin(x + half * (other - x)) > 0)[:, None, None, None]
                low, high = torch.where(enough, low, half), torch.where(enough, half, high)
            other = x + high * (other - x)
            lot = draw.normal("normal", *x.shape)
            noisy = (x + lot * length(other - x) / length(lot)).clamp(0, 1)
            return {"accuracy": accuracy(logits, data["label"]), "changed": accuracy(net(self.w, other), second),
                    "distance": length(other - x).mean(), "changed_by_noise": 1 - accuracy(net(self.w, noisy), first)}


run(__name__)
