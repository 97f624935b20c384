"""Where the valley of a loss over weight_decay is lowest, how surely, and how flat."""

import torch
from torch import Tensor

from weightdecay.settings import POSITIVE, check, demand
from weightdecay.sweep import best


def again(losses: Tensor, draws: int = 400, seed: int = 0) -> Tensor:
    """Return the mean losses of sweeps with other seeds: the bootstrap.

    ``losses`` has shape (..., seeds). Each draw takes as many seeds as there are, with
    replacement, the same ones at each point of the grid: (draws, ...). The first is
    the mean of all seeds as they are.
    """
    check(n=draws, seed=seed)
    seeds = losses.shape[-1]
    stream = torch.Generator().manual_seed(seed)
    taken = torch.randint(seeds, (draws, seeds), generator=stream)
    taken[0] = torch.arange(seeds)
    return losses[..., taken].mean(-1).movedim(-1, 0)


def bottom(decays: Tensor, losses: Tensor) -> Tensor:
    """Return the weight_decay where each row of ``losses`` is least.

    By ``sweep.best``, a parabola in log weight_decay through the least
    point and its neighbours; where the least is at an end of the grid,
    that end: the true place may lie outside. ``decays`` has shape (n,)
    and is positive and rising, ``losses`` (..., n), the result (...).
    """
    _refuse(decays, losses)
    decays = decays.double()
    rows = losses.double().reshape(-1, len(decays))
    least = rows.argmin(-1)
    inner = (least > 0) & (least < len(decays) - 1)
    found = decays[least]
    found[inner] = best(decays, rows[inner])
    return found.reshape(losses.shape[:-1])


def _refuse(decays: Tensor, losses: Tensor) -> None:
    demand("decays", decays, POSITIVE)
    if losses.shape[-1:] != decays.shape or not (decays.diff() > 0).all():
        raise ValueError(
            f"decays must rise, one for each of the last axis of losses, which has "
            f"shape {tuple(losses.shape)}; got {decays}"
        )


def cost(decays: Tensor, losses: Tensor, factor: float) -> Tensor:
    """Return by which share the loss is higher at ``factor`` times the best decay.

    Than the least on the grid, that is. Between the points of the grid the loss is a
    straight line in log weight_decay; the shapes are as in ``bottom``. NaN where
    ``factor`` leads out of the grid.
    """
    demand("factor", factor, POSITIVE)
    place = bottom(decays, losses) * factor
    return _at(decays, losses, place) / losses.amin(-1) - 1


def ceiling(decays: Tensor, losses: Tensor, height: float) -> Tensor:
    """Return the largest weight_decay at which each row of losses is below ``height``.

    A straight line in log weight_decay between the last point below and the next.
    Where the row is below at the end of the grid, that end; NaN where it is nowhere.
    Shapes as in ``bottom``.
    """
    demand("height", height, POSITIVE)
    x = decays.double().log()
    order = torch.arange(len(x))
    last = torch.where(losses < height, order, -1).amax(-1)
    left = last.clamp(0, len(x) - 2)[..., None]
    low, high = (losses.double().gather(-1, k)[..., 0] for k in (left, left + 1))
    x_low, x_high = x[left[..., 0]], x[left[..., 0] + 1]
    place = x_low + (height - low) / (high - low) * (x_high - x_low)
    place = torch.where(last == len(x) - 1, x[-1], place)
    return torch.where(last >= 0, place.exp(), torch.nan)


def _at(decays: Tensor, losses: Tensor, place: Tensor) -> Tensor:
    x, at = decays.double().log(), place.double().log()
    right = torch.searchsorted(x, at.contiguous()).clamp(1, len(x) - 1)
    share = (at - x[right - 1]) / (x[right] - x[right - 1])
    low, high = (
        losses.double().gather(-1, k[..., None])[..., 0] for k in (right - 1, right)
    )
    inside = (share > -1e-9) & (share < 1 + 1e-9)
    return torch.where(inside, low + share * (high - low), torch.nan)


def slope(settings: Tensor, bests: Tensor) -> Tensor:
    """Return the power of a setting that its best weight_decay follows.

    The slope of a line through log ``bests`` over log ``settings``, by least squares:
    0 if the best stays, -1 if it halves as the setting doubles. ``settings`` has shape
    (n,), ``bests`` (..., n).
    """
    demand("settings", settings, POSITIVE)
    demand("bests", bests, POSITIVE)
    x = settings.double().log()
    x = x - x.mean()
    found: Tensor = (bests.double().log() @ x) / (x @ x)
    return found
