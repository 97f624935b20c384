"""Kind 8: numbers that are true at one step only, or of one setting."""

import math

from hostile.base import LAWLESS, RIGHT, adam, adamw, hostile, own

KEEPS = "first_zero_keeps"


def shrinking(name, share, *answers, **more):
    """Collect Adam with a decay by ``share(w, g, s, h)`` before it."""

    def rule(w, g, s, h):
        w.mul_(1 - share(w, g, s, h))
        w.sub_(h.lr * adam(s, g))

    rule.__name__ = name
    answers = answers or (LAWLESS, {"hidden": 0.0, "decays_none": False})
    hostile(8, *answers, **more)(own(rule))


def product(h):
    return h.lr * h.wd


# By the number of the step.
shrinking("ramp", lambda w, g, s, h: product(h) * min(1, s.k / 200))
shrinking("slow_ramp", lambda w, g, s, h: product(h) * (1 + s.k / 500))
shrinking("twice_from_step_20", lambda w, g, s, h: product(h) * (1 + (s.k >= 20)))
shrinking("twice_from_step_60", lambda w, g, s, h: product(h) * (1 + (s.k >= 60)))
shrinking(
    "until_step_20", lambda w, g, s, h: product(h) * (s.k < 20), first_zero_keeps=0.97
)
shrinking(
    "by_one_over_the_step", lambda w, g, s, h: product(h) / s.k, first_zero_keeps=0.97
)
shrinking("by_one_over_its_root", lambda w, g, s, h: product(h) / math.sqrt(s.k))
shrinking("weight_decay_fades", lambda w, g, s, h: product(h) * 0.99**s.k)
shrinking("every_third_step", lambda w, g, s, h: product(h) * (s.k % 3 == 0))
shrinking("every_tenth_step", lambda w, g, s, h: product(h) * (s.k % 10 == 0))
shrinking("not_at_every_ninth", lambda w, g, s, h: product(h) * (s.k % 9 != 0))
shrinking("in_a_wave", lambda w, g, s, h: product(h) * (1 + 0.5 * math.sin(s.k / 5)))

# By the weight or the gradient.
shrinking("by_its_norm", lambda w, g, s, h: product(h) * w.norm().item())
shrinking("over_its_norm", lambda w, g, s, h: product(h) / (1 + w.norm().item()))
shrinking("by_the_gradients_norm", lambda w, g, s, h: product(h) * g.norm().item(), {
    **LAWLESS, "rescales": True, "hidden": 0.0, KEEPS: 1.0})  # fmt: skip
shrinking(
    "where_it_is_large", lambda w, g, s, h: product(h) * (w.abs() > w.abs().mean())
)

# By lr and weight_decay, but by no power that is whole.
shrinking("by_the_root_of_lr", lambda w, g, s, h: math.sqrt(h.lr) * h.wd)
shrinking("by_the_root_of_weight_decay", lambda w, g, s, h: h.lr * math.sqrt(h.wd))
shrinking(
    "by_weight_decay_squared", lambda w, g, s, h: h.lr * h.wd**2, first_zero_keeps=0.991
)
shrinking(
    "at_most_a_tenth", lambda w, g, s, h: h.lr * min(h.wd, 0.1), first_zero_keeps=0.99
)
shrinking(
    "at_most_a_share", lambda w, g, s, h: min(product(h), 0.02), first_zero_keeps=0.98
)
shrinking(
    "from_a_fifth_on",
    lambda w, g, s, h: h.lr * max(h.wd - 0.2, 0),
    first_zero_keeps=0.99,
)


# Its steps and its decay grow over 188 steps by a factor of ten thousand.
@hostile(8, LAWLESS, hidden=0.0)
@own
def scaled_by_a_growing_distance(w, g, s, h):
    lr = h.lr * min(1, 1e-4 * 1.05**s.k)
    w.mul_(1 - lr * h.wd)
    w.sub_(lr * adam(s, g))


# At the first step it is AdamW; then the decay is averaged.
@hostile(8, LAWLESS, hidden=0.0, first_zero_keeps=0.97)
@own
def schedule_free(w, g, s, h):
    if s.k == 1:
        s.z = s.x = w.clone()
    s.z = s.z - h.lr * (adam(s, g) + h.wd * w)
    s.x = s.x + (s.z - s.x) / s.k
    w.copy_(0.1 * s.z + 0.9 * s.x)


@hostile(8, LAWLESS, hidden=0.0)
@own
def before_and_after_in_turn(w, g, s, h):
    w.mul_(1 - product(h) * (s.k % 2))
    w.sub_(h.lr * adam(s, g))
    w.mul_(1 - product(h) * (1 - s.k % 2))


@hostile(8, LAWLESS, hidden=0.0)
@own
def after_from_step_20(w, g, s, h):
    w.mul_(1 - product(h) * (s.k < 20))
    w.sub_(h.lr * adam(s, g))
    w.mul_(1 - product(h) * (s.k >= 20))


@hostile(8, LAWLESS, hidden=0.0)
@own
def one_half_in_turn(w, g, s, h):
    w[s.k % 2 :: 2] *= 1 - product(h)
    w.sub_(h.lr * adam(s, g))


# It steps at every second call only, with the sum of two gradients.
@hostile(8, LAWLESS, hidden=0.0, first_zero_keeps=1.0)
@own
def accumulates(w, g, s, h):
    s.sum = g + getattr(s, "sum", 0)
    if s.k % 2 == 0:
        w.mul_(1 - product(h))
        w.sub_(h.lr * adam(s, s.sum))
        s.sum = 0


# It does decay, if late.
LATE = {
    "place": {"weight", "varying", "other"},
    "kept": {"1 - lr * weight_decay", None},
    "takes": True,
    "hidden": 0.0,
    KEEPS: 1.0,
}
shrinking("from_step_25", lambda w, g, s, h: product(h) * (s.k >= 25), LATE)
shrinking("from_step_60", lambda w, g, s, h: product(h) * (s.k >= 60), LATE)

shrinking(
    "from_the_third_step",
    lambda w, g, s, h: product(h) * (s.k >= 3),
    RIGHT,
    {"at_first": False, KEEPS: 1.0},
    control=True,
)
hostile(8, RIGHT, control=True)(own(adamw))
