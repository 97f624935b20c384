"""What linear regression does on new inputs when examples are about as many as weights.

The mean loss ||X w - y||^2 / (2 n) with inputs that are standard normal and drawn each
for itself: X has shape (n, d). Each true weight has mean zero and the standard
deviation ``spread``, or all are given and their squares have the mean ``spread``^2; the
targets have noise of the standard deviation ``noise``. Errors are sums over the
weights of expected squares; for such inputs they are what a new prediction is off by,
squared, beyond its noise. Curvatures are the eigenvalues of X^T X / n, and the
number of examples and of weights may be tensors that broadcast.
"""

import math

import torch
from torch import Tensor

from weightdecay.prior import risk
from weightdecay.settings import NOT_NEGATIVE, POSITIVE, Number, check, demand


def least_norm(
    n: Number, d: Number, *, noise: Number, spread: Number
) -> Tensor:  # fmt: skip
    """Return the error of the smallest weights that fit best.

    n < d - 1: (d - n) spread^2 + noise^2 n / (d - n - 1), what no
    example saw and the noise. n > d + 1: noise^2 d / (n - d - 1).
    Between them it is infinite. Exact for each n and d. Compare Belkin,
    Hsu & Xu, SIAM J. Mathematics of Data Science 2020.
    """
    check(noise=noise)
    demand("spread", spread, NOT_NEGATIVE)
    n, d = _counts(n, d)
    few = (d - n) * spread**2 + noise**2 * n / (d - n - 1)
    many = noise**2 * d / (n - d - 1)
    error = torch.where(n < d, few, many)
    return torch.where((n - d).abs() > 1, error, math.inf)


def inverse(weight_decay: Number, ratio: Number) -> Tensor:
    """Return the mean of 1 / (h + weight_decay) over all d directions.

    In the limit of many weights with d / n = ``ratio``: the Stieltjes
    transform of the law of Marchenko and Pastur. weight_decay > 0.
    """
    demand("weight_decay", weight_decay, POSITIVE)
    demand("ratio", ratio, POSITIVE)
    four = 4 * ratio * weight_decay
    b = torch.as_tensor(1 - ratio + weight_decay, dtype=torch.float64)
    return 2 * ((b**2 + four).sqrt() - b) / four


def ridge(
    n: Number,
    d: Number,
    weight_decay: Number,
    *,
    noise: Number,
    spread: Number,
) -> Tensor:
    """Return the error of the penalised minimum, for many weights.

    The sum of (weight_decay^2 spread^2 + h noise^2 / n) /
    (h + weight_decay)^2, with curvatures h of the law of Marchenko and
    Pastur. Source: Dobriban & Wager, Annals of Statistics 2018.
    """
    check(noise=noise)
    demand("spread", spread, NOT_NEGATIVE)
    n, d = _counts(n, d)
    gamma = d / n
    m = inverse(weight_decay, gamma)
    # The mean of 1 / (h + weight_decay)^2, from the equation of m.
    b = 1 - gamma + weight_decay
    squares = m * (1 + gamma * m) / (b + 2 * gamma * weight_decay * m)
    missed = weight_decay**2 * spread**2 * squares
    shaken = noise**2 / n * (m - weight_decay * squares)
    error: Tensor = d * (missed + shaken)
    return error


def smallest(n: Number, d: Number) -> Tensor:
    """Return the smallest curvature that is not zero.

    (1 - sqrt(d / n))^2 where n is not d, in the limit. Where it is, the
    median over draws, (sqrt(1 + 2 ln 2) - 1)^2 / n^2. Sources:
    Marchenko & Pastur 1967; Edelman, SIAM J. Matrix Analysis 1988.
    """
    n, d = _counts(n, d)
    edge = (1 - (d / n).sqrt()) ** 2
    square = (math.sqrt(1 + 2 * math.log(2)) - 1) ** 2 / n**2
    return torch.where(n == d, square, edge)


def halted(
    d: Number, total: Number, *, noise: Number, spread: Number
) -> Tensor:  # fmt: skip
    """Return the error of SGD from zero where n = d.

    d spread^2 / sqrt(2 pi t) + noise^2 (2 (2 - sqrt(2)) sqrt(t / pi) -
    1 / 2), t being ``total``, the sum of all learning rates: from the
    density sqrt(4 - h) / (2 pi sqrt(h)) of the law of Marchenko and
    Pastur. For small steps, many weights and 1 << t << d^2.
    """
    check(noise=noise)
    demand("spread", spread, NOT_NEGATIVE)
    _counts(d, d)
    demand("total", total, POSITIVE)
    t = torch.as_tensor(total, dtype=torch.float64)
    missed: Tensor = d * spread**2 / (2 * math.pi * t).sqrt()
    grown = 2 * (2 - math.sqrt(2)) * (t / math.pi).sqrt()
    return missed + noise**2 * (grown - 1 / 2)


def beside(
    curvature: Tensor,
    weight_decay: Number,
    *,
    small: Number,
    count: Number,
    n: Number,
    noise: Number,
    spread: Number,
) -> Tensor:
    """Return the error of ridge beside many small inputs of no use.

    ``count`` inputs, far more than n, with variances that sum to
    ``small``, act as a decay of small / n on the others, whose
    curvatures are the last dimension of ``curvature``. To it is added
    what the small ones do to new predictions. weight_decay may be
    negative, above -small / n. Source of the shift: Kobak, Lomond &
    Sanchez, JMLR 2020.
    """
    total = weight_decay + small / n
    demand("weight_decay + small / n", total, POSITIVE)
    demand("count", count, POSITIVE)
    known = {"noise": noise, "spread": spread, "n": n}
    error = risk(curvature, total, **known).sum(-1, keepdim=True)
    size = (curvature * spread**2 + noise**2 / n) / (curvature + total) ** 2
    rest = (n - curvature.shape[-1]) * noise**2 / n / total**2
    spilled = size.sum(-1, keepdim=True) + rest
    return (error + small**2 / (count * n) * spilled)[..., 0]


def _counts(n: Number, d: Number) -> tuple[Tensor, Tensor]:
    demand("n", n, POSITIVE)
    demand("d", d, POSITIVE)
    exact = torch.float64
    return torch.as_tensor(n, dtype=exact), torch.as_tensor(d, dtype=exact)
