"""Walk an update, ours or PyTorch's, from one start with one set of settings."""

import torch


def walk(update, loss, start, *, steps, lr, **settings):
    """Take ``steps`` steps and return the weights before, between and after them.

    update
        A rule of :mod:`weightdecay.updates`, or an optimizer class of
        :mod:`torch.optim`, which gets the same gradients.
    loss
        A function of the weights that returns a scalar, or a sequence of ``steps``
        such functions, one for each step (minibatches).
    start
        The weights before the first step: a tensor of any shape and floating dtype.
    lr
        One number, or a sequence of ``steps`` numbers (a schedule).
    settings
        The other hyperparameters, by PyTorch's names.

    Returns a tensor of shape ``(steps + 1, *start.shape)``; ``start`` is its first row
    and is not changed. Raises ``ValueError`` if the number of losses or of learning
    rates is not ``steps``.
    """
    losses = one_per_step("loss", [loss] * steps if callable(loss) else loss, steps)
    lrs = one_per_step("lr", [lr] * steps if _is_number(lr) else lr, steps)
    is_torch = isinstance(update, type) and issubclass(update, torch.optim.Optimizer)
    walker = _torch_steps if is_torch else _rule_steps
    points = walker(update, losses, start.detach().clone(), lrs, settings)
    return torch.stack([start.detach(), *points])


def _rule_steps(update, losses, w, lrs, settings):
    state = None
    for loss, lr in zip(losses, lrs, strict=True):
        w, state = update(w, gradient(loss, w), state, lr=lr, **settings)
        yield w


def _torch_steps(optimizer_class, losses, w, lrs, settings):
    w.requires_grad_()
    optimizer = optimizer_class([w], lr=lrs[0] if lrs else 0.0, **settings)
    for loss, lr in zip(losses, lrs, strict=True):
        optimizer.param_groups[0]["lr"] = lr
        w.grad = gradient(loss, w)
        optimizer.step()
        yield w.detach().clone()


def gradient(loss, w):
    """Return the gradient of a scalar loss at ``w``, which is not changed."""
    w = w.detach().requires_grad_()
    return torch.autograd.grad(loss(w), w)[0]


def _is_number(value):
    return isinstance(value, (int, float))


def one_per_step(name, values, steps):
    """Return the values as a list; raise ValueError unless there are ``steps``."""
    values = list(values)
    if len(values) != steps:
        raise ValueError(f"{name}: {len(values)} given for {steps} steps")
    return values
