"""What noise on the inputs of a linear model does to its weights: it decays them.

Linear regression with the mean loss ||X w - y||^2 / (2 n), whose inputs are disturbed
anew at each step. ``x`` has shape (n, d), ``y`` shape (n,). Noise that is added is
Bishop's, Neural Computation 1995; dropout's penalty is in Srivastava et al., JMLR 2014,
and Wager, Wang & Liang, NIPS 2013.
"""

import torch
from torch import Tensor

from weightdecay.settings import NOT_NEGATIVE, SHARE, Number, demand


def dropout_decay(x: Tensor, p: Number) -> Tensor:
    """Return the weight_decay of each weight that dropout amounts to.

    p / (1 - p) times the mean square of the weight's input, of shape
    (d,). ``p`` is the chance to drop an input, as in
    ``torch.nn.Dropout``, which divides what it keeps by 1 - p.
    """
    demand("p", p, SHARE)
    return p / (1 - p) * x.square().mean(0)


def decayed_minimum(x: Tensor, y: Tensor, decay: Tensor) -> Tensor:
    """Return the minimum when each weight has a decay of its own.

    (x^T x / n + D)^-1 x^T y / n. ``decay`` is the diagonal of D, of
    shape (d,), or D, of shape (d, d): for noise that is added to the
    inputs its covariance. Raises ``ValueError`` for another shape.
    """
    n, d = x.shape[0], x.shape[1]
    if decay.shape not in [(d,), (d, d)]:
        raise ValueError(
            f"decay must have the shape ({d},) or ({d}, {d}), got {tuple(decay.shape)}"
        )
    penalty = torch.diag(decay) if decay.ndim == 1 else decay
    w: Tensor = torch.linalg.solve(x.T @ x / n + penalty, x.T @ y / n)
    return w


def logistic_penalty(x: Tensor, w: Tensor, noise: Number) -> Tensor:
    """Return about what input noise adds to a mean logistic loss at w.

    noise^2 / 2 ||w||^2 times the mean of q (1 - q), where q is the
    chance that the model gives a class: the second order in ``noise``,
    the standard deviation. Unlike an L2 penalty it vanishes where the
    model is sure.
    """
    demand("noise", noise, NOT_NEGATIVE)
    q = torch.sigmoid(x @ w)
    return noise**2 / 2 * (q * (1 - q)).mean() * w.square().sum()
