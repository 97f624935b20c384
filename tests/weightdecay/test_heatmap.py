"""The map of a sweep: one call, and what it says is in the table."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from weightdecay.heatmap import heat_map

README = Path(__file__).parents[2] / "README.md"
# The last has a finite value, as an error has, and one seed that diverged.
LOSSES = {(0.1, 0.0): 3.0, (0.1, 0.5): 2.0, (0.2, 0.0): 1.0, (0.2, 0.5): 0.5}
DIVERGED = {(0.2, 0.5, 1)}


def table(losses, diverged=DIVERGED):
    rows = [
        {"lr": lr, "weight_decay": decay, "seed": seed, "step": step,
         "val_loss": loss + seed + 9 * (step < 2)}
        for (lr, decay), loss in losses.items()
        for seed in (0, 1)
        for step in (1, 2)
    ]  # fmt: skip
    gone = [
        1 if (r["lr"], r["weight_decay"], r["seed"]) in diverged else None for r in rows
    ]
    return pd.DataFrame(rows).assign(diverged=pd.array(gone, dtype="Int64"))


def test_the_ring_is_where_the_mean_over_seeds_is_least_at_the_last_step():
    (ax, bar) = heat_map(table(LOSSES)).axes
    cross, ring = ax.lines
    assert [*ring.get_xydata()[0]] == [1.5, 0.5]  # lr 0.2, no decay
    assert ax.get_title("left") == "least: 1.5 at lr 0.2, weight_decay 0"
    # Where a seed diverged no colour stands for a mean.
    assert [*cross.get_xydata()[0]] == [1.5, 1.5] and cross.get_marker() == "x"
    assert bar.get_ylabel() == "val_loss"
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0.1", "0.2"]
    shown = ax.collections[0].get_array()
    assert shown[0].tolist() == [3.5, 1.5] and shown[1][0] == 2.5


def test_a_column_that_is_not_there_and_a_sweep_that_diverged_everywhere_are_refused():
    with pytest.raises(ValueError, match="the table has no 'error': it has lr, weight"):
        heat_map(table(LOSSES), "error")
    with pytest.raises(
        ValueError, match="a seed diverged at every point: no mean of val_loss"
    ):
        heat_map(table(LOSSES, {(*point, seed) for point in LOSSES for seed in (0, 1)}))


def test_the_lines_of_the_readme_train_a_grid_and_draw_it(tmp_path):
    section = README.read_text("utf8").split("### A grid of networks")[1]
    lines = re.search(r"```python\n(.*?)```", section, re.S)[1]
    done = subprocess.run(
        [sys.executable, "-c", lines], cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    found = pd.read_parquet(tmp_path / "digits.parquet")
    assert len(found) == 45 and found["val_error"].between(0.01, 0.9).all()
    assert "least:" in (tmp_path / "digits.svg").read_text("utf8")
