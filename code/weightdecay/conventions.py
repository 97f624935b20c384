"""What each API means by ``weight_decay``: a table, and what was seen when they ran.

Every API does one of two things with its lambda. Through the gradient, it hands
``g + times lambda w`` to the optimizer. On the weight, it takes a share of ``w`` beside
the step, ``times lambda lr^lr_power base_lr^base_lr_power``: lr is that of the step,
base_lr the one that the optimizer was made with, so that s = lr / base_lr is the
schedule's multiplier. Beside a loss that is a sum over n examples, lambda counts for a
mean of them as ``lambda / n``. These are the words of
:class:`weightdecay.answers.Answer`, too; :mod:`weightdecay.conversion` converts.
"""

import difflib
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict

from weightdecay import tables
from weightdecay.settings import Range, demand

# The second keeps lr * g in its momentum buffer, which shows once lr changes.
SGD = ("SGD", "SGD with lr in its buffer")
# What lambda is divided by.
PER: dict[str | None, Callable[[float, float], float]] = {
    None: lambda n, steps: 1.0,
    "n": lambda n, steps: n,
    "√steps": lambda n, steps: math.sqrt(steps),
}


def _one_of(*values: str | None) -> Range:
    words = " or ".join(f'"{v}"' if v else "None" for v in values)
    return Range(words, values.__contains__)


def _whole(low: float) -> Callable[[object], bool]:
    return lambda x: isinstance(x, int) and x >= low


ALLOWED = {
    "place": _one_of("gradient", "weight"),
    "order": _one_of("before", "after"),
    "per": _one_of(*PER),
    "times": Range("a finite number > 0", lambda x: 0 < x <= sys.float_info.max),
    "lr_power": Range("a whole number >= 0", _whole(0)),
    "base_lr_power": Range("a whole number", _whole(-math.inf)),
}


@dataclass(frozen=True)
class Convention:
    """How one API decays: one of the table, or your own.

    name, optimizer
        ``optimizer`` is whose step it takes without decay, ``None`` for a penalty that
        any optimizer can minimise.
    place
        ``"gradient"`` or ``"weight"``. Plain SGD can be called either.
    times, lr_power, base_lr_power
        A step takes times * lambda * lr^lr_power * base_lr^base_lr_power of a weight.
        In a gradient only ``times`` counts.
    order
        ``"before"``, or ``"after"`` if what is shrunk is the weight that has moved.
    per
        What lambda is divided by: ``None``; ``"n"``, the number of losses that the loss
        adds up; ``"√steps"``, the root of the number of steps of the run.
    default, source
        The decay of who asks for none, ``None`` where it must be given; where this was
        read, with the version.

    Raises ``ValueError`` for what can't be, by name, value and what may be.
    """

    name: str
    optimizer: str | None
    place: str
    default: float | None = None
    times: float = 1.0
    lr_power: int = 1
    base_lr_power: int = 0
    order: str = "before"
    per: str | None = None
    source: str = "your own"

    def __post_init__(self) -> None:
        """Refuse what no API can do."""
        for field, allowed in ALLOWED.items():
            demand(field, getattr(self, field), allowed)
        law = (self.lr_power, self.base_lr_power, self.order)
        if self.place == "gradient" and law != (1, 0, "before"):
            raise ValueError(
                f"lr_power, base_lr_power and order say nothing of a decay through the "
                f"gradient: leave them out, got {law}"
            )
        if self.place == "weight" and self.optimizer is None:
            raise ValueError(
                "optimizer must be the name of one for a decay on the weight, got None"
            )

    @property
    def formula(self) -> str:
        """Write the update, u(...) being the optimizer's direction."""
        if self.place == "gradient":
            return f"w - lr u(g + {self._times()} w)"
        if self.order == "after":
            return f"(1 - {self.share}) (w - lr u(g))"
        return f"(1 - {self.share}) w - lr u(g)"

    @property
    def share(self) -> str:
        """Write the share of a weight that a step takes, by plain SGD."""
        s = max(0, min(self.lr_power, -self.base_lr_power))
        powers = {"lr": self.lr_power - s, "s": s, "base_lr": self.base_lr_power + s}
        return self._times(
            *(x if p == 1 else f"{x}^{p}" for x, p in powers.items() if p)
        )

    def _times(self, *factors: str) -> str:
        times = [f"{self.times:g}"] if self.times != 1 else []
        return " ".join([*times, *factors, f"λ/{self.per}" if self.per else "λ"])

    def strength(
        self, *, lr: float, base_lr: float, n: float = 1, steps: float = 1
    ) -> float:
        """Return the share that a lambda of 1 takes, by plain SGD.

        ``lr`` is the learning rate of this step and ``base_lr`` that at
        construction, both on the mean loss; ``n`` is the number of
        examples, ``steps`` how many the whole run takes.
        """
        share = self.times * lr**self.lr_power * base_lr**self.base_lr_power
        return share / PER[self.per](n, steps)


class Run(TypedDict):
    """What was left of a weight, after each number of steps."""

    version: str
    lr: float
    weight_decay: float
    left: dict[int, float]


def measured() -> list[dict[str, Any]]:
    """Return the rows that benchmarks/frameworks.py measured, as dicts."""
    read: dict[str, Callable[[str], object]] = {
        "deviation": float,
        "decay": float,
        "same": "True".__eq__,
    }
    return [
        {key: read.get(key, str)(value) for key, value in row.items()}
        for row in tables.read("frameworks.csv")
    ]


def measured_left() -> dict[str, Run]:
    """Return what was left of a weight without a gradient, API by API.

    ``benchmarks/frameworks.py`` measured it while lr fell along a cosine. Each value
    has the ``version``, ``lr`` and ``weight_decay`` of the API, and ``left``, a dict
    from the number of steps to the weight, 1 before the first.
    """
    runs: dict[str, Run] = {}
    for row in tables.read("frameworks_left.csv"):
        lr, decay = float(row["lr"]), float(row["weight_decay"])
        new = Run(version=row["version"], lr=lr, weight_decay=decay, left={})
        run = runs.setdefault(row["api"], new)
        run["left"][int(row["step"])] = float(row["left"])
    return runs


def evidence(name: str) -> str:
    """Say how an API is known: ``"live"``, ``"measured"`` or ``"read"``.

    Live is what the tests run: PyTorch, scikit-learn and the penalties. Measured is
    what ``benchmarks/frameworks.py`` found to do what the table says. The others were
    read in their source.
    """
    if look_up(name).source.startswith(("torch ", "scikit-learn ", "its gradient")):
        return "live"
    agree = {row["api"] for row in measured() if row["same"]}
    return "measured" if name in agree else "read"


def look_up(name: str | Convention) -> Convention:
    """Return the convention of a name in ``CONVENTIONS``, or the convention given.

    Raises ``ValueError`` for a name that is not there, with the nearest that are, and
    ``TypeError`` for what is neither.
    """
    if isinstance(name, Convention):
        return name
    if not isinstance(name, str):
        raise TypeError(
            f"an API must be a name in CONVENTIONS or a Convention, got {name!r}"
        )
    if name in CONVENTIONS:
        return CONVENTIONS[name]
    lower = {known.lower(): known for known in CONVENTIONS}
    near = difflib.get_close_matches(name.lower(), lower, n=5, cutoff=0)
    raise ValueError(
        f"no API {name!r} here. There are: {'; '.join(lower[x] for x in near)}; and "
        f"{len(CONVENTIONS) - len(near)} more in weightdecay.conventions.CONVENTIONS"
    )


def _convention(row: dict[str, str]) -> Convention:
    number: dict[str, Callable[[str], Any]] = {"default": float, "times": float}
    number |= {"lr_power": int, "base_lr_power": int}
    fields: dict[str, Any] = {
        k: number.get(k, str)(v) if v else None for k, v in row.items()
    }
    return Convention(**fields)


CONVENTIONS = {row["name"]: _convention(row) for row in tables.read("conventions.csv")}
