"""Ask an optimizer that somebody has made, on copies of its groups."""

import inspect
from dataclasses import fields
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from weightdecay.answers import Answer
from weightdecay.by_hand import Law, Rates
from weightdecay.finding import argument_names
from weightdecay.probe import ask

# Numbers in the largest weight that is asked about: optimizers in 8 bits, and others
# that treat large ones in another way, do so from 4096 on.
LARGEST = 8192
# How a step is computed, and not what it does; some exist on one device alone.
WAYS = {"foreach", "fused", "capturable", "differentiable", "compile"}


def ask_group(optimizer: Optimizer, group: dict[str, Any]) -> tuple[Answer | None, str]:
    """Return which decay an optimizer does with the settings of a group, or why not.

    A weight is asked about for each number of dimensions in the group, of the largest
    shape there is, but not above ``LARGEST`` numbers.
    """
    kind = type(optimizer)
    settings = _settings(optimizer, group)

    def make(params: Any, **asked: Any) -> Optimizer:
        return kind(params, **{**settings, **asked})

    names = argument_names(kind, None)
    try:
        answer = ask(make, shapes=_shapes(group["params"]), names=names)
    except Exception as error:
        return None, str(error)
    return answer, ""


def shares_along(answer: Answer, weight_decay: float, lr: list[float]) -> list[float]:
    """Return which share of a weight each step takes, for a decay of the weight."""
    law = Law(**{f.name: getattr(answer, f.name) for f in fields(Law)})
    previous = [lr[0], *lr]
    return [
        1 - law.kept(weight_decay, Rates(k, lr[k], previous[k], lr[0]))
        for k in range(len(lr))
    ]


def _settings(optimizer: Optimizer, group: dict[str, Any]) -> dict[str, Any]:
    """Return what the optimizer's class can be made with again."""
    taken = inspect.signature(type(optimizer)).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in taken.values())
    known = set(optimizer.defaults) if takes_any else set(taken)
    settings = {k: v for k, v in group.items() if k in known - WAYS - {"params"}}
    if isinstance(settings.get("lr"), Tensor):
        settings["lr"] = settings["lr"].item()
    return settings


def _shapes(params: list[Tensor]) -> list[tuple[int, ...]]:
    """Return a shape for each number of dimensions, matrices first."""
    largest: dict[int, tuple[int, ...]] = {}
    for p in sorted(params, key=lambda p: p.numel()):
        if p.numel() > 1:
            largest[p.dim()] = tuple(p.shape)
    order = sorted(largest, key=lambda dims: (dims != 2, dims))
    return [_smaller(largest[dims]) for dims in order] or [(2,)]


def _smaller(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Halve the largest side until there are not too many numbers."""
    sides = list(shape)
    while _count(sides) > LARGEST:
        at = sides.index(max(sides))
        sides[at] = (sides[at] + 1) // 2
    return tuple(sides)


def _count(sides: list[int]) -> int:
    count = 1
    for side in sides:
        count *= side
    return count
