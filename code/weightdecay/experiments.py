"""What takes too long for a cell, made by one command into a table of the package.

``python -m weightdecay.experiments`` runs all that are below, or those that it is
told. A chapter shows the table, runs a corner of the experiment again, and asserts that
both are equal.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from inspect import signature
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from weightdecay import examples, networks, scaling, sweep
from weightdecay.extras import extra
from weightdecay.tables import DATA

if TYPE_CHECKING:
    from pandas import DataFrame

COMMAND = "python -m weightdecay.experiments"
# What the digits of a table may depend on.
PACKAGES = ("weightdecay", "torch", "numpy", "pandas", "scikit-learn")


def many_seeds(
    lr: float | Iterable[float] = (0.001, 0.003, 0.01, 0.03),
    weight_decay: float | Iterable[float] = (0.0, 0.1, 0.3, 1.0, 2.0, 3.0, 6.0),
    seed: int | Iterable[int] = range(64),
    **run: Any,
) -> "DataFrame":
    """Train by AdamW on digits of which a fifth are labelled at random, in float64.

    The networks have two hidden layers of 64 with tanh, see 500 digits in batches of 50
    for 600 steps, and ``lr`` falls to zero in a straight line. ``run`` is what
    :func:`weightdecay.sweep.train` takes and no digit depends on: ``path``,
    ``progress``. Returns its table.
    """
    steps, dtype = 600, torch.float64
    return sweep.train(
        networks.mlp((64, 64, 64, 10), activation=torch.nn.Tanh, dtype=dtype),
        examples.digits(500, dtype=dtype).with_label_noise(0.2, seed=0),
        optimizer=torch.optim.AdamW, lr=lr, weight_decay=weight_decay, seed=seed,
        schedule=[1 - k / steps for k in range(steps)], batch_size=50, **run,
    )  # fmt: skip


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
        return scaling.set_eps(nn.Sequential(*body(seed), last), 0.0).to(dtype)

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
    case = {"steps": steps, "seed": seed}
    return _each(case, lr=lr, weight_decay=weight_decay, **run)


def best_decay_invariant(
    lr: float | Iterable[float] = (0.001, 0.002, 0.004, 0.008, 0.016),
    weight_decay: float | Iterable[float] = (
        0.2,
        0.4,
        0.8,
        1.6,
        3.2,
        6.4,
        12.8,
        25.6,
        51.2,
    ),
    seed: int | Iterable[int] = range(12),
    **run: Any,
) -> "DataFrame":
    """Train networks without a scale by ``on_digits``, each with a constant lr."""
    fixed = {"batch_size": 20, "steps": 800, "invariant": True}
    return _each({"seed": seed}, lr=lr, weight_decay=weight_decay, **fixed, **run)


def best_decay_batch(
    batch_size: int | Iterable[int] = (10, 20, 40, 80, 160),
    weight_decay: float | Iterable[float] = (0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0),
    seed: int | Iterable[int] = range(6),
    **run: Any,
) -> "DataFrame":
    """Train for 60 epochs with each batch size, by ``on_digits``."""
    case = {"batch_size": batch_size, "seed": seed}
    fixed = {"n": 320, "epochs": 60, "lr": 0.016}
    return _each(case, weight_decay=weight_decay, **fixed, **run)


def best_decay_batch_long(
    batch_size: int | Iterable[int] = (10, 25, 50, 100, 200),
    weight_decay: float | Iterable[float] = (0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0),
    seed: int | Iterable[int] = range(6),
    **run: Any,
) -> "DataFrame":
    """Train as many steps with each batch size, by ``on_digits``."""
    case = {"batch_size": batch_size, "seed": seed}
    return _each(case, weight_decay=weight_decay, steps=600, lr=0.032, **run)


def best_decay_batch_invariant(
    batch_size: int | Iterable[int] = (5, 10, 20, 40),
    weight_decay: float | Iterable[float] = (
        0.2,
        0.4,
        0.8,
        1.6,
        3.2,
        6.4,
        12.8,
        25.6,
        51.2,
    ),
    seed: int | Iterable[int] = range(8),
    **run: Any,
) -> "DataFrame":
    """Train networks without a scale for 30 epochs with each batch size."""
    case = {"batch_size": batch_size, "seed": seed}
    fixed = {"epochs": 30, "lr": 0.004, "invariant": True}
    return _each(case, weight_decay=weight_decay, **fixed, **run)


def best_decay_data(
    n: int | Iterable[int] = (50, 100, 200, 400),
    weight_decay: float | Iterable[float] = (
        0.03125,
        0.0625,
        0.125,
        0.25,
        0.5,
        1.0,
        2.0,
        4.0,
    ),
    seed: int | Iterable[int] = range(6),
    **run: Any,
) -> "DataFrame":
    """Train as many steps on each number of digits, by ``on_digits``."""
    fixed = {"batch_size": 20, "steps": 800, "lr": 0.016}
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


EXPERIMENTS: dict[str, Callable[..., "DataFrame"]] = {
    experiment.__name__: experiment
    for experiment in (
        many_seeds, best_decay, best_decay_invariant, best_decay_batch,
        best_decay_batch_long, best_decay_batch_invariant, best_decay_data,
    )
}  # fmt: skip


def table(name: str, folder: Path = DATA) -> "DataFrame":
    """Return the table of an experiment, to the digit as it was measured.

    Its ``attrs`` say by which command it was made, on which grid, and with which
    versions. Raises ``ValueError`` for an experiment that is not there.
    """
    with extra("sweep"):
        import pandas as pd
    _refuse_unknown([name])
    path = folder / f"{name}.csv"
    found = pd.read_csv(path, comment="#")
    with path.open(encoding="utf8") as lines:
        about = [line[2:].strip() for line in lines if line.startswith("# ")]
    found.attrs |= dict(line.split(": ", 1) for line in about)
    return found.astype({"diverged": "Int64"})


def defaults(experiment: Callable[..., Any]) -> dict[str, list[float]]:
    """Return the whole grid of an experiment."""
    parameters = signature(experiment).parameters.values()
    return {p.name: [*p.default] for p in parameters if p.default is not p.empty}


def write(name: str, folder: Path, command: str) -> Path:
    """Run an experiment, on all cores, and write its table, whole or not at all.

    What is trained is kept beside it, so that one that was stopped goes on.
    """
    with extra("sweep"):
        import joblib
    experiment = EXPERIMENTS[name]
    kept, path = folder / f".{name}.parquet", folder / f"{name}.csv"
    with joblib.parallel_config(n_jobs=-1):
        found = experiment(path=kept)
    about = {"command": command}
    about |= {k: " ".join(map(str, v)) for k, v in defaults(experiment).items()}
    about |= {"python": platform.python_version(), "machine": platform.machine()}
    about |= {package: version(package) for package in PACKAGES}
    head = "".join(f"# {key}: {value}\n" for key, value in about.items())
    part = folder / f".{name}.part"
    part.write_text(head + found.to_csv(index=False), encoding="utf8")
    os.replace(part, path)
    for each in folder.glob(f"{kept.name}*"):
        each.unlink()
    return path


def _refuse_unknown(names: Sequence[str]) -> None:
    for name in names:
        if name not in EXPERIMENTS:
            known = ", ".join(EXPERIMENTS)
            raise ValueError(f"no experiment is called {name!r}: there is {known}")


def main(arguments: Sequence[str]) -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(
        prog=COMMAND,
        description="Run experiments of the book, each into a table.",
    )
    parser.add_argument("names", nargs="*", help=f"of {', '.join(EXPERIMENTS)}")
    parser.add_argument(
        "--to", type=Path, default=DATA, metavar="FOLDER",
        help="where the tables go; without it, into the package",
    )  # fmt: skip
    given = parser.parse_args(arguments)
    try:
        _refuse_unknown(given.names)
    except ValueError as error:
        parser.error(str(error))
    if not given.to.is_dir():
        parser.error(f"{given.to} is no folder: make it, or give another")
    for name in given.names or EXPERIMENTS:
        print(write(name, given.to, f"{COMMAND} {name}"))


if __name__ == "__main__":
    main(sys.argv[1:])
