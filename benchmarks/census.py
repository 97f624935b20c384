"""Ask the optimizers of many packages for their decay.

``census.toml`` names them. Each is asked by :func:`weightdecay.probe.ask` and gives a
row of ``code/weightdecay/data/census.csv``; one that can't be asked gives the reason.

``make census`` installs the packages and asks all; ``python benchmarks/census.py timm
mup`` asks these two. The rows of a package that is not asked stay as they are. One that
was stopped goes on where it was, unless the probe has changed since.
"""

import ast
import csv
import hashlib
import os
import re
import sys
import tomllib
import warnings
from contextlib import redirect_stdout
from dataclasses import asdict
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, version
from importlib.util import module_from_spec
from io import StringIO
from pathlib import Path

# Before torch is imported: compiling takes minutes and leaves the rule as it is.
os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")

from census_makers import MAKERS

from weightdecay import probe, tables

TABLE = Path(probe.__file__).parent / "data/census.csv"
BEGUN = Path(__file__).parents[1] / "_build/census"
ASKED = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf8"))


def release(package):
    """Return the version of a package, None if it isn't installed."""
    try:
        return version(package).split("+")[0]
    except PackageNotFoundError:
        return None


def normal(package):
    """Return a package's name as the index has it."""
    return re.sub("[-_.]+", "-", package).lower()


def leave_empty(name):
    """Let the modules in this package be imported without what it imports itself."""
    if name not in sys.modules:
        parent, _, last = name.rpartition(".")
        folders = sys.modules[parent].__path__ if parent else sys.path
        found = [str(Path(f, last)) for f in folders if Path(f, last).is_dir()]
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = found
        sys.modules[name] = module_from_spec(spec)


def asks(package):
    """Return what is asked of a package: (optimizer, setting, a maker) for each."""
    entry = ASKED[package]
    for name in entry.get("empty", ()):
        leave_empty(name)
    with warnings.catch_warnings(action="ignore"), redirect_stdout(StringIO()):
        return [ask(entry, call) for call in entry["asks"]]


def ask(entry, call):
    """Return the optimizer's name, its setting as a text and what makes it."""
    name, own, setting = parsed(call)
    path, _, attribute = f"{entry['module']}.{name}".rpartition(".")
    optimizer = getattr(import_module(path), attribute)
    maker = MAKERS[entry.get("made", {}).get(name, "plainly")]
    return name, setting, maker(optimizer, own)


def parsed(call):
    """Return the name that a call has, its settings, and these as a text."""
    call = ast.parse(call, mode="eval").body
    own = {k.arg: ast.literal_eval(k.value) for k in call.keywords}
    return ast.unparse(call.func), own, ", ".join(map(ast.unparse, call.keywords))


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
    match value:
        case float():
            return f"{value:.3g}"
        case (int(), *_):
            return "x".join(map(str, value))
        case ((int(), *_), *_):
            return " ".join(map(text, value))
        case tuple():
            return "; ".join(map(text, value))
    return str(value)


def write(rows, path):
    """Write the rows as a table, a column for every field that any of them has."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", encoding="utf8", newline="") as file:
        table = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def begun(package):
    """Return where the rows are kept that were taken with this very probe."""
    names = sorted(n for n in sys.modules if n.startswith(("weightdecay", "census_")))
    code = b"".join(Path(sys.modules[name].__file__).read_bytes() for name in names)
    return BEGUN / hashlib.sha256(code).hexdigest()[:16] / f"{package}.csv"


def take(package, kept=()):
    """Ask all that is asked of a package and yield its rows, those kept unasked."""
    kept = {(row["version"], row["optimizer"], row["setting"]): row for row in kept}
    for name, setting, make in asks(package):
        known = kept.get((release(package), name, setting))
        yield known or row(package, name, setting, make)


def main(names):
    """Ask these packages, or all, and write each into the table."""
    for package in names or ASKED:
        if release(package) is None:
            print(f"{package} is not installed: its rows stay as they are")
            continue
        path, rows = begun(package), []
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = tables.read(path) if path.exists() else []
        for found in take(package, kept):
            rows.append(found)
            if found not in kept:
                write(rows, path)
        others = [row for row in tables.read(TABLE) if row["package"] != package]
        ranks = {name: rank for rank, name in enumerate(ASKED)}
        asked = [row for row in others + rows if row["package"] in ranks]
        write(sorted(asked, key=lambda row: ranks[row["package"]]), TABLE)
        print(f"{package} {release(package)}: {len(rows)} rows", flush=True)
    print(f"Read it: {TABLE}")


if __name__ == "__main__":
    main(sys.argv[1:])
