"""Kind 10: penalties of another sign and strength, and where they enter."""

import torch

from hostile.base import (
    GRADIENT,
    LAWLESS,
    OTHER,
    RIGHT,
    adam,
    hostile,
    momentum,
    own,
)

OPTIM = torch.optim


def maximising(name, optimizer, *answers, control=False, **settings):
    """Collect an optimizer of torch that climbs."""

    def make(params, **given):
        return optimizer(params, **given, **settings, maximize=True)

    make.__name__ = f"{name}_maximising"
    hostile(10, *answers, control=control)(make)


# -g + weight_decay * w is -(g - weight_decay * w).
MINUS = {**GRADIENT, "times": -1.0, "default": 0.0, "rescales": True}
BALLS = {**MINUS, "rescales": False}
maximising("momentum", OPTIM.SGD, BALLS, momentum=0.9)
maximising("nesterov", OPTIM.SGD, BALLS, momentum=0.9, nesterov=True)
maximising("adam", OPTIM.Adam, MINUS)
maximising("amsgrad", OPTIM.Adam, MINUS, amsgrad=True)
maximising("rmsprop", OPTIM.RMSprop, MINUS)
maximising("adagrad", OPTIM.Adagrad, MINUS)
EITHER = {"place": "either", "kept": "1 - lr * weight_decay", "hidden": 0.0}
maximising("sgd", OPTIM.SGD, EITHER, {"default": 0.0, "first_zero_keeps": 0.97})
maximising("adamw", OPTIM.AdamW, RIGHT, {"default": 0.01}, control=True)


def adagrad(s, g):
    s.v = s.v + g**2
    return g / (s.v**0.5 + 1e-10)


def penalised(name, direction, times, rescales, **more):
    def rule(w, g, s, h):
        w.sub_(h.lr * direction(s, g + times * h.wd * w))

    rule.__name__ = name
    hostile(10, GRADIENT, times=times, rescales=rescales, **more)(own(rule))


penalised("three_before_momentum", momentum, 3.0, False)
penalised("three_before_adam", adam, 3.0, True)
penalised("a_tenth_before_adam", adam, 0.1, True)
penalised("a_third_before_momentum", momentum, 1 / 3, False)
penalised("much_before_adagrad", adagrad, 7.25, True)
penalised("minus_two_before_adam", adam, -2.0, True)
penalised("half_before_momentum", momentum, 0.5, False, control=True)


def behind(name, change, direction, *answers):
    """Collect a penalty that is added behind a change of the gradient."""

    def rule(w, g, s, h):
        w.sub_(h.lr * direction(s, change(g) + h.wd * w))

    rule.__name__ = name
    hostile(10, *answers)(own(rule))


# What comes first does not see the penalty.
behind("behind_a_sign_before_adam", torch.sign, adam, OTHER, {"hidden": 0.0})
behind("behind_a_norm_before_adam", lambda g: g / (g.norm() + 1e-10), adam, OTHER)
behind("behind_a_mean_before_adam", lambda g: g - g.mean(), adam, OTHER)
MEMORY = {"place": "memory", "remembers": True, "rescales": False, "hidden": 0.0}
FIRST = {"kept": "1 - lr * weight_decay", "first_zero_keeps": 0.97}
behind("behind_a_norm_before_momentum", lambda g: g / (g.norm() + 1e-10), momentum,
       MEMORY, FIRST)  # fmt: skip


# All of these see it.
@hostile(10, GRADIENT, rescales=True)
@own
def before_a_norm(w, g, s, h):
    g = g + h.wd * w
    w.sub_(h.lr * momentum(s, g / (g.norm() + 1e-10)))


@hostile(10, GRADIENT, rescales=True)
@own
def before_a_mean(w, g, s, h):
    g = g + h.wd * w
    w.sub_(h.lr * adam(s, g - g.mean()))


# The penalty's strength is no multiple of weight_decay. Momentum remembers it, though.
def lawless(name, direction, strength, answer=LAWLESS):
    def rule(w, g, s, h):
        w.sub_(h.lr * direction(s, g + strength(h, s) * w))

    rule.__name__ = name
    hostile(10, answer, hidden=0.0)(own(rule))


BY_LR = {"place": {"memory", "other"}, "kept": {"1 - lr^2 * weight_decay", None}}
lawless("times_lr_before_momentum", momentum, lambda h, s: h.lr * h.wd, BY_LR)
lawless("times_lr_before_adam", adam, lambda h, s: 10 * h.lr * h.wd)
lawless("squared_before_adam", adam, lambda h, s: h.wd**2)
lawless("fading_before_momentum", momentum, lambda h, s: h.wd * 0.9**s.k)
lawless("late_before_adam", adam, lambda h, s: h.wd * (1 + (s.k >= 20)))
