"""The wheel: what it brings, what it asks for, and that README's lines run on it."""

import email
import re
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent


def run(*command, **settings):
    done = subprocess.run(command, capture_output=True, text=True, **settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    # Of a copy: building leaves files behind.
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (folder / name).write_text((ROOT / name).read_text("utf8"), "utf8")
    (folder / "code").symlink_to(ROOT / "code")
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    run(sys.executable, "-m", "pip", *build, "-w", folder / "dist", folder)
    (file,) = (folder / "dist").iterdir()
    return file


def test_the_wheel_brings_the_library_alone(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
    tops = {Path(name).parts[0].split("-")[0].split(".")[0] for name in names}
    assert tops == {"weightdecay"}
    code = {p.name for p in (ROOT / "code/weightdecay").glob("*.py")}
    assert {Path(n).name for n in names if n.endswith(".py")} == code
    for data in ("py.typed", "style.mplstyle", "sliders.js", "data/conventions.csv"):
        assert f"weightdecay/{data}" in names
    (entry,) = (name for name in names if "entry_points" in name)
    with zipfile.ZipFile(wheel) as file:
        assert "weightdecay = weightdecay.__main__:main" in file.read(entry).decode()


def test_the_wheel_asks_for_lower_bounds_alone(wheel):
    with zipfile.ZipFile(wheel) as file:
        (name,) = [n for n in file.namelist() if n.endswith("METADATA")]
        metadata = email.message_from_string(file.read(name).decode())
    assert set(metadata.get_all("Provides-Extra")) == {
        "plot", "cli", "tensorboard", "sweep", "dask", "book", "dev", "frameworks",
    }  # fmt: skip
    asked = list(map(Requirement, metadata.get_all("Requires-Dist")))
    assert {r.name for r in asked if not r.marker} == {"numpy", "torch"}
    assert {s.operator for r in asked for s in r.specifier} == {">="}


def needed_by(*names):
    """Return the distributions that these need, themselves too, without extras."""
    found, left = {}, list(names)
    while left:
        if (name := left.pop()) not in found:
            found[name] = distribution(name)
            needs = map(Requirement, found[name].requires or [])
            left += [r.name for r in needs if not r.marker or r.marker.evaluate()]
    return found.values()


@pytest.fixture(scope="module")
def beside_torch(wheel, tmp_path_factory):
    """Install the wheel into an environment that has torch and numpy and no more."""
    folder = tmp_path_factory.mktemp("empty")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    (site,) = folder.glob("lib/*/site-packages")
    for package in needed_by("torch", "numpy"):
        for part in {Path(f).parts[0] for f in package.files or []} - {".."}:
            here = Path(package.locate_file(part))
            if here.exists() and not (site / part).exists():
                (site / part).symlink_to(here)
    python = folder / "bin/python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps"]
    run(*pip, "--no-index", wheel)
    return python


def library_lines():
    """Return the code of README's library section."""
    section = (ROOT / "README.md").read_text("utf8").split("\n## The library\n")[1]
    return re.search(r"```python\n(.*?)```", section, re.S)[1]


def test_the_lines_of_the_readme_run_on_the_wheel_beside_torch(beside_torch, tmp_path):
    lines = library_lines()
    assert len([line for line in lines.splitlines() if line.strip()]) <= 12
    told = [x.split("# ")[1] for x in lines.splitlines() if x.startswith("print")]
    said = run(beside_torch, "-c", lines, cwd=tmp_path).splitlines()
    assert said == told


def own_model(language):
    """Return the code of README's section on the reader's own model."""
    text = (ROOT / "README.md").read_text("utf8")
    section = text.split("\n### Your model, your optimizer\n")[1].split("\n### ")[0]
    blocks = re.findall(r"(?m)^```(\w*)\n(.*?)^```", section, re.S)
    return [code for kind, code in blocks if kind == language]


def test_groups_report_and_watch_take_five_lines_each_and_no_extra(
    beside_torch, tmp_path
):
    blocks = own_model("python")
    assert len(blocks) == 3
    for block in blocks:
        assert len([line for line in block.splitlines() if line]) <= 5
    said = run(beside_torch, "-c", "".join(blocks), cwd=tmp_path)
    for words in ("matrix, linear", "normalisation", "Half-life", "Nothing is wrong."):
        assert words in said
    assert "Seen(step=0, name='0.weight'" in said
    assert (tmp_path / "decay.csv").read_text().startswith("step,name,norm,rms")


def test_the_commands_of_the_readme_answer_and_without_typer_name_the_extra(
    beside_torch,
):
    (block,) = own_model("")
    for line in block.splitlines():
        command = [sys.executable, "-m", *line.split()]
        assert run(*command)
        done = subprocess.run(
            [beside_torch, *command[1:]], capture_output=True, text=True
        )
        assert done.returncode == 1
        assert done.stderr == "typer is not installed: pip install 'weightdecay[cli]'\n"


@pytest.mark.parametrize(
    ("line", "extra"),
    [
        ("from weightdecay import figures", "plot"),
        ("from weightdecay import problems; problems.breast_cancer()", "book"),
        ("from weightdecay import quoting", "book"),
    ],
)
def test_where_an_extra_is_missing_the_command_that_brings_it_is_named(
    beside_torch, tmp_path, line, extra
):
    done = subprocess.run(
        [beside_torch, "-c", line], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert f"pip install 'weightdecay[{extra}]'" in last, last
