"""Where an L1 penalty leads, and what the order of decay and step changes.

The penalty is l1 abs(w) + (weight_decay / 2) w^2, summed over the weights. With the
mean loss ||X w - y||^2 / (2 n) scikit-learn's ``Lasso(alpha)`` has l1 = alpha, and
``ElasticNet(alpha, l1_ratio)`` l1 = alpha l1_ratio and weight_decay = alpha (1 -
l1_ratio). Sources: Tibshirani, JRSS B 1996; Zou & Hastie, JRSS B 2005.
"""

import math

from torch import Tensor

from weightdecay.settings import NOT_NEGATIVE, POSITIVE, Number, check, demand


def elastic_net(
    minimum: Tensor,
    curvature: Tensor,
    *,
    l1: Number,
    weight_decay: Number = 0.0,
) -> Tensor:
    """Return the penalised minimum where no two weights share anything.

    sign(m) max(h abs(m) - l1, 0) / (h + weight_decay) for a minimum m and
    a curvature h > 0 of each weight: for a diagonal Hessian, such as
    that of inputs at right angles to each other.
    """
    check(weight_decay=weight_decay)
    demand("curvature", curvature, POSITIVE)
    demand("l1", l1, NOT_NEGATIVE)
    left = (curvature * minimum.abs() - l1).clamp(min=0)
    return minimum.sign() * left / (curvature + weight_decay)


def chatter(pull: Tensor, *, lr: Number, l1: Number) -> tuple[Tensor, Tensor]:
    """Return the ends of the band in which SGD on an L1 penalty stays.

    -lr (l1 - pull) and lr (l1 + pull), for a weight whose penalised
    minimum is zero. ``pull`` is minus the gradient of the loss at zero,
    of less than ``l1`` in size. For a convex loss and lr of at most 1
    over its curvature; the band holds each step that comes after the
    first change of sign.
    """
    check(lr=lr)
    demand("l1 - |pull|", l1 - pull.abs(), POSITIVE)
    return -lr * (l1 - pull), lr * (l1 + pull)


def chatter_size(pull: Tensor, *, lr: Number, l1: Number) -> Tensor:
    """Return the root mean square of a weight that chatters.

    lr sqrt(l1^2 / 3 + pull^2): that of a weight that is anywhere in the
    band of ``chatter`` with the same chance. A mean over many pulls,
    for lr much below 1 over the curvature.
    """
    check(lr=lr)
    demand("l1 - |pull|", l1 - pull.abs(), POSITIVE)
    return lr * (l1**2 / 3 + pull**2).sqrt()


def decay_of(kept: Number, passed: Number, lr: Number) -> Number:
    """Return the weight_decay whose minimum a rule ends at.

    (1 - kept) / (lr passed), for w <- kept w - lr passed g, where g is
    the gradient at the old w. Raises ``ValueError`` unless lr and
    passed are above 0.
    """
    demand("lr", lr, POSITIVE)
    demand("passed", passed, POSITIVE)
    return (1 - kept) / (lr * passed)


def steps_apart(part: float, *, lr: float, weight_decay: float) -> float:
    """Return after how many steps two decays without gradient differ.

    ln(1 - part) / ln(1 - (lr weight_decay)^2): then the product of
    1 - lr weight_decay is the ``part`` below that of
    1 / (1 + lr weight_decay). Raises ``ValueError`` unless 0 < part < 1
    and 0 < lr weight_decay < 1.
    """
    demand("part", part, POSITIVE)
    demand("1 - part", 1 - part, POSITIVE)
    demand("lr weight_decay", lr * weight_decay, POSITIVE)
    demand("1 - lr weight_decay", 1 - lr * weight_decay, POSITIVE)
    return math.log1p(-part) / math.log1p(-((lr * weight_decay) ** 2))


def largest_lr(curvature: Number, weight_decay: Number) -> tuple[Number, Number]:
    """Return the learning rates below which two forms of decay settle.

    2 / (curvature + weight_decay) for w <- (1 - lr weight_decay) w -
    lr g, and 2 / (curvature - weight_decay) for w <- (w - lr g) / (1 +
    lr weight_decay), on a quadratic of that largest curvature. Raises
    ``ValueError`` unless curvature > weight_decay: below it the second
    form settles for each lr.
    """
    check(weight_decay=weight_decay)
    demand("curvature - weight_decay", curvature - weight_decay, POSITIVE)
    return 2 / (curvature + weight_decay), 2 / (curvature - weight_decay)
