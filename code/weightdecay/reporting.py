"""What weight decay will do to a model in a run, and what is wrong with it.

:func:`report` reads the model and the optimizer that the reader has made. The optimizer
is asked (:mod:`weightdecay.probe`) which decay it does, with small weights of the
model's dtypes; its own weights and memory are not touched.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from weightdecay import equilibrium
from weightdecay.answers import Answer
from weightdecay.asking import ask_group, shares_along
from weightdecay.dynamics import kept_per_step, rms_under_schedule
from weightdecay.faults import faults
from weightdecay.grouping import judged, unwrapped
from weightdecay.horizons import along
from weightdecay.invariance import scale_invariant
from weightdecay.rates import rates_of
from weightdecay.reports import Part, Report
from weightdecay.settings import POSITIVE, demand


def report(
    model: nn.Module,
    optimizer: Optimizer,
    *,
    steps: int,
    schedule: Any = "constant",
    batch_size: float | None = None,
    examples: float | None = None,
    inputs: Any = None,
    clip: float | None = None,
) -> Report:
    """Say what weight decay will do to a model in a run, and what is wrong.

    model, optimizer
        As they will be trained. After a backward pass, gradients are looked at, too.
    steps
        How many the run has.
    schedule
        ``"constant"``, ``"linear"`` or ``"cosine"``, a multiplier of lr for each step,
        a function from a step's number to it, or a torch scheduler, of which a copy is
        stepped.
    batch_size, examples
        Those of a step and of the data, to count half-lives in epochs.
    inputs
        What the model is called with (a tensor, a tuple or a dict): then each matrix is
        doubled once, on a copy, to see which ones a normalisation follows.
    clip
        The largest norm of the gradient, if it is clipped.

    Raises ``TypeError`` or ``ValueError``, with the name of the argument, its value and
    what to do.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be an nn.Module, got {type(model).__name__}")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"optimizer must be a torch.optim.Optimizer that has been made, got "
            f"{optimizer!r}: pass for example torch.optim.AdamW(model.parameters())"
        )
    if (batch_size is None) != (examples is None):
        raise ValueError(
            "batch_size and examples are needed together, to count in epochs: pass "
            "both or none"
        )
    if clip is not None and any(p.is_meta for p in model.parameters()):
        raise ValueError(
            "clip: the model is on the meta device and has no norm to compare with it. "
            "Make its weights, or leave clip out"
        )
    for name, value in (
        ("batch_size", batch_size),
        ("examples", examples),
        ("clip", clip),
    ):
        if value is not None:
            demand(name, value, POSITIVE)
    model = unwrapped(model)
    named = judged(model)
    rates = rates_of(optimizer, schedule, steps)
    before = None if inputs is None else scale_invariant(model, inputs)
    epoch = examples / batch_size if examples and batch_size else None
    parts = tuple(
        _part(number, optimizer, named, rates[number], epoch, before)
        for number in range(len(optimizer.param_groups))
    )
    return Report(
        len(rates[0]), parts, tuple(faults(model, optimizer, parts, rates, clip))
    )


def _part(
    number: int,
    optimizer: Optimizer,
    named: Mapping[int, tuple[tuple[str, ...], str, bool]],
    rates: list[float],
    epoch: float | None,
    before: set[str] | None,
) -> Part:
    group = optimizer.param_groups[number]
    params: list[Tensor] = group["params"]
    names = tuple(
        named[id(p)][0][0]
        if id(p) in named
        else f"a parameter of shape {tuple(p.shape)}"
        for p in params
    )
    known: dict[str, Any] = {
        "number": number,
        "names": names,
        "numbers": sum(p.numel() for p in params),
        "dtypes": tuple(sorted({str(p.dtype).removeprefix("torch.") for p in params})),
        "weight_decay": float(group.get("weight_decay", 0.0)),
        "lr": max(rates),
    }
    if not known["weight_decay"]:
        return Part(answer=None, **known)
    answer, known["refusal"] = ask_group(optimizer, group)
    shares = _shares(optimizer, group, answer, rates)
    if shares:
        known["share"] = max(shares)
        falls = min(rates) < 0.9 * max(rates)
        known["follows_not"] = falls and min(shares) > 0.99 * max(shares) > 0
    if shares and max(shares) < 1:
        coarsest = max(
            known["dtypes"], key=lambda d: torch.finfo(getattr(torch, d)).eps
        )
        told = along(shares, coarsest if coarsest in DTYPES else "float32")
        known["horizon"] = told
        if epoch and told.share:
            known["epochs"] = told.half_life / epoch
        known |= _equilibrium(optimizer, group, answer, rates)
    if before is not None:
        known["normalised"] = tuple(name for name in names if name in before)
    return Part(answer=answer, **known)


# Whose step is Adam's, with decay beside it.
ADAMS = {"adam", "adamw", "nadam", "nadamw", "radam", "radamw"}
DTYPES = ("bfloat16", "float16", "float32", "float64")


def _shares(
    optimizer: Optimizer,
    group: dict[str, Any],
    answer: Answer | None,
    rates: list[float],
) -> list[float] | None:
    """Return which share of a weight each step takes, if one can be named."""
    if answer is None:
        return None
    decay = float(group["weight_decay"])
    if answer.place in ("weight", "either"):
        return shares_along(answer, decay, rates)
    momentum = group.get("momentum", 0.0)
    if answer.place == "gradient" and not answer.rescales and momentum:
        # In the buffer of SGD the decay adds up.
        damped = 1 - float(group.get("dampening", 0.0))
        try:
            return [1 - kept_per_step(lr * damped, decay, momentum) for lr in rates]
        except ValueError:
            return None
    return None


def _equilibrium(
    optimizer: Optimizer,
    group: dict[str, Any],
    answer: Answer | None,
    rates: list[float],
) -> dict[str, float]:
    """Return RMS and angle of a normalised matrix, where a formula has them."""
    lr, decay = max(rates), float(group["weight_decay"])
    betas = group.get("betas")
    if not lr * decay or answer is None or answer.order in ("cautious", "gated"):
        return {}
    name = type(optimizer).__name__.lower()
    if isinstance(optimizer, torch.optim.SGD):
        momentum = float(group["momentum"])
        rest = equilibrium.sgd(lr, decay, 1.0, momentum=momentum)
        return {"angle": math.degrees(rest.angle)}
    if betas is None or answer.place != "weight":
        return {}
    if "lion" in name:
        rest = equilibrium.lion(lr, decay, tuple(betas))
        return {"rms": rest.size, "angle": math.degrees(rest.angle)}
    if name not in ADAMS:
        return {}
    rest = equilibrium.adamw(lr, decay, tuple(betas))
    end = rms_under_schedule(rates, decay, rest.size)[-1].item()
    return {"rms": rest.size, "angle": math.degrees(rest.angle)} | (
        {} if min(rates) == lr else {"rms_end": end}
    )
