"""How large a matrix before a normalisation is, and by which angle a step turns it.

The loss does not change when such a matrix w is multiplied by a number. So its gradient
is at right angles to it and has the norm G / ||w||. In equilibrium what the steps add
to the norm is what decay takes. After Kosson, Messmer & Jaggi, ICML 2024, who give the
small-angle forms for a random walk.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from weightdecay.settings import NOT_NEGATIVE, POSITIVE, SHARE, check, demand


class Equilibrium(NamedTuple):
    """The size of a matrix in equilibrium, and the angle of a step in radians.

    ``size`` is the norm for ``sgd``, the root mean square of the entries otherwise.
    """

    size: float
    angle: float


def sgd(
    lr: float,
    weight_decay: float,
    gradient_norm: float,
    *,
    momentum: float = 0.0,
    echo: float = 1.0,
) -> Equilibrium:
    """Return norm and angle for torch.optim.SGD, decay in its buffer.

    cos angle = 1 - lr weight_decay / (1 + momentum), for gradients of
    any kind, once the norm is steady. norm^4 = lr G^2 echo / ((1 -
    momentum) (2 weight_decay - lr weight_decay^2 / (1 + momentum))).

    gradient_norm
        G, the root mean square of ||g|| ||w||.
    echo
        2 <b, g> / <g, g> - 1, where g has entered the buffer b: 1 if
        it is at right angles to what was in b.

    Raises ``ValueError`` unless momentum < 1 and 0 < lr weight_decay <
    2 (1 + momentum).
    """
    demand("momentum", momentum, SHARE)
    taken = _taken(lr, weight_decay, 2 * (1 + momentum))
    demand("gradient_norm", gradient_norm, POSITIVE)
    demand("echo", echo, POSITIVE)
    share = taken / (1 + momentum)
    fourth = lr * gradient_norm**2 * echo / (1 - momentum)
    fourth /= weight_decay * (2 - share)
    return Equilibrium(fourth**0.25, math.acos(1 - share))


def adamw(
    lr: float,
    weight_decay: float,
    betas: tuple[float, float] = (0.9, 0.999),
    *,
    echo: float = 1.0,
    surprise: float = 1.0,
) -> Equilibrium:
    """Return root mean square and angle for torch.optim.AdamW.

    cos angle = (a + betas[0]) / (1 + a betas[0]) with a = 1 - lr
    weight_decay, if entries are weighted by sqrt(v) and v is steady.
    rms = sqrt(lr echo surprise / (2 weight_decay)), for lr weight_decay
    far below 1 - betas[0].

    echo, surprise
        2 <m, g> / ((1 - betas[0]) <g, g>) - 1, entries weighted by 1 /
        sqrt(v), and the mean of g^2 / sqrt(v) over that of sqrt(v). 1
        for gradients that are noise of a size that does not change.

    Raises ``ValueError`` unless 0 < lr weight_decay < 1.
    """
    a = 1 - _taken(lr, weight_decay, 1)
    check(betas=betas)
    demand("echo", echo, POSITIVE)
    demand("surprise", surprise, POSITIVE)
    size = math.sqrt(lr * echo * surprise / (2 * weight_decay))
    cosine = (a + betas[0]) / (1 + a * betas[0])
    return Equilibrium(size, math.acos(cosine))


def adamw_rms(k: Tensor, lr: float, weight_decay: float, start: float) -> Tensor:
    """Return AdamW's root mean square after k steps from a matrix with rms ``start``.

    rms^2 = R^2 + (start^2 - R^2) (1 - lr weight_decay)^(2 k) with R that of ``adamw``.
    ``k`` is a tensor of numbers >= 0. Conditions as there.
    """
    kept = 1 - _taken(lr, weight_decay, 1)
    demand("start", start, NOT_NEGATIVE)
    check(k=k)
    end = adamw(lr, weight_decay).size ** 2
    left = torch.as_tensor(kept, dtype=torch.float64) ** (2 * k)
    return (end + (start**2 - end) * left).sqrt()


def adam_l2(
    lr: float,
    weight_decay: float,
    noise: float,
    betas: tuple[float, float] = (0.9, 0.999),
) -> Equilibrium:
    """Return root mean square and angle for torch.optim.Adam with its L2 penalty.

    SGD with momentum betas[0] and the learning rate (1 - betas[0]) lr / noise: rms =
    sqrt(lr noise / (2 weight_decay)), cos angle = 1 - (1 - betas[0]) lr weight_decay /
    (noise (1 + betas[0])). ``noise`` is the standard deviation of an entry of the
    gradient in equilibrium; it must be far above weight_decay times the rms.

    Raises ``ValueError`` unless lr weight_decay / noise lies between 0 and 1.
    """
    demand("noise", noise, POSITIVE)
    taken = _taken(lr / noise, weight_decay, 1)
    check(betas=betas)
    size = math.sqrt(lr * noise / (2 * weight_decay))
    return Equilibrium(size, math.acos(1 - taken * (1 - betas[0]) / (1 + betas[0])))


def lion(
    lr: float, weight_decay: float, betas: tuple[float, float] = (0.9, 0.99)
) -> Equilibrium:
    """Return root mean square and angle for Lion on Gaussian noise.

    With a = 1 - lr weight_decay and r(l) the correlation over l steps of what Lion
    takes the sign of, rms^2 = lr^2 (1 + 2 sum_l a^l (2 / pi) arcsin(r(l))) / (1 - a^2):
    two signs agree as the arcsine of what they are signs of. cos angle = (1 + a^2 -
    lr^2 / rms^2) / (2 a). With r in place of the arcsine, also for l = 0, it is what
    Kosson et al. give, angle^2 = pi lr weight_decay ((1 - betas[0])^2 + betas[0]^2 (1 -
    betas[1]) / (1 + betas[1])).

    Raises ``ValueError`` unless 0 < lr weight_decay < 1.
    """
    a = 1 - _taken(lr, weight_decay, 1)
    check(betas=betas)
    beta1, beta2 = betas
    left = (1 - beta1) ** 2 + beta1**2 * (1 - beta2) / (1 + beta2)
    after_one = beta1 * (1 - beta2) * (1 - beta1 + beta1 * beta2 / (1 + beta2)) / left
    # Beyond these steps nothing is left of the memory.
    steps = torch.arange(math.ceil(40 / (1 - beta2)), dtype=torch.float64)
    agree = 2 / math.pi * torch.asin(after_one * beta2**steps)
    together = 1 + 2 * (a ** (steps + 1) * agree).sum().item()
    apart = (1 - a**2) / together
    return Equilibrium(lr / math.sqrt(apart), math.acos((1 + a**2 - apart) / (2 * a)))


def _taken(lr: float, weight_decay: float, below: float) -> float:
    """Return the share of a weight that decay takes, if there is an equilibrium."""
    check(lr=lr, weight_decay=weight_decay)
    taken = lr * weight_decay
    if not 0 < taken < below:
        raise ValueError(
            f"lr * weight_decay must be between 0 and {below:g}, got {taken:g}: "
            f"there is no equilibrium"
        )
    return taken
