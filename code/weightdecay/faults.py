"""What is wrong with the decay of a run, in words, and how to mend it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from weightdecay.grouping import judged

if TYPE_CHECKING:
    from weightdecay.reports import Part

# A total decay below this is of no consequence.
LITTLE = 0.01
# Below half of the smallest number in float16, eps is zero there.
SMALLEST = {torch.float16: 2.0**-25}
# What torch itself, and schedulers, write into a group.
WRITTEN = {"params", "param_names", "initial_lr", "max_lr", "min_lr"}
WRITTEN |= {"base_momentum", "max_momentum", "decoupled_weight_decay"}
KNOWN = {"weight_decay", "momentum", "dampening", "nesterov", "betas", "eps", "alpha"}
SHOWN = 3


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: its ``kind``, the group, what, and how to mend it."""

    kind: str
    group: int | None
    what: str
    mend: str

    def __str__(self) -> str:
        """Return it as one text."""
        where = "" if self.group is None else f"Group {self.group}: "
        return f"{where}{self.what} {self.mend}"


def faults(
    model: nn.Module,
    optimizer: Optimizer,
    parts: "Sequence[Part]",
    rates: Sequence[Sequence[float]],
    clip: float | None,
) -> Iterator[Fault]:
    """Yield what is wrong, of the whole first."""
    named = judged(model)
    yield from _membership(model, optimizer, named)
    seen_gradient = any(
        p.grad is not None for g in optimizer.param_groups for p in g["params"]
    )
    for part, group, lr in zip(parts, optimizer.param_groups, rates, strict=True):
        yield from _settings(part, optimizer, group)
        if not part.weight_decay:
            continue
        yield from _size(part, lr)
        yield from _kind(part)
        yield from _members(part, group, named, seen_gradient)
        if clip:
            yield from _clipped(part, group, clip)


def _membership(
    model: nn.Module,
    optimizer: Optimizer,
    named: dict[int, tuple[tuple[str, ...], str, bool]],
) -> Iterator[Fault]:
    counts: dict[int, int] = {}
    for group in optimizer.param_groups:
        for p in group["params"]:
            counts[id(p)] = counts.get(id(p), 0) + 1
    missing = [
        name
        for name, p in model.named_parameters()
        if p.requires_grad and id(p) not in counts
    ]
    if missing:
        yield Fault(
            "missing",
            None,
            f"{_listed(missing)}: in no group, so the optimizer neither trains nor "
            f"decays it.",
            "Add it to a group, or set its requires_grad to False.",
        )
    twice = [named[key][0][0] for key, n in counts.items() if n > 1 and key in named]
    if twice:
        yield Fault(
            "twice",
            None,
            f"{_listed(twice)}: in the groups more than once, so each step moves and "
            f"decays it as often.",
            "Keep it in one group.",
        )


def _settings(
    part: "Part", optimizer: Optimizer, group: dict[str, Any]
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


def _size(part: "Part", lr: Sequence[float]) -> Iterator[Fault]:
    if part.share is not None and part.share >= 1:
        yield Fault(
            "destroys",
            part.number,
            f"a step takes {part.share:.3g} of a weight, all that it holds or more.",
            "lr * weight_decay must be far below 1: lower weight_decay.",
        )
    answer, told = part.answer, part.horizon
    in_buffer = answer is not None and answer.place == "gradient"
    if in_buffer and answer and answer.remembers and not answer.rescales and not told:
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


def _kind(part: "Part") -> Iterator[Fault]:
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


def _members(
    part: "Part",
    group: dict[str, Any],
    named: dict[int, tuple[tuple[str, ...], str, bool]],
    seen_gradient: bool,
) -> Iterator[Fault]:
    spared: list[str] = []
    frozen: list[str] = []
    moving: list[str] = []
    without: list[str] = []
    for p in group["params"]:
        names, _, is_matrix = named.get(id(p), (("",), "", True))
        if not is_matrix:
            spared.append(names[0])
        if not p.requires_grad:
            (moving if p.grad is not None else frozen).append(names[0])
        elif seen_gradient and p.grad is None:
            without.append(names[0])
    if spared:
        yield Fault(
            "vectors",
            part.number,
            f"{_listed(spared)}: biases, gains or other vectors, and they decay.",
            "weightdecay.groups(model, weight_decay) leaves them out.",
        )
    if moving:
        yield Fault(
            "moving",
            part.number,
            f"{_listed(moving)}: frozen, with a gradient from before, so steps go on "
            f"moving and decaying it.",
            "Set its grad to None.",
        )
    if frozen:
        yield Fault(
            "frozen",
            part.number,
            f"{_listed(frozen)}: frozen, so it does not decay either.",
            "Take it out of the group if that is meant.",
        )
    if without:
        yield Fault(
            "no gradient",
            part.number,
            f"{_listed(without)}: had no gradient in the last backward pass; without "
            f"one it does not decay.",
            "Use it in the loss, or freeze it.",
        )
    yield from _rows(part, group, named)


def _rows(
    part: "Part",
    group: dict[str, Any],
    named: dict[int, tuple[tuple[str, ...], str, bool]],
) -> Iterator[Fault]:
    for p in group["params"]:
        names, kind, _ = named.get(id(p), (("",), "", True))
        if not kind.startswith("embedding") or p.grad is None or p.grad.is_sparse:
            continue
        idle = int((p.grad == 0).all(-1).sum())
        if idle:
            yield Fault(
                "rows",
                part.number,
                f"{names[0]}: {idle:,} of {len(p):,} rows were in no example of the "
                f"last batch, and decay all the same.",
                "Leave embeddings out: groups(model, weight_decay, embeddings=False).",
            )


def _clipped(part: "Part", group: dict[str, Any], clip: float) -> Iterator[Fault]:
    answer = part.answer
    if answer is None or answer.place not in ("gradient", "either"):
        return
    norm = _norm(group["params"]) * part.weight_decay
    if norm > clip:
        yield Fault(
            "clipped",
            part.number,
            f"the penalty's gradient, weight_decay times the norm of the weights, is "
            f"{norm:.3g}, and the loss's is clipped to {clip:g}: clipping comes first, "
            f"so decay outweighs every gradient.",
            "Lower weight_decay or raise the clip.",
        )


def _norm(params: Sequence[Tensor]) -> float:
    squares = sum(p.detach().abs().double().square().sum().item() for p in params)
    return float(squares**0.5)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    shown = ", ".join(names[:SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown
