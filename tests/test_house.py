"""The repository: imports, versions, pins and what a wrong Python hears."""

import ast
import re
import subprocess
import sys
import sysconfig
import tomllib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

THIS = Path(__file__)
ROOT = THIS.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]


def test_import_code_finds_the_standard_library_from_the_root():
    script = "import code, pdb; print(code.__file__)"
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True
    )
    assert run.stdout.startswith(sysconfig.get_path("stdlib")), run.stderr
    assert not (ROOT / "code/__init__.py").exists()


def test_the_version_is_one():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf8"))
    changes = (ROOT / "CHANGELOG.md").read_text("utf8")
    assert citation["version"] == PROJECT["version"] == version("weightdecay")
    assert f"## {PROJECT['version']}" in changes


def pins(name):
    lines = (ROOT / name).read_text("utf8").splitlines()
    return dict(
        x.split("  #")[0].strip().split("==") for x in lines if x and x[0] != "#"
    )


def test_every_package_is_pinned_and_installed_as_pinned():
    for name, pinned in pins("requirements.txt").items():
        assert version(name).split("+")[0] == pinned, name


def test_the_frameworks_are_installed_as_pinned():
    if find_spec("optax") is None:
        pytest.skip("the frameworks are not installed: `make frameworks` does it")
    for name, pinned in pins("requirements-frameworks.txt").items():
        assert version(name) == pinned, name


def test_no_package_is_pinned_twice():
    both = pins("requirements.txt").keys() & pins("requirements-frameworks.txt").keys()
    assert both == set()


def test_what_pyproject_asks_for_is_what_is_pinned():
    extras = dict(PROJECT["optional-dependencies"])
    light = [p for name in ("book", "dev") for p in extras.pop(name)]
    assert extras.keys() == {"frameworks"}
    for file, asked in {
        "requirements.txt": [*PROJECT["dependencies"], *light],
        "requirements-frameworks.txt": extras["frameworks"],
    }.items():
        pinned = {normal(name): pin for name, pin in pins(file).items()}
        for requirement in asked:
            name, wanted = requirement.split("==")
            assert pinned[normal(name)] == wanted


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("old", ["(3, 10)", "(2, 7)"])
def test_a_python_that_is_too_old_is_refused_in_one_line(old, tmp_path):
    # A stand-in that reports an old version, so that the test needs no old Python.
    fake = tmp_path / "python"
    trick = f"import sys; sys.version_info = {old} + (0,); exec(sys.argv[1])"
    fake.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{trick}" "$2"\n')
    fake.chmod(0o755)
    (tmp_path / "Makefile").symlink_to(ROOT / "Makefile")
    for name in ("requirements.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    run = subprocess.run(
        ["make", "--no-print-directory", "book", f"PYTHON={fake}"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    said = [x for x in run.stderr.splitlines() if not x.startswith("make")]
    assert run.returncode != 0 and len(said) == 1
    assert said[0].startswith("Python 3.11 or newer is needed")
    assert not (tmp_path / ".venv").exists()


# A test waits for what must happen, however long that takes: see waiting.py.
CLOCKS = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"}
CLOCKS |= {"process_time", "process_time_ns", "time_ns", "wait_for_timeout"}
IN_PAGES = ("performance.now", "Date.now")


def clocks(source):
    """Return where code reads a clock, waits a fixed time or imports what does."""
    for node in ast.walk(ast.parse(source)):
        names = {getattr(node, "attr", None), getattr(node, "id", None)}
        if isinstance(node, ast.Import | ast.ImportFrom):
            parts = {alias.name for alias in node.names}
            names |= parts & {"time", "timeit"} | {getattr(node, "module", None)} & {
                "time"
            }
        text = node.value if isinstance(node, ast.Constant) else None
        in_a_page = isinstance(text, str) and any(part in text for part in IN_PAGES)
        if in_a_page or names & (CLOCKS | {"time", "timeit"}):
            yield f"line {node.lineno}: {ast.unparse(node)}"


def test_no_test_measures_a_time_or_waits_a_fixed_one():
    tests = [p for p in sorted(ROOT.glob("tests/**/*.py")) if p.name != "waiting.py"]
    found = {p.name: [*clocks(p.read_text("utf8"))] for p in tests if p != THIS}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "measuring",
    [
        "import time; time.sleep(1)",
        "from time import sleep",
        "import timeit",
        "clock.perf_counter()",
        "page.wait_for_timeout(400)",
        "page.evaluate('performance.now()')",
    ],
)
def test_a_test_that_measures_a_time_would_be_found(measuring):
    assert [*clocks(measuring)]
    assert not [*clocks("page.write('import time; time.sleep(1)')")]
