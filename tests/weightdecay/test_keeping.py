"""A sweep that was stopped goes on from its file, on one machine or many."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import joblib
import pandas as pd
import pytest
import torch
from pyarrow import parquet

from weightdecay import examples, networks
from weightdecay.sweep import train

DATA = examples.digits(200, dtype=torch.float64)
RUN = {
    "optimizer": torch.optim.AdamW, "lr": (1e-3, 1e-2), "weight_decay": (0.0, 0.5),
    "seed": (0, 1, 2), "schedule": [1.0] * 20, "batch_size": 32, "progress": False,
    "at_once": 3,
}  # fmt: skip
MAKE = networks.mlp((64, 16, 10), dtype=torch.float64)


def swept(make=MAKE, **changes):
    return train(make, DATA, **{**RUN, **changes})


def dying(make, seed, flag):
    """Return a maker whose process kills itself once, at a seed, if a file is there."""

    def made(number):
        if number == seed:
            try:
                os.unlink(flag)
            except FileNotFoundError:
                return make(number)
            os.kill(os.getpid(), signal.SIGKILL)
        return make(number)

    return made


KILLED = """
import sys
import test_keeping as t

t.swept(t.dying(t.MAKE, 1, sys.argv[1]), path=sys.argv[2], at_once=1)
"""


def killed(tmp_path):
    """Return the file of a sweep whose process was killed at its second network."""
    flag, path = tmp_path / "flag", tmp_path / "sweep.parquet"
    flag.touch()
    run = [sys.executable, "-c", KILLED, flag, path]
    done = subprocess.run(
        run, cwd=Path(__file__).parent, capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return path


def test_a_killed_sweep_goes_on_where_it_stopped(tmp_path):
    path = killed(tmp_path)
    assert len(pd.read_parquet(path)) == 1
    made = []
    noting = lambda seed: made.append(seed) or MAKE(seed)  # noqa: E731
    table = swept(noting, path=path, at_once=1)
    # Some are made for checks, and one of seed 0 is the first of the grid, trained.
    assert made.count(1) == made.count(2) == 4
    assert table.equals(swept(at_once=1))
    assert pd.read_parquet(path).equals(table)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    made.clear()
    assert swept(noting, path=path, at_once=1).equals(table)
    assert 1 not in made and 2 not in made


OTHERS = {
    "lr": ({"lr": (1e-3, 2e-2)}, r"lr was \[0.001, 0.01\], now \[0.001, 0.02\]"),
    "seed": ({"seed": (0, 1, 3)}, r"seed was \[0, 1, 2\], now \[0, 1, 3\]"),
    "optimizer": ({"optimizer": torch.optim.Adam}, "optimizer was 'torch.*AdamW', now"),
    "a setting": ({"betas": (0.8, 0.9)}, r"settings was {}, now {'betas': '\(0.8, "),
    "schedule": ({"schedule": [0.9] * 20}, "schedule was "),
    "steps": ({"schedule": [1.0] * 21}, "schedule was .*; steps was 20, now 21"),
    "what decays": ({"decayed": lambda name: "bias" not in name}, "decayed was "),
    "batch_seed": ({"batch_seed": 1}, "batch_seed was 0, now 1"),
    "dropout_seed": ({"dropout_seed": 1}, "dropout_seed was 0, now 1"),
    "at_once": ({"at_once": 2}, "at_once was 3, now 2"),
    "network": ({"make": networks.mlp((64, 16, 10), bias=False, dtype=DATA.x.dtype)},
                "decayed was .*first_weights was .*network was .*weights was "),
    "first weights": ({"make": lambda seed: MAKE(seed + 1)}, "first_weights was "),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_of_another_sweep_is_refused_and_stays(name, tmp_path):
    path = tmp_path / "sweep.parquet"
    swept(path=path)
    before, (change, said) = path.read_bytes(), OTHERS[name]
    with pytest.raises(ValueError, match=f"holds another sweep: {said}") as refused:
        swept(path=path, **change)
    assert str(refused.value).endswith("Give another path, or delete it")
    assert path.read_bytes() == before


def test_other_data_are_another_sweep(tmp_path):
    path = tmp_path / "sweep.parquet"
    swept(path=path)
    with pytest.raises(ValueError, match=r"data was '[0-9a-f]{16}', now"):
        train(MAKE, DATA.with_label_noise(0.1, seed=0), path=path, **RUN)


def test_a_file_that_is_none_is_refused_and_stays(tmp_path):
    path = tmp_path / "sweep.parquet"
    path.write_text("lr,weight_decay\n")
    with pytest.raises(ValueError, match="can't be read as a Parquet file"):
        swept(path=path)
    assert path.read_text() == "lr,weight_decay\n"
    pd.DataFrame({"lr": [0.1]}).to_parquet(path)
    with pytest.raises(ValueError, match="holds another sweep: at_once was None"):
        swept(path=path)


def test_a_path_that_can_not_be_written_is_refused_before_training(tmp_path):
    made = []
    noting = lambda seed: made.append(seed) or MAKE(seed)  # noqa: E731
    with pytest.raises(FileNotFoundError):
        swept(noting, path=tmp_path / "none" / "sweep.parquet")
    assert 1 not in made


def test_the_file_says_what_made_it(tmp_path):
    path = tmp_path / "sweep.parquet"
    table = swept(path=path)
    about = json.loads(parquet.read_schema(path).metadata[b"sweep"])
    assert about["torch"] == torch.__version__
    assert about["seed"] == [0, 1, 2] and about["optimizer"].endswith("AdamW")
    assert pd.read_parquet(path).equals(table)


def test_processes_side_by_side_give_the_same_table_to_the_digit():
    table = swept()
    with joblib.parallel_config(backend="loky", n_jobs=2):
        assert swept().equals(table)


def test_an_error_on_a_worker_is_that_of_one_process():
    def make(seed):
        if seed == 2:
            raise ValueError("no network for this seed")
        return MAKE(seed)

    refused = pytest.raises(ValueError, match="no network for this seed")
    with joblib.parallel_config(backend="loky", n_jobs=2), refused:
        swept(make)


@pytest.fixture(scope="module")
def cluster():
    from dask.distributed import Client, LocalCluster

    setting = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**setting) as local, Client(local) as client:
        yield client


def test_a_cluster_gives_the_same_table_to_the_digit_though_a_worker_dies(
    cluster, tmp_path
):
    flag = tmp_path / "flag"
    flag.touch()
    with joblib.parallel_config(backend="dask"):
        table = swept(dying(MAKE, 2, flag), path=tmp_path / "sweep.parquet")
    assert not flag.exists()
    assert table.equals(swept())


def test_an_error_on_a_cluster_is_that_of_one_process(cluster):
    def make(seed):
        if seed == 2:
            raise ValueError("no network for this seed")
        return MAKE(seed)

    refused = pytest.raises(ValueError, match="no network for this seed")
    with joblib.parallel_config(backend="dask"), refused:
        swept(make)


def test_progress_counts_networks(capfd):
    swept(progress=True)
    assert "12/12" in capfd.readouterr().err
