"""Train at every point of a grid of hyperparameters at once, and find the best."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from weightdecay.batched import is_batchable, rule_of, train_together
from weightdecay.directions import adam_direction
from weightdecay.examples import Examples
from weightdecay.extras import extra
from weightdecay.grids import default_objective, grid, refuse, refuse_too_large
from weightdecay.keeping import Kept, description
from weightdecay.networks import Make
from weightdecay.paths import Loss, gradient, losses_of
from weightdecay.rule import Step
from weightdecay.settings import Betas, Number, check
from weightdecay.training import Objective, Point, Row, Task, train_alone

if TYPE_CHECKING:
    from pandas import DataFrame

# Networks at once, where the caller names no number.
AT_ONCE = {"cpu": 64, "cuda": 1024}


def sweep(
    update: Callable[..., Step],
    loss: Loss | Iterable[Loss],
    start: Tensor,
    *,
    lr: Number,
    schedule: Sequence[float],
    **settings: Any,
) -> Tensor:
    """Walk from one start at each point of a grid, and return where the walks end.

    update
        A rule of :mod:`weightdecay.updates`.
    loss
        A function of the weights of shape ``(*grid, *start.shape)`` that returns the
        sum of their losses, or a sequence of such functions, one for each step.
    start
        The weights before the first step: a tensor of any shape and floating dtype.
    lr, settings
        Numbers, or tensors whose shapes broadcast to the shape of the grid.
    schedule
        What lr is multiplied by at each step: as many numbers as there are steps.

    Returns a tensor of shape ``(*grid, *start.shape)``. Raises ``ValueError`` if the
    number of losses is not the number of steps, and what the rule raises if one number
    of the grid is not allowed.
    """
    losses = losses_of(loss, len(schedule))
    settings = {"lr": lr} | settings
    tensors = {k: x for k, x in settings.items() if isinstance(x, Tensor)}
    grid = _grid(tensors)
    # One axis more for each of the start's: a point's number meets all its weights.
    behind = (..., *[None] * start.dim())
    settings |= {k: x[behind] for k, x in tensors.items()}
    lr = settings.pop("lr")
    w, state = start.expand(*grid, *start.shape), None
    for multiplier, each in zip(schedule, losses, strict=True):
        w, state = update(w, gradient(each, w), state, lr=lr * multiplier, **settings)
    return w


def train(
    make: Make,
    data: Examples,
    *,
    optimizer: Callable[..., Any],
    lr: float | Iterable[float],
    weight_decay: float | Iterable[float] = 0.0,
    seed: int | Iterable[int] = 0,
    schedule: Sequence[float],
    batch_size: int,
    objective: Objective | None = None,
    decayed: Callable[[str], bool] = lambda name: True,
    every: int = 0,
    batch_seed: int = 0,
    dropout_seed: int = 0,
    at_once: int | None = None,
    path: str | Path | None = None,
    progress: bool = True,
    **settings: Any,
) -> "DataFrame":
    """Train a network at every point of a grid, and return a table of what came out.

    make
        A function of a seed that makes a network: :func:`weightdecay.networks.mlp`, or
        your own. All its networks have weights of the same shapes and of one dtype.
    data
        What they are trained and validated on; its device is theirs.
    optimizer
        A rule of :mod:`weightdecay.updates` or of your own, or a class of
        ``torch.optim``.
    lr, weight_decay, seed
        Numbers, or several of each: the grid is all their combinations.
    schedule
        What lr is multiplied by at each step: as many numbers as there are steps.
    batch_size
        Examples for each step, from one shuffle after another.
    objective
        A function of outputs and targets that returns the mean loss. By default the
        cross entropy of classes, or half the mean squared error of numbers.
    decayed
        Which parameters decay, by their name; by default all, as in PyTorch.
    every
        After how many steps networks are measured; by default at the end alone.
    batch_seed, dropout_seed
        With a network's own seed they decide its batches and its dropout.
    at_once
        How many networks are trained at once, by default 64, on a GPU 1024.
    path
        A Parquet file for the table. It grows with the sweep, and a sweep that was
        stopped goes on from it.
    progress
        Whether to show how many networks are trained.
    settings
        The optimizer's other hyperparameters, by PyTorch's names.

    Returns a row for each network and measurement: ``lr``, ``weight_decay``, ``seed``,
    ``step``, ``train_loss``, ``val_loss``, for classes ``train_error`` and
    ``val_error``, ``norm`` of the decayed weights, and ``diverged``: after how many
    steps a loss was first not finite, else missing. Dropout is off while networks are
    measured.

    Networks are trained one after the other, each by a plain loop, if the optimizer is
    none of those that the rules follow, if a weight gets no gradient, or if a network
    has buffers or draws random numbers of its own (``networks.Dropout`` does not).

    Each lot of ``at_once`` networks is a task of joblib: ``joblib.parallel_config``
    chooses where they run. Raises ``ValueError`` for an empty grid, a number out of its
    range or the file of another sweep, ``MemoryError`` if the networks do not fit.
    """
    points = grid(lr, weight_decay, seed)
    task = Task(
        make, data, optimizer, tuple(schedule), batch_size,
        objective or default_objective(data.y), decayed, every, batch_seed,
        dropout_seed, settings,
    )  # fmt: skip
    refuse(task, points)
    size = AT_ONCE.get(data.x.device.type, 64) if at_once is None else at_once
    check(n=size)
    refuse_too_large(task, min(size, len(points)))
    kept = Kept(path, points, description(task, points, size))
    lots = [points[start : start + size] for start in range(0, len(points), size)]
    todo = [lot for lot in lots if not kept.has(lot)]
    with _bar(len(points), progress) as bar:
        bar.update(len(kept.done))
        for rows in _run(task, todo):
            kept.add(rows)
            bar.update(len({(r["lr"], r["weight_decay"], r["seed"]) for r in rows}))
    return kept.table()


def movement(
    loss: Loss | Iterable[Loss],
    start: Tensor,
    *,
    lr: Number,
    schedule: Sequence[float],
    betas: Betas = (0.9, 0.999),
) -> Tensor:
    """Return how far Adam lets the data move a weight of curvature 1: S / sigma.

    The sum of lr / sqrt(v_hat) over a run without decay, its mean over the weights of
    ``start``: a tensor of the shape of the grid. Arguments as in ``sweep``.
    """
    check(lr=lr, betas=betas)
    losses = losses_of(loss, len(schedule))
    lr = torch.as_tensor(lr, dtype=start.dtype)
    w = start.expand(*lr.shape, *start.shape)
    state, moved = None, torch.zeros_like(w)
    for multiplier, each in zip(schedule, losses, strict=True):
        rate = lr[(..., *[None] * start.dim())] * multiplier
        u, state = adam_direction(gradient(each, w), state, betas=betas)
        k, _, v, _ = state or ()
        v_hat = v / (1 - betas[1] ** k)
        w, moved = w - rate * u, moved + rate / v_hat.sqrt()
    return moved.flatten(lr.dim()).mean(-1)


def best(x: Tensor, risk: Tensor) -> Tensor:
    """Return the x at which each row of ``risk`` is least, by a parabola in log x.

    The parabola goes through the least point and its two neighbours. ``x`` has shape
    (n,) and is positive, ``risk`` has shape (..., n), the result (...). Raises
    ``ValueError`` if a row is least at an end of the grid, where its true minimum may
    lie outside.
    """
    if x.ndim != 1 or risk.shape[-1:] != x.shape or not (x > 0).all():
        raise ValueError(
            f"x must be positive, one for each of the last axis of risk, which has "
            f"shape {tuple(risk.shape)}; got {x}"
        )
    least = risk.argmin(-1, keepdim=True)
    if ((least == 0) | (least == len(x) - 1)).any():
        raise ValueError("the least risk is at an end of the grid: make the grid wider")
    near = least + torch.tensor([-1, 0, 1])
    log_x = (x[near] / x[least]).log()
    powers = torch.stack([log_x**2, log_x, torch.ones_like(log_x)], dim=-1)
    a, b, _ = torch.linalg.solve(powers, risk.gather(-1, near)).unbind(-1)
    vertex: Tensor = x[least[..., 0]] * (-b / (2 * a)).exp()
    return vertex


def _run(task: Task, lots: Sequence[Sequence[Point]]) -> Iterator[list[Row]]:
    with extra("sweep"):
        from joblib import Parallel, delayed
    parallel = Parallel(return_as="generator_unordered", batch_size=1)
    yield from parallel(delayed(train_lot)(task, lot) for lot in lots)


def train_lot(task: Task, lot: Sequence[Point]) -> list[Row]:
    """Train some networks, on one thread: no digit depends on how many there are."""
    followed, threads = rule_of(task), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        if len(lot) > 1 and followed and is_batchable(task, task.network(0)):
            return train_together(task, *followed, lot)
        return [row for point in lot for row in train_alone(task, point)]
    finally:
        torch.set_num_threads(threads)


def _bar(total: int, progress: bool) -> Any:
    with extra("sweep"):
        from tqdm import tqdm
    return tqdm(total=total, unit="network", disable=not progress)


def _grid(settings: dict[str, Tensor]) -> torch.Size:
    shapes = {name: tuple(x.shape) for name, x in settings.items()}
    try:
        grid: torch.Size = torch.broadcast_shapes(*shapes.values())
    except RuntimeError:
        raise ValueError(
            f"the settings must broadcast to one grid, got the shapes {shapes}: give "
            f"each its own axis, as lr[:, None] and weight_decay"
        ) from None
    return grid
