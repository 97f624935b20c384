"""Ask an optimizer which weight decay it does, by stepping it and watching.

:func:`ask` looks at nothing but what steps do to a few weights. It feeds gradients of
its own choice and compares runs with and without ``weight_decay``. Then it takes the
decay out and does it by hand: only a rule that gives the same weights is an answer.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

import torch

from weightdecay import tables
from weightdecay.answers import Answer
from weightdecay.by_hand import ORDERS, Law, Penalise, Rates, Shrink
from weightdecay.evidence import (
    default,
    hidden,
    missing_gradients,
    remembers,
    rescales,
    shift_left,
)
from weightdecay.finding import RefusedError, find_subject, said
from weightdecay.guesses import penalties, responses, shares, shrinkings
from weightdecay.subject import (
    LONG,
    LR,
    MATRIX,
    STEPS,
    TOLERANCE,
    VECTOR,
    WEIGHT_DECAY,
    ByHand,
    Make,
    Subject,
)


def ask(
    make: Make,
    *,
    shapes: Sequence[tuple[int, ...]] = (MATRIX, VECTOR),
    dtype: torch.dtype | None = None,
    lr: float = LR,
    weight_decay: float = WEIGHT_DECAY,
    names: Mapping[str, str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Answer:
    """Find out which weight decay an optimizer does.

    Returns an :class:`~weightdecay.answers.Answer`.

    make
        An optimizer class, or a function that makes one: it is called as
        ``make(params, lr=..., weight_decay=...)``, and as ``make(params, lr=...)`` to
        find the default. ``params`` is a list of tensors.
    shapes
        Those of the parameter. The answer is about the first that is not refused; of
        the others it says whether they decay alike.
    dtype
        That of the parameter; by default a double, or a float where that fails.
    lr, weight_decay
        The numbers to ask with.
    names
        What ``make`` calls its ``lr`` and ``weight_decay``, if not so or ``wd``.
    progress
        Called with a line of text at each run, such as ``print``.

    Raises ``ValueError``, with what was tried, if the optimizer can't be made or
    stepped, gives NaN, or does something else when the same run is made again. What
    it prints is not shown, and random numbers are left as they were.
    """
    if not callable(make):
        raise TypeError(
            f"make must be an optimizer class or a function that makes one of "
            f"(params, lr=..., weight_decay=...), got {make!r}"
        )
    how: dict[str, Any] = {"lr": lr, "weight_decay": weight_decay, "names": names}
    subjects: dict[tuple[int, ...], Subject] = {}
    refusals: list[str] = []
    for shape in shapes:
        try:
            subjects[shape] = find_subject(make, shape, dtype, progress=progress, **how)
        except ValueError as refusal:
            refusals.append(str(refusal))
    if not subjects:
        raise RefusedError("This optimizer can't be asked. " + "; ".join(refusals))
    first, subject = next(iter(subjects.items()))
    answer = _answer(subject, _guide(subject, **how))
    others = [(s, _compared(answer, subjects.get(s))) for s in shapes if s != first]
    return replace(answer, shape=first, shapes=tuple(others))


def _guide(subject: Subject, **how: Any) -> Subject:
    """Return a subject with which rounding does not blur what is guessed."""
    if torch.finfo(subject.dtype).eps < 1e-6:
        return subject
    try:
        return find_subject(subject.make, subject.shape, **how)
    except RefusedError:
        return subject


def census() -> list[dict[str, str]]:
    """Return what many optimizers answered: a list of rows, each a dict of texts.

    The columns are those of :class:`~weightdecay.answers.Answer`, with ``package``,
    ``version``, ``optimizer`` and, where one could not be asked, ``refusal``. Written
    by ``benchmarks/census.py``.
    """
    return tables.read("census.csv")


def _compared(answer: Answer, subject: Subject | None) -> str:
    """Say whether the decay that was found is that of another shape."""
    if subject is None:
        return "refused"
    try:
        if _unseen(subject):
            lost = hidden(subject)
            known = [x is not None for x in (lost, answer.hidden)]
            near = math.isclose(lost or 0, answer.hidden or 0, rel_tol=TOLERANCE)
            if answer.place == "none" and near and known[0] == known[1]:
                return "alike"
            return "not decayed" if lost == 0 else "otherwise"
        ways = _by_hand(answer, subject)
        if ways:
            alike = any(map(_repeater(subject, warm=not answer.at_first), ways))
        else:
            alike = _found(subject, subject).place == answer.place
    except Exception:
        return "refused"
    return "alike" if alike else "otherwise"


def _by_hand(answer: Answer, subject: Subject) -> list[ByHand]:
    """Return the ways of doing by hand what was found, none if it is no rule."""
    decay = subject.weight_decay
    if answer.place == "gradient":
        return [Penalise(answer.times * decay)]
    if answer.place in ("weight", "either"):
        return [Shrink(_law(answer), decay, beside) for beside in (False, True)]
    return []


def _law(answer: Answer) -> Law:
    return Law(**{f.name: getattr(answer, f.name) for f in fields(Law)})


def _unseen(subject: Subject) -> bool:
    """Return whether weight_decay changes nothing, but by rounding."""
    plain, decayed = subject.path(subject.off), subject.path(subject.weight_decay)
    lost = 32 * subject.rounding * max(1.0, plain.abs().max().item())
    return bool((decayed - plain).abs().max() <= min(lost, 1e-9))


def _answer(subject: Subject, guide: Subject) -> Answer:
    """Return all that can be said with one shape."""
    try:
        _check_that_it_repeats(subject, LONG)
        answer = _found(subject, guide)
        _check_that_it_repeats(subject, STEPS)
    except RefusedError:
        raise
    except Exception as error:
        raise RefusedError(
            f"With a parameter of shape {subject.shape} it steps, but not in each run: "
            f"{said(error)}. Ask with another lr, weight_decay or shape, or mend that "
            f"first"
        ) from error
    return answer


def _check_that_it_repeats(subject: Subject, steps: int) -> None:
    decays = (subject.weight_decay,) if subject.decays else ()
    for weight_decay in (subject.off, *decays):
        first, second = (
            subject.path(weight_decay, steps=steps, again=x) for x in (0, steps)
        )
        if not first.isfinite().all():
            where = "" if weight_decay == subject.off else f" with {weight_decay=}"
            raise RefusedError(
                f"With a parameter of shape {subject.shape} its steps give NaN{where} "
                f"within {LONG} steps at lr={subject.lr}: ask with a smaller lr"
            )
        if not first.equal(second):
            raise RefusedError(
                "The same run does not repeat, though torch's, numpy's and Python's "
                "random numbers were set: something else decides, such as a generator "
                "of its own, a count that all instances share, or the clock. Make it "
                "start alike each time that make is called"
            )


def _found(subject: Subject, guide: Subject) -> Answer:
    facts: dict[str, Any] = {"takes": subject.decays, "asked": _asked(subject)}
    facts |= {"hidden": hidden(subject)}
    if _unseen(subject):
        return Answer("none", **facts)
    facts |= missing_gradients(subject) | {"default": default(subject)}
    facts |= {"shift_left": shift_left(subject)}
    found = replace(_rule(subject, guide) or _unknown(subject, guide), **facts)
    return replace(found, formula_keeps=_formula_keeps(subject, found))


def _formula_keeps(subject: Subject, answer: Answer) -> float | None:
    """Return what the form leaves of a first gradient of zero, if not what is left."""
    left, hides = answer.first_zero_keeps, answer.hidden
    if answer.place not in ("weight", "either") or None in (left, hides):
        return None
    lr = subject.lr
    says = (
        _law(answer).kept(subject.weight_decay, Rates(0, lr, lr, lr))
        - (hides or 0) * lr
    )
    off = abs(says - (left or 0))
    return says if off > max(TOLERANCE * abs(1 - says), subject.rounding) else None


def _asked(subject: Subject) -> str:
    dtype = str(subject.dtype).removeprefix("torch.")
    return f"{dtype}, lr {subject.lr:g}, weight_decay {subject.weight_decay:g}"


def _rule(subject: Subject, guide: Subject) -> Answer | None:
    """Return the rule that repeats the decay by hand, if only after a warm-up."""
    for warm in (False, True):
        repeats = _repeater(subject, warm)
        law = next((s.law for s in shrinkings(guide) if repeats(s)), None)
        tried = (Penalise(t * guide.weight_decay) for t in penalties(guide, warm))
        times = next((t for t in tried if repeats(t) and _scales(subject, t)), None)
        if law:
            place = "either" if times else "weight"
            return Answer(place, **asdict(law), at_first=not warm)
        if times:
            amount = float(f"{times.amount / subject.weight_decay:.4g}")
            return Answer("gradient", times=amount, at_first=not warm, **_seen(guide))
    return None


def _seen(guide: Subject) -> dict[str, Any]:
    return {"remembers": remembers(guide), "rescales": rescales(guide)}


def _repeater(subject: Subject, warm: bool) -> Callable[[ByHand], bool]:
    """Return a test of whether a decay by hand takes the same path as the decay."""
    plain = subject.path(subject.off, warm=warm)
    effect = subject.path(subject.weight_decay, warm=warm) - plain

    def repeats(by_hand: ByHand) -> bool:
        """Compare a few steps, and only if they agree all of them."""
        for steps in (STEPS, LONG):
            moved = subject.path(subject.off, by_hand, warm, steps)
            n = len(moved)
            told = effect[:n].any() or n == len(effect)
            if told and not subject.same(moved - plain[:n], effect[:n], effect[:n]):
                return False
        return True

    return repeats


def _scales(subject: Subject, by_hand: Penalise) -> bool:
    """Return whether the penalty follows weight_decay, and no lr at construction."""
    half = Penalise(by_hand.amount / 2)
    trials: list[tuple[Penalise, float, float]] = [(half, 0.5, 1.0)]
    if "lr" in subject.names:
        trials.append((by_hand, 1.0, 0.5))
    for hand, decay, lr in trials:
        plain, decayed, ours = (
            subject.walk(x, lr=lr * subject.lr, by_hand=how).cumsum(0)
            for x, how in (
                (subject.off, None),
                (decay * subject.weight_decay, None),
                (subject.off, hand),
            )
        )
        if not subject.same(ours - plain, decayed - plain, decayed - plain):
            return False
    return True


def _unknown(subject: Subject, guide: Subject) -> Answer:
    """Return what can be said of a decay that no law repeats."""
    seen = _seen(guide)
    if seen["remembers"] and (law := responses(subject)):
        return Answer("memory", **asdict(law), **seen)
    for order in ORDERS:
        if taken := shares(subject, order):
            return Answer("varying", order=order, shares=taken, **seen)
    return Answer("other", **seen)
