"""How long a book takes to build, and whether it then shows the right numbers.

Three ways to build the same book, in turns, so that a busy moment hurts all alike:
plain Jupyter Book with its cache; with ``bookpress``; and, as the limit, all cells in
one Python process and then Sphinx without execution. Each is built from nothing; the
first two again after an edit. Writes ``benchmarks/builds.md``. Run it on a machine that
has nothing else to do: ``make builds``.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from statistics import median

from books import Synthetic, ThisBook

from bookpress.execute import execution

WORK = Path(__file__).resolve().parent.parent / "_build/builds"
TABLE = Path(__file__).with_suffix(".md")
BUILD = [str(Path(sys.executable).with_name("jupyter-book")), "build"]
ONE_PROCESS = [sys.executable, str(Path(__file__).with_name("one_process.py"))]
# Alike for all: what bookpress gives to kernels, and a time that is always the same.
ENVIRONMENT = {**execution.ENVIRONMENT, "SOURCE_DATE_EPOCH": "1700000000"}
COLUMNS = {"Book": "---", "After": "---", "Way": "---", "Runs": "---:"}
COLUMNS |= dict.fromkeys(("CPU s", "CPU of plain", "Wall s", "wall of plain"), "---:")
COLUMNS |= {"Peak MB": "---:", "Right": "---"}
EDITS = ("no edit", "prose", "cell", "module")
NOTE = """\
Medians of interleaved runs, {cores} cores, jupyter-book {jupyter_book}, Python {python}.
Made by `make builds`. Plain is `jupyter-book build` with its cache, `execute_notebooks:
cache`; ours is the same with `bookpress.execute.execution`, `bookpress.write.checks` and
`bookpress.write.publish`; the limit is all cells in one Python process, then Sphinx with
execution off. All have one thread a process. CPU seconds are those of all processes; peak
MB is the most memory that they held together, with what they share counted once, looked at
twice a second. Right says whether the page shows the number of the code as it is after the
edit. The synthetic chapters have five cells each, with torch and matplotlib. This book is
built with its other extensions in all three ways; they work on finished pages, and so its
plain builds first remove `_build/html` and `_build/.doctrees`, as `make book` once did.
After each cold build every page of ours was the same as plain's, byte for byte; else there
would be no table.
"""  # noqa: E501


class Peak(threading.Thread):
    """Looks twice a second how much memory a process and those below it hold."""

    def __init__(self, pid):
        """Begin to look."""
        super().__init__(daemon=True)
        self.pid, self.bytes, self.done = pid, 0, threading.Event()
        self.start()

    def run(self):
        """Look until the process has ended."""
        while not self.done.wait(0.5):
            self.bytes = max(self.bytes, sum(map(held, below(self.pid))))


def below(pid):
    """Return a process and all that it started, directly or not."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(
                stat.read_text().split(")")[-1].split()[1]
            )
        except OSError:
            continue  # it has just ended
    found, left = set(), {pid}
    while left:
        found |= left
        left = {child for child, parent in parents.items() if parent in left} - found
    return found


def held(pid):
    """Return the bytes that a process holds, its share of what it shares."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return 1024 * int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])


def measure(commands, folder):
    """Run commands one after the other; return their CPU and wall seconds and MB."""
    env = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(folder / "code")}
    started, cpu, peak = time.perf_counter(), 0, 0
    for command in commands:
        with (WORK / "log").open("w") as log:
            run = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
            watch = Peak(run.pid)
            _, status, used = os.wait4(run.pid, 0)
            watch.done.set()
            run.returncode = os.waitstatus_to_exitcode(status)
        if run.returncode:
            raise SystemExit(f"{command} failed:\n{(WORK / 'log').read_text()[-3000:]}")
        cpu += used.ru_utime + used.ru_stime
        peak = max(peak, watch.bytes)
    return cpu, time.perf_counter() - started, peak / 1e6


def commands(book, way):
    """Return what builds a book."""
    before = {"limit": [[*ONE_PROCESS, *book.pages]], "plain": book.before_plain}
    return [*before.get(way, []), [*BUILD, "."]]


def published(folder, page, text):
    """Return whether a page shows a text."""
    html = folder / "_build/html" / page.relative_to(folder).with_suffix(".html")
    return text in re.sub(r"<[^>]+>", "", html.read_text("utf8"))


def compare(one, other):
    """Fail, unless two built books have the same pages."""
    pages = [
        sorted((folder / "_build/html").rglob("*.html")) for folder in (one, other)
    ]
    first, second = ([path.read_bytes() for path in paths] for paths in pages)
    differ = [str(p) for p, a, b in zip(pages[0], first, second, strict=True) if a != b]
    assert not differ, f"other bytes: {differ}"


def measure_book(book, note):
    """Measure a book once in each way, from nothing and after each edit."""
    shutil.rmtree(WORK, ignore_errors=True)
    folders = {way: WORK / way for way in ("plain", "limit", "ours")}
    for way, folder in folders.items():
        book.write(folder, way)
        figures, expected = measure(commands(book, way), folder), book.edit(folder, "")
        right = way == "limit" or published(folder, *expected)
        note(book.name, "nothing was built", way, figures, right)
    compare(folders["plain"], folders["ours"])
    for what in EDITS:
        for way in ("plain", "ours"):
            expected = book.edit(folders[way], what)
            figures = measure(commands(book, way), folders[way])
            note(book.name, what, way, figures, published(folders[way], *expected))


def table(noted):
    """Return the medians as Markdown, each beside its share of plain's."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"| {' | '.join(COLUMNS.values())} |"]
    middle = {}
    for key, runs in noted.items():
        *figures, right = zip(*runs, strict=True)
        middle[key] = (len(runs), *map(median, figures), all(right))
    for (book, what, way), (runs, cpu, wall, peak, right) in middle.items():
        base = middle[book, what, "plain"][1:]
        figures = f"{cpu:.1f} | {cpu / base[0]:.2f} | {wall:.1f} | {wall / base[1]:.2f}"
        right = ("yes" if right else "**no**") if way != "limit" else ""
        ends = f"{runs} | {figures} | {peak:.0f} | {right}"
        lines.append(f"| {book} | {what} | {way} | {ends} |")
    return "\n".join(lines) + "\n"


def main():
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="*",
        default=[5, 10, 20, 40],
        help="chapters; a size named twice is measured twice in each run",
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--without-this-book", action="store_true")
    parser.add_argument("--table", type=Path, default=TABLE)
    wanted = parser.parse_args()
    books = [
        *map(Synthetic, wanted.sizes),
        *[ThisBook()] * (not wanted.without_this_book),
    ]
    noted = defaultdict(list)

    def note(book, what, way, figures, right):
        noted[book, what, way].append((*figures, right))
        said = "{:.1f} s CPU, {:.1f} s, {:.0f} MB".format(*figures)
        print(book, what, way, said, "" if right else "WRONG", flush=True)

    facts = {"cores": len(os.sched_getaffinity(0))}
    facts |= {"python": ".".join(map(str, sys.version_info[:3]))}
    facts |= {"jupyter_book": version("jupyter-book")}
    for _ in range(wanted.runs):
        for book in books:
            measure_book(book, note)
            # What was measured stays, if a later book fails.
            text = f"# Builds\n\n{NOTE.format(**facts)}\n{table(noted)}"
            wanted.table.write_text(text, "utf8")


if __name__ == "__main__":
    main()
