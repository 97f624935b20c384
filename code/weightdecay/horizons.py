"""How far a run's decay reaches: its share per step, half-life, and what is left.

:func:`horizon` needs numbers alone, and no torch.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

from weightdecay.settings import POSITIVE, Range, check, demand

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda part: 1.0,
    "linear": lambda part: 1 - part,
    "cosine": lambda part: (1 + math.cos(math.pi * part)) / 2,
}
# The bits of a number's significand, the leading one counted.
BITS = {"bfloat16": 8, "float16": 11, "float32": 24, "float64": 53}


@dataclass(frozen=True)
class Horizon:
    """What decay does to a weight without a gradient, in a run of ``steps`` steps.

    share
        What the step of the largest lr takes of a weight.
    half_life
        After how many such steps half is left; infinite if they take nothing.
    total
        The total decay, -ln of what is left.
    left
        Which part of the start is left after the run.
    moved
        Which part of the weights such a step changes at all, if it multiplies a weight
        of this ``dtype`` and rounds; the others are rounded to what they were.
    """

    share: float
    half_life: float
    total: float
    left: float
    moved: float
    steps: int
    dtype: str

    def __str__(self) -> str:
        """Return it as lines."""
        if not self.share:
            return "No step takes anything of a weight."
        half = self.half_life / self.steps
        lines = [
            f"A step takes          {self.share:.3g} of a weight, at the largest lr",
            f"Half is left after    {self.half_life:,.0f} such steps, "
            f"{half:.3g} of the run",
            f"Left after the run    {self.left:.4g} of the start: a total decay of "
            f"{self.total:.3g}",
            f"Changed in {self.dtype:10} {self.moved:.1%} of the weights in a step",
        ]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, float | int | str]:
        """Return it by name."""
        return asdict(self)


def horizon(
    lr: float,
    weight_decay: float,
    steps: int,
    schedule: str | Iterable[float] | Callable[[int], float] = "constant",
    dtype: str = "float32",
) -> Horizon:
    """Return how far a decay of 1 - lr * weight_decay per step reaches.

    That of AdamW, of Lion, and of SGD without momentum; for torch.optim.SGD with
    momentum give lr / (1 - momentum).

    schedule
        ``"constant"``, ``"linear"`` or ``"cosine"`` (both end at 0), a multiplier of lr
        for each step, or a function from a step's number to its multiplier.
    dtype
        That of the weights: ``"float32"``, ``"bfloat16"``, ``"float16"`` or
        ``"float64"``.

    Raises ``TypeError`` or ``ValueError`` for what these can't be, and if a step takes
    all of a weight.
    """
    check(lr=lr, weight_decay=weight_decay)
    rates = [lr * m for m in multipliers(schedule, steps)]
    return along([rate * weight_decay for rate in rates], dtype)


def along(shares: Sequence[float], dtype: str = "float32") -> Horizon:
    """Return the horizon of the shares that the steps of a run take."""
    share = max(shares)
    if share >= 1:
        raise ValueError(
            f"lr * weight_decay must be below 1, got {share:g}: a step would take all "
            f"of a weight, or turn its sign"
        )
    total = math.fsum(-math.log1p(-x) for x in shares)
    return Horizon(
        share,
        math.log(0.5) / math.log1p(-share) if share > 0 else math.inf,
        total,
        math.exp(-total),
        moved(share, dtype),
        len(shares),
        dtype,
    )


def multipliers(
    schedule: str | Iterable[float] | Callable[[int], float], steps: int
) -> list[float]:
    """Return what lr is multiplied by at each step: see :func:`horizon`."""
    demand("steps", steps, POSITIVE)
    if steps != int(steps):
        raise ValueError(f"steps must be a whole number, got {steps!r}")
    steps = int(steps)
    if isinstance(schedule, str):
        if schedule not in SCHEDULES:
            raise ValueError(
                f"schedule must be one of {', '.join(SCHEDULES)}, or a multiplier for "
                f"each step, got {schedule!r}"
            )
        found = [SCHEDULES[schedule](k / steps) for k in range(steps)]
    elif callable(schedule):
        found = [float(schedule(k)) for k in range(steps)]
    else:
        found = [float(m) for m in schedule]
    if len(found) != steps:
        raise ValueError(
            f"schedule must have a multiplier for each of the {steps} steps, got "
            f"{len(found)}"
        )
    for multiplier in found:
        demand("schedule", multiplier, Range("numbers >= 0", _is_multiplier))
    return found


def moved(share: float, dtype: str) -> float:
    """Return which part of the weights changes when multiplied by 1 - share.

    A weight m 2^k with 1 <= m < 2 changes if it loses more than half of the spacing
    around it, share m > 2^-bits. The part is that of m whose logarithms are spread
    evenly: 1 + log2(share 2^bits), within 0 and 1. Where the factor is rounded to the
    weight's own dtype, as in 32 and 64 bits, it is 1, or one spacing below: then no
    weight changes, from share = 2^-(bits + 1) on down, or all do.
    """
    if dtype not in BITS:
        raise ValueError(f"dtype must be one of {', '.join(BITS)}, got {dtype!r}")
    if not share:
        return 0.0
    part = 1 + math.log2(share) + BITS[dtype]
    if dtype in ("float32", "float64"):
        return float(part > 0)
    return min(1.0, max(0.0, part))


def _is_multiplier(x: float) -> bool:
    return 0 <= x < math.inf
