"""What the formulas predict: where training with decay ends, and how fast.

Curvatures and minima are tensors of one shape, one entry for each weight of a loss that
is a sum of curvature / 2 (w - minimum)^2.
"""

import cmath
import math
from collections.abc import Callable

import torch
from torch import Tensor

from weightdecay.directions import NEWTON_SCHULZ
from weightdecay.settings import PART, Number, check, demand


def ridge(minimum: Tensor, curvature: Tensor, weight_decay: Number) -> Tensor:
    """Return where an L2 penalty puts each weight: h / (h + weight_decay) minimum.

    With weight_decay zero and curvature zero the minimum is not defined, and neither
    is the result (NaN).
    """
    check(weight_decay=weight_decay)
    return curvature / (curvature + weight_decay) * minimum


def box(minimum: Tensor, weight_decay: float) -> Tensor:
    """Return the minimum clipped to -1 / weight_decay and 1 / weight_decay.

    Where an optimizer whose step has size lr, whatever the gradient's, ends when it
    decays beside the step.
    """
    check(weight_decay=weight_decay)
    edge = math.inf if weight_decay == 0 else 1 / weight_decay
    return minimum.clamp(-edge, edge)


def spectral_box(minimum: Tensor, cap: float) -> Tensor:
    """Return a matrix with its singular values clipped to ``cap``: U min(S, cap) V^T.

    The matrix nearest to ``minimum``, of shape (rows, columns), whose spectral norm is
    at most ``cap``.
    """
    check(cap=cap)
    u, s, vt = torch.linalg.svd(minimum, full_matrices=False)
    clipped: Tensor = u @ (s.clamp(max=cap)[:, None] * vt)
    return clipped


def newton_schulz_gain(
    s: Tensor, *, steps: int = 5,
    coefficients: tuple[float, float, float] = NEWTON_SCHULZ,
) -> Tensor:  # fmt: skip
    """Return what Newton-Schulz makes of a singular value s between 0 and 1.

    ``steps`` times s <- a s + b s^3 + c s^5, on a tensor of any shape: what
    ``directions.newton_schulz`` does to each singular value of a matrix whose
    Frobenius norm is 1.
    """
    check(steps=steps, coefficients=coefficients)
    a, b, c = coefficients
    for _ in range(steps):
        s = a * s + b * s**3 + c * s**5
    return s


def momentum_roots(
    lr: float, weight_decay: float, momentum: float, nesterov: bool = False
) -> tuple[float | complex, float | complex]:
    """Return the two numbers by which steps multiply a weight without gradient.

    Decay is in the buffer. The roots of z^2 - (1 + momentum - lr weight_decay) z +
    momentum = 0, or with nesterov of z^2 - (1 + momentum) (1 - lr weight_decay) z +
    momentum (1 - lr weight_decay) = 0: the larger in size first, and complex when the
    weight swings.
    """
    check(lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov)
    kept = 1 - lr * weight_decay
    total = (1 + momentum) * kept if nesterov else momentum + kept
    product = momentum * kept if nesterov else momentum
    half = cmath.sqrt(total**2 - 4 * product) / 2
    roots = sorted((total / 2 + half, total / 2 - half), key=abs, reverse=True)
    z1, z2 = (z if z.imag else z.real for z in roots)
    return z1, z2


def momentum_decay(
    k: Number, lr: float, weight_decay: float, momentum: float, nesterov: bool = False
) -> Tensor:
    """Return what k steps leave of a weight without gradient, decay in the buffer.

    ((z1 - momentum) z1^k - (z2 - momentum) z2^k) / (z1 - z2), with the roots z1 and z2
    of ``momentum_roots``, from an empty buffer; when they are equal the limit of that,
    (k + 1) z^k - momentum k z^(k - 1). ``k`` is a whole number or a tensor of them, the
    result a float64 tensor of its shape.
    """
    check(k=k)
    z1, z2 = momentum_roots(lr, weight_decay, momentum, nesterov)
    # Powers of a complex number by integers would be in single precision.
    k = torch.as_tensor(k, dtype=torch.float64)
    # Rounding keeps roots apart that are equal, and divides by what it has left.
    if abs(z1 - z2) < 1e-7:
        z = ((z1 + z2) / 2).real
        return (k + 1) * z**k - momentum * k * z ** (k - 1).clamp(min=0)
    left = ((z1 - momentum) * z1**k - (z2 - momentum) * z2**k) / (z1 - z2)
    return torch.real(left)


def adamw_mean(
    minimum: Tensor,
    curvature: Tensor,
    weight_decay: Number,
    noise: Tensor,
    eps: Number = 0.0,
) -> Tensor:
    """Return where AdamW's weights fluctuate around, with noise in the gradient.

    The root of g + weight_decay (sqrt(noise^2 + g^2) + eps) w = 0, where g = curvature
    (w - minimum) and noise, a tensor, is the standard deviation of the gradient. For
    small lr, noise that is symmetric and betas[1] near 1. Without noise it is the box,
    for much noise the ridge of weight_decay * noise, for eps above all gradients the
    ridge of weight_decay * eps.
    """
    check(weight_decay=weight_decay, noise=noise, eps=eps)

    # The root as a share of the minimum: between 0 and 1, and the only one below 1.
    def excess(share: Tensor) -> Tensor:
        pull = curvature * (1 - share) * minimum.abs()
        size = torch.hypot(noise, pull) + eps
        return weight_decay * size * share * minimum.abs() - pull

    none = torch.zeros_like(minimum + noise)
    return root(excess, none, none + 1) * minimum


def flow_parts(moved: Tensor, decayed: Tensor) -> tuple[Tensor, Tensor]:
    """Return the parts of the start and of the fit in what a run of AdamW ends with.

    Gradient flow with decay ends, along a direction of curvature h, at kept * start +
    taken * fit, where fit minimises the training loss. ``moved`` is h S / sigma and
    ``decayed`` weight_decay S: S is the sum of lr, sigma the size of the gradients by
    which AdamW divides. Both are positive tensors that broadcast.
    """
    check(moved=moved, decayed=decayed)
    both = moved + decayed
    return torch.exp(-both), -moved / both * torch.expm1(-both)


def flow_risk(
    moved: Tensor, decayed: Tensor, fit_noise: Number, start_noise: Number = 1.0
) -> Tensor:
    """Return the expected squared distance from the truth at which a run ends.

    The truth has variance 1 in each weight, the start is off by variance
    ``start_noise``, the fit by ``fit_noise``, which is v / (n h) for n targets with
    noise of variance v. The rest is as in ``flow_parts``.
    """
    check(fit_noise=fit_noise, start_noise=start_noise)
    kept, taken = flow_parts(moved, decayed)
    return (1 - kept - taken) ** 2 + kept**2 * start_noise + taken**2 * fit_noise


def lion_mean(
    minimum: Tensor,
    curvature: Tensor,
    weight_decay: Number,
    noise: Tensor,
    betas: tuple[float, float] = (0.9, 0.99),
) -> Tensor:
    """Return where Lion's weights fluctuate around, with Gaussian gradient noise.

    The root of erf(g / (sqrt(2) s)) + weight_decay w = 0, where g = curvature (w -
    minimum), and s is ``noise``, a tensor of standard deviations, times sqrt((1 -
    betas[0])^2 + betas[0]^2 (1 - betas[1]) / (1 + betas[1])). For small lr. Without
    noise it is the box.
    """
    check(weight_decay=weight_decay, noise=noise, betas=betas)
    left = (1 - betas[0]) ** 2 + betas[0] ** 2 * (1 - betas[1]) / (1 + betas[1])
    spread = noise * math.sqrt(2 * left)

    def excess(share: Tensor) -> Tensor:
        pull = curvature * (1 - share) * minimum.abs()
        return weight_decay * share * minimum.abs() - torch.erf(pull / spread)

    none = torch.zeros_like(minimum + noise)
    return root(excess, none, none + 1) * minimum


def adam_mean_direction(
    gradients: Tensor, chances: Tensor, betas: tuple[float, float]
) -> Tensor:
    """Return the mean of Adam's m / sqrt(v) over gradients drawn anew at each step.

    ``gradients`` are the values that one may have, none of them zero, ``chances`` their
    probabilities, both of shape (k,). Exact for a weight that stands still, after many
    steps, without eps and for betas[1] of at least 0.5. 1 / sqrt(v) is the integral of
    exp(-s v) / sqrt(pi s) over s, and the mean of exp(-s v) is a product over the steps
    in the memory.
    """
    check(betas=betas)
    beta1, beta2 = betas
    squares = gradients.double() ** 2
    low, high = 1e-9 / squares.max(), 40 / squares.min()
    # Each s is the next one times betas[1]: a step back in v is one back here.
    steps = torch.arange(math.ceil(math.log(high / low) / -math.log(beta2)) + 1)
    s = low * beta2 ** -steps.double()
    parts = chances * torch.exp(-(1 - beta2) * s[:, None] * squares)
    mean = parts.sum(1)
    m = (1 - beta1) * (parts @ gradients.double()) / mean
    # The sum of betas[0]^i m[k - i]: each pass doubles the number of terms.
    reach = 1
    while beta1**reach > 1e-12:
        m = m + beta1**reach * torch.cat([m[:1].expand(reach), m])[: len(m)]
        reach *= 2
    terms = m * mean.log().cumsum(0).exp() * s.sqrt()
    # Below low the terms are a geometric series.
    terms[0] /= 1 - beta2**0.5
    total: Tensor = terms.sum()
    return total * -math.log(beta2) / math.sqrt(math.pi)


def root(
    function: Callable[[Tensor], Tensor | float],
    low: Tensor | float,
    high: Tensor | float,
) -> Tensor:
    """Return where a function that rises from below 0 at ``low`` to ``high`` is 0.

    ``low`` and ``high`` are numbers, or tensors of one shape, which ``function`` takes.
    """
    low, high = (torch.as_tensor(x, dtype=torch.float64) for x in (low, high))
    for _ in range(64):
        middle = (low + high) / 2
        beyond = torch.as_tensor(function(middle)) >= 0
        low, high = torch.where(beyond, low, middle), torch.where(beyond, middle, high)
    return high


def training_error(
    wrong: float,
    memorised: float,
    missed: float,
) -> float:
    """Return the share of its training labels that a network misses.

    The share ``wrong`` of the labels is wrong. The network repeats the
    share ``memorised`` of these, and misses ``missed`` of the others.
    """
    demand("wrong", wrong, PART)
    demand("memorised", memorised, PART)
    demand("missed", missed, PART)
    return wrong * (1 - memorised) + (1 - wrong) * missed
