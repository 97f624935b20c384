"""The tables that took too long for a cell, and the command that makes them."""

import math
import subprocess
import sys

import pytest
from pandas.testing import assert_frame_equal

from weightdecay import experiments
from weightdecay.tables import DATA

NAMES = list(experiments.EXPERIMENTS)


@pytest.mark.parametrize("name", NAMES)
def test_a_table_has_every_point_of_its_grid_and_says_how_it_was_made(name):
    table = experiments.table(name)
    grid = experiments.defaults(experiments.EXPERIMENTS[name])
    for column, values in grid.items():
        assert [*map(float, table.attrs[column].split())] == values
        assert sorted(table[column].unique()) == sorted(values)
    points = table[[*grid]].drop_duplicates()
    assert len(points) == math.prod(map(len, grid.values()))
    assert table["val_loss"].notna().all()
    assert table.attrs["command"] == f"{experiments.COMMAND} {name}"
    assert {*experiments.PACKAGES, "python", "machine"} < {*table.attrs}


def test_another_corner_than_the_pages_is_what_the_experiment_gives():
    again = experiments.many_seeds(0.001, [0.0, 6.0], [40, 63], progress=False)
    table = experiments.table("many_seeds")
    rows = table[(table["lr"] == 0.001) & table["weight_decay"].isin([0.0, 6.0])]
    there = rows[rows["seed"].isin([40, 63])].reset_index(drop=True)
    assert_frame_equal(again, there, rtol=1e-9, atol=0)


def small(lr=(0.01,), weight_decay=(0.1,), seed=range(3), **run):
    return experiments.many_seeds(lr, weight_decay, seed, **run)


def test_a_table_is_written_whole_and_read_to_the_digit(tmp_path, monkeypatch):
    monkeypatch.setitem(experiments.EXPERIMENTS, "small", small)
    path = experiments.write("small", tmp_path, "the command")
    assert [*tmp_path.iterdir()] == [path]
    table = experiments.table("small", tmp_path)
    assert_frame_equal(table, small(progress=False), check_exact=True)
    assert table.attrs["seed"] == "0 1 2" and table.attrs["command"] == "the command"


def test_an_experiment_that_was_stopped_goes_on(tmp_path, monkeypatch):
    trained = []

    def stopped(lr=(0.01,), weight_decay=(0.1,), seed=range(3), **run):
        table = small(lr, weight_decay, seed, **run)
        trained.append(table)
        if len(trained) == 1:
            raise KeyboardInterrupt
        return table

    monkeypatch.setitem(experiments.EXPERIMENTS, "small", stopped)
    with pytest.raises(KeyboardInterrupt):
        experiments.write("small", tmp_path, "")
    kept = [path.name for path in tmp_path.iterdir()]
    assert kept == [".small.parquet"]
    # What is left to train, which is no row.
    monkeypatch.setattr("weightdecay.sweep._run", lambda task, todo: iter(todo))
    experiments.write("small", tmp_path, "")
    assert [path.name for path in tmp_path.iterdir()] == ["small.csv"]


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "weightdecay.experiments", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_command_refuses_what_it_does_not_know(tmp_path):
    unknown = command("many_sedes", "--to", str(tmp_path))
    assert unknown.returncode == 2
    assert "'many_sedes'" in unknown.stderr and "many_seeds" in unknown.stderr
    missing = command("many_seeds", "--to", str(tmp_path / "no"))
    assert missing.returncode == 2 and "is no folder" in missing.stderr
    assert not [*tmp_path.iterdir()]


def test_no_table_is_called_so():
    with pytest.raises(ValueError, match="no experiment is called 'many': there is"):
        experiments.table("many")


def test_each_experiment_has_its_table_in_the_package():
    assert all((DATA / f"{name}.csv").is_file() for name in NAMES)


@pytest.mark.parametrize(
    ("name", "corner"),
    [
        ("best_decay", {"steps": 100, "lr": 0.032, "weight_decay": [0.0, 2.0]}),
        ("best_decay_batch", {"batch_size": 160, "weight_decay": [0.5, 1.0]}),
        ("best_decay_batch_invariant", {"batch_size": 40, "weight_decay": [0.8, 3.2]}),
    ],
)
def test_corners_of_the_best_decays_are_what_the_experiments_give(name, corner):
    experiment = experiments.EXPERIMENTS[name]
    again = experiment(**corner, seed=[1, 5], progress=False)
    keys = [*experiments.defaults(experiment)]
    there = experiments.table(name).merge(again[keys], on=keys)
    assert len(there) == len(again) == 4
    assert_frame_equal(
        *(x.sort_values(keys, ignore_index=True) for x in (again, there)),
        rtol=1e-9, atol=0, check_dtype=False,
    )  # fmt: skip
