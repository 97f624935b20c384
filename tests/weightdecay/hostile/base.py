"""What the optimizers here are made of, and what is expected of the probe."""

from typing import NamedTuple

import torch

CASES = []


class Case(NamedTuple):
    """An optimizer, what must be answered, or the pattern of the refusal.

    A set in ``expected`` holds the values of which each would be true. With both
    ``expected`` and ``refused`` the probe may choose. ``control``: this is no trap.
    """

    kind: int
    name: str
    make: object
    expected: dict
    refused: str | None
    ask: dict
    control: bool


def hostile(kind, *answers, ask=None, refused=None, control=False, **more):
    """Collect an optimizer as a case, with one or several parts of the answer."""

    def collect(make):
        expected = {}
        for answer in (*answers, more):
            expected |= answer
        name = f"{kind}-{make.__name__}"
        CASES.append(Case(kind, name, make, expected, refused, ask or {}, control))
        return make

    return collect


class Memory:
    """What an optimizer remembers of a weight: the steps and two moments, at first."""

    k = 0
    m = v = 0.0


class Settings(NamedTuple):
    """What a rule is told: lr and weight_decay now, the first lr, the first weight."""

    lr: float
    wd: float
    base: float
    start: torch.Tensor


class Own(torch.optim.Optimizer):
    """An optimizer whose step is ``rule(w, g, memory, settings)``."""

    none_too = False

    def __init__(self, params, lr, weight_decay=0.07):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "base": lr})
        weights = [w for group in self.param_groups for w in group["params"]]
        self.starts = {w: w.detach().clone() for w in weights}

    @torch.no_grad()
    def step(self):
        """Step each weight that has a gradient."""
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is not None or self.none_too:
                    self.step_one(w, group)

    def step_one(self, w, group):
        """Step one weight."""
        memory = self.state[w].setdefault("memory", Memory())
        memory.k += 1
        now = (group["lr"], group["weight_decay"], group["base"], self.starts[w])
        self.rule(w, w.grad, memory, Settings(*now))


def own(rule, **more):
    """Make an optimizer class of a rule."""
    return type(rule.__name__, (Own,), {"rule": staticmethod(rule), **more})


def own_without_gradient(rule):
    """Make an optimizer class of a rule that is followed without gradient, too."""
    return own(rule, none_too=True)


def adam(s, g):
    """Return Adam's direction."""
    s.m = 0.9 * s.m + 0.1 * g
    s.v = 0.99 * s.v + 0.01 * g**2
    return s.m / (1 - 0.9**s.k) / ((s.v / (1 - 0.99**s.k)) ** 0.5 + 1e-8)


def momentum(s, g):
    """Return the direction of heavy balls."""
    s.m = 0.9 * s.m + g
    return s.m


def adamw(w, g, s, h):
    """Decay before a step of Adam: the right one."""
    w.mul_(1 - h.lr * h.wd)
    w.sub_(h.lr * adam(s, g))


AdamW = own(adamw)

# What is true of it.
RIGHT = {
    "place": "weight",
    "takes": True,
    "kept": "1 - lr * weight_decay",
    "order": "before",
    "lag": 0,
    "at_first": True,
    "decays_none": False,
    "decays_none_later": False,
    "first_zero_keeps": 0.97,
    "vectors": "alike",
    "default": 0.07,
    "hidden": 0.0,
    "errors": (),
}


def without(answer, *names):
    """Return an answer with some fields left open."""
    return {name: value for name, value in answer.items() if name not in names}


# What must be told of it by whoever does not refuse.
MAYBE = {name: RIGHT[name] for name in ("place", "kept", "order", "takes", "hidden")}
OTHER = {"place": "other", "kept": None}
LAWLESS = {"place": {"varying", "other"}, "kept": None}
GRADIENT = {
    "place": "gradient",
    "takes": True,
    "kept": None,
    "times": 1.0,
    "remembers": True,
    "hidden": 0.0,
    "default": 0.07,
    "errors": (),
}
