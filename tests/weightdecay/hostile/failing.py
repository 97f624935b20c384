"""Kind 3: a step that fails after the first ones; the rest must be answered."""

import re

from hostile.base import (
    MAYBE,
    RIGHT,
    AdamW,
    adam,
    adamw,
    hostile,
    own,
    own_without_gradient,
)


def said(pattern):
    """Say that an answer's errors have a text of this pattern."""
    return {"errors": re.compile(pattern)}


NONE_FAILS = {"decays_none": None, "decays_none_later": None}


# A gradient of None fails.
@hostile(3, RIGHT, NONE_FAILS, said("None.*TypeError"))
@own_without_gradient
def none_fails(w, g, s, h):
    adamw(w, g, s, h)


@hostile(3, RIGHT, NONE_FAILS, said("None.*RuntimeError"))
@own_without_gradient
def none_is_refused(w, g, s, h):
    if g is None:
        raise RuntimeError("a weight without gradient")
    adamw(w, g, s, h)


@hostile(3, RIGHT, {"decays_none_later": None}, said("None.*TypeError"))
@own_without_gradient
def none_fails_later(w, g, s, h):
    if g is not None or s.k > 1:
        adamw(w, g, s, h)


# Later a None moves the weight along its last direction, and decays it.
@hostile(
    3,
    RIGHT,
    {"decays_none": None, "decays_none_later": True},
    said("None.*AttributeError"),
)
@own_without_gradient
def none_fails_at_first(w, g, s, h):
    s.u = s.u if g is None else adam(s, g)
    w.mul_(1 - h.lr * h.wd)
    w.sub_(h.lr * s.u)


# It fails with None only where it decays.
@hostile(3, RIGHT, NONE_FAILS, said("None.*ValueError"))
@own_without_gradient
def none_fails_with_decay(w, g, s, h):
    if g is not None:
        adamw(w, g, s, h)
    elif h.wd:
        raise ValueError("no gradient, no decay")


ZERO_FAILS = {"first_zero_keeps": None}


@hostile(3, RIGHT, ZERO_FAILS, said("zero.*ZeroDivisionError"))
@own
def zero_gradients_divide_by_zero(w, g, s, h):
    w.mul_(1 - h.lr * h.wd)
    w.sub_(h.lr * adam(s, g * (1 / g.norm().item())))


@hostile(3, RIGHT, ZERO_FAILS, said("zero.*AssertionError"))
@own
def zero_gradients_are_asserted_away(w, g, s, h):
    assert g.any()
    adamw(w, g, s, h)


@hostile(3, RIGHT, ZERO_FAILS, said("zero.*FloatingPointError"))
@own
def zero_gradients_fail_with_decay(w, g, s, h):
    if h.wd and not g.any():
        raise FloatingPointError("nothing to compare the decay with")
    adamw(w, g, s, h)


# Where all weights are zero there is nothing to decay, and it says so.
@hostile(3, RIGHT, refused="AssertionError")
@own
def zero_weights_fail_with_decay(w, g, s, h):
    assert w.any() or not h.wd
    adamw(w, g, s, h)


@hostile(3, MAYBE, refused="one weight at most")
class OneWeight(AdamW):
    """It takes one weight, as L-BFGS does one group."""

    def __init__(self, params, *args, **settings):
        params = list(params)
        if len(params) > 1:
            raise ValueError("one weight at most")
        super().__init__(params, *args, **settings)


hostile(3, RIGHT, control=True)(own(adamw))
