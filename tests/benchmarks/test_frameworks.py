"""The frameworks: run again, and compared with the table that the book shows."""

import csv
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from weightdecay import conventions

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def measured_now(tmp_path_factory):
    missing = [p for p in ("jax", "keras", "optax", "timm") if find_spec(p) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: `make frameworks` does it")
    file = tmp_path_factory.mktemp("frameworks") / "frameworks.csv"
    script = ROOT / "benchmarks/frameworks.py"
    run = subprocess.run(
        [sys.executable, script, file], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return list(csv.DictReader(file.read_text("utf8").splitlines()))


def test_the_frameworks_still_do_what_the_book_shows(measured_now):
    shown = conventions.measured()
    assert len(measured_now) == len(shown)
    for now, before in zip(measured_now, shown, strict=True):
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
