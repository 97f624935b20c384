"""Optimizers that lead a probe astray, each with what is true of it.

What is true follows from an optimizer's code alone, whatever a probe tries. The kinds
are numbered; ``CASES`` has them all.
"""

from hostile import (
    chance,
    elsewhere,
    failing,
    groups,
    memory,
    ramps,
    refusing,
    rounding,
    shapes,
    signs,
    small,
    sparse,
    strengths,
)
from hostile.base import CASES

__all__ = [
    "CASES",
    "chance",
    "elsewhere",
    "failing",
    "groups",
    "memory",
    "ramps",
    "refusing",
    "rounding",
    "shapes",
    "signs",
    "small",
    "sparse",
    "strengths",
]
