"""From the ``weight_decay`` of one API to that of another, exactly or nearly.

:func:`convert` returns the one number with which both take the same steps, or raises.
:func:`approximate` says from which number to start where there is none. Both take names
in ``conventions.CONVENTIONS``, or a ``Convention`` of your own.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from weightdecay.conventions import PER, SGD, Convention, look_up
from weightdecay.runs import Run, constant

# What is left of a weight of 1 after each step, of a number.
Leaving: TypeAlias = Callable[[float], list[float]]


class Start(NamedTuple):
    """A number to start from, where no number makes two APIs agree.

    ``weight_decay`` is the number. ``apart`` is how far the two part without a gradient
    of the loss: the largest distance between what they leave of a weight of 1. ``why``
    says why no number makes them agree, and what this one does.
    """

    weight_decay: float
    apart: float
    why: str


def convert(
    weight_decay: float,
    source: str | Convention,
    target: str | Convention,
    *,
    lr: float | None = None,
    momentum: float | None = None,
    multipliers: Iterable[float] | None = None,
    n: float | None = None,
    steps: float | None = None,
) -> float:
    """Return the number with which target does what weight_decay does in source.

    source, target
        Names in ``CONVENTIONS``, or conventions of your own.
    lr
        The learning rate that the optimizer is made with, on the mean loss. The sum of
        n losses hands the optimizer n times the gradient: for the same steps SGD needs
        lr / n, Adam n times the eps.
    momentum
        That of SGD, whatever its dampening.
    multipliers
        What lr is multiplied by at each step: no learning rates. The largest is 1 or
        more, unless lr is 1: the run reaches the lr that the optimizer is made with.
    n
        How many losses a sum adds up. ``sklearn.Ridge`` adds up all squared errors; the
        other side has their mean. With k outputs n examples have n k of them.
    steps
        How many steps the whole run takes.

    Only what the number depends on has to be given; of that nothing is assumed. The two
    then take the same steps, if all but the decay is set alike and the same gradient of
    the loss reaches both; one clipped after it met a penalty does not. Ridge takes
    none: it is where the other's loss is least. Raises ``ValueError`` where no number
    makes them agree, where it depends on what was left out, and where a step would take
    all of a weight; ``TypeError`` for what is no number.
    """
    a, b = look_up(source), look_up(target)
    run = Run.of(weight_decay, multipliers, lr=lr, momentum=momentum, n=n, steps=steps)
    _refuse_other_optimizers(a, b)
    _refuse_all_at_once(a, run.weight_decay, run)
    for why in _buffers(a, b, run):
        raise ValueError(f"{why}. Keep lr constant or set momentum=0")
    _refuse_rescaled(a, b, run)
    for why in _obstacles(a, b, run):
        raise ValueError(
            f"{why}: no number makes them agree at every step. Ask "
            f"conversion.approximate from which to start"
        )
    return _finite(run.weight_decay * _ratio(a, b, run), a, b, run)


def approximate(
    weight_decay: float,
    source: str | Convention,
    target: str | Convention,
    *,
    lr: float,
    momentum: float | None = None,
    multipliers: Iterable[float],
    dampening: float | None = None,
    n: float | None = None,
    steps: float | None = None,
) -> Start:
    """Return a number to start from, how far off it is, and why: a :class:`Start`.

    The arguments are those of :func:`convert`; multipliers has all steps of the run.
    Where ``convert`` has a number it is that one, and ``apart`` is 0. Otherwise:

    * The shares follow the schedule otherwise: the number with which both leave the
      same of a weight after all steps, if nothing but decay moves it.
    * The momentum of SGD repeats one decay and not the other: the number with which
      both end at the same place, if lr is constant. It depends on ``dampening``.
    * One shrinks the weight before its step and one after it, or one has lr inside its
      momentum buffer: the number with which both take the same shares.

    Raises as ``convert`` does where the optimizers differ, and where one of them
    rescales the decay weight by weight: there no share of a weight is taken.
    """
    a, b = look_up(source), look_up(target)
    given = {"lr": lr, "momentum": momentum, "dampening": dampening}
    run = Run.of(weight_decay, multipliers, **given, n=n, steps=steps)
    _refuse_other_optimizers(a, b)
    _refuse_all_at_once(a, run.weight_decay, run)
    _refuse_rescaled(a, b, run)
    run.need("lr", _shares(a, b)), run.schedule(_shares(a, b)), _counts(a, b, run)
    whys = [*_buffers(a, b, run), *_obstacles(a, b, run)]
    if not whys:
        number = _finite(run.weight_decay * _ratio(a, b, run), a, b, run)
        return Start(number, 0.0, "Both take the same steps")
    number, does = run.weight_decay * _ratio(a, b, run), "asks for the same decay"
    if a.place != b.place and run.momentum:
        gain = (1 - run.need("dampening", _places(a, b))) / (1 - run.momentum)
        number *= gain if a.place == "gradient" else 1 / gain
        does = "ends at the same place, if lr is constant"
    left, there = _leaving(a, b, run)(run.weight_decay), _leaving(b, a, run)
    if run.weight_decay and _ratio_varies(a, b, run):
        number = _same_end(left[-1], number, there)
        does = "leaves the same after these steps, if nothing but decay moves a weight"
    number = _finite(number, a, b, run)
    pairs = zip(left, there(number), strict=True)
    apart = max(abs(x - y) for x, y in pairs)
    return Start(number, apart, ". ".join([*whys, f"This number {does}"]))


def _refuse_other_optimizers(a: Convention, b: Convention) -> None:
    """Raise for two APIs that step differently even without decay."""
    kinds = {a.optimizer, b.optimizer} - {None}
    if len(kinds) > 1 and kinds != set(SGD):
        raise ValueError(
            f"{a.name} steps like {a.optimizer}, {b.name} like {b.optimizer}: they "
            f"part whatever the decay. Convert to an API that steps like {a.optimizer}"
        )


def _refuse_rescaled(a: Convention, b: Convention, run: Run) -> None:
    """Raise for a penalty that an optimizer rescales, and a decay that it does not."""
    kind = a.optimizer or b.optimizer
    if run.weight_decay and a.place != b.place and kind not in SGD:
        begin = "Search for the new one from scratch"
        if kind == "Adam":
            begin = (
                "Where noise dominates, start with the penalty's over the root mean "
                "square of its gradients"
            )
        raise ValueError(
            f"{_places(a, b)}, which {kind} rescales weight by weight: no number that "
            f"follows from weight_decay alone makes them agree, not even nearly. "
            f"{begin}"
        )


def _buffers(a: Convention, b: Convention, run: Run) -> Iterator[str]:
    """Yield why two kinds of SGD part even without decay."""
    if {a.optimizer, b.optimizer} != set(SGD) or constant(run.multipliers or [0, 1]):
        return
    why = f"{a.name} is {a.optimizer}, {b.name} is {b.optimizer}"
    if run.need("momentum", why) and not constant(run.schedule(why)):
        yield f"{why}: with momentum they part when lr changes, whatever the decay"


def _obstacles(a: Convention, b: Convention, run: Run) -> Iterator[str]:
    """Yield why no number makes two decays agree."""
    if not run.weight_decay:
        return
    if a.order != b.order:
        first, second = (a, b) if a.order == "before" else (b, a)
        yield (
            f"{first.name} shrinks a weight before its step, {second.name} after it, "
            f"and the step with it"
        )
    if a.place != b.place and run.need("momentum", _places(a, b)):
        yield f"{_places(a, b)}, which the momentum buffer repeats"
    if _ratio_varies(a, b, run):
        yield f"{_shares(a, b)}: under this schedule the factor between them changes"


def _places(a: Convention, b: Convention) -> str:
    through, on = (a, b) if a.place == "gradient" else (b, a)
    return f"{on.name} decays the weight itself, {through.name} through the gradient"


def _shares(a: Convention, b: Convention) -> str:
    return f"{a.name} takes {a.share} of a weight, {b.name} {b.share}"


def _ratio_varies(a: Convention, b: Convention, run: Run) -> bool:
    if a.lr_power == b.lr_power:
        return False
    schedule = run.schedule(_shares(a, b))
    # Where lr is 0, both take nothing, unless one does not follow it.
    both = a.lr_power > 0 < b.lr_power
    return not constant([s for s in schedule if s or not both])


def _ratio(a: Convention, b: Convention, run: Run) -> float:
    """Return the strength of a in units of b's, where the schedule is highest."""
    ratio, why = a.times / b.times, _shares(a, b)
    if power := a.lr_power + a.base_lr_power - b.lr_power - b.base_lr_power:
        ratio *= run.need("lr", why) ** power
    if power := a.lr_power - b.lr_power:
        ratio *= max(run.schedule(why)) ** power
    if a.per != b.per:
        counts = _counts(a, b, run)
        ratio *= PER[b.per](*counts) / PER[a.per](*counts)
    return ratio


def _counts(a: Convention, b: Convention, run: Run) -> tuple[float, float]:
    """Return n and steps, which have to be said if one of the two divides by them."""
    per, why = (a.per, b.per), _shares(a, b)
    n = run.need("n", why) if "n" in per else 1.0
    return n, run.need("steps", why) if "√steps" in per else 1.0


def _refuse_all_at_once(side: Convention, decay: float, run: Run) -> None:
    """Raise for a decay on the weight that takes all of it in one step."""
    share = decay * run.share(side, max(run.multipliers or [1.0]))
    if side.place == "weight" and share >= 1:
        raise ValueError(
            f"{side.name} with weight_decay={decay:g} takes {share:g} of a weight at a "
            f"step: nothing is left. Is this the number of another API, or lr another?"
        )


def _finite(number: float, a: Convention, b: Convention, run: Run) -> float:
    """Return a number for b, or raise where no float is like it."""
    if run.weight_decay and not 0 < number < math.inf:
        raise ValueError(
            f"weight_decay={run.weight_decay:g} of {a.name} would be {number:g} of "
            f"{b.name}, beyond what a float can be"
        )
    _refuse_all_at_once(b, number, run)
    return number


def _leaving(side: Convention, other: Convention, run: Run) -> Leaving:
    """Return what is left of a weight of 1 after each step, without any gradient."""
    multipliers, momentum = run.multipliers or [], run.momentum or 0.0
    shares, whole = [run.share(side, s) for s in multipliers], run.share(side, 1.0)
    # A penalty is minimised by the other's optimizer.
    inside = (side.optimizer or other.optimizer) == SGD[1]

    def left(decay: float) -> list[float]:
        w, buffer, weights = 1.0, 0.0, []
        for k, (share, s) in enumerate(zip(shares, multipliers, strict=True)):
            if side.place == "weight":
                w *= max(0.0, 1 - decay * share)
            else:
                fresh = 1 - (run.dampening or 0.0) if k else 1.0
                pull = decay * (share if inside else whole) * w
                buffer = momentum * buffer + fresh * pull
                w -= buffer if inside else s * buffer
            weights.append(w)
        return weights

    return left


def _same_end(end: float, guess: float, left: Leaving) -> float:
    """Return the number with which ``end`` of a weight is left."""
    if end <= 0:
        raise ValueError("nothing is left of a weight in the end: no number fits")
    low, high = 0.0, guess
    while left(high)[-1] > end:
        low, high = high, 2 * high
    while high - low > 1e-14 * high:
        middle = (low + high) / 2
        if left(middle)[-1] > end:
            low = middle
        else:
            high = middle
    return high
