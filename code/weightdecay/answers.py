"""What :mod:`weightdecay.probe` finds out about an optimizer, as one sentence."""

from collections.abc import Iterator
from dataclasses import dataclass

PLACES = {
    "none": "no decay: weight_decay is {taken}",
    "gradient": "through the gradient: {times}weight_decay * w is added to it{before}",
    "weight": "on the weight: a step keeps {kept} of it{order}",
    "either": "through the gradient or on the weight, which is one rule here: a step "
    "keeps {kept} of it",
    "memory": "behind the preconditioner, into what later steps remember, where the "
    "first step keeps {kept} of the weight",
    "varying": "on the weight: a step keeps a share of it{order}, by no law tried here",
    "other": "in a way that no rule tried here repeats",
}
BEFORE = {
    (True, True): ", before its preconditioner and all that it remembers",
    (True, False): ", before its momentum",
    (False, True): ", before its preconditioner",
    (False, False): "",
}
ORDERS = {
    "before": " before it moves",
    "beside": ", beside a move that starts from the whole",
    "after": " after it moved",
    "cautious": " where the move shrinks it",
}
VECTORS = {
    "alike": "vectors like matrices",
    "not decayed": "vectors are not decayed",
    "otherwise": "vectors otherwise than matrices",
    "refused": "vectors are refused",
    "only": "matrices are refused",
}


@dataclass(frozen=True)
class Answer:
    """Which decay an optimizer does; ``print`` makes one sentence of it.

    place
        ``"none"``; ``"gradient"``, weight_decay * w is added to it, before all else;
        ``"weight"``, a share of the weight is lost, whatever the gradient;
        ``"either"``, these two are one; ``"memory"``, added behind the preconditioner
        to what the optimizer remembers; ``"varying"``, a share of the weight by a law
        of its own; ``"other"``, none of these.
    takes
        Whether it can be made with a weight_decay.
    form, times, lr_power, base_lr_power
        A step keeps ``form`` of the weight, with x for times * weight_decay *
        lr^lr_power * base_lr^base_lr_power: lr is the step's, base_lr the one at
        construction. In a gradient only ``times`` counts.
    order
        ``"before"`` or ``"after"`` the step; ``"beside"`` one from the undecayed
        weight; ``"cautious"``, beside it and only where it shrinks the weight.
    at_first
        Whether this holds from the first step on, not only after a warm-up.
    remembers, rescales
        Whether later steps feel the decay of this one; whether it changes with the
        size of the gradient.
    decays_none, first_zero_keeps
        Whether a gradient of ``None`` decays; what a first step with a gradient of
        zero, lr 0.1 and weight_decay 0.3 leaves of a weight of 1.
    vectors
        ``"alike"``, ``"not decayed"`` or ``"otherwise"``, compared with matrices;
        ``"refused"``, or ``"only"`` if matrices are.
    default
        The weight_decay that it takes by itself; ``None`` if that can't be told.
    hidden
        The share of the weight that a step loses at weight_decay 0, over lr; ``None``
        if the step depends on the weight in another way.
    """

    place: str
    takes: bool = True
    form: str = "1 - {x}"
    times: float = 1.0
    lr_power: int = 1
    base_lr_power: int = 0
    order: str = "before"
    at_first: bool = True
    remembers: bool = False
    rescales: bool = False
    decays_none: bool = False
    first_zero_keeps: float = 1.0
    vectors: str = "alike"
    default: float | None = None
    hidden: float | None = 0.0

    def __str__(self) -> str:
        """Return the answer as one sentence."""
        times = "" if self.times == 1 else f"{self.times:.4g} * "
        words = {
            "taken": "taken and not used" if self.takes else "no argument of it",
            "times": times,
            "before": BEFORE[self.remembers, self.rescales],
            "kept": self.kept,
            "order": ORDERS[self.order],
        }
        place = PLACES[self.place].format(**words)
        return "; ".join([place[0].upper() + place[1:], *self._rest()]) + "."

    @property
    def kept(self) -> str | None:
        """What a step keeps of a weight as a formula, or None if there is no such."""
        if self.place not in ("weight", "either", "memory"):
            return None
        powers = {"base_lr": self.base_lr_power, "lr": self.lr_power}
        x = [n if p == 1 else f"{n}^{p}" for n, p in powers.items() if p]
        times = [] if self.times == 1 else [f"{self.times:.4g}"]
        return self.form.format(x=" * ".join([*times, *x, "weight_decay"]))

    def _rest(self) -> Iterator[str]:
        if not self.at_first:
            yield "not yet in the first steps"
        if self.place != "none":
            yield f"of 1, a zero gradient first leaves {self.first_zero_keeps:.3g}"
            yield f"a None {'decays it too' if self.decays_none else 'leaves it alone'}"
        if self.place != "none" or self.vectors in ("refused", "only"):
            yield VECTORS[self.vectors]
        if self.default is not None:
            yield f"the default is {self.default:g}"
        if self.hidden is None:
            yield "and its move depends on the weight without weight_decay, too"
        elif self.hidden:
            yield f"and without weight_decay a step still loses {self.hidden:.3g} * lr"
