"""Minimise a loss with a penalty that has a kink: of a matrix, or of neurons.

Neither walks on factors, so that whoever does can be checked.
"""

import torch
from torch import Tensor

from weightdecay.paths import Loss, gradient
from weightdecay.settings import check


def nuclear_minimum(
    loss: Loss,
    start: Tensor,
    weight_decay: float,
    *,
    steps: int,
    lr: float,
) -> Tensor:
    """Minimise a convex loss plus weight_decay times the nuclear norm.

    A step against the gradient, then each singular value less
    lr weight_decay, but none below 0: proximal gradient descent, with
    Nesterov's momentum. ``start`` is a matrix. It converges for lr up
    to 1 / the largest curvature.
    """
    check(weight_decay=weight_decay, steps=steps, lr=lr)
    w = ahead = start.detach()
    for k in range(steps):
        stepped = ahead - lr * gradient(loss, ahead)
        u, s, v = torch.linalg.svd(stepped, full_matrices=False)
        new = u * (s - lr * weight_decay).clamp(min=0) @ v
        ahead = new + k / (k + 3) * (new - w)
        w = new
    return w


def strongest_neuron(
    x: Tensor, y: Tensor, *, tries: int, steps: int, seed: int
) -> Tensor:
    """Return how hard data pull at the best ReLU neuron, of all.

    The largest norm of the mean of relu(w.x) y over incoming weights w
    of norm 1. Above this weight_decay a network of one hidden layer
    without biases, with the mean of half squares to the targets y,
    keeps no neuron. ``x`` is (n, d), ``y`` (n, m). A neuron's best
    outgoing direction and its best w are found in turn, from several
    starts: a lower bound.
    """
    check(steps=steps, seed=seed)
    stream = torch.Generator().manual_seed(seed)
    w = torch.randn(tries, x.shape[1], generator=stream, dtype=x.dtype)
    pull = torch.zeros(tries, 1, dtype=x.dtype)
    for _ in range(steps):
        w = w / w.norm(dim=1, keepdim=True)
        active = (x @ w.T).clamp(min=0)
        out = active.T @ y / len(x)
        pull = out.norm(dim=1, keepdim=True)
        w = ((active > 0) * (y @ (out / pull).T)).T @ x / len(x)
    return pull.max()
