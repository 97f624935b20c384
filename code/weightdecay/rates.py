"""The learning rate of each group of an optimizer at each step of a run."""

import copy
import warnings
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from weightdecay.horizons import multipliers
from weightdecay.settings import NOT_NEGATIVE, demand


def rates_of(optimizer: Optimizer, schedule: Any, steps: int) -> list[list[float]]:
    """Return the lr of each step, a list for each group.

    ``schedule`` multiplies the lr that the groups have now, as in
    :func:`weightdecay.horizons.horizon`; or it is a torch scheduler of this optimizer,
    of which a copy is stepped.

    Raises ``TypeError`` or ``ValueError`` for what it can't be.
    """
    steps = len(multipliers("constant", steps))
    if isinstance(schedule, LRScheduler):
        return _stepped(optimizer, schedule, steps)
    try:
        found = multipliers(schedule, steps)
    except TypeError:
        raise TypeError(
            f"schedule must be 'constant', 'linear', 'cosine', a multiplier for each "
            f"step, a function or a torch scheduler, got {schedule!r}"
        ) from None
    rates = [_lr(group) for group in optimizer.param_groups]
    return [[lr * m for m in found] for lr in rates]


def _lr(group: dict[str, Any]) -> float:
    lr = float(group.get("lr", 1.0))
    demand("lr", lr, NOT_NEGATIVE)
    return lr


def _stepped(
    optimizer: Optimizer, schedule: LRScheduler, steps: int
) -> list[list[float]]:  # fmt: skip
    if isinstance(schedule, ReduceLROnPlateau):
        raise TypeError(
            "schedule: what ReduceLROnPlateau does depends on the losses of the run. "
            "Pass the multipliers that you expect, one for each step"
        )
    if schedule.optimizer is not optimizer:
        raise ValueError("schedule is that of another optimizer: pass this one's")
    # A stand-in with the same groups, so that the copy steps no lr of the reader's.
    stand_in = torch.optim.SGD([torch.zeros(1)], lr=0.0)
    stand_in.param_groups = [
        {
            k: copy.deepcopy(v) if k != "params" else [torch.zeros(1)]
            for k, v in g.items()
        }
        for g in optimizer.param_groups
    ]
    stand_in.defaults = dict(optimizer.defaults)
    twin = copy.deepcopy(schedule, {id(optimizer): stand_in})
    rates: list[list[float]] = [[] for _ in stand_in.param_groups]
    with warnings.catch_warnings(action="ignore"):
        for k in range(steps):
            for group, found in zip(stand_in.param_groups, rates, strict=True):
                found.append(float(group["lr"]))
            try:
                twin.step()
            except ValueError as error:
                # OneCycleLR ends after its own number of steps.
                if k < steps - 1:
                    raise ValueError(
                        f"schedule ends after {k + 1} of {steps} steps: {error}"
                    ) from None
    return rates
