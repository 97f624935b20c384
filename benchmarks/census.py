"""Ask the optimizers of many packages for their decay.

``census.toml`` names them. Each is asked by :func:`weightdecay.probe.ask` and gives a
row of ``code/weightdecay/data/census.csv``; one that can't be asked gives the reason.

``make census`` installs the packages and asks all; ``python benchmarks/census.py timm
mup`` asks these two. The rows of a package that is not asked stay as they are. One that
was stopped goes on where it was, unless the module behind the book has changed since.
"""

import ast
import csv
import hashlib
import inspect
import os
import sys
import tomllib
import types
import warnings
from contextlib import redirect_stdout
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from io import StringIO
from pathlib import Path

# Before torch is imported: compiling takes minutes and leaves the rule as it is.
os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")

import torch

from weightdecay import probe, tables

TABLE = Path(probe.__file__).parent / "data/census.csv"
BEGUN = Path(__file__).parents[1] / "_build/census"
ASKED = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf8"))


def plainly(optimizer, own):
    """Make it of the parameters and of its own settings."""
    return lambda params, **settings: optimizer(params, **settings, **own)


def in_groups(optimizer, own):
    """Make it of a group that says whether Muon's rule steps it."""

    def make(params, **settings):
        muon = params[0].ndim == 2
        group = {"params": params, "use_muon": muon, **settings}
        return optimizer([group], **settings, **own)

    return make


def in_groups_alone(optimizer, own):
    """Make it of such a group, which has all the settings."""

    def make(params, **settings):
        muon = params[0].ndim == 2
        return optimizer([{"params": params, "use_muon": muon, **settings, **own}])

    return make


def grouped(optimizer, own):
    """Make it of a group that has its own settings."""
    return lambda params, **settings: optimizer([{"params": params, **own}], **settings)


def in_two(optimizer, own):
    """Make it of the matrices and of the others."""

    def make(params, **settings):
        two = [[p for p in params if (p.ndim == 2) == muon] for muon in (True, False)]
        return optimizer(*two, **settings, **own)

    return make


def in_training(optimizer, own):
    """Make it and tell it that the model is in training."""

    def make(params, **settings):
        made = optimizer(params, **settings, **own)
        made.train()
        return made

    return make


def of_a_model(optimizer, own):
    """Make it of a module."""
    return lambda params, **settings: optimizer(
        torch.nn.ParameterList(params), **settings, **own
    )


def of_named(optimizer, own):
    """Make it of pairs of a name and a parameter."""
    return lambda params, **settings: optimizer(
        [(f"layer.{k}", p) for k, p in enumerate(params)], **settings, **own
    )


def around_sgd(optimizer, own):
    """Put it around torch's SGD."""
    return lambda params, **settings: optimizer(
        torch.optim.SGD(params, **settings), **own
    )


def of_a_class(optimizer, own):
    """Make one of its kind of the class of torch's SGD."""
    return optimizer(torch.optim.SGD, **own)


def without_lr(optimizer, own):
    """Make one that has no learning rate."""
    return lambda params, lr, **settings: optimizer(params, **settings, **own)


def sampled(optimizer, own):
    """Make one that takes the gradient at a weight that it draws."""

    def make(params, **settings):
        made = optimizer(params, **settings, **own)
        step = made.step

        def sample_and_step():
            with made.sampled_params(train=True):
                pass
            step()

        made.step = sample_and_step
        return made

    return make


def configured(optimizer, own):
    """Make it with an object that has its settings."""
    config = type(inspect.signature(optimizer).parameters["config"].default)
    return lambda params, **settings: optimizer(params, config(**settings, **own))


def with_decay_object(optimizer, own):
    """Make it with an object that does the decay."""
    decay = type(inspect.signature(optimizer).parameters["weight_decay"].default)

    def make(params, lr, **settings):
        objects = {k: decay(v, **own) for k, v in settings.items()}
        return optimizer(params, lr=lr, **objects)

    return make


def twice_as_wide(optimizer, own):
    """Make it of parameters of a model that is twice as wide as its base."""
    from mup.infshape import InfDim, InfShape

    def make(params, **settings):
        for p in params:
            p.infshape = InfShape([InfDim(n // 2, n) for n in p.shape])
        return optimizer(params, **settings, **own)

    return make


MAKERS = {
    make.__name__: make
    for make in (
        plainly,
        in_groups,
        in_groups_alone,
        grouped,
        in_two,
        in_training,
        of_a_model,
        of_named,
        around_sgd,
        of_a_class,
        without_lr,
        sampled,
        configured,
        with_decay_object,
        twice_as_wide,
    )
}


def release(package):
    """Return the version of a package, None if it isn't installed."""
    try:
        return version(package).split("+")[0]
    except PackageNotFoundError:
        return None


def leave_empty(name):
    """Let the modules in this package be imported without what it imports itself."""
    if name not in sys.modules:
        parent, _, last = name.rpartition(".")
        folders = sys.modules[parent].__path__ if parent else sys.path
        found = [str(Path(f, last)) for f in folders if Path(f, last).is_dir()]
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = found


def asks(package):
    """Return what is asked of a package: (optimizer, setting, a maker) for each."""
    entry = ASKED[package]
    for name in entry.get("empty", ()):
        leave_empty(name)
    return [ask(entry, call) for call in entry["asks"]]


def ask(entry, text):
    """Return the optimizer's name, its setting as a text and what makes it."""
    call = ast.parse(text, mode="eval").body
    name = ast.unparse(call.func)
    own = {k.arg: ast.literal_eval(k.value) for k in call.keywords}
    path, _, attribute = f"{entry['module']}.{name}".rpartition(".")
    optimizer = getattr(import_module(path), attribute)
    maker = MAKERS[entry.get("made", {}).get(name, "plainly")]
    return name, ", ".join(map(ast.unparse, call.keywords)), maker(optimizer, own)


def row(package, name, setting, make):
    """Ask one optimizer and return its row, as texts."""
    try:
        with warnings.catch_warnings(action="ignore"), redirect_stdout(StringIO()):
            answer = probe.ask(make)
    except (TypeError, ValueError) as refusal:
        found = {"refusal": " ".join(str(refusal).split())}
    else:
        found = {**asdict(answer), "vectors": answer.vectors, "kept": answer.kept}
    asked = {"version": release(package), "optimizer": name, "setting": setting}
    return {"package": package, **asked, **{k: text(v) for k, v in found.items()}}


def text(value):
    """Return a value of an answer as the table has it, a shape as in 2x2."""
    if not isinstance(value, tuple):
        return f"{value:.3g}" if isinstance(value, float) else str(value)
    if value and all(isinstance(x, int) for x in value):
        return "x".join(map(str, value))
    a_shape_first = (
        value and isinstance(value[0], tuple) and isinstance(value[0][0], int)
    )
    return (" " if a_shape_first else "; ").join(map(text, value))


def write(rows, path):
    """Write the rows as a table, a column for every field that any of them has."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", encoding="utf8", newline="") as file:
        table = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def begun():
    """Return where the rows that were taken with this very probe are kept."""
    code = b"".join(p.read_bytes() for p in sorted(TABLE.parents[1].glob("*.py")))
    return BEGUN / f"{hashlib.sha256(code).hexdigest()[:16]}.csv"


def take(package, kept=()):
    """Ask all that is asked of a package and yield its rows, those kept unasked."""
    kept = {(row["version"], row["optimizer"], row["setting"]): row for row in kept}
    with warnings.catch_warnings(action="ignore"), redirect_stdout(StringIO()):
        asked = asks(package)
    for name, setting, make in asked:
        known = kept.get((release(package), name, setting))
        yield known or row(package, name, setting, make)


def main(names):
    """Ask these packages, or all, and write the table."""
    path = begun()
    taken = of_packages(tables.read(path) if path.exists() else [])
    BEGUN.mkdir(parents=True, exist_ok=True)
    for package in names or ASKED:
        if release(package) is None:
            print(f"{package} is not installed: its rows stay as they are")
            continue
        kept, taken[package] = taken.get(package, []), []
        for found in take(package, kept):
            taken[package].append(found)
            write([row for rows in taken.values() for row in rows], path)
        print(f"{package} {release(package)}: {len(taken[package])} rows", flush=True)
    rows = of_packages(probe.census()) | taken
    write([row for package in ASKED for row in rows.get(package, ())], TABLE)
    print(f"Read it: {TABLE}")


def of_packages(rows):
    """Return the rows of each package."""
    packages = {}
    for row in rows:
        packages.setdefault(row["package"], []).append(row)
    return packages


if __name__ == "__main__":
    main(sys.argv[1:])
