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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from weightdecay import examples, networks, sweep
from weightdecay.extras import extra
from weightdecay.tables import DATA
from weightdecay.tuning import (
    best_decay,
    best_decay_batch,
    best_decay_batch_invariant,
    best_decay_batch_long,
    best_decay_data,
    best_decay_invariant,
)

if TYPE_CHECKING:
    from pandas import DataFrame

COMMAND = "python -m weightdecay.experiments"
# What the digits of a table may depend on.
PACKAGES = ("weightdecay", "torch", "numpy", "pandas", "scikit-learn")
# From none to more than lets a network learn, four for each doubling.
DECAYS = (0.0, *(round(0.25 * 2 ** (k / 4), 3) for k in range(21)))
_COUNTS = ("diverged", "memorised", "grokked")
_ARRIVALS = (("memorised", "train_error", 0.01), ("grokked", "val_error", 0.1))


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


def grokking(
    weight_decay: float | Iterable[float] = DECAYS,
    seed: int | Iterable[int] = range(5),
    *,
    steps: int = 1000,
    p: int = 23,
    share: float = 0.7,
    start: float = 4.0,
    lr: float = 0.005,
    split: int = 0,
    optimizer: Callable[..., Any] = torch.optim.AdamW,
    **run: Any,
) -> "DataFrame":
    """Train on a share of the sums (a + b) mod p, in float64 and full batches.

    The networks have a hidden layer of 96 with squares and no biases, and begin with
    PyTorch's weights times ``start``. AdamW has betas of 0.9 and 0.98; another
    ``optimizer`` brings its own. ``split`` shuffles the sums, ``run`` is as in
    ``many_seeds``.

    Returns a row for each network and each 40 steps, rounded to 4 decimals, with two
    columns more: ``memorised`` is the first of each 10 steps with at most 1 % of the
    sums for training missed, ``grokked`` the first with at most 10 % of the others.
    """
    dtype = torch.float64
    data = examples.addition(p, share, seed=split, dtype=dtype)
    layers = networks.mlp(
        (2 * p, 96, p), activation=networks.Square, bias=False, dtype=dtype
    )

    def make(seed: int) -> torch.nn.Module:
        network = layers(seed)
        for w in network.parameters():
            w.data *= start
        return network

    if optimizer is torch.optim.AdamW:
        run = {"betas": (0.9, 0.98), **run}
    found = sweep.train(
        make, data, optimizer=optimizer, lr=lr, weight_decay=weight_decay, seed=seed,
        schedule=[1.0] * steps, batch_size=len(data.x), every=10, **run,
    ).drop(columns="lr")  # fmt: skip
    for name, column, most in _ARRIVALS:
        arrived = found["step"].where(found[column] <= most)
        first = arrived.groupby([found["weight_decay"], found["seed"]], sort=False)
        found[name] = first.transform("min").astype("Int64")
    return found[found["step"] % 40 == 0].round(4).reset_index(drop=True)


EXPERIMENTS: dict[str, Callable[..., "DataFrame"]] = {
    experiment.__name__: experiment
    for experiment in (
        many_seeds, best_decay, best_decay_invariant, best_decay_batch,
        best_decay_batch_long, best_decay_batch_invariant, best_decay_data, grokking,
    )
}  # fmt: skip


def table(name: str, folder: Path | None = None) -> "DataFrame":
    """Return the table of an experiment, to the digit as it was measured.

    Its ``attrs`` say by which command it was made, on which grid, and with which
    versions. Raises ``ValueError`` for an experiment that is not there.
    """
    with extra("sweep"):
        import pandas as pd
    _refuse_unknown([name])
    path = (folder or DATA) / f"{name}.csv"
    found = pd.read_csv(path, comment="#")
    with path.open(encoding="utf8") as lines:
        about = [line[2:].strip() for line in lines if line.startswith("# ")]
    found.attrs |= dict(line.split(": ", 1) for line in about)
    return found.astype({c: "Int64" for c in found if c in _COUNTS})


def defaults(experiment: Callable[..., Any]) -> dict[str, list[float]]:
    """Return the whole grid of an experiment."""
    parameters = signature(experiment).parameters.values()
    return {p.name: [*p.default] for p in parameters if isinstance(p.default, Iterable)}


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
