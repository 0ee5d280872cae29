"""Activations, element by element; softmax and its kin along an axis."""
import torch.nn.functional as F

from framework import Case, case


@case(covers="gelu", variants=2)
def gelu(d):
    tanh = d.pick(False, True)
    return Case(f"y = gelu(x, approximate = {'true' if tanh else 'false'})",
                lambda x: F.gelu(x, approximate="tanh" if tanh else "none"), inputs={"x": d.normal(*d.shape(2), scale=2)})
