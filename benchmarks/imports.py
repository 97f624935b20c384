"""How long the package takes to import, beside torch.

Each time is that of a fresh Python process, from its start to its end, in turn with all
the others; what is not torch's is the difference to the process that imports torch
alone. Writes ``benchmarks/imports.md``.
"""

import argparse
import os
import pkgutil
import platform
import resource
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = Path(__file__).with_suffix(".md")
PACKAGE = ROOT / "code/weightdecay"
TORCH = "import torch"


def statements():
    """Return what is imported: nothing, torch, and torch with each part of ours."""
    ours = [f"weightdecay.{module.name}" for module in pkgutil.iter_modules([PACKAGE])]
    ours = ["weightdecay", *ours]
    calls = ["from weightdecay import ask", "from weightdecay import convert"]
    beside = [*(f"import {name}" for name in ours), *calls]
    return ["pass", calls[1], TORCH, *(f"{TORCH}; {each}" for each in beside)]


def seconds(statement):
    """Return how long a fresh Python takes for a statement: CPU and wall."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "code")}
    environment |= {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", statement]
    before, start = children(), time.perf_counter()
    subprocess.run(command, env=environment, check=True)
    return children() - before, time.perf_counter() - start


def children():
    """Return the seconds of CPU of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(runs):
    """Return the times of each statement, after a first run that fills caches."""
    every = statements()
    for statement in every:
        seconds(statement)
    rounds = [[seconds(statement) for statement in every] for _ in range(runs)]
    return dict(zip(every, zip(*rounds, strict=True), strict=True))


def table(times):
    """Return the table as Markdown, its rows in milliseconds."""
    torch = 1000 * min(cpu for cpu, _ in times[TORCH])
    lines = []
    for statement, taken in times.items():
        cpu, wall = ([1000 * t for t in kind] for kind in zip(*taken, strict=True))
        beyond = f"{min(cpu) - torch:.0f}" if statement.startswith(f"{TORCH};") else ""
        numbers = [min(cpu), statistics.median(cpu), min(wall)]
        cells = [f"`{statement}`", *(f"{x:.0f}" for x in numbers), beyond]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def page(times, runs):
    """Return the whole page."""
    torch, python = version("torch").split("+")[0], platform.python_version()
    return f"""# Imports

What importing costs, in milliseconds of CPU (user and system): the least and the median
of {runs} fresh processes each, taken in turn, and the least by the wall. The last
column is the least CPU time beyond `import torch` alone. torch {torch}, Python
{python}. Made by `python benchmarks/imports.py`.

| Statement | CPU min | CPU median | Wall min | Beyond torch |
| --- | ---: | ---: | ---: | ---: |
{table(times)}
"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    TABLE.write_text(page(measure(runs), runs), "utf8")
    print(f"Read it: {TABLE}")
