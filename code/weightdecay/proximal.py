"""Steps that minimise a penalty in place of following its slope.

A proximal step first goes against the gradient of the loss, to v, and then to the u of
least ||u - v||^2 / 2 + lr penalty(u). Sources: Beck & Teboulle, SIAM J. Imaging
Sciences 2009; Duchi & Singer, JMLR 2009.
"""

from torch import Tensor

from weightdecay.rule import State, Step
from weightdecay.settings import NOT_NEGATIVE, Number, check, demand


def soft_threshold(v: Tensor, size: Number) -> Tensor:
    """Move each weight towards zero by ``size``, and no farther.

    sign(v) max(abs(v) - size, 0): the u of least (u - v)^2 / 2 +
    size abs(u).
    """
    demand("size", size, NOT_NEGATIVE)
    return v.sign() * (v.abs() - size).clamp(min=0)


def sgd_proximal(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number = 0.0, l1: Number = 0.0,
) -> Step:  # fmt: skip
    """Step against the gradient, then minimise the penalty nearby.

    w <- soft_threshold(w - lr g, lr l1) / (1 + lr weight_decay), for
    l1 abs(w) + (weight_decay / 2) w^2, summed over the weights.
    """
    check(lr=lr, weight_decay=weight_decay)
    demand("l1", l1, NOT_NEGATIVE)
    moved = soft_threshold(w - lr * g, lr * l1)
    return moved / (1 + lr * weight_decay), state
