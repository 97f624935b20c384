"""Ridge as a filter: what it keeps of a fit, and what it would say of one left out.

Linear regression with the mean loss ||X w - y||^2 / (2 n) and the L2 penalty. ``x`` has
shape (n, d), ``y`` shape (n,). Curvatures are the eigenvalues of X^T X / n. Sources:
Hoerl & Kennard, Technometrics 1970; Golub, Heath & Wahba, Technometrics 1979, whose
lambda is this weight_decay.
"""

import torch
from torch import Tensor

from weightdecay.settings import NOT_NEGATIVE, Number, check, demand


def degrees(curvature: Tensor, weight_decay: Number) -> Tensor:
    """Return the effective degrees of freedom, a sum over directions.

    Sum of h / (h + weight_decay) over the last dimension: how many of
    d weights still follow the targets. NaN where curvature and
    weight_decay are both zero.
    """
    check(weight_decay=weight_decay)
    demand("curvature", curvature, NOT_NEGATIVE)
    return (curvature / (curvature + weight_decay)).sum(-1)


def hat(
    x: Tensor,
    weight_decay: float,
    *,
    intercept: bool = False,
) -> Tensor:
    """Return the matrix that makes fits of targets, of shape (n, n).

    x (x^T x / n + weight_decay I)^-1 x^T / n. ``intercept`` adds one
    that is not penalised: x minus its mean, and 1 / n in each place.
    Without decay and with fewer rows than columns it is I. Raises
    ``ValueError`` if x is no matrix, or if weight_decay is zero and
    columns of x depend on each other.
    """
    check(weight_decay=weight_decay)
    if x.ndim != 2:
        raise ValueError(f"x must be a matrix, not {tuple(x.shape)}")
    n = x.shape[0]
    if intercept:
        return hat(x - x.mean(0), weight_decay) + 1 / n
    u, s, _ = torch.linalg.svd(x, full_matrices=False)
    h = s**2 / n
    if weight_decay == 0 and h.min() < 1e-14 * h.max():
        raise ValueError("x has dependent columns: decay them")
    fits: Tensor = u * (h / (h + weight_decay)) @ u.T
    return fits


def left_out(
    x: Tensor,
    y: Tensor,
    weight_decay: float,
    *,
    intercept: bool = False,
) -> Tensor:
    """Return by how much each target is missed by a fit without it.

    The residual over 1 - A[i, i], where A is ``hat(...)``. Exact for
    the fit that minimises the sum over the others divided by n, plus
    the penalty. For their mean it is that of weight_decay n / (n - 1).
    """
    if y.shape != x.shape[:1]:
        raise ValueError(
            f"y must have one target for each row of x, got the shapes "
            f"{tuple(y.shape)} and {tuple(x.shape)}"
        )
    fits = hat(x, weight_decay, intercept=intercept)
    return (y - fits @ y) / (1 - fits.diag())


def penalised_intercept(mean: Number, weight_decay: Number) -> Number:
    """Return the intercept under decay: mean / (1 + weight_decay).

    ``mean`` is that of the targets; each column of x has the mean 0.
    """
    check(weight_decay=weight_decay)
    return mean / (1 + weight_decay)
