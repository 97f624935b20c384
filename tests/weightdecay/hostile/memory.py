"""Kind 1: what is done to a weight depends on an earlier one."""

from hostile.base import (
    GRADIENT,
    LAWLESS,
    OTHER,
    RIGHT,
    adam,
    adamw,
    hostile,
    momentum,
    own,
)

hostile(1, RIGHT, control=True)(own(adamw))


# It pulls to where it began: of a weight there, a zero gradient keeps all.
@hostile(1, OTHER, first_zero_keeps=1.0, hidden=0.0)
@own
def anchored_at_construction(w, g, s, h):
    w.sub_(h.lr * h.wd * (w - h.start) + h.lr * adam(s, g))


@hostile(1, OTHER, first_zero_keeps=1.0, hidden=0.0)
@own
def anchored_at_the_first_step(w, g, s, h):
    s.first = w.clone() if s.k == 1 else s.first
    w.sub_(h.lr * h.wd * (w - s.first) + h.lr * adam(s, g))


@hostile(1, OTHER, first_zero_keeps=1.0, hidden=0.0)
@own
def penalty_on_the_way_from_the_start(w, g, s, h):
    w.sub_(h.lr * adam(s, g + h.wd * (w - h.start)))


@hostile(1, OTHER, first_zero_keeps=1.0, hidden=0.0)
@own
def pulled_to_the_step_before(w, g, s, h):
    before, s.before = (w if s.k == 1 else s.before), w.clone()
    w.sub_(h.lr * h.wd * (w - before) + h.lr * adam(s, g))


def lookahead(w, s):
    if s.k % 5 == 0:
        s.slow = s.slow + 0.5 * (w - s.slow)
        w.copy_(s.slow)


# Shrink its weight by hand before each step, and all the rest follows. Without decay
# it goes the same way from everywhere.
@hostile(1, RIGHT)
@own
def lookahead_from_construction(w, g, s, h):
    s.slow = h.start if s.k == 1 else s.slow
    adamw(w, g, s, h)
    lookahead(w, s)


@hostile(1, RIGHT)
@own
def lookahead_from_the_first_step(w, g, s, h):
    s.slow = w.clone() if s.k == 1 else s.slow
    adamw(w, g, s, h)
    lookahead(w, s)


def dual_average(g, s, h):
    s.sum = getattr(s, "sum", 0) + h.lr * g
    s.squares = getattr(s, "squares", 0) + h.lr * g**2
    return h.start - s.sum / (s.squares ** (1 / 3) + 1e-6)


@hostile(1, GRADIENT, rescales=True)
@own
def averaged_from_construction(w, g, s, h):
    w.copy_(dual_average(g + h.wd * w, s, h))


# What is decayed is written over.
@hostile(1, place="none", takes=True, kept=None, hidden=0.0)
@own
def averaged_over_the_decay(w, g, s, h):
    w.mul_(1 - h.lr * h.wd)
    w.copy_(dual_average(g, s, h))


# 0.9 * 0.97 + 0.1 of a weight of 1. To shrink the weight before it is pulled, or to
# take 0.9 times that much beside the pull, is the same.
@hostile(
    1,
    RIGHT,
    kept={"1 - lr * weight_decay", "1 - 0.9 * lr * weight_decay"},
    order={"before", "beside"},
    first_zero_keeps=0.973,
)
@own
def pulled_to_an_average(w, g, s, h):
    w.mul_(1 - h.lr * h.wd)
    w.copy_(0.9 * w + 0.1 * dual_average(g, s, h))


# A shrinking by hand before the step is repeated; no share of the weight is lost.
@hostile(
    1,
    place={"weight", "varying", "other"},
    kept={"1 - lr * weight_decay", None},
    hidden=None,
    first_zero_keeps=1.0,
)
@own
def on_the_first_sphere(w, g, s, h):
    adamw(w, g, s, h)
    w.mul_(h.start.norm() / w.norm())


@hostile(1, RIGHT, hidden=None)
@own
def steps_as_large_as_the_first_weight(w, g, s, h):
    w.mul_(1 - h.lr * h.wd)
    w.sub_(h.lr * h.start.norm() * adam(s, g))


# The weight is an average of one that is hidden and decays.
@hostile(1, LAWLESS, hidden=0.0, first_zero_keeps=0.997)
@own
def average_of_a_hidden_weight(w, g, s, h):
    s.fast = h.start.clone() if s.k == 1 else s.fast
    adamw(s.fast, g, s, h)
    w.copy_(0.9 * w + 0.1 * s.fast)


# It does what AdamW does; but shrinking by hand is written over, so that whoever
# tries it by hand may say that no rule repeats this.
@hostile(
    1,
    place={"weight", "other"},
    kept={"1 - lr * weight_decay", None},
    hidden=0.0,
    first_zero_keeps=0.97,
    decays_none=False,
)
@own
def master_copy(w, g, s, h):
    s.master = h.start.float() if s.k == 1 else s.master
    adamw(s.master, g.float(), s, h)
    w.copy_(s.master)


# Its decay follows an average of the weights, which the first step takes as it is:
# whoever calls that remembered must say so of the first step.
@hostile(
    1,
    place={"memory", "other"},
    kept={"1 - lr * weight_decay", None},
    hidden=0.0,
    first_zero_keeps=0.97,
)
@own
def pulled_by_the_average_weight(w, g, s, h):
    s.mean = w.clone() if s.k == 1 else 0.9 * s.mean + 0.1 * w
    w.sub_(h.lr * (h.wd * s.mean + momentum(s, g)))


@hostile(1, LAWLESS, hidden=0.0)
@own
def by_the_distance_from_the_start(w, g, s, h):
    w.mul_(1 - h.lr * h.wd * (w - h.start).norm())
    w.sub_(h.lr * adam(s, g))


@hostile(1, RIGHT, control=True)
@own
def remembers_the_start_for_nothing(w, g, s, h):
    s.first = getattr(s, "first", w.clone())
    adamw(w, g, s, h)
