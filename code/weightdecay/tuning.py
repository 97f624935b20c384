"""Networks trained at many values of ``weight_decay``, to see which is the best."""

from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from weightdecay import examples, networks, scaling, sweep
from weightdecay.extras import extra

if TYPE_CHECKING:
    from pandas import DataFrame

# Each twice the one before.
FEW = tuple(2.0**k for k in range(-4, 3))
MANY = tuple(0.2 * 2**k for k in range(9))


def scale_invariant(
    widths: Sequence[int] = (64, 32, 10), dtype: torch.dtype = torch.float64
) -> networks.Make:
    """Return a function of a seed that makes a network whose scale does not count.

    Each matrix stands before a layer normalisation without gain, bias and eps, the last
    one, too: to multiply a matrix by a positive number changes no output. No parameter
    is left that is not in such a matrix.
    """
    body = networks.mlp(widths, normalise="layer", affine=False, bias=False)

    def make(seed: int) -> nn.Module:
        last = nn.LayerNorm(widths[-1], elementwise_affine=False)
        layers = [*body(seed).children(), last]
        return scaling.set_eps(nn.Sequential(*layers), 0.0).to(dtype)

    return make


def sharpened(out: Tensor, y: Tensor) -> Tensor:
    """Return the cross entropy of normalised outputs, multiplied by 4.

    By themselves they have a standard deviation of 1: no class could be sure.
    """
    return nn.functional.cross_entropy(4 * out, y)


def best_decay(
    steps: int | Iterable[int] = (100, 1200),
    lr: float | Iterable[float] = (0.002, 0.004, 0.008, 0.016, 0.032),
    weight_decay: float | Iterable[float] = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0),
    seed: int | Iterable[int] = range(6),
    **run: Any,
) -> "DataFrame":
    """Train short and long at each lr and weight_decay, by ``on_digits``."""
    case: dict[str, Any] = {"steps": steps, "seed": seed}
    return _each(case, lr=lr, weight_decay=weight_decay, **run)


def best_decay_invariant(
    lr: float | Iterable[float] = (0.001, 0.002, 0.004, 0.008, 0.016),
    weight_decay: float | Iterable[float] = MANY,
    seed: int | Iterable[int] = range(12),
    **run: Any,
) -> "DataFrame":
    """Train networks without a scale by ``on_digits``, each with a constant lr."""
    fixed: dict[str, Any] = {"batch_size": 20, "steps": 800, "invariant": True}
    return _each({"seed": seed}, lr=lr, weight_decay=weight_decay, **fixed, **run)


def best_decay_batch(
    batch_size: int | Iterable[int] = (10, 20, 40, 80, 160),
    weight_decay: float | Iterable[float] = FEW,
    seed: int | Iterable[int] = range(6),
    **run: Any,
) -> "DataFrame":
    """Train for 60 epochs with each batch size, by ``on_digits``."""
    case: dict[str, Any] = {"batch_size": batch_size, "seed": seed}
    fixed: dict[str, Any] = {"n": 320, "epochs": 60, "lr": 0.016}
    return _each(case, weight_decay=weight_decay, **fixed, **run)


def best_decay_batch_long(
    batch_size: int | Iterable[int] = (10, 25, 50, 100, 200),
    weight_decay: float | Iterable[float] = FEW,
    seed: int | Iterable[int] = range(6),
    **run: Any,
) -> "DataFrame":
    """Train as many steps with each batch size, by ``on_digits``."""
    case: dict[str, Any] = {"batch_size": batch_size, "seed": seed}
    return _each(case, weight_decay=weight_decay, steps=600, lr=0.032, **run)


def best_decay_batch_invariant(
    batch_size: int | Iterable[int] = (5, 10, 20, 40),
    weight_decay: float | Iterable[float] = MANY,
    seed: int | Iterable[int] = range(8),
    **run: Any,
) -> "DataFrame":
    """Train networks without a scale for 30 epochs with each batch size."""
    case: dict[str, Any] = {"batch_size": batch_size, "seed": seed}
    fixed: dict[str, Any] = {"epochs": 30, "lr": 0.004, "invariant": True}
    return _each(case, weight_decay=weight_decay, **fixed, **run)


def best_decay_data(
    n: int | Iterable[int] = (50, 100, 200, 400),
    weight_decay: float | Iterable[float] = (0.03125, *FEW),
    seed: int | Iterable[int] = range(6),
    **run: Any,
) -> "DataFrame":
    """Train as many steps on each number of digits, by ``on_digits``."""
    fixed: dict[str, Any] = {"batch_size": 20, "steps": 800, "lr": 0.016}
    return _each({"n": n, "seed": seed}, weight_decay=weight_decay, **fixed, **run)


def on_digits(
    seed: int, *, n: int = 200, batch_size: int = 50, steps: int = 0,
    epochs: int = 0, invariant: bool = False, **run: Any,
) -> "DataFrame":  # fmt: skip
    """Train by AdamW on ``n`` digits, a fifth labelled at random.

    One hidden layer of 32 with ReLU, in float64, betas of 0.9 and 0.99,
    for so many steps, or epochs; ``lr`` falls to zero in a straight
    line. Or networks that are ``scale_invariant``, with a constant
    ``lr`` and the loss ``sharpened``. The seed draws digits, labels,
    start and batches. ``run`` is as for ``sweep.train``, whose table is
    returned.
    """
    steps = steps or epochs * n // batch_size
    line = [1 - k / steps for k in range(steps)]
    plain = networks.mlp((64, 32, 10), dtype=torch.float64)
    data = examples.digits(n, seed=seed, dtype=torch.float64)
    return sweep.train(
        scale_invariant() if invariant else plain,
        data.with_label_noise(0.2, seed=seed), seed=seed,
        optimizer=torch.optim.AdamW, betas=(0.9, 0.99),
        schedule=[1.0] * steps if invariant else line,
        objective=sharpened if invariant else None,
        batch_size=batch_size, **run,
    )  # fmt: skip


def _each(
    cases: dict[str, Any], path: Path | None = None, **settings: Any
) -> "DataFrame":
    """Train ``on_digits`` in each case, and put the tables under one another."""
    with extra("sweep"):
        import pandas as pd
    lists = [[*x] if isinstance(x, Iterable) else [x] for x in cases.values()]
    tables = []
    for values in product(*lists):
        case = dict(zip(cases, values, strict=True))
        part = path and path.with_name("-".join([path.name, *map(str, values)]))
        tables.append(on_digits(**case, path=part, **settings).assign(**case))
    return pd.concat(tables, ignore_index=True)
