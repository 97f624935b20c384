"""What the networks of a sweep have in common, and what is refused before they run."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from weightdecay.extras import extra
from weightdecay.settings import FUNCTION, check, demand
from weightdecay.training import SLICE, Objective, Point, Task

# Of each weight: itself, its gradient, two moments, and what a step makes of them.
COPIES = 10


def grid(
    lr: float | Iterable[float],
    weight_decay: float | Iterable[float],
    seed: int | Iterable[int],
) -> list[Point]:
    """Return all combinations of the three. Raises ``ValueError`` if there is none."""
    found: dict[str, list[Any]] = {}
    for name, values in {"lr": lr, "weight_decay": weight_decay, "seed": seed}.items():
        # Of an array, a tensor or a pandas column: Python's numbers.
        plain: Any = getattr(values, "tolist", lambda values=values: values)()
        each = [*plain] if isinstance(plain, Iterable) else [plain]
        if not each:
            raise ValueError(f"the grid is empty: {name} has no number. Give it one")
        for value in each:
            check(**{name: value})
        if len({*each}) < len(each):
            raise ValueError(f"{name} has a number twice: {each}")
        found[name] = each
    return list(product(*found.values()))


def default_objective(y: Tensor) -> Objective:
    """Return the cross entropy for classes, half the mean squared error for numbers."""
    return half_squared_error if y.is_floating_point() else nn.functional.cross_entropy


def half_squared_error(out: Tensor, y: Tensor) -> Tensor:
    """Return the mean of (out - y)^2 / 2; ``out`` may have one axis more, of size 1."""
    return (out.reshape(y.shape) - y).square().mean() / 2


def refuse(task: Task, points: Sequence[Point]) -> None:
    """Raise for what every network would fail at, before one is trained."""
    n = len(task.data.x)
    check(m=task.batch_size, steps=task.every, seed=task.batch_seed)
    check(seed=task.dropout_seed)
    if task.batch_size > n:
        raise ValueError(f"batch_size must be 1 to {n}, got {task.batch_size}")
    if not task.schedule:
        raise ValueError("schedule must have a number for each step, got none")
    for multiplier in task.schedule:
        check(lr=multiplier)
    for name in ("make", "optimizer", "objective", "decayed"):
        demand(name, getattr(task, name), FUNCTION)
    dtypes = {w.dtype for w in task.network(0).parameters()}
    if task.data.x.is_floating_point():
        dtypes.add(task.data.x.dtype)
    if len(dtypes) > 1:
        names = " and ".join(sorted(map(str, dtypes)))
        raise ValueError(
            f"the weights and data.x must have one dtype, got {names}: data.to(dtype) "
            f"changes that of the data"
        )
    for dtype in dtypes:
        _refuse_overflow(task, points, dtype)


def _refuse_overflow(task: Task, points: Sequence[Point], dtype: torch.dtype) -> None:
    largest = {
        "lr": max(lr for lr, *_ in points) * max(1.0, *task.schedule),
        "weight_decay": max(decay for _, decay, _ in points),
    }
    for name, number in largest.items():
        if number > torch.finfo(dtype).max:
            raise ValueError(
                f"{name}={number:g} is more than {dtype} can hold: give a smaller one"
            )


def refuse_too_large(task: Task, size: int) -> None:
    """Raise ``MemoryError`` if so many networks at once do not fit."""
    network, x, sizes = task.network(0).eval(), task.data.x, list[int]()

    def note(_: nn.Module, __: Any, out: Any) -> None:
        sizes.append(out.numel() if isinstance(out, Tensor) else 0)

    layers = [m for m in network.modules() if not [*m.children()]]
    handles = [layer.register_forward_hook(note) for layer in layers]
    with torch.no_grad():
        network(x[: task.batch_size])
    for handle in handles:
        handle.remove()
    # Each layer's output is kept for the gradient, which has one as large. While
    # networks are measured, an output and the next are there, of more examples.
    training = 2 * sum(sizes) + 2 * x[: task.batch_size].numel()
    measuring = 2 * max(sizes, default=0) * min(SLICE, len(x)) // task.batch_size
    weights = sum(w.numel() for w in network.parameters())
    needed = (COPIES * weights + max(training, measuring)) * x.element_size()
    free = free_memory(x.device)
    if size * needed > free:
        fits = int(free / needed)
        what = (
            f"give at_once={fits}" if fits else "take a smaller network or batch_size"
        )
        raise MemoryError(
            f"{size} networks at once need about {size * needed / 1e9:.1f} GB, and "
            f"{free / 1e9:.1f} GB are free: {what}"
        )


def free_memory(device: torch.device) -> int:
    """Return how many bytes are free on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    with extra("sweep"):
        import psutil
    return int(psutil.virtual_memory().available)
