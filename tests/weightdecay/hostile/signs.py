"""Kind 7: decay with another sign, and decay that asks a sign whether it may."""

from hostile.base import (
    GRADIENT,
    LAWLESS,
    RIGHT,
    adam,
    adamw,
    hostile,
    momentum,
    own,
    without,
)

GROWS = {"kept": "1 + lr * weight_decay", "times": -1.0, "first_zero_keeps": 1.03}


@hostile(7, RIGHT, GROWS)
@own
def grows_before(w, g, s, h):
    w.mul_(1 + h.lr * h.wd)
    w.sub_(h.lr * adam(s, g))


@hostile(7, RIGHT, GROWS, order="after")
@own
def grows_after(w, g, s, h):
    w.sub_(h.lr * adam(s, g))
    w.mul_(1 + h.lr * h.wd)


def by_form(form, keeps):
    grows = {"times": -1.0, "form": form, "first_zero_keeps": keeps}
    return without(RIGHT, "kept") | grows


@hostile(7, by_form("exp(-{x})", 1.030455))
@own
def grows_exponentially(w, g, s, h):
    w.mul_(2.718281828459045 ** (h.lr * h.wd))
    w.sub_(h.lr * adam(s, g))


@hostile(7, by_form("1 / (1 + {x})", 1.030928))
@own
def grows_implicitly(w, g, s, h):
    w.div_(1 - h.lr * h.wd)
    w.sub_(h.lr * adam(s, g))


@hostile(7, by_form("(1 - {x})^2", 1.0609))
@own
def grows_twice(w, g, s, h):
    w.mul_((1 + h.lr * h.wd) ** 2)
    w.sub_(h.lr * adam(s, g))


# It goes through zero.
@hostile(7, RIGHT, kept="1 - 40 * lr * weight_decay", first_zero_keeps=-0.2)
@own
def changes_the_sign(w, g, s, h):
    w.mul_(1 - 40 * h.lr * h.wd)
    w.sub_(h.lr * adam(s, g))


@hostile(7, GRADIENT, times=-1.0, rescales=False)
@own
def rewarded_before_momentum(w, g, s, h):
    w.sub_(h.lr * momentum(s, g - h.wd * w))


@hostile(7, GRADIENT, times=-1.0, rescales=True)
@own
def rewarded_before_adam(w, g, s, h):
    w.sub_(h.lr * adam(s, g - h.wd * w))


def where(allowed, direction):
    """Decay beside a move where ``allowed(w, g, u)``."""

    def rule(w, g, s, h):
        u = direction(s, g)
        w.sub_(h.lr * (u + h.wd * w * allowed(w, g, u)))

    return own(rule)


def gate(name, allowed, direction, answer, **more):
    make = where(allowed, direction)
    make.__name__ = name
    hostile(7, answer, **more)(make)


# A gradient and the move of its average may have other signs.
GATED, CAUTIOUS = RIGHT | {"order": "gated"}, RIGHT | {"order": "cautious"}
STAYS = {"first_zero_keeps": 1.0}
gate("gated_momentum", lambda w, g, u: g * w > 0, momentum, GATED | STAYS)
gate("gated_adam", lambda w, g, u: g * w > 0, adam, GATED | STAYS)
gate("gated_at_zero_too", lambda w, g, u: g * w >= 0, momentum, GATED)
gate("cautious_momentum", lambda w, g, u: u * w >= 0, momentum, CAUTIOUS)
gate("cautious_adam", lambda w, g, u: u * w >= 0, adam, CAUTIOUS, control=True)
gate("not_at_zero", lambda w, g, u: u * w > 0, momentum, CAUTIOUS | STAYS)
TWICE = {"kept": "1 - 2 * lr * weight_decay", "first_zero_keeps": 0.94}
gate("twice_where_cautious", lambda w, g, u: 2 * (u * w >= 0), adam, CAUTIOUS | TWICE)
gate("reckless", lambda w, g, u: u * w < 0, adam, LAWLESS | STAYS)
gate("gated_wrongly", lambda w, g, u: g * w < 0, momentum, LAWLESS | STAYS)
HALF = {"first_zero_keeps": 0.985}
gate("half_where_cautious", lambda w, g, u: 1 - (u * w >= 0) / 2, adam, LAWLESS | HALF)

hostile(7, RIGHT, control=True)(own(adamw))
