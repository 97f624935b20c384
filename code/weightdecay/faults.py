"""What is wrong with the decay of a run, in words, and how to mend it.

Here what the settings say; :mod:`weightdecay.members` looks at the parameters.
"""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from weightdecay.grouping import judged
from weightdecay.members import clipped, members, membership
from weightdecay.reports import Fault, Part

# A total decay below this is of no consequence.
LITTLE = 0.01
# Below half of the smallest number in float16, eps is zero there.
SMALLEST = {torch.float16: 2.0**-25}
# What torch itself, and schedulers, write into a group.
WRITTEN = {"params", "param_names", "initial_lr", "max_lr", "min_lr"}
WRITTEN |= {"base_momentum", "max_momentum", "decoupled_weight_decay"}
KNOWN = {"weight_decay", "momentum", "dampening", "nesterov", "betas", "eps", "alpha"}


def faults(
    model: nn.Module,
    optimizer: Optimizer,
    parts: Sequence[Part],
    rates: Sequence[Sequence[float]],
    clip: float | None,
) -> Iterator[Fault]:
    """Yield what is wrong, of the whole first."""
    named = judged(model)
    yield from membership(model, optimizer, named)
    seen_gradient = any(
        p.grad is not None for g in optimizer.param_groups for p in g["params"]
    )
    for part, group, lr in zip(parts, optimizer.param_groups, rates, strict=True):
        yield from _settings(part, optimizer, group)
        if not part.weight_decay:
            continue
        yield from _size(part, lr, group)
        yield from _kind(part)
        yield from members(part, group, named, seen_gradient)
        if clip:
            yield from clipped(part, group, clip)


def _settings(
    part: Part, optimizer: Optimizer, group: dict[str, Any]
) -> Iterator[Fault]:
    known = set(optimizer.defaults) | WRITTEN
    for key in sorted(set(group) - known):
        near = get_close_matches(key, sorted(optimizer.defaults), n=1, cutoff=0.7)
        if near or key in KNOWN:
            meant = f"Did you mean {near[0]}?" if near else "Take it out."
            yield Fault(
                "unread",
                part.number,
                f"{key} is nothing that {type(optimizer).__name__} reads.",
                meant,
            )
    eps = group.get("eps")
    for p in group["params"]:
        if eps is not None and float(eps) < SMALLEST.get(p.dtype, 0.0):
            yield Fault(
                "eps",
                part.number,
                f"eps = {eps:g} is zero in float16: a gradient of zero gives NaN.",
                "Keep the weights in float32, or set eps to 1e-7 or more.",
            )
            return


def _size(part: Part, lr: Sequence[float], group: dict[str, Any]) -> Iterator[Fault]:
    if not any(lr):
        yield Fault(
            "still",
            part.number,
            "lr is 0 at every step, so nothing is trained and nothing decays.",
            "Report before the run, or pass its schedule.",
        )
    if part.share is not None and part.share >= 1:
        yield Fault(
            "destroys",
            part.number,
            f"a step takes {part.share:.3g} of a weight, all that it holds or more.",
            "lr * weight_decay must be far below 1: lower weight_decay.",
        )
    answer, told = part.answer, part.horizon
    plain = answer is not None and answer.place == "gradient" and not answer.rescales
    if plain and group.get("momentum") and part.share is None:
        yield Fault(
            "swings",
            part.number,
            "the momentum buffer adds decay up until the weights overshoot zero, and "
            "swing around it.",
            "Keep lr * weight_decay below (1 - sqrt(momentum))^2: lower weight_decay.",
        )
    if told is None or not told.share:
        return
    if told.total < LITTLE:
        yield Fault(
            "little",
            part.number,
            f"in the whole run decay takes {1 - told.left:.2g} of a weight: it does "
            f"nothing.",
            f"Half would be gone with weight_decay="
            f"{part.weight_decay * 0.6931 / told.total:.2g}; or save it.",
        )
    by_itself = answer is not None and answer.place == "weight"
    if by_itself and told.moved < 1:
        yield Fault(
            "rounded",
            part.number,
            f"in {told.dtype} a share of {told.share:.2g} changes {told.moved:.0%} of "
            f"the weights; the others are rounded to what they were.",
            "Keep the weights that the optimizer steps in float32.",
        )


def _kind(part: Part) -> Iterator[Fault]:
    answer = part.answer
    if answer is None:
        yield Fault(
            "unknown",
            part.number,
            f"the optimizer could not be asked which decay it does: {part.refusal}.",
            "",
        )
        return
    if answer.place == "none":
        yield Fault(
            "unused",
            part.number,
            "the optimizer takes weight_decay and does not use it.",
            "Take another, or decay by hand.",
        )
    if answer.place == "gradient" and answer.rescales:
        yield Fault(
            "penalty",
            part.number,
            "weight_decay goes through the preconditioner: a weight with large "
            "gradients is hardly decayed.",
            "Take AdamW, with a weight_decay near this one divided by the root mean "
            "square of a gradient's entries.",
        )
    if part.follows_not:
        yield Fault(
            "schedule",
            part.number,
            "decay does not follow the schedule: where lr is small, each step takes as "
            "much as at its largest.",
            "Let the weight_decay fall with lr, or take an optimizer that multiplies "
            "both.",
        )
