"""A run that is stopped early as a filter, and what it risks beside ridge.

Linear regression with the mean loss ||X w - y||^2 / (2 n), a start at zero, exact
gradients and no weight decay. Along an eigenvector of X^T X / n with curvature h a run
has then gone a part of its way to the fit, whatever the targets: its filter. Ridge's is
h / (h + weight_decay), and weight_decay = 1 / t belongs to a run that is stopped when
its learning rates add up to t. Source: Ali, Kolter & Tibshirani, AISTATS 2019; that the
constant is (1 + x exp(-x))^2 is derived in the book.
"""

import torch
from torch import Tensor

from weightdecay.settings import NOT_NEGATIVE, POSITIVE, SIZE, Number, check, demand
from weightdecay.theory import momentum_decay, root


def flow_filter(curvature: Tensor, t: Number) -> Tensor:
    """Return the part of the fit that gradient flow has at time t.

    1 - exp(-h t): what small steps come to whose lr add up to t.
    """
    demand("curvature", curvature, NOT_NEGATIVE)
    demand("t", t, NOT_NEGATIVE)
    return -torch.expm1(-curvature * t)


def sgd_filter(curvature: Tensor, lr: Number, k: Number) -> Tensor:
    """Return the part of the fit that k steps of SGD have gone.

    1 - (1 - lr h)^k. Above 1 where a step goes too far, lr h > 1, and
    k is odd. k is a whole number, or a tensor of such.
    """
    demand("curvature", curvature, NOT_NEGATIVE)
    check(lr=lr, k=k)
    return 1 - (1 - lr * curvature) ** k


def momentum_filter(curvature: Tensor, lr: float, k: int, momentum: float) -> Tensor:
    """Return the part of the fit that k steps with momentum have gone.

    A loss of curvature h pulls a weight to the fit as a decay of h
    pulls it to zero: 1 minus ``theory.momentum_decay`` with h for the
    weight_decay. ``curvature`` has shape (d,).
    """
    demand("curvature", curvature, NOT_NEGATIVE)
    left = [momentum_decay(k, lr, h, momentum) for h in curvature.tolist()]
    return 1 - torch.stack(left)


def risk(
    kept: Tensor,
    curvature: Tensor,
    *,
    noise: Number,
    spread: Number,
    n: Number,
) -> Tensor:
    """Return the expected squared error of a filter in each direction.

    (1 - kept)^2 spread^2 + kept^2 noise^2 / (n h): what is missed of
    the truth, whose square is spread^2 in each direction, and what is
    let in of the noise. For any filter that does not look at the
    targets. Where h is zero nothing may be kept, and nothing comes in.
    """
    demand("curvature", curvature, NOT_NEGATIVE)
    demand("spread", spread, NOT_NEGATIVE)
    demand("n", n, POSITIVE)
    check(noise=noise)
    let_in = torch.where(curvature > 0, kept**2 / curvature, 0.0)
    return (1 - kept) ** 2 * spread**2 + let_in * noise**2 / n


def worst_ratio(k: int | None = None) -> float:
    """Return by what a stopped run multiplies ridge's risk at most.

    At weight_decay = 1 / t, where t is k lr. Without k for gradient
    flow: (1 + x exp(-x))^2 at the x above 0 with exp(x) = 1 + x + x^2,
    where x is h t, about 1.69. With k for k steps of SGD and lr h <= 1
    in each direction, 4 for one step and less for more. Reached where
    there is nothing to find but noise.
    """
    if k is None:
        x = root(lambda x: x.exp() - 1 - x - x**2, 1.0, 3.0)
        return float((1 + x * torch.exp(-x)) ** 2)
    demand("k", k, SIZE)
    steps: int = k

    def left(x: Tensor) -> Tensor:
        return 1 - x / steps

    # The filter's derivative by x is left(x)^(steps - 1).
    x = root(
        lambda x: 1 - left(x) ** steps - x * (1 + x) * left(x) ** (steps - 1),
        0.5,
        steps,
    )
    return float(((1 - left(x) ** steps) * (1 + x) / x) ** 2)
