"""Layers."""
import torch.nn.functional as F

from framework import Case, case


@case(covers="dense", variants=2)
def dense(d):
    n, units, rows = d.size(), d.size(), d.size()
    bias = d.pick(True, False)
    return Case(f"y = dense(x, {units}{'' if bias else ', use_bias = false'})",
                lambda x, dense_weight, dense_bias=None: F.linear(x, dense_weight.T, dense_bias),
                inputs={"x": d.normal(rows, n)},
                params={"dense.weight": d.normal(n, units), **({"dense.bias": d.normal(units)} if bias else {})})
