"""The hyperparameters of all rules: their names, their types and what each may be.

A name means one thing everywhere. The ranges are PyTorch's, with one exception: there
``alpha`` and ``rho`` may be 1, of an average that no gradient ever enters. A number may
be a tensor, all of whose elements lie in the range.
"""

import math
import operator
import sys
from collections.abc import Callable
from typing import (
    TYPE_CHECKING,
    NamedTuple,
    Required,
    TypeAlias,
    TypedDict,
    Union,
    cast,
)

if TYPE_CHECKING:
    # Who converts a number between conventions needs no torch.
    from torch import Tensor

Number: TypeAlias = Union[float, "Tensor"]
Betas: TypeAlias = tuple[Number, Number]


class Momentum(TypedDict, total=False):
    """The hyperparameters of a momentum buffer."""

    momentum: Required[Number]
    dampening: Number
    nesterov: bool


class Adam(TypedDict, total=False):
    """The hyperparameters of Adam's direction."""

    betas: Betas
    eps: Number
    amsgrad: bool


class NAdam(TypedDict, total=False):
    """The hyperparameters of NAdam's direction."""

    betas: Betas
    eps: Number
    momentum_decay: Number


class RAdam(TypedDict, total=False):
    """The hyperparameters of RAdam's direction, and of Adamax's."""

    betas: Betas
    eps: Number


Adamax = RAdam


class RMSprop(TypedDict, total=False):
    """The hyperparameters of RMSprop's direction."""

    alpha: Number
    eps: Number
    momentum: Number
    centered: bool


class Adagrad(TypedDict, total=False):
    """The hyperparameter of Adagrad's direction."""

    eps: Number


class Adadelta(TypedDict, total=False):
    """The hyperparameters of Adadelta's direction."""

    rho: Number
    eps: Number


class Lion(TypedDict, total=False):
    """The hyperparameter of Lion's direction."""

    betas: Betas


class Muon(TypedDict, total=False):
    """The hyperparameters of Muon's direction."""

    momentum: Number
    nesterov: bool
    orthogonalise: Callable[["Tensor"], "Tensor"]


INF = math.inf


class Range(NamedTuple):
    """What a setting may be, in words and as a test of a value."""

    words: str
    holds: Callable[..., bool]


def every(inside: "bool | Tensor") -> bool:
    """Return whether a comparison holds, for all elements if it was with a tensor."""
    return inside if isinstance(inside, bool) else bool(inside.all())


def between(low: float, below: float) -> Callable[..., bool]:
    """Return a test for low <= x < below."""

    def holds(x: Number) -> bool:
        # Rules ask at every step, and mostly of a float.
        if type(x) is float:
            return low <= x < below
        return every((x >= low) & (x < below))

    return holds


_is_share = between(0, 1)
_is_finite = between(-sys.float_info.max, INF)
FINITE = Range("a finite number", _is_finite)
NOT_NEGATIVE = Range("a finite number >= 0", between(0, INF))
POSITIVE = Range("a finite number > 0", between(math.ulp(0.0), INF))
SHARE = Range("a number >= 0 and < 1", _is_share)
PART = Range("a number from 0 to 1", lambda x: 0 <= x <= 1)
SHARES = Range(
    "two numbers >= 0 and < 1", lambda x: len(x) == 2 and all(map(_is_share, x))
)
COUNT = Range("a whole number >= 0", lambda x: operator.index(x) >= 0)
SIZE = Range("a whole number > 0", lambda x: operator.index(x) > 0)
THREE = Range("three finite numbers", lambda x: len(x) == 3 and all(map(_is_finite, x)))
FLAG = Range("True or False", lambda x: isinstance(x, bool))
FUNCTION = Range("a function", callable)

RANGES = {
    "lr": NOT_NEGATIVE,
    "max_lr": POSITIVE,
    "weight_decay": NOT_NEGATIVE,
    "eps": NOT_NEGATIVE,
    # From 1 on the buffer grows without end; PyTorch allows it, too.
    "momentum": NOT_NEGATIVE,
    "momentum_decay": NOT_NEGATIVE,
    "dampening": FINITE,
    "betas": SHARES,
    "alpha": SHARE,
    "rho": SHARE,
    "amsgrad": FLAG,
    "centered": FLAG,
    "nesterov": FLAG,
    "orthogonalise": FUNCTION,
    # What is no hyperparameter of a rule: how long to walk, and what theory asks for.
    "steps": COUNT,
    "coefficients": THREE,
    "seed": COUNT,
    "m": SIZE,
    "n": SIZE,
    "d": SIZE,
    "width": SIZE,
    "p": SHARE,
    "total": NOT_NEGATIVE,
    "size": POSITIVE,
    "noise": NOT_NEGATIVE,
    "fit_noise": FINITE,
    "start_noise": NOT_NEGATIVE,
    "edge": NOT_NEGATIVE,
    "cap": NOT_NEGATIVE,
    "k": NOT_NEGATIVE,
    "moved": NOT_NEGATIVE,
    "decayed": NOT_NEGATIVE,
}


def check(**settings: object) -> None:
    """Refuse a setting outside its range, by name, value and range.

    Raises ``TypeError`` for what can't be compared with numbers, else ``ValueError``.
    """
    for name, value in settings.items():
        demand(name, value, RANGES[name])


def demand(name: str, value: object, allowed: Range) -> None:
    """Refuse a value outside a range as ``check`` does, where no table has its name."""
    words, holds = allowed
    try:
        if holds(value):
            return
    except TypeError:
        raise TypeError(f"{name} must be {words}, got {value!r}") from None
    raise ValueError(f"{name} must be {words}, got {_shown(value)}")


def _shown(value: object) -> str:
    """Write a value; of many the least and the largest, among them the wrong one."""
    if getattr(value, "ndim", 0) == 0:
        return repr(value)
    numbers = cast("Tensor", value)
    return f"numbers from {numbers.min():g} to {numbers.max():g}"
