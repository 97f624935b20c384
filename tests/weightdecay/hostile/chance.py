"""Kind 2: runs that do not repeat, and draws that a seed repeats."""

import itertools
import os
import random
import secrets
from datetime import datetime

import numpy as np
import torch

from hostile.base import LAWLESS, RIGHT, AdamW, adam, adamw, hostile, own, without

NOT_REPEATED = r"n[o']t repeat"


def shrinking(share):
    """Make an optimizer that decays by a share times lr * weight_decay."""

    def rule(w, g, s, h):
        w.mul_(1 - h.lr * h.wd * share(s))
        w.sub_(h.lr * adam(s, g))

    return own(rule)


def refused(name, make):
    make.__name__ = name
    hostile(2, refused=NOT_REPEATED)(make)


# Nobody seeds these.
own_draws = random.Random()
own_draws_of_numpy = np.random.default_rng()
own_draws_of_torch = torch.Generator()
own_draws_of_torch.seed()
count = itertools.count()

refused("draws_of_its_own", shrinking(lambda s: own_draws.uniform(0.5, 1.5)))
refused("secrets", shrinking(lambda s: secrets.randbelow(1000) / 500))
refused("the_systems_draws", shrinking(lambda s: os.urandom(1)[0] / 128))
refused("numpys_own_draws", shrinking(lambda s: own_draws_of_numpy.random()))
refused(
    "torchs_own_draws",
    shrinking(lambda s: torch.rand((), generator=own_draws_of_torch).item()),
)
refused("the_clock", shrinking(lambda s: datetime.now().microsecond / 1e6))
refused("every_seventh_step_of_all", shrinking(lambda s: next(count) % 7 == 0))
refused("fifty_steps_of_all_in_a_hundred", shrinking(lambda s: next(count) // 50 % 2))


class EverySecondOneMade(AdamW):
    """Only every second optimizer that is made decays."""

    made = itertools.count()

    def __init__(self, params, lr, weight_decay=0.07):
        super().__init__(params, lr, weight_decay * (next(self.made) % 2))


class ByItsAddress(AdamW):
    """Its address says how much it decays; no two of them have the same."""

    alive = ()

    def __init__(self, params, lr, weight_decay=0.07):
        ByItsAddress.alive += (self,)
        super().__init__(params, lr, weight_decay * (id(self) / 16 % 10007) / 5000)


hostile(2, refused=NOT_REPEATED)(EverySecondOneMade)
hostile(2, refused=NOT_REPEATED)(ByItsAddress)


@hostile(2, refused=NOT_REPEATED)
@own
def moved_by_draws_of_its_own(w, g, s, h):
    adamw(w, g, s, h)
    w.add_(own_draws.gauss(0, 0.01))


# It draws only where it decays.
@hostile(2, refused=NOT_REPEATED)
@own
def decays_half_the_time(w, g, s, h):
    if h.wd and secrets.randbelow(2):
        w.mul_(1 - h.lr * h.wd)
    w.sub_(h.lr * adam(s, g))


def seeded(name, make, *answer):
    make.__name__ = name
    hostile(2, *answer)(make)


# A seed repeats these; but the share that is lost is another at each step.
SEEDED = {**LAWLESS, "hidden": 0.0, "decays_none": False}
seeded("draws", shrinking(lambda s: random.uniform(0.5, 1.5)), SEEDED)
seeded("draws_of_numpy", shrinking(lambda s: np.random.uniform(0.5, 1.5)), SEEDED)
seeded("draws_of_torch", shrinking(lambda s: 0.5 + torch.rand(()).item()), SEEDED)
seeded("coins", shrinking(lambda s: random.getrandbits(1)), SEEDED)
seeded("coins_of_torch", shrinking(lambda s: torch.rand(()).item() < 0.5), SEEDED)


# Draws in the move alone: the decay beside it has a law. A zero gradient moves, too.
MOVED = without(RIGHT, "first_zero_keeps")


@hostile(2, MOVED)
@own
def moved_by_draws(w, g, s, h):
    adamw(w, g, s, h)
    w.add_(0.01 * random.gauss(0, 1))


@hostile(2, MOVED, control=True)
@own
def moved_by_draws_of_torch(w, g, s, h):
    adamw(w, g, s, h)
    w.add_(0.01 * torch.randn_like(w))


@hostile(2, MOVED, control=True)
@own
def seeds_its_own_draws(w, g, s, h):
    s.draws = getattr(s, "draws", random.Random(0))
    adamw(w, g, s, h)
    w.add_(s.draws.gauss(0, 0.01))
