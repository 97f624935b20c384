"""What the formulas predict: where training with decay ends, and how fast.

Curvatures and minima are tensors of one shape, one entry for each weight of a loss that
is a sum of curvature / 2 (w - minimum)^2.
"""

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


def adamw_mean(minimum, curvature, weight_decay, noise):
    """Return where AdamW's weights fluctuate around, with noise in the gradient.

    The root of g + weight_decay sqrt(noise^2 + g^2) w = 0, where g = curvature (w -
    minimum) and noise, a tensor, is the standard deviation of the gradient. For small
    lr and betas[1] near 1. Without noise it is the box, for much noise the ridge of
    weight_decay * noise.
    """
    # The root as a share of the minimum: between 0 and 1, and the only one below 1.
    low, high = torch.zeros_like(minimum + noise), torch.ones_like(minimum + noise)
    for _ in range(64):
        share = (low + high) / 2
        pull = curvature * (1 - share) * minimum.abs()
        beyond = weight_decay * torch.hypot(noise, pull) * share * minimum.abs() >= pull
        low, high = torch.where(beyond, low, share), torch.where(beyond, share, high)
    return high * minimum
