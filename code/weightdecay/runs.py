"""What is said of a run, for :mod:`weightdecay.conversion`: checked, and asked for.

Nothing is assumed of what was not said: who needs it, asks, and the caller hears why.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from weightdecay.conventions import Convention
from weightdecay.settings import NOT_NEGATIVE, POSITIVE, SHARE, Range

# Further out, powers of them are no floats.
BOUND = 1e99
RANGES = {
    "weight_decay": NOT_NEGATIVE,
    "lr": Range("a number from 1e-99 to 1e99", lambda x: 1 / BOUND <= x <= BOUND),
    "momentum": SHARE,
    "dampening": Range("a finite number < 1", lambda x: -math.inf < x < 1),
    "n": POSITIVE,
    "steps": POSITIVE,
    "multipliers": Range(
        "one number from 0 to 1e99 for each step", lambda x: 0 <= x <= BOUND
    ),
}
# Two multipliers are one if they differ by less than this part of themselves.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Run:
    """What was said of a run, in floats; ``None`` is what was not said."""

    weight_decay: float
    multipliers: list[float] | None
    lr: float | None = None
    momentum: float | None = None
    dampening: float | None = None
    n: float | None = None
    steps: float | None = None

    @classmethod
    def of(
        cls,
        weight_decay: float,
        multipliers: Iterable[float] | None,
        **given: float | None,
    ) -> "Run":
        """Check what was given; raise ``TypeError`` or ``ValueError`` for the rest."""
        numbers = {k: _number(k, x) for k, x in given.items() if x is not None}
        schedule = None
        if multipliers is not None:
            schedule = _multipliers(multipliers, numbers.get("lr"))
        return cls(_number("weight_decay", weight_decay), schedule, **numbers)

    def need(self, name: str, why: str) -> float:
        """Return a number, or raise ``ValueError`` for why it has to be said."""
        value: float | None = getattr(self, name)
        if value is None:
            raise ValueError(f"{why}: the number depends on {name}. Pass {name}=...")
        return value

    def schedule(self, why: str) -> list[float]:
        """Return the multipliers, or raise ``ValueError`` for why they are needed."""
        if self.multipliers is None:
            raise ValueError(
                f"{why}: the number depends on the schedule. Pass multipliers=..., "
                f"what lr is multiplied by at each step; [1] says that lr is constant"
            )
        return self.multipliers

    def share(self, side: Convention, s: float) -> float:
        """Return the share that a lambda of 1 takes; nan if it can't be known."""
        lr = self.lr or (math.nan if side.lr_power + side.base_lr_power else 1.0)
        known = {"n": self.n or math.nan, "steps": self.steps or math.nan}
        return side.strength(lr=lr * s, base_lr=lr, **known)


def constant(schedule: list[float]) -> bool:
    """Return whether all multipliers are one number, but for rounding."""
    return max(schedule) - min(schedule) <= TOLERANCE * max(schedule)


def _number(name: str, value: object) -> float:
    """Return what stands for a number as a float, or refuse it."""
    words = RANGES[name].words
    if name == "weight_decay" and value is None:
        words += ", 0 for no decay"
    try:
        if isinstance(value, str):
            raise ValueError
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name} must be {words}, got {value!r}") from None
    if not RANGES[name].holds(number):
        raise ValueError(f"{name} must be {words}, got {number!r}")
    return number


def _multipliers(given: Iterable[float], lr: float | None) -> list[float]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(
            f"multipliers must be one number for each step, got {given!r}; call a "
            f"function for each step, and [1] says that lr is constant"
        )
    # A schedule may be long, and mostly of floats.
    multipliers = [
        s if type(s) is float and 0 <= s <= BOUND else _number("multipliers", s)
        for s in given
    ]
    largest = max(multipliers, default=0.0)
    if largest < 1 - TOLERANCE and lr != 1:
        raise ValueError(
            f"multipliers must reach 1, got {len(multipliers)}, the largest {largest:g}"
            f". Are they learning rates? Divide them by the lr that the optimizer is "
            f"made with"
        )
    return multipliers
