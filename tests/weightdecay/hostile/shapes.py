"""Kind 12: what a shape, a size or a dtype decides."""

import torch

from hostile.base import (
    GRADIENT,
    RIGHT,
    AdamW,
    adam,
    hostile,
    own,
    without,
)

HERE = without(RIGHT, "vectors")


def by_shape(name, factor, shapes, said, *answers, **more):
    """Collect AdamW with ``factor(w)`` times the decay, asked about some shapes."""

    def rule(w, g, s, h):
        w.mul_(1 - h.lr * h.wd * factor(w))
        w.sub_(h.lr * adam(s, g))

    rule.__name__ = name
    others = tuple(zip(shapes[1:], said, strict=True))
    asked = {"ask": {"shapes": shapes}, "shapes": others}
    hostile(12, *(answers or (HERE,)), **asked, **more)(own(rule))


NOT, ALIKE, ELSE, NO = "not decayed", "alike", "otherwise", "refused"
IDLE = {"place": "none", "takes": True, "kept": None, "hidden": 0.0}
TENSOR, MATRIX, VECTOR = (3, 2, 2, 2), (2, 2), (2,)

by_shape("only_4d", lambda w: w.ndim == 4, [TENSOR, MATRIX, VECTOR], [NOT, NOT])
by_shape("from_2d_on", lambda w: w.ndim > 1, [MATRIX, VECTOR, TENSOR], [NOT, ALIKE])
SLIM = [MATRIX, (2, 1), VECTOR]
by_shape("slim_as_vectors", lambda w: w.squeeze().ndim > 1, SLIM, [NOT, NOT])
MANY = [MATRIX, VECTOR, (4,), TENSOR]
by_shape("half_for_vectors", lambda w: min(w.ndim, 2) / 2, MANY, [ELSE, ELSE, ALIKE])
by_shape("by_its_size", lambda w: 4 / w.numel(), [MATRIX, (4,), VECTOR], [ALIKE, ELSE])
BIG = [(64, 64), MATRIX, (4096,)]
by_shape("large_ones", lambda w: w.numel() >= 4096, BIG, [NOT, ALIKE])
by_shape("small_ones", lambda w: w.numel() < 4096, BIG[1::-1], [NOT])
HIGH = [MATRIX, TENSOR]
by_shape("only_4d_of_a_matrix", lambda w: w.ndim == 4, HIGH, [ELSE], IDLE)
ALL = [MATRIX, VECTOR, (), TENSOR]
by_shape("all", lambda w: 1, ALL, [ALIKE] * 3, control=True)


class NoScalars(AdamW):
    """It refuses a weight without dimension."""

    def __init__(self, params, *args, **settings):
        params = list(params)
        if not all(w.ndim for w in params):
            raise ValueError("a weight must have a dimension")
        super().__init__(params, *args, **settings)


SCALARS = {"ask": {"shapes": [MATRIX, (), VECTOR]}}
hostile(12, HERE, shapes=(((), NO), (VECTOR, ALIKE)), **SCALARS)(NoScalars)
hostile(
    12,
    HERE,
    ask={"shapes": [MATRIX, TENSOR, VECTOR]},
    shapes=((TENSOR, NO), (VECTOR, NO)),
    hidden={0.0, None},
    default=0.1,
)(torch.optim.Muon)


# From 4096 elements on the moments have eight bits; the decay is what it was.
@hostile(12, HERE, ask={"shapes": [MATRIX, (64, 64)]}, shapes=(((64, 64), ALIKE),))
@own
def eight_bits_from_4096_on(w, g, s, h):
    w.mul_(1 - h.lr * h.wd)
    w.sub_(h.lr * adam(s, g))
    if w.numel() >= 4096:
        s.m = quantised(s.m)


def quantised(m):
    scale = m.abs().max() / 127 + 1e-30
    return (m / scale).round() * scale


# Dtypes.
HALF = {"ask": {"dtype": torch.bfloat16, "shapes": [MATRIX]}}


# 1 - lr * weight_decay / 100 is 1 in bfloat16, where 0.996 comes next.
@hostile(
    12,
    place={"none", "other", "varying"},
    kept=None,
    refused="bfloat16|round",
    **HALF,
)
@own
def rounded_away_in_bfloat16(w, g, s, h):
    w.mul_(1 - 0.01 * h.lr * h.wd)
    w.sub_(h.lr * adam(s, g))


# As soon as it has digits, the same decays.
@hostile(12, HERE, kept="1 - 0.01 * lr * weight_decay", first_zero_keeps=0.9997)
@own
def a_hundredth_in_float64(w, g, s, h):
    w.mul_(1 - 0.01 * h.lr * h.wd)
    w.sub_(h.lr * adam(s, g))


# Its weight is read in bfloat16 and has all its digits elsewhere: first a copy.
@hostile(
    12,
    place={"weight", "varying", "other"},
    kept={"1 - lr * weight_decay", None},
    refused="bfloat16|round",
    **HALF,
)
@own
def master_of_bfloat16(w, g, s, h):
    s.master = h.start.float() if s.k == 1 else s.master
    s.master.mul_(1 - h.lr * h.wd)
    s.master.sub_(h.lr * adam(s, g.float()))
    w.copy_(s.master)


class OnlyBfloat16(AdamW):
    """It takes no weight of another dtype."""

    def __init__(self, params, *args, **settings):
        params = list(params)
        if any(w.dtype != torch.bfloat16 for w in params):
            raise TypeError("this dtype is not taken")
        super().__init__(params, *args, **settings)


# In bfloat16 the law may drown in the rounding; nothing else may be said.
MAY_DROWN = {
    "place": {"weight", "varying", "other"},
    "takes": True,
    "kept": {"1 - lr * weight_decay", None},
}
hostile(12, MAY_DROWN, refused="bfloat16|round", **HALF)(OnlyBfloat16)
hostile(12, HERE, ask={"dtype": torch.float32, "shapes": [MATRIX]}, control=True)(AdamW)


# It has decayed a vector when it finds that it can't step it.
@hostile(12, HERE, ask={"shapes": [MATRIX, VECTOR]}, shapes=((VECTOR, NO),))
@own
def refuses_at_the_step(w, g, s, h):
    w.mul_(1 - h.lr * h.wd)
    w.sub_(h.lr * adam(s, g.mT).mT)


# For vectors it is a penalty, for matrices decay.
@hostile(12, HERE, ask={"shapes": [MATRIX, VECTOR]}, shapes=((VECTOR, ELSE),))
@own
def penalty_for_vectors(w, g, s, h):
    if w.ndim > 1:
        w.mul_(1 - h.lr * h.wd)
        w.sub_(h.lr * adam(s, g))
    else:
        w.sub_(h.lr * adam(s, g + h.wd * w))


# The other way round.
@hostile(
    12,
    without(GRADIENT, "default"),
    ask={"shapes": [MATRIX, VECTOR, TENSOR]},
    shapes=((VECTOR, ELSE), (TENSOR, ALIKE)),
    rescales=True,
)
@own
def penalty_for_all_but_vectors(w, g, s, h):
    if w.ndim == 1:
        w.mul_(1 - h.lr * h.wd)
        w.sub_(h.lr * adam(s, g))
    else:
        w.sub_(h.lr * adam(s, g + h.wd * w))
