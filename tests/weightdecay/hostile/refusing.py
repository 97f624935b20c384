"""Kind 5: what refuses some settings; it is answered rightly or refused clearly."""

import torch

from hostile.base import MAYBE, AdamW, adam, adamw, hostile, own


def refusing(name, error, *answer, refused, **more):
    """Collect AdamW, refusing where ``error(lr, weight_decay)`` is an error."""

    def __init__(self, params, lr, weight_decay=0.07):  # noqa: N807
        found = error(lr, weight_decay)
        if found:
            raise found
        AdamW.__init__(self, params, lr, weight_decay)

    make = type(name, (AdamW,), {"__init__": __init__})
    hostile(5, *answer, refused=refused, **more)(make)


ALLOWED = (0, 0.01, 0.07, 0.1)

refusing(
    "no_weight_decay_of_zero",
    lambda lr, wd: ValueError("wd must be positive") if wd == 0 else None,
    MAYBE,
    refused="must be positive",
)
refusing(
    "no_large_weight_decay",
    lambda lr, wd: ValueError("wd must be at most 0.1") if wd > 0.1 else None,
    MAYBE,
    refused="at most 0.1",
)
refusing(
    "only_some_weight_decays",
    lambda lr, wd: ValueError("choose 0, 0.01 or 0.1") if wd not in ALLOWED else None,
    MAYBE,
    refused="choose 0, 0.01 or 0.1",
)
refusing(
    "weight_decay_must_be_a_tensor",
    lambda lr, wd: TypeError("a tensor, please") if wd != 0.07 else None,
    MAYBE,
    refused="a tensor, please",
)
refusing(
    "no_large_lr",
    lambda lr, wd: ValueError("lr must be at most 0.05") if lr > 0.05 else None,
    MAYBE,
    refused="at most 0.05",
    control=True,
)


@hostile(5, refused="TypeError")
@own
def decaying_has_a_fault(w, g, s, h):
    if h.wd:
        w.mul_(1 - h.lr * h.wd + "tensor")
    w.sub_(h.lr * adam(s, g))


def helper(*, decay):
    return decay


@hostile(5, refused="'wd'")
def another_keyword_is_unknown(params, lr, weight_decay=0.0):
    if weight_decay:
        helper(wd=weight_decay)
    return AdamW(params, lr, weight_decay)


# Where lr can't change, it can't be told from the first.
@hostile(
    5,
    MAYBE,
    kept={"1 - lr * weight_decay", "1 - base_lr * weight_decay"},
    refused="lr is fixed",
)
@own
def no_other_lr(w, g, s, h):
    if h.lr != h.base:
        raise RuntimeError("lr is fixed")
    adamw(w, g, s, h)


@hostile(5, place="none", takes=False, kept=None, hidden=0.0, control=True)
def no_argument_of_it(params, lr):
    return AdamW(params, lr, 0.0)


@hostile(5, place="none", takes=True, kept=None, hidden=0.0, control=True)
def any_argument_and_none_used(params, lr, **rest):
    return torch.optim.Adam(params, lr)


# It takes no weight_decay; it is no TypeError that says so.
@hostile(5, place="none", takes=False, hidden=0.0, refused="unknown: weight_decay")
def refuses_unknown_names_by_value(params, lr, **rest):
    if rest:
        raise ValueError(f"unknown: {', '.join(rest)}")
    return AdamW(params, lr, 0.0)
