"""Kind 11: the small clauses, and what is said beside the answer."""

import warnings

import torch

from hostile.base import (
    GRADIENT,
    MAYBE,
    RIGHT,
    AdamW,
    Own,
    adam,
    adamw,
    hostile,
    momentum,
    own,
    own_without_gradient,
    without,
)


# A gradient of None.
@hostile(11, RIGHT, decays_none_later=True)
@own_without_gradient
def decays_none_later_on(w, g, s, h):
    s.seen = g is not None or getattr(s, "seen", False)
    if s.seen:
        w.mul_(1 - h.lr * h.wd)
    if g is not None:
        w.sub_(h.lr * adam(s, g))


@hostile(11, RIGHT, decays_none=True)
@own_without_gradient
def decays_none_at_first_only(w, g, s, h):
    if g is not None or s.k == 1:
        w.mul_(1 - h.lr * h.wd)
    if g is not None:
        w.sub_(h.lr * adam(s, g))


@hostile(11, RIGHT, decays_none=True, decays_none_later=True, control=True)
@own_without_gradient
def decays_none_always(w, g, s, h):
    w.mul_(1 - h.lr * h.wd)
    if g is not None:
        w.sub_(h.lr * adam(s, g))


# Without a gradient it goes on in its direction, and does not decay.
@hostile(11, RIGHT)
@own_without_gradient
def moves_without_a_gradient(w, g, s, h):
    if g is None:
        w.sub_(h.lr * s.m)
    else:
        w.mul_(1 - h.lr * h.wd)
        w.sub_(h.lr * momentum(s, g))


# The lr of the step before.
LAG = {"lag": 1, "kept": "1 - previous_lr * weight_decay"}


@hostile(11, RIGHT, LAG)
@own
def by_the_lr_before(w, g, s, h):
    before, s.before = getattr(s, "before", h.lr), h.lr
    w.mul_(1 - before * h.wd)
    w.sub_(h.lr * adam(s, g))


@hostile(11, RIGHT, LAG, order="after")
@own
def after_it_by_the_lr_before(w, g, s, h):
    before, s.before = getattr(s, "before", h.lr), h.lr
    w.sub_(h.lr * adam(s, g))
    w.mul_(1 - before * h.wd)


# NaN, but only where it decays.
@hostile(11, refused=r"(?i)\bnan\b.*decay|decay.*\bnan\b")
@own
def nan_where_it_decays(w, g, s, h):
    w.mul_(1 - h.lr * h.wd if h.wd == 0 else float("nan"))
    w.sub_(h.lr * adam(s, g))


@hostile(11, refused=r"(?i)\bnan\b|finite")
@own
def nan_after_some_decay(w, g, s, h):
    w.mul_(1 - h.lr * h.wd)
    w.sub_(h.lr * adam(s, g) * (1 if h.wd == 0 or s.k < 5 else float("nan")))


# Defaults.
def with_default(name, rule, standard, *answers, **more):
    def __init__(self, params, lr, weight_decay=standard):  # noqa: N807
        Own.__init__(self, params, lr, 0.01 if weight_decay is None else weight_decay)

    make = own(rule, __init__=__init__)
    make.__name__ = name
    hostile(11, *answers, **more)(make)


def penalised(direction):
    return lambda w, g, s, h: w.sub_(h.lr * direction(s, g + h.wd * w))


def sign(s, g):
    return g.sign()


def named(name, rule):
    rule.__name__ = name
    return rule


l2, signed = named("l2", penalised(adam)), named("signed", penalised(sign))
ADAPTIVE = {**GRADIENT, "rescales": True}
SIGNED = {**ADAPTIVE, "remembers": False}
with_default("adam_of_a_tenth", l2, 0.1, ADAPTIVE, default=0.1)
with_default("adam_of_a_millionth", l2, 1e-6, ADAPTIVE, default={1e-6, None})
with_default("adam_of_five", l2, 5.0, ADAPTIVE, default={5.0, None})
with_default("signs_of_a_hundredth", signed, 0.01, SIGNED, default={0.01, None})
with_default("signs_of_zero", signed, 0.0, SIGNED, default={0.0, None})
with_default("decay_of_three", adamw, 3.0, RIGHT, default=3.0)
with_default("a_hundredth_for_none", adamw, None, RIGHT, default=0.01)
with_default("decay_of_minus_a_tenth", adamw, -0.1, RIGHT, default={-0.1, None})


# Arguments.
@hostile(11, RIGHT)
def named_wd(params, lr, wd=0.07):
    return AdamW(params, lr, wd)


@hostile(11, RIGHT)
def named_weight_decay_rate(params, lr=0.001, weight_decay_rate=0.07):
    return AdamW(params, lr, weight_decay_rate)


# Its decay is that of lr.
@hostile(11, place="none", takes=False, hidden=0.0, kept=None)
def a_decay_of_lr(params, lr, decay=0.01):
    def rule(w, g, s, h):
        w.sub_(h.lr / (1 + decay * s.k) * adam(s, g))

    return own(rule)(params, lr, 0.0)


@hostile(11, MAYBE, refused=r"\blr\b")
def no_argument_lr(params, weight_decay=0.07):
    return AdamW(params, 0.1, weight_decay)


@hostile(11, RIGHT, control=True)
def by_keyword_alone(params, *, lr, weight_decay=0.07):
    return AdamW(params, lr, weight_decay)


# What it says and wants while it steps.
@hostile(11, RIGHT)
@own
def prints(w, g, s, h):
    print("step", s.k)
    adamw(w, g, s, h)


@hostile(11, RIGHT)
@own
def warns(w, g, s, h):
    warnings.warn("this optimizer is old", DeprecationWarning, stacklevel=2)
    adamw(w, g, s, h)


class WithClosure(AdamW):
    """It can't be stepped without a closure."""

    def step(self, closure):
        """Let the closure find the gradients, then step."""
        with torch.enable_grad():
            closure()
        super().step()


@hostile(11, RIGHT)
class LossIsATensor(WithClosure):
    """It reads the loss that a closure returns."""

    def step(self, closure):
        """Step, and return the number of the loss."""
        loss = []
        super().step(lambda: loss.append(closure()))
        return loss[0].item()


@hostile(11, RIGHT, control=True)
class SharpnessAware(WithClosure):
    """It asks the closure twice, the second time where the loss is larger."""

    def step(self, closure):
        """Step with the gradient from up the hill."""
        closure()
        weights = [w for w in self.starts if w.grad is not None]
        with torch.no_grad():
            here = [w.clone() for w in weights]
            for w in weights:
                w.add_(0.05 * w.grad)
        closure()
        with torch.no_grad():
            for w, old in zip(weights, here, strict=True):
                w.copy_(old)
        AdamW.step(self)


hostile(11, without(RIGHT, "default"), control=True)(
    own(adamw, __init__=lambda self, params, lr, weight_decay: Own.__init__(
        self, params, lr, weight_decay))
)  # fmt: skip
