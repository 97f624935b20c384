"""What the decay of an optimizer may be, guessed from how it pulls at a weight.

The pull of a step is what decay adds to it: the difference of two steps that start from
the same weight, one with decay and one without. A guess is nothing more:
:mod:`weightdecay.probe` does it by hand before it says so.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from weightdecay.by_hand import FORMS, ORDERS, Law, Penalise, Shares, Shrink, shrunk
from weightdecay.subject import CHANGE, STEPS, TOLERANCE, WARM, Subject

# Put this many times as far out for one step, a weight shows what later steps remember.
AWAY = 3.0


def shrinkings(guide: Subject) -> Iterator[Shrink]:
    """Yield ways of shrinking the weight, the usual ones first."""
    guessed = [law for order in ORDERS for law in laws(guide, order)]
    # A move that is as long as the weight hides how large a share is.
    usual = (Law("1 - {x}", 1.0, 1, 0, order) for order in ("before", "after"))
    guessed += [law for law in usual if law not in guessed]
    for lag in (0, 1):
        for first_beside in (False, True):
            for law in guessed:
                if first_beside and law.order != "before":
                    continue
                if law.lr_power or not lag:
                    now = replace(law, lag=lag)
                    yield Shrink(now, guide.weight_decay, first_beside)


def laws(subject: Subject, order: str, away: float = 1.0) -> Iterator[Law]:
    """Yield how the share depends on weight_decay and the two lrs, from a few steps.

    With ``away`` it is the share of what the weight is put farther out.
    """
    seen = set[Law]()
    for k in (WARM,) if away > 1 else (WARM, WARM + 1):
        law = _law(subject, order, k, away)
        if law and law not in seen:
            seen.add(law)
            yield law


def _law(subject: Subject, order: str, k: int, away: float) -> Law | None:
    taken = [_share_taken(subject, order, k, away, **how) for how in _settings(subject)]
    if not all(taken) or min(taken) * max(taken) < 0:
        return None
    for form, (_, x) in FORMS.items():
        if form != "1 - {x}" and max(taken) >= 1:
            return None
        first, *halved, scaled = map(x, taken)
        powers = [math.log2(abs(first / x)) for x in halved]
        decay, lr, both = map(round, powers)
        exact = all(abs(p - round(p)) < 5 * TOLERANCE for p in powers)
        if exact and decay == 1 and abs(scaled / first - 1) < TOLERANCE:
            times = simple(first / subject.weight_decay / subject.lr**both)
            return Law(form, times, lr, both - lr, order)
    return None


def _settings(subject: Subject) -> list[dict[str, Any]]:
    """Return the settings that tell rules apart.

    As it is, then half the weight_decay, half the lr of the step, half that of the
    construction too, and larger gradients.
    """
    decay, lr = subject.weight_decay, subject.lr
    lr_halved = {"changes": ((CHANGE, 0.5),)}
    both = {"lr": lr / 2} if "lr" in subject.names else lr_halved
    return [
        {"weight_decay": decay, "sizes": (1.0, 2.0, -1.0)},
        {"weight_decay": decay / 2},
        {"weight_decay": decay, **lr_halved},
        {"weight_decay": decay, **both},
        {"weight_decay": decay, "gradient_scale": 4.0},
    ]


def _share_taken(
    subject: Subject,
    order: str,
    k: int,
    away: float,
    *,
    weight_decay: float,
    sizes: tuple[float, ...] = (1.0,),
    **how: Any,
) -> float:
    """Return the one share of the weight that step k takes, 0 if there are several."""
    bases, pulls = [], []
    for size in sizes:
        plain = subject.held(subject.off, size, **how)[k]
        pull = subject.held(weight_decay, size, **how)[k] - plain
        base = shrunk(order, subject.weight(size), plain, subject.gradient(k))
        if away > 1:
            out = {"away": away, **how}
            farther = subject.held(weight_decay, size, **out)
            pull = (farther - subject.held(subject.off, size, **out))[k] - pull
            base = (away - 1) * subject.weight(size)
        bases.append(base)
        pulls.append(pull)
    return share(subject, torch.stack(pulls), torch.stack(bases))


def simple(x: float) -> float:
    """Round to two digits if that is the same, or else to four."""
    two, four = (float(f"{x:.{digits}g}") for digits in (2, 4))
    return two if abs(two - x) <= TOLERANCE * abs(x) / 2 else four


def share(subject: Subject, pull: Tensor, base: Tensor) -> float:
    """Return which one share of ``base`` was taken, 0 if there are several."""
    if not base.any():
        return 0.0
    taken = -(base * pull).sum() / (base**2).sum()
    return taken.item() if subject.same(pull, -taken * base, pull) else 0.0


def penalties(subject: Subject, warm: bool) -> Iterator[float]:
    """Yield multiples of weight_decay * w that may have joined the gradient."""
    first = (
        subject.walk(subject.weight_decay, steps=STEPS)
        - subject.walk(subject.off, steps=STEPS)
    )[0]
    linear = share(subject, first, subject.weight()) / subject.lr / subject.weight_decay
    usual = (1.0, -1.0, 2.0, 0.5)
    yield from usual
    if linear:
        for times in (linear, -linear):
            yield simple(times)
    else:
        yield from _by_effect(subject, warm, usual)


def _by_effect(subject: Subject, warm: bool, start: tuple[float, ...]) -> list[float]:
    """Return the multiple that Newton's method finds, from the nearest of a few."""
    plain = subject.path(subject.off, warm=warm, steps=STEPS)
    target = subject.path(subject.weight_decay, warm=warm, steps=STEPS) - plain

    def missed(times: float) -> Tensor:
        by_hand = Penalise(times * subject.weight_decay)
        return subject.path(subject.off, by_hand, warm, STEPS) - plain - target

    times = min(start, key=lambda t: missed(t).norm().item())
    for _ in range(6):
        now, slope = missed(times), (missed(1.001 * times) - missed(times))
        if not slope.isfinite().all() or not slope.any():
            return []
        change = -0.001 * (slope * now).sum() / (slope * slope).sum()
        times *= 1 + max(-0.5, min(1.0, change.item()))
    return [simple(times)]


def responses(subject: Subject) -> Law | None:
    """Return the share that one step takes, if later ones go on with it in one way.

    What a weight that is put out for one step adds to the next steps is its response.
    If the decay is that and nothing else, it predicts the path; else returns ``None``.
    """
    out = [subject.walk(x, places=_put_out()) for x in _both(subject)]
    at = [subject.walk(x, places=_put_back()) for x in _both(subject)]
    extra = ((out[0] - out[1]) - (at[0] - at[1]))[1:] / (AWAY - 1)
    taken = [share(subject, pull, subject.weight()) for pull in extra]
    decayed, plain = (subject.walk(x) for x in _both(subject))
    w = subject.weight() + torch.cat([0 * decayed[:1], decayed.cumsum(0)])
    lost = torch.tensor(taken, dtype=torch.float64)
    apart = [
        -torch.tensordot(lost[: k + 1].flip(0), w[: k + 1], 1) for k in range(len(lost))
    ]
    predicted, measured = torch.stack(apart).cumsum(0), (decayed - plain).cumsum(0)
    measured = measured[: len(taken)]
    if not subject.same(predicted, measured, measured):
        return None
    return next(laws(subject, "before", AWAY), None)


def _both(subject: Subject) -> tuple[float, float]:
    return subject.weight_decay, subject.off


def _put_back() -> tuple[tuple[int, float], ...]:
    return tuple((k, 1.0) for k in range(1, STEPS))


def _put_out() -> tuple[tuple[int, float], ...]:
    return ((1, AWAY), *_put_back()[1:])


def shares(subject: Subject, order: str) -> tuple[float, ...]:
    """Return the share that each step takes of all elements alike, or nothing."""
    decayed, plain = (subject.walk(x).cumsum(0) for x in _both(subject))
    found: tuple[float, ...] = ()
    for k in range(STEPS):
        moves = subject.walk(subject.off, by_hand=Shares(found, order))
        gap = decayed[k] - moves.cumsum(0)[k]
        if gap.abs().max() > 4 * subject.rounding:
            w = subject.weight() + moves[:k].sum(0)
            base = shrunk(order, w, moves[k], subject.gradient(k))
            taken = -(base * gap).sum() / (base**2).sum()
            if not subject.same(gap, -taken * base, (decayed - plain)[: k + 1]):
                return ()
            found += (taken.item(),)
        else:
            found += (0.0,)
    moved = subject.walk(subject.off, by_hand=Shares(found, order)).cumsum(0)
    repeats = subject.same(moved - plain, decayed - plain, decayed - plain)
    return found if repeats and any(found) else ()
