"""Walk an update, ours or PyTorch's, from one start with one set of settings."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias, TypeVar, cast

import torch
from torch import Tensor
from torch.optim import Optimizer

from weightdecay.rule import State, Step, is_rule
from weightdecay.settings import Number, check

Loss: TypeAlias = Callable[[Tensor], Tensor]
# A rule or what makes an optimizer; see ``walk``.
Update: TypeAlias = Callable[..., Step] | Callable[..., Optimizer]
Item = TypeVar("Item")


def walk(
    update: Update,
    loss: Loss | Iterable[Loss],
    start: Tensor | float | list[Any],
    *,
    steps: int,
    lr: Number | Iterable[Number],
    **settings: Any,
) -> Tensor:
    """Take ``steps`` steps and return the weights before, between and after them.

    update
        A rule of :mod:`weightdecay.updates` or of your own: a function whose arguments
        begin with ``(w, g``. All else makes an optimizer, which gets the same
        gradients: a class of ``torch.optim``, or a function that is called as
        ``update([w], lr=..., **settings)``. A ``functools.partial`` is what it is of.
    loss
        A function of the weights that returns a scalar, or a sequence of ``steps``
        such functions, one for each step (minibatches).
    start
        The weights before the first step: a tensor of any shape and floating dtype, or
        a number or a list, which become float64.
    lr
        One number, or a sequence of ``steps`` numbers (a schedule).
    settings
        The other hyperparameters, by PyTorch's names.

    Returns a tensor of shape ``(steps + 1, *start.shape)``; ``start`` is its first row
    and is not changed. Raises ``ValueError`` or ``TypeError`` with the argument's name,
    its value and what it may be; so it does if the number of losses or of learning
    rates is not ``steps``.
    """
    check(steps=steps)
    losses, lrs = losses_of(loss, steps), _rates(lr, steps)
    before = weights(start)
    walker = _rule_steps if is_rule(update) else _optimizer_steps
    points = walker(update, losses, before.clone(), lrs, settings)
    return torch.stack([before, *points])


def _rule_steps(
    update: Callable[..., Any],
    losses: list[Loss],
    w: Tensor,
    lrs: list[float],
    settings: dict[str, Any],
) -> Iterator[Tensor]:
    state: State = None
    for loss, lr in zip(losses, lrs, strict=True):
        w, state = update(w, gradient(loss, w), state, lr=lr, **settings)
        yield w


def _optimizer_steps(
    make: Callable[..., Any],
    losses: list[Loss],
    w: Tensor,
    lrs: list[float],
    settings: dict[str, Any],
) -> Iterator[Tensor]:
    w.requires_grad_()
    optimizer = _made(make, w, {"lr": lrs[0] if lrs else 0.0} | settings)
    for loss, lr in zip(losses, lrs, strict=True):
        optimizer.param_groups[0]["lr"] = lr
        w.grad = gradient(loss, w)
        optimizer.step()
        yield w.detach().clone()


def _made(make: Callable[..., Any], w: Tensor, settings: dict[str, Any]) -> Optimizer:
    wanted = (
        "update must be a rule, with w and g as its first arguments, or make an "
        "optimizer of ([w], lr=..., **settings), as torch.optim.SGD does"
    )
    if not callable(make):
        raise TypeError(f"{wanted}; got a {type(make).__name__}: {make!r}")
    try:
        optimizer = make([w], **settings)
    except TypeError as error:
        raise TypeError(f"{wanted}; got {make!r}: {error}") from error
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{wanted}; got {make!r}, which made {optimizer!r}")
    return optimizer


def weights(start: Tensor | float | list[Any]) -> Tensor:
    """Return weights as a tensor of their own; numbers and lists become float64."""
    if isinstance(start, Tensor):
        w = start.detach()
    else:
        try:
            w = torch.as_tensor(start, dtype=torch.float64)
        except (TypeError, ValueError, RuntimeError):
            raise TypeError(
                f"start must be a tensor, a number or a list of them, got {start!r}"
            ) from None
    if not w.is_floating_point():
        raise TypeError(
            f"start must have a floating dtype, got {w.dtype}: call .double()"
        )
    return w


def gradient(loss: Loss, w: Tensor) -> Tensor:
    """Return the gradient of a scalar loss at ``w``, which is not changed."""
    w = w.detach().requires_grad_()
    value = loss(w)
    if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad:
        raise ValueError(
            "loss must return one number, a tensor made from the weights that it was "
            f"given, got {value!r}: take a sum or a mean of them"
        )
    return torch.autograd.grad(value, w)[0]


def losses_of(loss: Loss | Iterable[Loss], steps: int) -> list[Loss]:
    """Return the loss of each step; raise unless there are ``steps``, all functions."""
    many = [loss] * steps if callable(loss) else loss
    losses = list(many) if isinstance(many, Iterable) else [many]
    if not all(map(callable, losses)):
        raise TypeError(
            f"loss must be a function of the weights, or one for each step: {loss!r}"
        )
    return _one_per_step("loss", losses, steps)


def _rates(lr: Number | Iterable[Number], steps: int) -> list[float]:
    try:
        many = _one_per_step("lr", list(cast(Iterable[Number], lr)), steps)
    except TypeError:  # no sequence: one number of any kind
        many = [cast(Number, lr)] * steps
    for each in many:
        check(lr=each)
    return [float(each) for each in many]


def _one_per_step(name: str, values: list[Item], steps: int) -> list[Item]:
    if len(values) != steps:
        raise ValueError(f"{name}: {len(values)} given for {steps} steps")
    return values
