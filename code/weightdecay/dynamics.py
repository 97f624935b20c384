"""What the formulas predict of a run in time: what its steps keep and what they add.

A step of AdamW multiplies a weight by 1 - lr weight_decay and adds -lr u, with u its
update without decay. ``theory`` says where training ends.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from weightdecay.settings import Range, check, demand
from weightdecay.theory import momentum_roots

SHRINKS = Range("> 0 and < 1, so that a step shrinks", lambda x: 0 < x < 1)


def half_life(
    lr: float, weight_decay: float, momentum: float = 0.0
) -> float:  # fmt: skip
    """Return after how many steps half is left without a gradient.

    ln(1/2) / ln(1 - lr weight_decay), about 0.69 / (lr weight_decay),
    for SGD, and for AdamW, SGDW and Lion with any momentum or betas.
    With ``momentum`` decay is in the buffer of SGD, and the larger root
    of ``theory.momentum_roots`` stands for 1 - lr weight_decay.

    Raises ``ValueError`` if lr weight_decay is not between 0 and 1, or
    so large for the momentum that the weight swings.
    """
    check(lr=lr, weight_decay=weight_decay, momentum=momentum)
    demand("lr * weight_decay", lr * weight_decay, SHRINKS)
    root, _ = momentum_roots(lr, weight_decay, momentum)
    if isinstance(root, complex):
        raise ValueError(
            f"lr * weight_decay is {lr * weight_decay}: with momentum "
            f"{momentum} the weight swings and has no half-life; it "
            f"must be at most {(1 - math.sqrt(momentum)) ** 2:.3g}"
        )
    return math.log(0.5) / math.log(root)


def kept(lr: Sequence[float] | Tensor, weight_decay: float) -> Tensor:
    """Return which share of the start is left after each step, of shape (steps,).

    The product of 1 - lr[k] weight_decay over the steps so far, about exp(-weight_decay
    S), where S is the sum of lr so far. Raises ``ValueError`` if lr weight_decay of a
    step is 1 or more.
    """
    return (1 - _taken(lr, weight_decay)).cumprod(0)


def update_shares(
    lr: Sequence[float] | Tensor,
    weight_decay: float,
) -> Tensor:
    """Return each step's share in the weights at the end: (steps,).

    The weights are kept[-1] w_0 - sum_k shares[k] u[k] / weight_decay,
    where shares[k] is lr[k] weight_decay times the product of
    1 - lr[j] weight_decay over the steps j after k. With kept[-1] the
    shares add up to 1. Raises as :func:`kept` does.
    """
    taken = _taken(lr, weight_decay)
    later = (1 - taken).flip(0).cumprod(0).flip(0)
    return taken * torch.cat([later[1:], later.new_ones(1)])


def _taken(lr: Sequence[float] | Tensor, weight_decay: float) -> Tensor:
    """Return which share of the weights each step takes."""
    rates = torch.as_tensor(lr, dtype=torch.float64)
    check(lr=rates, weight_decay=weight_decay)
    below = Range("below 1 at each step", lambda x: bool((x < 1).all()))
    demand("lr * weight_decay", rates * weight_decay, below)
    return rates * weight_decay
