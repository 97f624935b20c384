"""What the formulas predict of a run in time: what its steps keep, add and turn.

A step of AdamW multiplies a weight by 1 - lr weight_decay and adds -lr u, with u its
update without decay. Where a normalisation follows the weight, the loss is scale
invariant, L(c w) = L(w) for each c > 0, and decay changes only how far a step turns it.
``theory`` says where training ends.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from weightdecay.settings import (
    NOT_NEGATIVE,
    POSITIVE,
    SHARE,
    Number,
    Range,
    check,
    demand,
)  # fmt: skip
from weightdecay.theory import momentum_roots


def half_life(
    lr: float, weight_decay: float, momentum: float = 0.0
) -> float:  # fmt: skip
    """Return after how many steps half is left without a gradient.

    ln(1/2) / ln(1 - lr weight_decay), about 0.69 / (lr weight_decay),
    for SGD, and for AdamW, SGDW and Lion with any momentum or betas.
    With ``momentum`` decay is in the buffer of SGD, and the larger root
    z1 of ``kept_per_step`` stands for 1 - lr weight_decay.

    Raises ``ValueError`` as that does, and if nothing decays.
    """
    demand("lr * weight_decay", lr * weight_decay, POSITIVE)
    z1 = kept_per_step(lr, weight_decay, momentum)
    return math.log(0.5) / math.log(z1)


def kept_per_step(lr: float, weight_decay: float, momentum: float = 0.0) -> float:
    """Return by what each step of SGD multiplies a weight that only decays: z1.

    The larger root of z^2 - (1 + momentum - lr weight_decay) z + momentum = 0, decay
    inside the buffer and no Nesterov; without momentum it is 1 - lr weight_decay.
    Raises ``ValueError`` if the weight would swing through zero: from lr weight_decay =
    (1 - sqrt(momentum))^2 on.
    """
    demand("momentum", momentum, SHARE)
    z1, _ = momentum_roots(lr, weight_decay, momentum)
    most, share = (1 - math.sqrt(momentum)) ** 2, lr * weight_decay
    if isinstance(z1, complex) or share >= most:
        raise ValueError(
            f"lr * weight_decay must be below (1 - sqrt(momentum))^2 = {most:.3g}, "
            f"or the weight swings; got {share:.3g}"
        )
    return z1


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


def rms_under_schedule(
    lr: Sequence[float] | Tensor,
    weight_decay: Sequence[float] | Tensor | float,
    start: float,
) -> Tensor:
    """Return AdamW's root mean square along a schedule: (steps + 1,).

    R[0] = start, R[k + 1]^2 = (1 - lr[k] weight_decay)^2 R[k]^2 +
    lr[k]^2, for a matrix before a normalisation, gradients that are
    mostly noise, and betas[1] whose memory is short against the
    schedule. ``weight_decay`` may be one number for each step. Raises
    as :func:`kept` does.
    """
    demand("start", start, NOT_NEGATIVE)
    rates = torch.as_tensor(lr, dtype=torch.float64)
    squares = [start**2]
    kept = (1 - _taken(rates, weight_decay)).square()
    added = rates.square()
    for share, more in zip(kept.tolist(), added.tolist(), strict=True):
        squares.append(share * squares[-1] + more)
    return torch.tensor(squares, dtype=torch.float64).sqrt()


def _taken(
    lr: Sequence[float] | Tensor, weight_decay: Sequence[float] | Tensor | float
) -> Tensor:
    """Return which share of the weights each step takes."""
    rates, decays = (
        torch.as_tensor(x, dtype=torch.float64) for x in (lr, weight_decay)
    )
    check(lr=rates, weight_decay=decays)
    if decays.ndim and decays.shape != rates.shape:
        raise ValueError(
            f"weight_decay must be one number, or one for each of the {len(rates)} "
            f"steps, got {len(decays)}"
        )
    below = Range("below 1 at each step", lambda x: bool((x < 1).all()))
    demand("lr * weight_decay", rates * decays, below)
    return rates * decays


def grokking_steps(
    start: float,
    threshold: float,
    lr: float,
    weight_decay: float,
    floor: float = 0.0,
) -> int:
    """Return after how many steps the error on new data is small.

    The least k with start^2 (1 - lr weight_decay)^(2 k) + floor <=
    threshold, about ln(start^2 / (threshold - floor)) / (2 lr
    weight_decay). ``start`` is the norm of the part of the first
    weights that no example sees and that decay alone moves. ``floor``
    is the error without that part, in the units of ``threshold``; it
    must have come to rest by then.

    For a linear model, new inputs of unit covariance and SGD without
    momentum, in batches of any size; for AdamW if the part is made of
    whole weights. Raises ``ValueError`` if that never comes:
    without decay, and if ``floor`` is not below ``threshold``.
    """
    demand("start", start, NOT_NEGATIVE)
    demand("floor", floor, NOT_NEGATIVE)
    check(lr=lr, weight_decay=weight_decay)
    above = Range(
        f"above the floor, {floor:.3g}",
        lambda x: floor < x < math.inf,
    )
    demand("threshold", threshold, above)
    share = lr * weight_decay
    inside = Range("between 0 and 1", lambda x: 0 < x < 1)
    demand("lr * weight_decay", share, inside)
    if start**2 <= threshold - floor:
        return 0
    left = math.log((threshold - floor) / start**2) / 2
    return math.ceil(left / math.log1p(-share))


def exponential_lr(
    lr: float, weight_decay: float, k: Number, momentum: float = 0.0
) -> Number:
    """Return the lr that does at step k without decay what decay does.

    lr / z1^(2 k + 1), with z1 of ``kept_per_step``. For a weight whose
    loss is scale invariant, and SGD, the run without decay has the
    same directions at each step, and weights 1 / z1^k times as large.
    ``k`` counts steps from 0 and may be a tensor. With momentum the
    buffer must begin at ``first_buffer``. Without decay it is ``lr``.

    Source: Li & Arora, An Exponential Learning Rate Schedule for Deep
    Learning, ICLR 2020.
    """
    check(k=k)
    z1 = kept_per_step(lr, weight_decay, momentum)
    return lr * z1 ** (-2 * k - 1)


def first_buffer(w: Tensor, lr: float, weight_decay: float, momentum: float) -> Tensor:
    """Return the momentum buffer with which the run of ``exponential_lr`` begins.

    -(1 - z1) / (lr z1) w, where ``w`` is the weight at the start. It stands for the
    step before the first: with decay there was none, without it the weight grew.
    Raises ``ValueError`` for lr = 0.
    """
    demand("lr", lr, POSITIVE)
    z1 = kept_per_step(lr, weight_decay, momentum)
    return -(1 - z1) / (lr * z1) * w


def norm_without_decay(
    norm: Number, lr: Number, gradient_norm: Number, k: Number
) -> Number:
    """Return the norm after k steps of SGD without decay or momentum.

    (norm^4 + 2 lr^2 gradient_norm^2 k)^(1/4), for a scale-invariant
    weight. ``norm`` is that of the start. ``gradient_norm`` is what the
    gradient's norm would be at the weight of norm 1, its root mean
    square over the run. Any of them may be tensors that broadcast. It
    leaves out (lr gradient_norm)^4 / norm^4 per step, so that the norm
    is never below it, and near it if steps turn the weight little.
    """
    demand("norm", norm, POSITIVE)
    demand("gradient_norm", gradient_norm, NOT_NEGATIVE)
    check(lr=lr, k=k)
    grown = norm**4 + 2 * (lr * gradient_norm) ** 2 * k
    return grown**0.25


def normalised_share(variance: Number, eps: float) -> Number:
    """Return how large a normalised feature is, where it would be 1 without eps.

    1 / sqrt(1 + eps / variance): what the eps of BatchNorm or LayerNorm leaves of a
    feature with this variance, or RMSNorm of one with this mean square. It is where
    scale invariance ends, for the variance is that of the weight, squared.
    """
    demand("variance", variance, POSITIVE)
    check(eps=eps)
    return (1 + eps / variance) ** -0.5
