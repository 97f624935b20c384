"""Where decay takes a product of layers: singular values, weights and neurons.

The product W has ``factors`` matrices, each with the penalty
(weight_decay / 2) ||.||^2. Among all factors with one product the least penalty is
``factors`` / 2 * weight_decay times the sum of the singular values of W, each to the
power 2 / ``factors``: for two, the nuclear norm (Srebro, Rennie & Jaakkola, NIPS 2004;
Shang et al., Mathematics 2020). For the loss ||W - Y||^2 / 2 each singular value is
then found for itself. Values are tensors of any shape, and results have it, too.
"""

import torch
from torch import Tensor

from weightdecay.settings import (
    FINITE,
    NOT_NEGATIVE,
    Number,
    Range,
    check,
    demand,
)

SEVERAL = Range("a whole number > 1", lambda x: int(x) == x and x > 1)


def last_decay(values: Tensor, factors: int = 2) -> Tensor:
    """Return the weight_decay from which on a singular value is lost.

    ``values`` are those of Y, and the decay rises from zero. N factors
    of the size a rest where a^(N-2) (value - a^N) is weight_decay. This
    is the largest that the left side gets: value for two factors,
    3 (value / 4)^(4/3) for three.
    """
    demand("values", values, NOT_NEGATIVE)
    demand("factors", factors, SEVERAL)
    n = factors
    product = values * (n - 2) / (2 * n - 2)
    return product ** ((n - 2) / n) * values * n / (2 * n - 2)


def shrunk(
    values: Tensor, weight_decay: Number, factors: int = 2
) -> Tensor:  # fmt: skip
    """Return the singular values of W under decay on its factors.

    max(value - weight_decay, 0) for two factors. For more the larger
    rest, where training ends that began at the fit; 0 from
    ``last_decay`` on. Found by a <- (value - weight_decay
    a^(2-N))^(1/N), which comes down to it, slowly near ``last_decay``.
    """
    check(weight_decay=weight_decay)
    lost = weight_decay >= last_decay(values, factors)
    n, a = factors, torch.where(lost, 1.0, values ** (1 / factors))
    for _ in range(1000):
        before = a
        a = (values - weight_decay * a ** (2 - n)).clamp(min=0) ** (1 / n)
        a = torch.where(lost, 1.0, a)
        if (a == before).all():
            break
    return torch.where(lost, 0.0, a**n)


def watershed(values: Tensor, weight_decay: Number) -> Tensor:
    """Return the size from which on three equal factors survive.

    The smaller a with a (value - a^3) = weight_decay: from below it
    each of the factors goes to 0, from above to the larger one.
    Infinite from ``last_decay`` on. Found by a <- weight_decay /
    (value - a^3), which comes up to it.
    """
    check(weight_decay=weight_decay)
    lost = weight_decay >= last_decay(values, 3)
    a = torch.zeros_like(values)
    for _ in range(1000):
        before = a
        a = torch.where(lost, torch.inf, weight_decay / (values - a**3))
        if (a == before).all():
            break
    return a


def joint_decay(first: Number, second: Number) -> Number:
    """Return the decay on both of two factors that acts as these do.

    sqrt(first second): the least of (first a^2 + second b^2) / 2 with
    a b = w is that times the size of w.
    """
    check(weight_decay=first)
    check(weight_decay=second)
    return (first * second) ** 0.5


def imbalance(
    start: Tensor,
    steps: Number,
    *,
    lr: float,
    weight_decay: float,
    surplus: Number = 0.0,
) -> Tensor:
    """Return by how much neurons are out of balance after ``steps``.

    A neuron's imbalance is the squared norm of its outgoing weights
    minus that of its incoming ones, its bias among these. A step of SGD
    multiplies it by r = (1 - lr weight_decay)^2 and adds lr^2 times
    ``surplus``, the same difference of the gradients, on average. So it
    is r^steps start + lr^2 surplus (1 - r^steps) / (1 - r).
    """
    check(lr=lr, weight_decay=weight_decay)
    demand("start", start, FINITE)
    demand("steps", steps, NOT_NEGATIVE)
    kept = (1 - lr * weight_decay) ** 2
    if kept == 1:
        return start + lr**2 * surplus * steps
    ever = lr**2 * surplus / (1 - kept)
    left: Tensor = kept**steps * (start - ever) + ever
    return left
