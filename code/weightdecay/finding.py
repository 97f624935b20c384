"""How an optimizer can be made and fed, found by trying."""

import inspect
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from weightdecay.subject import (
    MATRIX,
    STEPS,
    Feed,
    Gradients,
    Make,
    Subject,
    seeded,
    silent,
)

# Other names of the two arguments.
ALIASES = {
    "lr": ("lr", "learning_rate"),
    "weight_decay": ("weight_decay", "wd", "weight_decay_rate", "weight_decay_factor"),
}


class RefusedError(ValueError):
    """An optimizer that can't be asked, with what to do about it."""


def find_subject(
    make: Make,
    shape: tuple[int, ...] = MATRIX,
    dtype: torch.dtype | None = None,
    names: Mapping[str, str] | None = None,
    **how: Any,
) -> Subject:
    """Return the first way of making and feeding an optimizer that moves a weight.

    The weight is a double, or else a float; the gradient comes as a tensor, through a
    closure, sparse, or as one that can be differentiated. Raises ``ValueError`` with
    what went wrong if nothing helps. Takes the names, lr, weight_decay and progress of
    :class:`Subject`.
    """
    dtypes = (dtype,) if dtype else (torch.float64, torch.float32)
    found, tried = argument_names(make, names), dict[str, None]()
    for kind, feed in product(dtypes, FEEDS):
        subject = Subject(make, shape, feed, kind, found, **how)
        for _ in range(3):
            try:
                moves = subject.path(subject.off, steps=STEPS)
            except Exception as error:
                mended = _mended(subject, error)
                if mended:
                    subject, found = mended, dict(mended.names)
                    continue
                tried[said(error)] = None
                break
            if moves.isfinite().all() and moves.any():
                return _with_lr(subject)
            tried[_why_not(subject, moves)] = None
            break
    raise RefusedError(f"With a parameter of shape {shape}: {' / '.join(tried)}")


def said(error: Exception) -> str:
    """Return an error in one line: some of torch's list a backend in each of many."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {shorten(first, 200, placeholder=' …')}"


def argument_names(make: Make, names: Mapping[str, str] | None) -> dict[str, str]:
    """Return what ``make`` calls lr and weight_decay, as far as it takes them."""
    try:
        parameters = inspect.signature(make).parameters
    except (TypeError, ValueError):
        return dict(names or {n: n for n in ALIASES})
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    found = {}
    for which, aliases in ALIASES.items():
        name = next((a for a in aliases if a in parameters), None)
        if name or takes_any:
            found[which] = name or which
    return found | dict(names or {})


def _why_not(subject: Subject, moves: Tensor) -> str:
    if moves.any():
        return "its steps give NaN"
    dtype, eps = subject.dtype, torch.finfo(subject.dtype).eps
    rounded = f", in {dtype} less than {eps:.2g} of a weight is lost in rounding"
    return "its steps do not move it" + (rounded if eps > 1e-6 else "")


def _mended(subject: Subject, error: Exception) -> Subject | None:
    """Return the subject without what an error says that it does not take."""
    for which, name in subject.names.items():
        unexpected = isinstance(error, TypeError) and "unexpected keyword" in str(error)
        if unexpected and f"'{name}'" in str(error):
            rest = {k: v for k, v in subject.names.items() if k != which}
            return replace(subject, names=rest, walked={})
    if subject.decays and subject.off == 0 and not isinstance(error, TypeError):
        # Some refuse a weight_decay of 0: this one is lost in rounding.
        trial = replace(subject, off=1e-30, walked={})
        try:
            trial.walk(trial.off, steps=1)
        except Exception:
            return None
        return trial
    return None


def _with_lr(subject: Subject) -> Subject:
    """Give a subject that takes no lr the one that its optimizer has, or else 1."""
    if "lr" in subject.names:
        return subject
    with seeded(), silent():
        w = torch.nn.Parameter(subject.weight())
        optimizer = subject.optimizer([w], 1.0, subject.off)
    return replace(
        subject, lr=float(optimizer.param_groups[0].get("lr", 1.0)), walked={}
    )


def _loop(optimizer: Optimizer, gradients: Gradients) -> None:
    # As one trains: hooks see it, and what zero_grad does counts.
    optimizer.zero_grad()
    _loss(gradients).backward()
    optimizer.step()


def _closure(optimizer: Optimizer, gradients: Gradients) -> None:
    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = _loss(gradients)
        loss.backward()
        return loss.detach()

    closure()
    optimizer.step(closure)  # type: ignore[arg-type]


def _loss(gradients: Gradients) -> Tensor:
    first, *others = ((w * g).sum() for w, g in gradients)
    return sum(others, first)


def _rows(optimizer: Optimizer, gradients: Gradients) -> None:
    # As an embedding gives it: indices of rows, whole rows as values.
    _give(optimizer, [(w, g.to_sparse(1)) for w, g in gradients])


def _sparse(optimizer: Optimizer, gradients: Gradients) -> None:
    _give(optimizer, [(w, g.to_sparse()) for w, g in gradients])


def _curved(optimizer: Optimizer, gradients: Gradients) -> None:
    # For optimizers that differentiate the gradient: its value is g, its slope 1.
    _give(optimizer, [(w, g + (w - w.detach())) for w, g in gradients])


def _give(optimizer: Optimizer, gradients: Gradients) -> None:
    optimizer.zero_grad()
    for w, g in gradients:
        w.grad = g
    optimizer.step()


FEEDS: tuple[Feed, ...] = (_loop, _closure, _rows, _sparse, _curved)
