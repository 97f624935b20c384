"""What can be seen of an optimizer's decay before a rule is tried."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from weightdecay.subject import STEPS, TOLERANCE, WARM, Subject, seeded, silent


def remembers(subject: Subject) -> bool:
    """Return whether a step feels where the weight was one step before."""
    at, out = (
        subject.held(subject.weight_decay, away=away)
        - subject.held(subject.off, away=away)
        for away in (1.0, 3.0)
    )
    return not subject.same(at[WARM + 1], out[WARM + 1], at[WARM])


def rescales(subject: Subject) -> bool:
    """Return whether the decay of a step changes with the size of the gradients."""
    pull, louder = (
        subject.held(subject.weight_decay, gradient_scale=scale)
        - subject.held(subject.off, gradient_scale=scale)
        for scale in (1.0, 4.0)
    )
    return not subject.same(pull[WARM], louder[WARM], pull[WARM])


def default(subject: Subject) -> float | None:
    """Return the weight_decay whose path is the one walked without the argument.

    None if that can't be told, or it can't be made without.
    """
    if not subject.decays:
        return None
    try:
        own = subject.path(None)
    except TypeError:
        return None
    if not own.isfinite().all():
        return None
    plain, written = subject.path(subject.off), _written(subject)
    if own.equal(plain):
        # A decay that is there, but too small to be seen, is another matter.
        unseen = written or (written is None and subject.path(1e-3).equal(plain))
        return None if unseen else 0.0
    if written and subject.path(written).equal(own):
        return written
    guess = _by_size(subject, own, plain)
    if guess is None:
        return None
    right, double = (
        subject.same(subject.path(x), own, own - plain) for x in (guess, 2 * guess)
    )
    return guess if right and not double else None


def _written(subject: Subject) -> float | None:
    """Return what the optimizer writes down as its weight_decay, to be tried."""
    name = subject.names["weight_decay"]
    with seeded(), silent():
        made = subject.optimizer(
            [torch.nn.Parameter(subject.weight())], subject.lr, None
        )
    written = made.param_groups[0].get(name)
    return float(written) if isinstance(written, int | float) else None


def _by_size(subject: Subject, own: Tensor, plain: Tensor) -> float | None:
    guess, target = 0.01, (own - plain)[:STEPS].abs().max()
    for _ in range(8):
        few = subject.path(guess, steps=STEPS)
        reached = (few - plain[:STEPS]).abs().max()
        if reached == 0 or not math.isfinite(guess):
            return None
        guess *= (target / reached).item()
    return float(f"{guess:.3g}")


def hidden(subject: Subject) -> float | None:
    """Return the share of the weight, over lr, that is lost at weight_decay 0.

    None if the step depends on the weight in another way.
    """
    starts = [subject.weight(size) for size in (1.0, 2.0, -1.0)]
    moves = [subject.walk(subject.off, size=size) for size in (1.0, 2.0, -1.0)]
    once, twice, minus = (
        start + move.cumsum(0) for start, move in zip(starts, moves, strict=True)
    )
    kept = torch.stack([twice - once, (once - minus) / 2]) / starts[0]
    largest = torch.stack([once, twice, minus]).abs().max()
    off = (1 - kept).abs().max()
    rounding = 32 * subject.rounding * largest
    if off <= rounding:
        return 0.0
    lost = 1 - kept[:, :1].mean()
    steps = torch.arange(1, STEPS + 1).reshape(-1, *[1] * len(subject.shape))
    if ((1 - lost) ** steps - kept).abs().max() <= TOLERANCE * lost.abs() + rounding:
        return lost.item() / subject.lr
    # Some compute in single precision, whatever the weight is.
    single = 16 * torch.finfo(torch.float32).eps * largest
    return 0.0 if off <= single else None


def shift_left(subject: Subject) -> float | None:
    """Return which part of a shift by hand is left thirteen steps later.

    It is 1 if the optimizer remembers no weight, less if it draws the weight back to
    where it was; ``None`` if that is not one part.
    """
    # Not at first, because some copy the weight after a few steps only.
    to, steps = 1.0 + 1.0 / 8, WARM + STEPS
    walked = subject.walk(subject.off, steps=steps)
    shifted = subject.walk(subject.off, places=((WARM, to),), steps=steps)
    shift = subject.weight(to) - subject.weight() - walked[:WARM].sum(0)
    apart = shift + shifted[WARM:].sum(0) - walked[WARM:].sum(0)
    if subject.same(apart, shift, shift):
        return 1.0
    left = (apart * shift).sum() / (shift**2).sum()
    return left.item() if subject.same(apart, left * shift, shift) else None


def missing_gradients(subject: Subject) -> dict[str, Any]:
    """Return whether a gradient of None decays, at first and later, and what 0 leaves.

    An error is an answer, too.
    """
    errors: list[str] = []

    def tried(what: str, look: Callable[[], Any]) -> Any:
        try:
            return look()
        except Exception as error:
            errors.append(f"{what} raises {type(error).__name__}")
            return None

    def decays_idle(warm: bool) -> bool:
        # What an earlier decay left in a buffer is no decay of this step.
        pulls = [
            subject.idle(subject.weight_decay, warm, size)
            - subject.idle(subject.off, warm, size)
            for size in ((1.0, 3.0) if warm else (1.0,))
        ]
        apart = pulls[-1] - pulls[0] if warm else pulls[0]
        return bool(apart.abs().max() > 4 * subject.rounding)

    def zero() -> float | None:
        moved = subject.walk(subject.weight_decay, gradient_scale=0.0, steps=1)
        if moved.isfinite().all():
            return 1 + moved.flatten()[0].item()
        errors.append("a gradient of zero gives NaN")
        return None

    found = {
        "decays_none": tried("a gradient of None", lambda: decays_idle(False)),
        "decays_none_later": tried(
            "a gradient of None after others", lambda: decays_idle(True)
        ),
        "first_zero_keeps": tried("a gradient of zero", zero),
    }
    return {**found, "errors": tuple(errors)}
