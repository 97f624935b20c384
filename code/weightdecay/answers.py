"""What :mod:`weightdecay.probe` finds out about an optimizer, in words."""

from collections.abc import Iterator
from dataclasses import dataclass, field

PLACES = {
    "none": "is none: weight_decay is {taken}",
    "gradient": "goes through the gradient: {times}weight_decay * w is added to it"
    "{before}",
    "weight": "{verb} the weight{order}",
    "either": "goes through the gradient or {verb} the weight, which is one rule here",
    "memory": "goes into what later steps remember, and not through the gradient",
    "varying": "{verb} the weight{order}, by a share that varies: here from "
    "{least:.3g} to {most:.3g}",
    "other": "is of a kind that no rule tried here repeats",
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
    "gated": " where the gradient shrinks it",
}
SHAPES = {
    "alike": "decays alike",
    "not decayed": "is not decayed",
    "otherwise": "decays otherwise",
    "refused": "is refused",
}


@dataclass(frozen=True)
class Answer:
    """Which decay an optimizer does; ``print`` shows it line by line.

    place
        ``"none"``; ``"gradient"``, times * weight_decay * w is added to it, before all
        else; ``"weight"``, a share of the weight is lost, whatever the gradient;
        ``"either"``, these two are one; ``"memory"``, it joins what the optimizer
        remembers, apart from the gradient; ``"varying"``, a share of the weight by a
        law of its own; ``"other"``, none of these.
    takes
        Whether it can be made with a weight_decay.
    form, times, lr_power, base_lr_power, lag
        A step keeps ``form`` of the weight, with x for times * weight_decay *
        lr^lr_power * base_lr^base_lr_power: lr is the step's, or with a lag of 1 that
        of the step before; base_lr the one at construction. A negative times makes
        the weight grow. In a gradient only ``times`` counts.
    order
        ``"before"`` or ``"after"`` the step; ``"beside"`` one from the undecayed
        weight; ``"cautious"``, beside it and only where it shrinks the weight;
        ``"gated"``, only where the gradient by itself would.
    shares
        The shares of the first steps, if they vary.
    at_first
        Whether this holds from the first step on, not only after a warm-up.
    remembers, rescales
        Whether later steps feel the decay of this one; whether it changes with the
        size of the gradient.
    decays_none, decays_none_later
        Whether a gradient of ``None`` decays, in a first step and in a later one.
    first_zero_keeps, formula_keeps
        What a first step with a gradient of zero leaves of a weight of 1, and what the
        form says, if it says something else.
    shift_left
        Which part of a shift of the weight by hand is left thirteen steps later: less
        than 1 if the optimizer draws it back to a weight that it remembers, and with
        it what decay took; ``None`` if that is not one part.
    errors
        What was tried and raised an error. What it hides is ``None`` above.
    shape, shapes
        The shape of the weight that was asked about, and how each of the others that
        were asked decays: ``"alike"``, ``"not decayed"``, ``"otherwise"`` or
        ``"refused"``.
    asked
        The dtype, the lr and the weight_decay that it was asked with.
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
    lag: int = 0
    order: str = "before"
    shares: tuple[float, ...] = field(default=(), compare=False)
    at_first: bool = True
    remembers: bool = False
    rescales: bool = False
    decays_none: bool | None = False
    decays_none_later: bool | None = False
    first_zero_keeps: float | None = 1.0
    formula_keeps: float | None = None
    shift_left: float | None = 1.0
    errors: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    shapes: tuple[tuple[tuple[int, ...], str], ...] = ()
    asked: str = ""
    default: float | None = None
    hidden: float | None = 0.0

    def __str__(self) -> str:
        """Return the answer as lines, each with a label."""
        lines = [*self._lines(), ("Asked", self._asked())]
        width = max(len(label) for label, _ in lines)
        return "\n".join(f"{label:{width}}  {words}" for label, words in lines)

    def sentence(self) -> str:
        """Return the answer as one sentence, without what was asked."""
        first, *rest = (f"{label} {words}" for label, words in self._lines())
        return "; ".join([first, *(x[0].lower() + x[1:] for x in rest)]) + "."

    def brief(self) -> str:
        """Return which decay it is, without what else was found."""
        words = self._place()
        return f"{words}: a step keeps {self.kept}" if self.kept else words

    @property
    def kept(self) -> str | None:
        """What a step keeps of a weight as a formula, or None if there is no such."""
        if self.place not in ("weight", "either", "memory"):
            return None
        lr = "previous_lr" if self.lag else "lr"
        powers = {"base_lr": self.base_lr_power, lr: self.lr_power}
        x = [n if p == 1 else f"{n}^{p}" for n, p in powers.items() if p]
        size = abs(self.times)
        form = self.form if self.times > 0 else _opposite(self.form)
        times = [] if size == 1 else [f"{size:.4g}"]
        return form.format(x=" * ".join([*times, *x, "weight_decay"]))

    @property
    def vectors(self) -> str:
        """How vectors decay beside matrices, ``"only"`` if matrices are refused."""
        if len(self.shape) == 1 and ("refused" in (v for s, v in self.shapes)):
            return "only"
        return next((v for s, v in self.shapes if len(s) == 1), "alike")

    def _lines(self) -> Iterator[tuple[str, str]]:
        yield "Decay", self._place()
        if self.kept:
            step = "The step itself keeps" if self.place == "memory" else "A step keeps"
            yield step, self.kept
        if self.place != "none":
            yield from self._without_gradient()
        if self.shift_left is not None and abs(1 - self.shift_left) > 0.001:
            part = f"{self.shift_left:.3g} of it is left thirteen steps later"
            yield "What it took", f"is given back: {part}"
        for error in self.errors:
            verb = next(v for v in (" raises ", " gives ") if v in error)
            what, _, outcome = error.partition(verb)
            yield what[0].upper() + what[1:], verb.strip() + " " + outcome
        for shape, verdict in self.shapes:
            if self.place != "none" or verdict != "alike":
                yield _name(shape), SHAPES[verdict]
        if self.place != "none":
            yield "The default", f"is {_number(self.default)}"
        if self.hidden is None:
            yield "Without weight_decay", "a move depends on the weight, too"
        elif self.hidden:
            lost = f"a step still loses {self.hidden:.3g} * lr of the weight"
            yield "Without weight_decay", lost

    def _place(self) -> str:
        # In 16 bits a small decay changes no weight.
        lost = ", or lost in rounding" if "float16" in self.asked else ""
        taken = f"taken and not used{lost}" if self.takes else "no argument of it"
        words = {
            "taken": taken,
            "times": "" if self.times == 1 else f"{self.times:.4g} * ",
            "before": BEFORE[self.remembers, self.rescales],
            "verb": "shrinks" if self.times > 0 else "makes grow",
            "order": ORDERS[self.order],
            "least": min(self.shares, default=0.0),
            "most": max(self.shares, default=0.0),
        }
        late = "" if self.at_first else ", and not yet in the first steps"
        return PLACES[self.place].format(**words) + late

    def _without_gradient(self) -> Iterator[tuple[str, str]]:
        if self.first_zero_keeps is not None:
            says = self.formula_keeps
            but = "" if says is None else f", where the formula says {says:.3g}"
            leaves = f"leaves {_near_one(self.first_zero_keeps)} of 1{but}"
            yield "A first gradient of zero", leaves
        none = self.decays_none, self.decays_none_later
        if none != (None, None):
            words = {True: "decays it", False: "leaves it alone", None: ""}
            first, later = (words[decays] for decays in none)
            both = first if first == later else f"{first} at first, {later} later"
            yield "A gradient of None", both if first and later else first or later

    def _asked(self) -> str:
        shapes = [
            self.shape,
            *(s for s, verdict in self.shapes if verdict != "refused"),
        ]
        return f"with {' and '.join(map(str, shapes))}, {self.asked}"


def _name(shape: tuple[int, ...]) -> str:
    return "A vector" if len(shape) == 1 else f"Shape {shape}"


def _near_one(x: float) -> str:
    return f"1 - {1 - x:.3g}" if 0 < abs(1 - x) < 0.01 else f"{x:.3g}"


def _number(x: float | None) -> str:
    return "unknown" if x is None else f"{x:g}"


def _opposite(form: str) -> str:
    """Return the form for a negative x."""
    signs = {"- {x}": "+ {x}", "+ {x}": "- {x}", "-{x}": "{x}"}
    return next(form.replace(a, b) for a, b in signs.items() if a in form)
