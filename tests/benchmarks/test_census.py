"""The census: taken again, it gives the table that the book shows."""

from importlib.util import find_spec

import census
import pytest
import torch

from weightdecay import probe

INSTALLED = find_spec("pytorch_optimizer") is not None
needs_package = pytest.mark.skipif(
    not INSTALLED, reason="pytorch_optimizer is missing: `make frameworks` installs it"
)


def rows(package):
    return [row for row in probe.census() if row["package"] == package]


def differing(taken, kept):
    taken, kept = (
        {row["optimizer"]: {k: v for k, v in row.items() if v} for row in table}
        for table in (taken, kept)
    )
    names = taken.keys() | kept.keys()
    return {
        n: (taken.get(n), kept.get(n)) for n in names if taken.get(n) != kept.get(n)
    }


def test_torchs_optimizers_still_answer_as_in_the_table():
    found = [census.row("torch", name, make) for name, make in census.torchs().items()]
    assert differing(found, rows("torch")) == {}


@needs_package
def test_the_others_still_answer_as_in_the_table():
    package = "pytorch_optimizer"
    optimizers = census.packages()[package]
    found = [census.row(package, name, make) for name, make in optimizers.items()]
    assert differing(found, rows(package)) == {}


def test_a_changed_answer_would_be_found():
    kept = rows("torch")
    changed = [{**row, "default": "0.5"} for row in kept[:1]]
    assert differing(changed + kept[1:], kept).keys() == {kept[0]["optimizer"]}
    assert differing(kept[1:], kept).keys() == {kept[0]["optimizer"]}


def test_the_table_is_read_back_as_it_was_written(tmp_path):
    refused = census.row("torch", "refused", lambda params, lr: None)
    asked = census.row("torch", "SGD", torch.optim.SGD)
    assert "AttributeError" in refused["refusal"]
    census.write([asked, refused], tmp_path / "census.csv")
    lines = (tmp_path / "census.csv").read_text("utf8").splitlines()
    assert len(lines) == 3 and lines[0].startswith("package,version,optimizer,place")
