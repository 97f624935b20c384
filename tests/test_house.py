"""The repository: imports, versions, pins and what a wrong Python hears."""

import re
import subprocess
import sys
import sysconfig
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
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


def pins():
    lines = (ROOT / "requirements.txt").read_text("utf8").splitlines()
    return dict(
        x.split("  #")[0].strip().split("==") for x in lines if x and x[0] != "#"
    )


def test_every_package_is_pinned_and_installed_as_pinned():
    for name, pinned in pins().items():
        assert version(name).split("+")[0] == pinned, name


def test_what_pyproject_asks_for_is_what_is_pinned():
    extras = PROJECT["optional-dependencies"].values()
    asked = [*PROJECT["dependencies"], *(p for extra in extras for p in extra)]
    normal = {re.sub(r"[-_.]+", "-", name).lower(): v for name, v in pins().items()}
    for requirement in asked:
        name, wanted = requirement.split("==")
        assert normal[re.sub(r"[-_.]+", "-", name).lower()] == wanted


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
