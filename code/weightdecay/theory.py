"""What the formulas predict: where training with decay ends, and how fast.

Curvatures and minima are tensors of one shape, one entry for each weight of a loss that
is a sum of curvature / 2 (w - minimum)^2.
"""

import math


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
