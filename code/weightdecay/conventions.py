"""What each API means by ``weight_decay``, and exact conversion between them.

Every API does one of two things with its lambda. Through the gradient, it hands
``g + constant lambda w`` to the optimizer; on the weight, it shrinks ``w`` beside the
step, by ``constant lambda lr^a s^b w``. Here s is the schedule's multiplier: the
learning rate of this step is ``lr s``. Beside a loss that is a sum over n examples,
lambda counts for a mean of them as ``lambda / n``. So a path, a constant and two
powers say all there is to say about an API.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypedDict

from weightdecay import tables
from weightdecay.settings import NOT_NEGATIVE, SHARE, demand

# The second keeps lr * g in its momentum buffer, which shows once lr changes.
SGD = ("SGD", "SGD with lr in its buffer")
# What the two powers amount to, lr being that of the step.
TIMES = {(1, 1): "lr ", (0, 1): "s ", (0, 0): "", (1, 2): "lr s "}


@dataclass(frozen=True)
class Convention:
    """How one API decays.

    ``optimizer`` is whose step it takes without decay, ``None`` for a penalty that any
    optimizer can minimise. ``path`` is ``"gradient"`` or ``"weight"``. ``default`` is
    the decay of who asks for none, ``None`` where it must be given. ``source`` says
    where this was read, with the version.
    """

    name: str
    optimizer: str | None
    path: str
    default: float | None
    constant: float
    per_example: bool
    lr_power: int
    schedule_power: int
    source: str

    @property
    def formula(self) -> str:
        """Write the update, u(...) being the optimizer's direction."""
        if self.path == "gradient":
            return f"w - lr u(g + {self.times} w)"
        return f"(1 - {self.times}) w - lr u(g)"

    @property
    def times(self) -> str:
        """Say what multiplies the weight: lambda and its factors."""
        two = f"{self.constant:g} " if self.constant != 1 else ""
        on_weight = self.path == "weight"
        by = TIMES[self.lr_power, self.schedule_power] if on_weight else ""
        return f"{two}{by}λ{'/n' if self.per_example else ''}"

    def strength(self, *, lr: float, s: float = 1.0, n: float = 1) -> float:
        """Return the share that a lambda of 1 takes of a weight, by plain SGD.

        ``lr`` is the base learning rate on the mean loss, ``s`` the schedule's
        multiplier at this step, ``n`` the number of examples.
        """
        share = self.constant * lr**self.lr_power * s**self.schedule_power
        return share / n if self.per_example else share


class Run(TypedDict):
    """What was left of a weight, after each number of steps."""

    version: str
    lr: float
    weight_decay: float
    left: dict[int, float]


def convert(
    weight_decay: float,
    source: str,
    target: str,
    *,
    lr: float | None = None,
    momentum: float = 0.0,
    schedule: Iterable[float] = (1.0,),
    n: int | None = None,
) -> float:
    """Return the number with which target does what weight_decay does in source.

    source, target
        Names in ``CONVENTIONS``.
    lr
        The base learning rate on the mean loss. The sum of n losses hands the optimizer
        n times the gradient: for the same steps SGD needs lr / n, Adam n times the eps.
    momentum
        That of SGD, without dampening.
    schedule
        What lr is multiplied by, step by step.
    n
        How many losses a sum adds up. ``sklearn.Ridge`` adds up all squared errors; the
        other side has their mean. With k outputs n examples have n k of them.

    The two then take the same steps, if all but the decay is set alike and the same
    gradient of the loss reaches both; one clipped after it met a penalty does not.
    Ridge takes none: it is where the other's loss is least. Raises ``ValueError`` where
    no number makes them agree, and says why and what to do.
    """
    a, b = _look_up(source), _look_up(target)
    multipliers = _checked(weight_decay, momentum, schedule)
    _refuse_other_steps(a, b, momentum, multipliers)
    if weight_decay == 0:
        return 0.0
    if a.path != b.path and (a.optimizer or b.optimizer) not in SGD:
        raise ValueError(
            f"{_paths(a, b)}, which {a.optimizer or b.optimizer} rescales weight by "
            f"weight: no number makes them agree. Search for the new one from scratch"
        )
    converted = weight_decay * _ratio(a, b, lr, multipliers, n)
    if a.path != b.path and momentum > 0:
        end = converted * (1 - momentum) ** (1 if b.path == "gradient" else -1)
        raise ValueError(
            f"{_paths(a, b)}, which the momentum buffer repeats: no number makes them "
            f"agree at every step. With a constant lr {end:.6g} ends at the same place"
        )
    return converted


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
    if _look_up(name).source.startswith(("torch ", "scikit-learn ", "its gradient")):
        return "live"
    agree = {row["api"] for row in measured() if row["same"]}
    return "measured" if name in agree else "read"


def _convention(row: dict[str, str]) -> Convention:
    number: dict[str, Callable[[str], Any]] = {
        "default": float,
        "constant": float,
        "per_example": "1".__eq__,
    }
    number |= {"lr_power": int, "schedule_power": int}
    fields: dict[str, Any] = {
        k: number.get(k, str)(v) if v else None for k, v in row.items()
    }
    return Convention(**fields)


CONVENTIONS = {row["name"]: _convention(row) for row in tables.read("conventions.csv")}


def _look_up(name: str) -> Convention:
    if name not in CONVENTIONS:
        raise ValueError(f"no API {name!r} here. There are: {'; '.join(CONVENTIONS)}")
    return CONVENTIONS[name]


def _checked(
    weight_decay: float, momentum: float, schedule: Iterable[float]
) -> list[float]:
    """Return the schedule, its largest multiplier first, or refuse the numbers."""
    demand("weight_decay", weight_decay, NOT_NEGATIVE)
    demand("momentum", momentum, SHARE)
    try:
        given = sorted(schedule, reverse=True)
    except TypeError:
        raise TypeError(
            f"schedule must be a sequence of multipliers of lr, got {schedule!r}"
        ) from None
    if not (any(given) and all(0 <= s < math.inf for s in given)):
        raise ValueError(
            f"schedule must be finite multipliers of lr, >= 0, not all 0, got {given!r}"
        )
    return given


def _refuse_other_steps(
    a: Convention, b: Convention, momentum: float, schedule: list[float]
) -> None:
    """Raise for two APIs that step differently even without decay."""
    kinds = [kind for kind in (a.optimizer, b.optimizer) if kind]
    if len(set(kinds)) < 2:
        return
    if not set(kinds) == set(SGD):
        raise ValueError(
            f"{a.name} steps like {kinds[0]}, {b.name} like {kinds[1]}: they part "
            f"whatever the decay. Convert to an API that steps like {kinds[0]}"
        )
    if momentum and schedule[0] != schedule[-1]:
        raise ValueError(
            f"{a.name} is {kinds[0]}, {b.name} is {kinds[1]}: with momentum they part "
            f"when lr changes, whatever the decay. Keep lr constant or set momentum=0"
        )


def _paths(a: Convention, b: Convention) -> str:
    through, on = (a, b) if a.path == "gradient" else (b, a)
    return f"{on.name} decays the weight itself, {through.name} through the gradient"


def _ratio(
    a: Convention,
    b: Convention,
    lr: float | None,
    schedule: list[float],
    n: float | None,
) -> float:
    """Return the strength of a in units of b's, the same at each step, or raise."""
    lr = _needed(a, b, "lr", "lr_power", lr)
    n = _needed(a, b, "n", "per_example", n)
    ratios = []
    for s in schedule:
        one, other = a.strength(lr=lr, s=s, n=n), b.strength(lr=lr, s=s, n=n)
        if one or other:
            ratios.append(one / other if other else math.inf)
    if max(ratios) > min(ratios) * (1 + 1e-12):
        raise ValueError(
            f"{a.name} takes {a.times} of a weight, {b.name} {b.times}: under this "
            f"schedule the factor between them runs from {min(ratios):.3g} to "
            f"{max(ratios):.3g}, and one number can't. Set weight_decay at every step, "
            f"or keep lr constant"
        )
    return ratios[0]


def _needed(
    a: Convention, b: Convention, name: str, field: str, value: float | None
) -> float:
    if getattr(a, field) == getattr(b, field):
        return 1.0
    if value is None or not 0 < value < math.inf:
        raise ValueError(
            f"{a.name} takes {a.times} of a weight, {b.name} {b.times}: the number "
            f"depends on {name}, which must be finite and above 0, got {value}"
        )
    return value
