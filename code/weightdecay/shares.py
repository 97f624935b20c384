"""Which share of a weight one step takes, where the share depends on the weight.

What gradient descent on a penalty takes is lr times the penalty's slope, and the share
is that over the weight: lr * weight_decay for (weight_decay / 2) ||w||^2, whatever the
weight. Other penalties, and a decay that looks at signs, take more of some weights.
Sizes are tensors of any shape, and shares have it, too.
"""

import math

import torch
from torch import Tensor

from weightdecay.settings import FINITE, NOT_NEGATIVE, POSITIVE, Number, check, demand


def elimination(
    w: Tensor, *, lr: Number, weight_decay: Number, scale: Number
) -> Tensor:
    """Return weight elimination's share of each weight.

    lr weight_decay / (1 + (w / scale)^2)^2, for the penalty
    (weight_decay / 2) w^2 / (1 + (w / scale)^2). Source: Weigend,
    Rumelhart & Huberman, NIPS 1990, whose constant is
    weight_decay scale^2 / 2. ``scale``, above 0, is the size from which
    on weights are spared.
    """
    check(lr=lr, weight_decay=weight_decay)
    demand("scale", scale, POSITIVE)
    return lr * weight_decay / (1 + (w / scale) ** 2) ** 2


def lasso(w: Tensor, *, lr: Number, weight_decay: Number) -> Tensor:
    """Return the share that a step on the penalty weight_decay abs(w) takes.

    lr weight_decay / abs(w); above 1 the weight changes
    sign. Raises ValueError for a weight of zero, which has no share.
    """
    check(lr=lr, weight_decay=weight_decay)
    demand("the size of w", w.abs(), POSITIVE)
    return lr * weight_decay / w.abs()


def cautious_part(
    hessian: Tensor, *, start: Number, goal: Number
) -> Tensor:  # fmt: skip
    """Return which part of the weights decays in Adam's first step.

    Of cautious decay, for each weight: the chance that gradient and
    weight have one sign, 1/2 + arcsin(r) / pi. r = start h_ii /
    (sqrt(start^2 + goal^2) ||h_i||) is their correlation, h_i row i of
    the Hessian, of shape (d, d). Weights and minimum are Gaussian, each
    drawn for itself, of mean 0 and of the standard deviations
    ``start``, above 0, and ``goal``.
    """
    demand("hessian", hessian, FINITE)
    demand("start", start, POSITIVE)
    demand("goal", goal, NOT_NEGATIVE)
    variance = torch.as_tensor(start**2 + goal**2, dtype=torch.float64)
    rows = hessian.diagonal() / hessian.norm(dim=1)
    r = start / variance.sqrt() * rows
    part: Tensor = 0.5 + r.clamp(-1, 1).asin() / math.pi
    return part
