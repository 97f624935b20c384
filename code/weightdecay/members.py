"""What is wrong with single parameters of a run: their groups, gradients, numbers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from weightdecay.reports import Fault, Part

# The names, the kind and whether it is a matrix, by the id of a parameter.
Judged = Mapping[int, tuple[tuple[str, ...], str, bool]]
SHOWN = 3


def membership(
    model: nn.Module,
    optimizer: Optimizer,
    named: Judged,
) -> Iterator[Fault]:
    """Yield which parameters are in no group, in several, or hold no numbers."""
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
    broken = [
        name
        for name, p in model.named_parameters()
        if not p.is_meta and not p.detach().isfinite().all()
    ]
    if broken:
        yield Fault(
            "not finite",
            None,
            f"{_listed(broken)}: holds NaN or infinite numbers, and decay keeps them.",
            "Go back to a checkpoint from before.",
        )


def members(
    part: Part,
    group: dict[str, Any],
    named: Judged,
    seen_gradient: bool,
) -> Iterator[Fault]:
    """Yield what is wrong with single parameters of a group that decays."""
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
    part: Part,
    group: dict[str, Any],
    named: Judged,
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


def clipped(part: Part, group: dict[str, Any], clip: float) -> Iterator[Fault]:
    """Yield a penalty that outweighs every clipped gradient."""
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
