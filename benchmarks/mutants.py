"""Whether the tests see faults: small changes of the code, and what no test noticed.

Cosmic Ray changes one operator, number or word of a module. A seeded sample of these
mutants meets the tests of that module, the quickest first, up to the first that fails.
Writes ``benchmarks/mutants.md``, and fails if too few are killed. Works on copies, in
``_build/mutants``; run again, it tries only what it has not tried. ``make mutants``
installs what it needs. A survivor's reason is typed into ``benchmarks/mutants.toml``.
"""

import argparse
import hashlib
import importlib
import json
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import time
import tomllib
from collections import Counter
from importlib.metadata import version
from multiprocessing.connection import wait
from pathlib import Path

import pytest
from mutations import SEED, sample

ROOT = Path(__file__).resolve().parent.parent
TABLE = Path(__file__).with_suffix(".md")
REASONS = Path(__file__).with_suffix(".toml")
WORK = ROOT / "_build/mutants"
CODE, TESTS = Path("code/weightdecay"), Path("tests/weightdecay")
# Each module and the files that test it.
OF_THE_PROBE = (
    "test_by_hand.py", "test_subject.py", "test_evidence.py", "test_probe.py",
)  # fmt: skip
MODULES = {
    "conventions": ("test_conventions.py",),
    "conversion": ("test_conversion.py",),
    "runs": ("test_conversion.py",),
    "probe": OF_THE_PROBE,
    "answers": ("test_answers.py",),
    "by_hand": OF_THE_PROBE,
    "evidence": OF_THE_PROBE,
    "finding": OF_THE_PROBE,
    "guesses": OF_THE_PROBE,
    "subject": OF_THE_PROBE,
    "directions": ("test_directions.py", "test_updates.py"),
    "theory": ("test_theory.py",),
}
SAMPLE, LEAST, WORKERS = 300, 0.9, 2
# A mutant that loops is stopped after so many times the usual seconds, and some more.
TIMES, MORE = 5, 60
# A mutant that fills the memory shall not take the machine along.
MEMORY = 12 * 2**30
# Loaded once, before the tests of each mutant start: it is most of what they'd do.
HEAVY = ("torch._dynamo", "sklearn.linear_model", "scipy.linalg")
NOTE = """\
{sampled} mutants, drawn with seed {seed}, as many from each module of
`code/weightdecay` while it has some. Each is one change by Cosmic Ray {version}, and
meets the tests of its module alone. Made by `make mutants`, which fails if fewer than
{least:.0%} are killed.

A mutant is killed when a test fails. One whose tests take over five times as long as
usual, and a minute more, is stopped and counts as killed, too. Left out is what no run
can show: changes in annotations, in the text of an error and in what only names a type.
Of Cosmic Ray's operators those are left out that put one operator for another that
nobody would mistype, such as `<<` for `+` or `is` for `==`: most raise at once.
"""


class Quickest:
    """Puts the quickest tests first, as known from a run that noted their seconds."""

    def __init__(self, seconds):
        """Take the seconds of each test; what is not there counts as none."""
        self.seconds = Counter(seconds)

    def pytest_collection_modifyitems(self, items):
        """Order the tests."""
        items.sort(key=lambda item: self.seconds[item.nodeid])

    def pytest_runtest_logreport(self, report):
        """Note the seconds of a test."""
        self.seconds[report.nodeid] += report.duration


def run_tests(folder, files, seconds):
    """Run tests in a copy, in a process made for it, and exit with pytest's status."""
    os.setsid()
    os.chdir(folder)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    # Bytecode of another mutant could pass for this one's.
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.environ["PYTHONPATH"] = str(folder / "code")
    sys.path.insert(0, os.environ["PYTHONPATH"])
    sys.stdout = sys.stderr = log = folder.with_suffix(".log").open("w")
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    order = Quickest(seconds)
    status = pytest.main(["-x", "-p", "no:cacheprovider", *files], plugins=[order])
    folder.with_suffix(".json").write_text(json.dumps(order.seconds))
    log.flush()
    os._exit(status)


def start(folder, names, seconds):
    """Start the tests of files in a copy; return their process."""
    files = [str(TESTS / name) for name in names]
    fork = multiprocessing.get_context("fork")
    process = fork.Process(target=run_tests, args=(folder, files, seconds), daemon=True)
    process.start()
    return process


def usual(names):
    """Return the seconds of each test in files and of all, on code without a fault."""
    began, folder = time.monotonic(), copy(0)
    process = start(folder, names, {})
    process.join()
    if process.exitcode:
        said = folder.with_suffix(".log").read_text()
        sys.exit(f"{names} fail without any mutant:\n{said[-3000:]}")
    seconds = json.loads(folder.with_suffix(".json").read_text())
    return seconds, time.monotonic() - began


def copy(number):
    """Return a fresh copy of what the tests read."""
    folder = WORK / f"copy{number}"
    shutil.rmtree(folder, ignore_errors=True)
    left = shutil.ignore_patterns("_build", ".*", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT, folder, ignore=left)
    return folder


def outcomes(jobs):
    """Yield each mutant with what became of it, ``WORKERS`` of them at once."""
    known = {names: usual(names) for names in {MODULES[job.module] for job in jobs}}
    free, running, left = [copy(n) for n in range(WORKERS)], {}, [*jobs][::-1]
    while left or running:
        while left and free:
            mutant, folder = left.pop(), free.pop()
            (folder / CODE / f"{mutant.module}.py").write_text(mutant.source, "utf8")
            names = MODULES[mutant.module]
            seconds, whole = known[names]
            process = start(folder, names, seconds)
            limit = time.monotonic() + TIMES * whole + MORE
            running[process.sentinel] = process, mutant, folder, limit
        wait(running, timeout=1)
        for sentinel, (process, mutant, folder, limit) in [*running.items()]:
            late = process.is_alive() and time.monotonic() > limit
            if late:
                os.killpg(process.pid, signal.SIGKILL)
                process.join()
            if not process.is_alive():
                del running[sentinel]
                path = CODE / f"{mutant.module}.py"
                shutil.copy(ROOT / path, folder / path)
                free.append(folder)
                yield mutant, "timed out" if late else outcome(process, folder)


def outcome(process, folder):
    """Return what the tests in a copy said of its mutant."""
    if process.exitcode in (
        pytest.ExitCode.USAGE_ERROR,
        pytest.ExitCode.NO_TESTS_COLLECTED,
    ):
        sys.exit(folder.with_suffix(".log").read_text()[-3000:])
    return "killed" if process.exitcode else "survived"


def key(mutant):
    """Return a digest of all that decides what becomes of a mutant."""
    helpers = [p for p in (ROOT / TESTS).glob("*.py") if p.name[:5] != "test_"]
    tests = [ROOT / TESTS / name for name in MODULES[mutant.module]]
    paths = sorted([*(ROOT / CODE).rglob("*.[pc]*"), *helpers, *tests])
    texts = [path.read_bytes() for path in paths if path.suffix != ".pyc"]
    return hashlib.sha256(b"\0".join([*texts, mutant.source.encode()])).hexdigest()


def table(tried, known):
    """Return what became of mutants as Markdown; a survivor needs a reason."""
    lines = ["| Module | Tried | Killed | Timed out | Survived |"]
    lines += ["|---|---:|---:|---:|---:|"]
    for module in dict.fromkeys(mutant.module for mutant, _ in tried):
        count = Counter(said for mutant, said in tried if mutant.module == module)
        killed, late = count["killed"] + count["timed out"], count["timed out"]
        numbers = f"{count.total()} | {killed} | {late} | {count['survived']}"
        lines.append(f"| {module} | {numbers} |")
    lines += ["", f"{share(tried):.1%} are killed. What survived:", ""]
    lines += ["| Line | Change | Why no test can tell it |", "|---:|---|---|"]
    for mutant in sorted(mutant for mutant, said in tried if said == "survived"):
        reason = known.get(mutant.change, "**no reason yet: a test is missing**")
        change = mutant.change.replace("|", r"\|")
        lines.append(f"| {mutant.line} | `{change}` | {reason} |")
    return "\n".join(lines) + "\n"


def reasons():
    """Return what was typed of survivors: the reason of each, under its change."""
    typed = tomllib.loads(REASONS.read_text("utf8"))["survivor"]
    return {known["change"]: known["reason"] for known in typed}


def share(tried):
    """Return the share of mutants that did not survive."""
    return sum(said != "survived" for _, said in tried) / len(tried)


def main():
    """Try the sample, write the table, and fail if too many survive."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--modules", nargs="*", default=[*MODULES], choices=MODULES)
    parser.add_argument("--table", type=Path, default=TABLE)
    wanted = parser.parse_args()
    sources = {m: (ROOT / CODE / f"{m}.py").read_text("utf8") for m in MODULES}
    drawn = [m for m in sample(sources, SAMPLE) if m.module in wanted.modules]
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    keys = {mutant: key(mutant) for mutant in drawn}
    left = [mutant for mutant in drawn if keys[mutant] not in results]
    print(f"{len(drawn)} mutants, {len(left)} of them to be tried", flush=True)
    for module in HEAVY:
        importlib.import_module(module)
    for number, (mutant, said) in enumerate(outcomes(left), 1):
        results[keys[mutant]] = said
        path.write_text(json.dumps(results))
        print(f"{number}/{len(left)} {said}: {mutant.change}", flush=True)
    tried = [(mutant, results[keys[mutant]]) for mutant in drawn]
    facts = {"sampled": len(drawn), "seed": SEED, "least": LEAST}
    note = NOTE.format(**facts, version=version("cosmic-ray"))
    wanted.table.write_text(f"# Mutants\n\n{note}\n{table(tried, reasons())}", "utf8")
    if share(tried) < LEAST:
        sys.exit(f"Only {share(tried):.1%} are killed, fewer than {LEAST:.0%}")


if __name__ == "__main__":
    main()
