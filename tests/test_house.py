"""The repository: imports, versions, pins and what a wrong Python hears."""

import ast
import itertools
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch_wheel
import yaml
from packaging.requirements import Requirement

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


def test_a_release_without_git_asks_for_its_date():
    environment = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"}
    run = subprocess.run(
        ["make", "release"],
        cwd=ROOT,
        env={**environment, "GIT_DIR": "/nowhere"},
        capture_output=True,
        text=True,
    )
    assert run.returncode != 0
    assert "make release SOURCE_DATE_EPOCH=" in run.stdout


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


@pytest.mark.parametrize("name", ["requirements", "requirements-frameworks"])
def test_what_is_asked_for_is_what_is_pinned(name):
    pinned = {normal(package): pin for package, pin in pins(f"{name}.txt").items()}
    for package, wanted in pins(f"{name}.in").items():
        assert pinned[normal(package)] == wanted


def asked_by(project):
    """Return what a project's metadata ask for, extras too, but for the project."""
    extras = project.get("optional-dependencies", {}).values()
    asked = map(Requirement, itertools.chain(project["dependencies"], *extras))
    return [r for r in asked if r.name not in ("weightdecay", "bookpress")]


def test_whoever_installs_the_library_keeps_what_they_have():
    for requirement in asked_by(PROJECT):
        assert {s.operator for s in requirement.specifier} == {">="}, requirement
    core = {Requirement(r).name for r in PROJECT["dependencies"]}
    assert core == {"numpy", "torch"}


def test_what_the_two_packages_ask_for_holds_for_what_is_pinned():
    press = tomllib.loads((ROOT / "press/pyproject.toml").read_text("utf8"))["project"]
    both = pins("requirements.txt") | pins("requirements-frameworks.txt")
    pinned = {normal(name): pin for name, pin in both.items()}
    for requirement in [*asked_by(PROJECT), *asked_by(press)]:
        assert pinned[normal(requirement.name)] in requirement.specifier, requirement


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
    (tmp_path / "press").mkdir()
    for name in ("requirements.txt", "pyproject.toml", "press/pyproject.toml"):
        (tmp_path / name).touch()
    run = subprocess.run(
        ["make", "--no-print-directory", "book", f"PYTHON={fake}"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    said = [x for x in run.stderr.splitlines() if not x.startswith("make")]
    assert run.returncode != 0 and len(said) == 1
    assert said[0].startswith("Python 3.11 or newer is needed")
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("system", "wheel", "said"),
    [
        ("Linux", "https://host/torch-9.0-cp311-manylinux_x86_64.whl", True),
        ("Linux", "https://host/torch-9.0%2Bcpu-cp311-linux_x86_64.whl", False),
        ("Linux", "file:///wheels/torch-9.0-cp311-linux_x86_64.whl", False),
        ("Linux", None, False),
        ("Darwin", "https://host/torch-9.0-cp311-macosx_arm64.whl", False),
    ],
)
def test_who_would_get_the_large_torch_hears_of_the_small_one(system, wheel, said):
    notice = torch_wheel.notice(system, wheel)
    assert bool(notice) == said == ("several GB" in notice and "TORCH_INDEX" in notice)


def test_the_stand_in_of_torch_asks_for_what_torch_needs_without_cuda(tmp_path):
    with zipfile.ZipFile(torch_wheel.stand_in(tmp_path)) as wheel:
        (name,) = [n for n in wheel.namelist() if n.endswith("METADATA")]
        metadata = wheel.read(name).decode()
    needs = {Requirement(x.split(": ", 1)[1]).name for x in metadata.splitlines()
             if x.startswith("Requires-Dist")}  # fmt: skip
    assert {"sympy", "jinja2"} <= needs
    assert not [n for n in needs if "nvidia" in n or "cuda" in n or "triton" in n]


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


def test_no_docstring_has_bars_that_sphinx_takes_for_a_substitution():
    for path in sorted((ROOT / "code/weightdecay").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf8"))):
            if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)):
                said = ast.get_docstring(node) or ""
                bars = re.findall(r"(?<!\|)\|[^|\s][^|]*\|(?!\|)", said)
                assert bars == [], f"{path.name}: write abs(...) for {bars}"
