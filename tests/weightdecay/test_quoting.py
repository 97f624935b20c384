"""What a cell hands to the prose."""

import numpy as np
import pytest
import torch
from IPython.utils.capture import capture_output

from weightdecay import quoting


@pytest.fixture
def published(monkeypatch):
    seen = {}

    def publish(data, metadata):
        seen[metadata["scrapbook"]["name"]] = data

    monkeypatch.setattr(quoting, "publish_display_data", publish)
    return seen


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (50, "50"),
        (0.25, "0.25"),
        ("word", "'word'"),
        (torch.tensor([0.5]), "0.5"),
        (torch.tensor(0.5, requires_grad=True), "0.5"),
        (np.float64(0.1), "0.1"),
        (np.array([3]), "3"),
    ],
)
def test_a_number_is_quoted_as_python_writes_it(published, value, text):
    quoting.quote(name=value)
    assert published == {"name": {"application/papermill.record/text/plain": text}}


@pytest.mark.parametrize("value", [torch.ones(2), np.ones(2), None, [1.0]])
def test_what_is_no_single_value_is_refused_by_name(value):
    with pytest.raises(TypeError, match=r"quote\(gap=...\)"):
        quoting.quote(gap=value)


def test_outside_a_notebook_nothing_is_printed():
    with capture_output() as captured:
        quoting.quote(gap=1.0)
    assert captured.stdout == "" and captured.stderr == ""
