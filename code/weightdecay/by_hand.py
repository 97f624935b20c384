"""A decay that is done by hand, around the steps of an optimizer that does none.

Whether an optimizer decays as somebody says can be told by switching its own decay off
and doing theirs: the weights must come out the same. Each class here is one way of
taking a step, called with the weight, its gradient, the rates and the step itself.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

# Takes a step of the optimizer with a gradient.
Step: TypeAlias = Callable[[Tensor], None]

# What a step keeps by a formula of x, and the x of the share that was lost.
FORMS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "1 - {x}": (lambda x: 1 - x, lambda lost: lost),
    "(1 - {x})^2": (lambda x: (1 - x) ** 2, lambda lost: 1 - math.sqrt(1 - lost)),
    "1 / (1 + {x})": (lambda x: 1 / (1 + x), lambda lost: lost / (1 - lost)),
    "exp(-{x})": (lambda x: math.exp(-x), lambda lost: -math.log(1 - lost)),
}
ORDERS = ("before", "beside", "after", "cautious", "gated")


@dataclass(frozen=True)
class Rates:
    """The number of a step, its lr, that of the step before and that of the first."""

    k: int
    lr: float
    previous_lr: float
    base_lr: float


@dataclass(frozen=True)
class Penalise:
    """Adds ``amount`` times the weight to the gradient."""

    amount: float

    def __call__(self, w: Tensor, g: Tensor, rates: Rates, step: Step) -> None:
        """Take one step."""
        step(g + self.amount * w.detach())


@dataclass(frozen=True)
class Law:
    """Which share of the weight a step keeps: see :class:`~weightdecay.answers.Answer`.

    ``order`` is one of ``ORDERS``.
    """

    form: str
    times: float
    lr_power: int
    base_lr_power: int
    order: str
    lag: int = 0

    def kept(self, weight_decay: float, rates: Rates) -> float:
        """Return what is left of 1."""
        lr = rates.previous_lr if self.lag else rates.lr
        by = lr**self.lr_power * rates.base_lr**self.base_lr_power
        return FORMS[self.form][0](self.times * weight_decay * by)


@dataclass(frozen=True)
class Shrink:
    """Shrinks the weight by a law.

    With ``first_beside`` the first step starts from the whole weight, and is shrunk
    beside it: for an optimizer that copies the weight before its first step.
    """

    law: Law
    weight_decay: float
    first_beside: bool = False

    def __call__(self, w: Tensor, g: Tensor, rates: Rates, step: Step) -> None:
        """Take one step."""
        first = self.first_beside and rates.k == 0
        order = "beside" if first else self.law.order
        shrink(self.law.kept(self.weight_decay, rates), order, w, g, step)


@dataclass(frozen=True)
class Shares:
    """Takes a share of its own from the weight at each step, none after the last."""

    shares: tuple[float, ...]
    order: str

    def __call__(self, w: Tensor, g: Tensor, rates: Rates, step: Step) -> None:
        """Take one step."""
        share = self.shares[rates.k] if rates.k < len(self.shares) else 0.0
        shrink(1 - share, self.order, w, g, step)


def shrink(
    kept: float, order: str, w: Tensor, g: Tensor, step: Step
) -> None:  # fmt: skip
    """Take one step; before, after or beside it shrink the weight."""
    # Each time anew: a step may give the weight another memory.
    old = w.detach().clone()
    if order == "before":
        w.data.mul_(kept)
    step(g)
    if order == "after":
        w.data.mul_(kept)
    if order in ("beside", "cautious", "gated"):
        move = w.detach() - old
        w.data.sub_((1 - kept) * shrunk(order, old, move, g))


def shrunk(order: str, w: Tensor, move: Tensor, g: Tensor) -> Tensor:
    """Return what a decay takes a share of, the undecayed step being ``move``."""
    if order == "cautious":
        return w * (move * w <= 0)
    if order == "gated":
        return w * (g * w >= 0)
    return w + move if order == "after" else w
