"""Kind 4: a double weight, stepped with fewer digits. It loses nothing by itself."""

import numpy as np
import pytest
import torch

from hostile.base import GRADIENT, RIGHT, adam, adamw, hostile, momentum, own


def through_float(rule):
    """Make an optimizer that follows a rule in float32 and writes the result back."""

    def rounded(w, g, s, h):
        single = w.float()
        rule(single, g.float(), s, h)
        w.copy_(single)

    rounded.__name__ = f"{rule.__name__}_in_float32"
    return own(rounded)


def shrunk_after(w, g, s, h):
    w.sub_(h.lr * adam(s, g))
    w.mul_(1 - h.lr * h.wd)


def exponential(w, g, s, h):
    w.mul_(torch.exp(torch.tensor(-h.lr * h.wd, dtype=torch.float32)))
    w.sub_(h.lr * adam(s, g))


def by_signs(w, g, s, h):
    w.mul_(1 - h.lr * h.wd)
    w.sub_(h.lr * momentum(s, g).sign())


def penalised_adam(w, g, s, h):
    w.sub_(h.lr * adam(s, g + h.wd * w))


def penalised_momentum(w, g, s, h):
    w.sub_(h.lr * momentum(s, g + h.wd * w))


def tripled(w, g, s, h):
    w.mul_(1 - 3 * h.lr * h.wd)
    w.sub_(h.lr * adam(s, g))


KEPT = {"kept": "1 - 3 * lr * weight_decay", "first_zero_keeps": 0.91}
hostile(4, RIGHT)(through_float(adamw))
hostile(4, RIGHT, order="after")(through_float(shrunk_after))
hostile(4, RIGHT, kept="exp(-lr * weight_decay)", first_zero_keeps=0.970446)(
    through_float(exponential)
)
hostile(4, RIGHT)(through_float(by_signs))
hostile(4, RIGHT, KEPT)(through_float(tripled))
# Their default is right, or can't be told.
UNSURE = {**GRADIENT, "default": {0.07, None}}
hostile(4, UNSURE, rescales=True)(through_float(penalised_adam))
hostile(4, UNSURE, rescales=False)(through_float(penalised_momentum))


@hostile(4, RIGHT)
@own
def by_numpy_in_float32(w, g, s, h):
    single = w.numpy().astype(np.float32)
    single -= np.float32(h.lr * h.wd) * single
    w.copy_(torch.from_numpy(single) - h.lr * adam(s, g.float()))


# It only rounds the weight, and has no decay.
@hostile(4, place="none", takes=True, kept=None, hidden=0.0)
@own
def rounds_and_decays_not(w, g, s, h):
    w.copy_((w - h.lr * adam(s, g)).float())


# What it does lose by itself is found under the rounding.
@hostile(4, RIGHT, hidden=pytest.approx(0.01, rel=0.05), first_zero_keeps=0.969)
@own
def loses_a_little_in_float32(w, g, s, h):
    w.mul_(1 - h.lr * (h.wd + 0.01))
    w.copy_((w - h.lr * adam(s, g)).float())


@hostile(4, RIGHT, hidden=1e-4, first_zero_keeps=0.96999, control=True)
@own
def loses_a_little_in_float64(w, g, s, h):
    w.mul_(1 - h.lr * (h.wd + 1e-4))
    w.sub_(h.lr * adam(s, g))


# The weight keeps its digits, and what moves it has few.
@hostile(4, RIGHT, control=True)
@own
def moments_in_bfloat16(w, g, s, h):
    w.mul_(1 - h.lr * h.wd)
    w.sub_(h.lr * adam(s, g.bfloat16()))


@hostile(4, RIGHT)
@own
def moments_in_bfloat16_and_weights_in_float32(w, g, s, h):
    single = w.float().mul_(1 - h.lr * h.wd)
    w.copy_(single.sub_(h.lr * adam(s, g.bfloat16()).float()))
