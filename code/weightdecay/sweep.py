"""Train at every point of a grid of hyperparameters at once, and find the best."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from weightdecay.directions import adam_direction
from weightdecay.paths import Loss, gradient, losses_of
from weightdecay.rule import Step
from weightdecay.settings import Betas, Number, check


def sweep(
    update: Callable[..., Step],
    loss: Loss | Iterable[Loss],
    start: Tensor,
    *,
    lr: Number,
    schedule: Sequence[float],
    **settings: Any,
) -> Tensor:
    """Walk from one start at each point of a grid, and return where the walks end.

    update
        A rule of :mod:`weightdecay.updates`.
    loss
        A function of the weights of shape ``(*grid, *start.shape)`` that returns the
        sum of their losses, or a sequence of such functions, one for each step.
    start
        The weights before the first step: a tensor of any shape and floating dtype.
    lr, settings
        Numbers, or tensors whose shapes broadcast to the shape of the grid.
    schedule
        What lr is multiplied by at each step: as many numbers as there are steps.

    Returns a tensor of shape ``(*grid, *start.shape)``. Raises ``ValueError`` if the
    number of losses is not the number of steps, and what the rule raises if one number
    of the grid is not allowed.
    """
    losses = losses_of(loss, len(schedule))
    settings = {"lr": lr} | settings
    tensors = {k: x for k, x in settings.items() if isinstance(x, Tensor)}
    grid = _grid(tensors)
    # One axis more for each of the start's: a point's number meets all its weights.
    behind = (..., *[None] * start.dim())
    settings |= {k: x[behind] for k, x in tensors.items()}
    lr = settings.pop("lr")
    w, state = start.expand(*grid, *start.shape), None
    for multiplier, each in zip(schedule, losses, strict=True):
        w, state = update(w, gradient(each, w), state, lr=lr * multiplier, **settings)
    return w


def movement(
    loss: Loss | Iterable[Loss],
    start: Tensor,
    *,
    lr: Number,
    schedule: Sequence[float],
    betas: Betas = (0.9, 0.999),
) -> Tensor:
    """Return how far Adam lets the data move a weight of curvature 1: S / sigma.

    The sum of lr / sqrt(v_hat) over a run without decay, its mean over the weights of
    ``start``: a tensor of the shape of the grid. Arguments as in ``sweep``.
    """
    check(lr=lr, betas=betas)
    losses = losses_of(loss, len(schedule))
    lr = torch.as_tensor(lr, dtype=start.dtype)
    w = start.expand(*lr.shape, *start.shape)
    state, moved = None, torch.zeros_like(w)
    for multiplier, each in zip(schedule, losses, strict=True):
        rate = lr[(..., *[None] * start.dim())] * multiplier
        u, state = adam_direction(gradient(each, w), state, betas=betas)
        k, _, v, _ = state or ()
        v_hat = v / (1 - betas[1] ** k)
        w, moved = w - rate * u, moved + rate / v_hat.sqrt()
    return moved.flatten(lr.dim()).mean(-1)


def best(x: Tensor, risk: Tensor) -> Tensor:
    """Return the x at which each row of ``risk`` is least, by a parabola in log x.

    The parabola goes through the least point and its two neighbours. ``x`` has shape
    (n,) and is positive, ``risk`` has shape (..., n), the result (...). Raises
    ``ValueError`` if a row is least at an end of the grid, where its true minimum may
    lie outside.
    """
    if x.ndim != 1 or risk.shape[-1:] != x.shape or not (x > 0).all():
        raise ValueError(
            f"x must be positive, one for each of the last axis of risk, which has "
            f"shape {tuple(risk.shape)}; got {x}"
        )
    least = risk.argmin(-1, keepdim=True)
    if ((least == 0) | (least == len(x) - 1)).any():
        raise ValueError("the least risk is at an end of the grid: make the grid wider")
    near = least + torch.tensor([-1, 0, 1])
    log_x = (x[near] / x[least]).log()
    powers = torch.stack([log_x**2, log_x, torch.ones_like(log_x)], dim=-1)
    a, b, _ = torch.linalg.solve(powers, risk.gather(-1, near)).unbind(-1)
    vertex: Tensor = x[least[..., 0]] * (-b / (2 * a)).exp()
    return vertex


def _grid(settings: dict[str, Tensor]) -> torch.Size:
    shapes = {name: tuple(x.shape) for name, x in settings.items()}
    try:
        grid: torch.Size = torch.broadcast_shapes(*shapes.values())
    except RuntimeError:
        raise ValueError(
            f"the settings must broadcast to one grid, got the shapes {shapes}: give "
            f"each its own axis, as lr[:, None] and weight_decay"
        ) from None
    return grid
