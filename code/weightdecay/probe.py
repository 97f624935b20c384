"""Ask an optimizer which weight decay it does, by stepping it and watching.

:func:`ask` looks at nothing but what steps do to a few weights. It feeds gradients of
its own choice and compares runs with and without ``weight_decay``. Then it takes the
decay out and does it by hand: only a rule that gives the same weights is an answer.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from weightdecay import tables
from weightdecay.answers import Answer
from weightdecay.subject import (
    LR,
    MATRIX,
    VECTOR,
    WEIGHT_DECAY,
    ByHand,
    Make,
    Subject,
    find_subject,
)

# Two results are one if they differ by less than this part of the decay's effect.
SAME = 1e-3

# What a step keeps by a formula of x, and the x of the share that was lost.
FORMS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "1 - {x}": (lambda x: 1 - x, lambda lost: lost),
    "(1 - {x})^2": (lambda x: (1 - x) ** 2, lambda lost: 1 - math.sqrt(1 - lost)),
    "1 / (1 + {x})": (lambda x: 1 / (1 + x), lambda lost: lost / (1 - lost)),
    "exp(-{x})": (lambda x: math.exp(-x), lambda lost: -math.log(1 - lost)),
}

# The settings that tell rules apart: as it is, then half the weight_decay, half the
# lr of the step, half that of the construction too, and larger gradients.
SETTINGS = (
    {"weight_decay": WEIGHT_DECAY},
    {"weight_decay": WEIGHT_DECAY / 2},
    {"weight_decay": WEIGHT_DECAY, "later": LR / 2},
    {"weight_decay": WEIGHT_DECAY, "lr": LR / 2, "later": LR / 2},
    {"weight_decay": WEIGHT_DECAY, "loud": 4},
)


def ask(make: Make) -> Answer:
    """Find out which weight decay an optimizer does.

    Returns an :class:`~weightdecay.answers.Answer`.

    make
        An optimizer class, or a function that makes one: it is called as
        ``make(params, lr=..., weight_decay=...)``, and as ``make(params, lr=...)`` to
        find the default. ``params`` is a list of tensors.

    Raises ``ValueError``, with what was tried, if the optimizer can't be made or
    stepped. The state of torch's random numbers is left as it was.
    """
    if not callable(make):
        raise TypeError(
            f"make must be an optimizer class or a function that makes one of "
            f"(params, lr=..., weight_decay=...), got {make!r}"
        )
    subjects: list[Subject] = []
    refusals: list[str] = []
    for shape in (MATRIX, VECTOR):
        try:
            subjects.append(find_subject(make, shape))
        except ValueError as refusal:
            refusals.append(str(refusal))
    if not subjects:
        raise ValueError("This optimizer can't be asked. " + "; ".join(refusals))
    answers = [_answer(subject) for subject in subjects]
    return replace(answers[0], vectors=_vectors(subjects[0], answers))


def census() -> list[dict[str, str]]:
    """Return what many optimizers answered: a list of rows, each a dict of texts.

    The columns are those of :class:`~weightdecay.answers.Answer`, with ``package``,
    ``version``, ``optimizer`` and, where one could not be asked, ``refusal``. Written
    by ``benchmarks/census.py``.
    """
    return tables.read("census.csv")


def _vectors(first: Subject, answers: list[Answer]) -> str:
    if len(answers) == 1:
        return "refused" if first.shape == MATRIX else "only"
    if answers[1].place == "none" != answers[0].place and not answers[1].hidden:
        return "not decayed"
    matrix, vector = (
        replace(a, first_zero_keeps=0, default=None, hidden=0) for a in answers
    )
    return "alike" if matrix == vector else "otherwise"


def _answer(subject: Subject) -> Answer:
    plain, decayed = subject.path(0.0), subject.path(WEIGHT_DECAY)
    default, hidden = _default(subject, plain, decayed), _hidden(subject)
    if decayed.equal(plain):
        return Answer("none", takes=subject.knob, default=default, hidden=hidden)
    pulls = [_pulls(subject, **setting) for setting in SETTINGS]
    none, zero = _without_gradient(subject)
    return replace(
        _rule(subject, pulls) or _unknown(pulls),
        decays_none=none,
        first_zero_keeps=zero,
        default=default,
        hidden=hidden,
    )


def _same(a: Tensor, b: Tensor, effect: Tensor) -> bool:
    return bool((a - b).abs().max() <= SAME * effect.abs().max())


def _default(subject: Subject, plain: Tensor, decayed: Tensor) -> float | None:
    """Return the weight_decay whose path is the one walked without the argument."""
    try:
        own = subject.path(None)
    except TypeError:
        return None
    if decayed.equal(plain) or own.equal(plain):
        return None if decayed.equal(plain) else 0.0
    guess, target = 0.01, (own - plain).abs().max()
    for _ in range(8):
        reached = (subject.path(guess) - plain).abs().max()
        if reached == 0 or not math.isfinite(guess):
            return None
        guess *= (target / reached).item()
    guess = float(f"{guess:.3g}")
    right, double = (
        _same(subject.path(x), own, own - plain) for x in (guess, 2 * guess)
    )
    return guess if right and not double else None


def _hidden(subject: Subject) -> float | None:
    """Return the share of the weight, over lr, that is lost at weight_decay 0."""
    starts = [subject.weight(size) for size in (1, 2, -1)]
    ends = [start + subject.walk(0.0, {0: start}).cumsum(0) for start in starts]
    once, twice, minus = ends
    kept = torch.stack([twice - once, (once - minus) / 2]) / starts[0]
    rounding = torch.stack(ends).abs().max() * 64 * torch.finfo(subject.dtype).eps
    if (1 - kept).abs().max() <= rounding:
        return 0.0
    lost = 1 - kept[:, :1].mean()
    steps = torch.arange(1, kept.shape[1] + 1).reshape(-1, *[1] * len(subject.shape))
    error = ((1 - lost) ** steps - kept).abs().max()
    return lost.item() / LR if error <= SAME * lost.abs() + rounding else None


def _without_gradient(subject: Subject) -> tuple[bool, float]:
    """Return whether a weight without gradient moves, and what a zero keeps of 1."""
    w, g = subject.weight(), subject.gradient(0)
    _, idle = subject.alone(w, g)
    kept, _ = subject.alone(w, 0 * g)
    return not idle.equal(w), kept.flatten()[0].item()


def _rule(subject: Subject, pulls: "list[list[_Pull]]") -> Answer | None:
    """Return the rule that repeats the decay by hand, if only after a warm-up."""
    for warm in (False, True):
        plain = subject.path(0.0, warm=warm)
        effect = subject.path(WEIGHT_DECAY, warm=warm) - plain
        shrinking, times = _repeated(subject, pulls, plain, effect, warm)
        if shrinking:
            place = "either" if times else "weight"
            return replace(shrinking, place=place, at_first=not warm)
        if times:
            seen = _seen(pulls)
            return Answer("gradient", times=times, at_first=not warm, **seen)
    return None


def _repeated(
    subject: Subject,
    pulls: "list[list[_Pull]]",
    plain: Tensor,
    effect: Tensor,
    warm: bool,
) -> tuple[Answer | None, float | None]:
    """Return the shrinking and the multiple of the penalty that repeat the decay."""

    def repeats(by_hand: ByHand) -> bool:
        return _same(subject.path(0.0, by_hand, warm) - plain, effect, effect)

    laws = (_law(pulls, order) for order in ("before", "beside", "after", "cautious"))
    return (
        next((law for law in laws if law and repeats(_shrink(law))), None),
        next((times for times in (1.0, 2.0, 0.5) if repeats(_penalise(times))), None),
    )


def _unknown(pulls: "list[list[_Pull]]") -> Answer:
    """Return what can be said of a decay that no rule repeats."""
    seen, law = _seen(pulls), _law(pulls, "before")
    if law and seen["remembers"]:
        return replace(law, place="memory", **seen)
    first = pulls[0]
    orders = [o for o in ("before", "after") if _lost(first, o) and _forgets(first, o)]
    if orders:
        return Answer("varying", order=orders[0], rescales=seen["rescales"])
    return Answer("other", **seen)


def _seen(pulls: "list[list[_Pull]]") -> dict[str, Any]:
    """Return whether later steps feel the decay, and whether it feels their size."""
    pull, louder = (torch.cat([p.pull for p in pulls[i]]) for i in (0, -1))
    later = torch.cat([p.later for p in pulls[0]])
    return {
        "remembers": not _same(later, 0 * later, pull),
        "rescales": not _same(pull, louder, pull),
    }


def _penalise(times: float) -> ByHand:
    """Return a way of stepping that adds the penalty's gradient by hand."""
    return lambda w, g, lr, step: step(g + times * WEIGHT_DECAY * w)


def _shrink(law: Answer) -> ByHand:
    """Return a way of stepping that shrinks the weight by hand."""

    def shrink(w: Tensor, g: Tensor, lr: float, step: Callable[[Tensor], None]) -> None:
        x = law.times * WEIGHT_DECAY * lr**law.lr_power * LR**law.base_lr_power
        kept = FORMS[law.form][0](x)
        old = w.clone()
        w.mul_(kept if law.order == "before" else 1)
        step(g)
        w.mul_(kept if law.order == "after" else 1)
        if law.order in ("beside", "cautious"):
            inward = (w - old) * old <= 0
            w.sub_((1 - kept) * old * (inward if law.order == "cautious" else 1))

    return shrink


@dataclass(frozen=True)
class _Pull:
    """What decay adds to a step from w, and to the next one, taken from zero."""

    w: Tensor
    moves: Tensor
    pull: Tensor
    later: Tensor

    def base(self, order: str) -> Tensor:
        """Return what the decay would be a share of."""
        if order == "cautious":
            return self.w * (self.w * self.moves[0] <= 0)
        return self.w + self.moves[0] if order == "after" else self.w


def _pulls(subject: Subject, weight_decay: float, **setting: Any) -> list[_Pull]:
    pulls = []
    for size in (1, 2, -1):
        moves = subject.move(0.0, size, **setting)
        pull = subject.move(weight_decay, size, **setting) - moves
        pulls.append(_Pull(subject.weight(size), moves, *pull))
    return pulls


def _lost(pulls: list[_Pull], order: str) -> float | None:
    """Return the one share of the weight that is lost, or None if there are several."""
    base = torch.cat([pull.base(order) for pull in pulls])
    pull = torch.cat([pull.pull for pull in pulls])
    share = -(base * pull).sum() / (base**2).sum()
    return float(share) if _same(pull, -share * base, pull) else None


def _forgets(pulls: list[_Pull], order: str) -> bool:
    """Return whether the step after the decay is as if there had been none."""
    zero = 1.0 if order == "after" else 0.0
    share = _lost(pulls, order) or 0.0
    rest = [pull.later + zero * share * pull.moves[1] for pull in pulls]
    return all(_same(r, 0 * r, p.pull) for r, p in zip(rest, pulls, strict=True))


def _law(pulls: list[list[_Pull]], order: str) -> Answer | None:
    """Return how the share depends on weight_decay and the two lrs, or None."""
    shares = [_lost(in_setting, order) or 0.0 for in_setting in pulls]
    if not all(0 < share < 1 for share in shares):
        return None
    for form, (_, x) in FORMS.items():
        first, *halved, loud = map(x, shares)
        powers = [math.log2(abs(first / x)) for x in halved]
        decay, lr, both = map(round, powers)
        exact = all(abs(p - round(p)) < 5 * SAME for p in powers)
        if exact and decay == 1 and abs(loud / first - 1) < SAME:
            times = float(f"{first / WEIGHT_DECAY / LR**both:.4g}")
            by: dict[str, Any] = {"lr_power": lr, "base_lr_power": both - lr}
            return Answer("weight", form=form, times=times, order=order, **by)
    return None
