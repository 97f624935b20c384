"""What the formulas predict: where training with decay ends, and how fast.

Curvatures and minima are tensors of one shape, one entry for each weight of a loss that
is a sum of curvature / 2 (w - minimum)^2.
"""

import cmath
import math

import torch


def ridge(minimum, curvature, weight_decay):
    """Return where an L2 penalty puts each weight: h / (h + weight_decay) minimum.

    With weight_decay zero and curvature zero the minimum is not defined, and neither
    is the result (NaN).
    """
    return curvature / (curvature + weight_decay) * minimum


def box(minimum, weight_decay):
    """Return the minimum clipped to -1 / weight_decay and 1 / weight_decay.

    Where an optimizer whose step has size lr, whatever the gradient's, ends when it
    decays beside the step.
    """
    edge = math.inf if weight_decay == 0 else 1 / weight_decay
    return minimum.clamp(-edge, edge)


def momentum_factor(lr, weight_decay, momentum):
    """Return what a step leaves of a weight without gradient, decay in the buffer.

    After many steps, and without dampening or Nesterov: the larger root z of z^2 - (1 +
    momentum - lr weight_decay) z + momentum = 0. Raises ValueError when the roots are
    complex or negative, and the weight swings through zero.
    """
    most = (1 - math.sqrt(momentum)) ** 2
    if lr * weight_decay > most:
        raise ValueError(
            f"lr * weight_decay = {lr * weight_decay:g} makes the weight swing: it has "
            f"to be at most {most:g} for momentum={momentum}"
        )
    b = 1 + momentum - lr * weight_decay
    # At the limit rounding can make the square a little negative.
    return (b + math.sqrt(max(0, b * b - 4 * momentum))) / 2
    return (b + math.sqrt(b * b - 4 * momentum)) / 2


def spectral_box(minimum, cap):
    """Return a matrix with its singular values clipped to ``cap``: U min(S, cap) V^T.

    The matrix nearest to ``minimum``, of shape (rows, columns), whose spectral norm is
    at most ``cap``.
    """
    u, s, vt = torch.linalg.svd(minimum, full_matrices=False)
    return u @ (s.clamp(max=cap)[:, None] * vt)


def newton_schulz_gain(s, *, steps=5, coefficients=(3.4445, -4.775, 2.0315)):
    """Return what Newton-Schulz makes of a singular value s between 0 and 1.

    ``steps`` times s <- a s + b s^3 + c s^5, on a tensor of any shape: what
    ``directions.newton_schulz`` does to each singular value of a matrix whose
    Frobenius norm is 1.
    """
    a, b, c = coefficients
    for _ in range(steps):
        s = a * s + b * s**3 + c * s**5
    return s


def momentum_roots(lr, weight_decay, momentum, nesterov=False):
    """Return the two numbers by which steps multiply a weight without gradient.

    Decay is in the buffer. The roots of z^2 - (1 + momentum - lr weight_decay) z +
    momentum = 0, or with nesterov of z^2 - (1 + momentum) (1 - lr weight_decay) z +
    momentum (1 - lr weight_decay) = 0: the larger in size first, and complex when the
    weight swings.
    """
    kept = 1 - lr * weight_decay
    total = (1 + momentum) * kept if nesterov else momentum + kept
    product = momentum * kept if nesterov else momentum
    half = cmath.sqrt(total**2 - 4 * product) / 2
    roots = sorted((total / 2 + half, total / 2 - half), key=abs, reverse=True)
    return tuple(z if z.imag else z.real for z in roots)


def momentum_decay(k, lr, weight_decay, momentum, nesterov=False):
    """Return what k steps leave of a weight without gradient, decay in the buffer.

    ((z1 - momentum) z1^k - (z2 - momentum) z2^k) / (z1 - z2), with the roots z1 and z2
    of ``momentum_roots``, from an empty buffer. ``k`` is a number or a tensor, the
    result a float64 tensor of its shape. Raises ValueError when the roots are equal,
    where the formula is 0 / 0.
    """
    z1, z2 = momentum_roots(lr, weight_decay, momentum, nesterov)
    if z1 == z2:
        raise ValueError(
            f"lr * weight_decay = {lr * weight_decay:g} makes the two roots equal for "
            f"momentum={momentum}: change one of the three a little"
        )
    # Powers of a complex number by integers would be in single precision.
    k = torch.as_tensor(k, dtype=torch.float64)
    left = ((z1 - momentum) * z1**k - (z2 - momentum) * z2**k) / (z1 - z2)
    return left.real


def adamw_mean(minimum, curvature, weight_decay, noise, eps=0.0):
    """Return where AdamW's weights fluctuate around, with noise in the gradient.

    The root of g + weight_decay (sqrt(noise^2 + g^2) + eps) w = 0, where g = curvature
    (w - minimum) and noise, a tensor, is the standard deviation of the gradient. For
    small lr, noise that is symmetric and betas[1] near 1. Without noise it is the box,
    for much noise the ridge of weight_decay * noise, for eps above all gradients the
    ridge of weight_decay * eps.
    """
    # The root as a share of the minimum: between 0 and 1, and the only one below 1.
    low, high = torch.zeros_like(minimum + noise), torch.ones_like(minimum + noise)
    for _ in range(64):
        share = (low + high) / 2
        pull = curvature * (1 - share) * minimum.abs()
        size = torch.hypot(noise, pull) + eps
        beyond = weight_decay * size * share * minimum.abs() >= pull
        low, high = torch.where(beyond, low, share), torch.where(beyond, share, high)
    return high * minimum


def adam_mean_direction(gradients, chances, betas):
    """Return the mean of Adam's m / sqrt(v) over gradients drawn anew at each step.

    ``gradients`` are the values that one may have, none of them zero, ``chances`` their
    probabilities, both of shape (k,). Exact for a weight that stands still, after many
    steps, without eps and for betas[1] of at least 0.5. 1 / sqrt(v) is the integral of
    exp(-s v) / sqrt(pi s) over s, and the mean of exp(-s v) is a product over the steps
    in the memory.
    """
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
    for reach in (2**j for j in range(10)):
        m = m + beta1**reach * torch.cat([m[:1].expand(reach), m])[: len(m)]
    terms = m * mean.log().cumsum(0).exp() * s.sqrt()
    # Below low the terms are a geometric series.
    terms[0] /= 1 - beta2**0.5
    return terms.sum() * -math.log(beta2) / math.pi**0.5


def root(function, low, high):
    """Return where a function that rises from below 0 at ``low`` to ``high`` is 0."""
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if function(middle) > 0 else (middle, high)
    return (low + high) / 2
