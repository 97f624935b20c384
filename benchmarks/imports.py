"""How long the package takes to import, beside torch.

Each time is that of a fresh Python process, in turn with all the others. It imports
torch first, and what comes on top is timed inside it: torch's own time differs from run
to run by more than all of ours. Writes ``benchmarks/imports.md``.
"""

import argparse
import os
import pkgutil
import platform
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = Path(__file__).with_suffix(".md")
PACKAGE = ROOT / "code/weightdecay"
TIMED = """from time import process_time
begin = process_time()
{first}
between = process_time()
{then}
print(between - begin, process_time() - between)
"""


def statements():
    """Return what is imported on top of torch: each part of ours, and both calls."""
    parts = [f"weightdecay.{module.name}" for module in pkgutil.iter_modules([PACKAGE])]
    calls = [f"from weightdecay import {name}" for name in ("ask", "convert")]
    return ["import weightdecay", *calls, *(f"import {name}" for name in parts)]


def seconds(first, then):
    """Return the CPU seconds of two statements, one after the other in a new Python."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "code")}
    environment |= {"OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", TIMED.format(first=first, then=then)],
        env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return tuple(map(float, run.stdout.split()))


def measure(runs):
    """Return rows of a name and its times, after a first run that fills caches."""
    pairs = [("import torch", each) for each in statements()]
    pairs.append(("pass", "from weightdecay import convert"))
    for pair in pairs:
        seconds(*pair)
    rounds = [[seconds(*pair) for pair in pairs] for _ in range(runs)]
    by_pair = list(zip(*rounds, strict=True))
    rows = [("import torch", [torch for times in by_pair[:-1] for torch, _ in times])]
    for (first, then), times in zip(pairs, by_pair, strict=True):
        alone = ", without torch" if first == "pass" else ""
        rows.append((f"{then}{alone}", [own for _, own in times]))
    return rows


def page(rows, runs):
    """Return the page, its times in milliseconds."""
    torch, python = version("torch").split("+")[0], platform.python_version()
    lines = [
        f"| {name} | {1000 * min(t):.1f} | {1000 * statistics.median(t):.1f} |"
        for name, t in rows
    ]
    return f"""# Imports

What importing costs on top of torch, in milliseconds of CPU: {runs} fresh processes
each, taken in turn, one thread. torch {torch}, Python {python}. Made by
`python benchmarks/imports.py`.

| After `import torch` | Min | Median |
| --- | ---: | ---: |
""" + "\n".join([*lines, ""])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    TABLE.write_text(page(measure(runs), runs), "utf8")
    print(f"Read it: {TABLE}")
