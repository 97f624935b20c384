"""Ask every optimizer of torch and of the package pytorch_optimizer for its decay.

Each is asked with its own settings, by :func:`weightdecay.probe.ask`, and gives a row
of ``code/weightdecay/data/census.csv``; one that can't be asked gives the reason.
``make frameworks`` installs the package.
"""

import csv
import sys
import warnings
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import torch

from weightdecay import probe

TABLE = Path(probe.__file__).parent / "data/census.csv"


def in_groups(optimizer):
    """Make a maker that says for each parameter whether Muon's rule steps it."""

    def make(params, **settings):
        muon = params[0].ndim == 2
        return optimizer([{"params": params, "use_muon": muon, **settings}], **settings)

    return make


def of_a_model(optimizer):
    """Make a maker for an optimizer that takes a module."""
    return lambda params, **settings: optimizer(
        torch.nn.ParameterList(params), **settings
    )


def with_argument(**argument):
    """Make a maker for an optimizer that can't be made without an argument."""
    return lambda optimizer: (
        lambda params, **settings: optimizer(params, **settings, **argument)
    )


# Those that are not made of parameters, lr and weight_decay alone.
MADE_OTHERWISE = {
    **dict.fromkeys(("adago", "adamuon", "muon", "muonclip", "normuon"), in_groups),
    **dict.fromkeys(("adalomo", "adammini", "lomo"), of_a_model),
    "distributedmuon": in_groups,
    "bsam": with_argument(num_data=1),
    "ranger21": with_argument(num_iterations=100),
}


def packages():
    """Return the optimizers of each package by name."""
    from pytorch_optimizer.optimizer import OPTIMIZERS

    return {"torch": torchs(), "pytorch_optimizer": dict(sorted(OPTIMIZERS.items()))}


def torchs():
    """Return the optimizers of torch by name."""
    names = sorted(set(torch.optim.__all__) - {"Optimizer"})
    classes = {name: getattr(torch.optim, name) for name in names}
    return {n: c for n, c in classes.items() if isinstance(c, type)}


def row(package, name, optimizer):
    """Ask one optimizer and return its row, as texts."""
    make = MADE_OTHERWISE.get(name, lambda optimizer: optimizer)(optimizer)
    release = version(package).split("+")[0]
    try:
        with warnings.catch_warnings(action="ignore"):
            answer = probe.ask(make)
    except ValueError as refusal:
        found = {"refusal": str(refusal).split("parameter: ")[1].split("; With")[0]}
    else:
        found = {**asdict(answer), "kept": answer.kept}
    texts = {
        k: f"{v:.3g}" if isinstance(v, float) else str(v) for k, v in found.items()
    }
    return {"package": package, "version": release, "optimizer": name, **texts}


def take():
    """Ask all of them and return the rows of the table."""
    return [
        row(package, name, optimizer)
        for package, optimizers in packages().items()
        for name, optimizer in optimizers.items()
    ]


def write(rows, path):
    """Write the rows as a table, a column for every field that any of them has."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", encoding="utf8", newline="") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else TABLE
    write(take(), path)
    print(f"Read it: {path}")
