"""The frameworks: run again, and compared with the table that the book shows."""

import csv
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from weightdecay import conventions, tables

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def measured_now(tmp_path_factory):
    missing = [p for p in ("jax", "keras", "optax", "timm") if find_spec(p) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: `make frameworks` does it")
    folder = tmp_path_factory.mktemp("frameworks")
    script = ROOT / "benchmarks/frameworks.py"
    run = subprocess.run(
        [sys.executable, script, folder], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return folder


def rows(folder, name):
    return list(csv.DictReader((folder / name).read_text("utf8").splitlines()))


def test_the_frameworks_still_do_what_the_book_shows(measured_now):
    shown, again = conventions.measured(), rows(measured_now, "frameworks.csv")
    assert len(again) == len(shown)
    for now, before in zip(again, shown, strict=True):
        for key in ("api", "version", "default", "rule", "schedule", "settings"):
            assert now[key] == before[key]
        assert float(now["decay"]) == pytest.approx(before["decay"], rel=1e-9)
        if before["same"]:
            # Rounding, which another machine may do otherwise.
            assert float(now["deviation"]) < 1e-11 * max(1, before["decay"])
        else:
            assert float(now["deviation"]) == pytest.approx(
                before["deviation"], rel=0.1
            )


def test_they_still_leave_of_a_weight_what_the_figure_marks(measured_now):
    shown = rows(tables.DATA, "frameworks_left.csv")
    again = rows(measured_now, "frameworks_left.csv")
    assert len(again) == len(shown) > 0
    for now, before in zip(again, shown, strict=True):
        assert now | {"left": before["left"]} == before
        assert float(now["left"]) == pytest.approx(float(before["left"]), rel=1e-11)


def test_a_weight_in_no_loss_has_a_zero_gradient_in_jax_and_optax_decays_it():
    if find_spec("optax") is None:
        pytest.skip("optax not installed: `make frameworks` does it")
    script = """
import jax, optax
weights = {"used": 1.0, "unused": 1.0}
gradients = jax.grad(lambda w: w["used"] ** 2)(weights)
adamw = optax.adamw(0.1, weight_decay=0.5)
steps, _ = adamw.update(gradients, adamw.init(weights), weights)
print(float(gradients["unused"]), round(float(steps["unused"]), 6))
"""
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.stdout == "0.0 -0.05\n", run.stderr
