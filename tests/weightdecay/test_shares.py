"""Which share of a weight a step takes, against PyTorch's gradients and counts."""

import math

import pytest
import torch

from weightdecay import shares, updates
from weightdecay.paths import walk

W = torch.tensor([0.03, -0.1, 0.7, -2.0, 10.0], dtype=torch.float64)
STEP = {"lr": 0.2, "weight_decay": 0.3}


def taken(penalty, w=W):
    """Return the share that PyTorch's SGD takes of each weight for a penalty."""
    path = walk(torch.optim.SGD, lambda w: penalty(w).sum(), w, steps=1, lr=STEP["lr"])
    return 1 - path[1] / path[0]


@pytest.mark.parametrize("scale", [0.05, 1.0, 30.0])
def test_weight_elimination_takes_the_share_of_its_penalty(scale):
    penalty = lambda w: 0.15 * w**2 / (1 + (w / scale) ** 2)  # noqa: E731
    told = shares.elimination(W, **STEP, scale=scale)
    assert taken(penalty).tolist() == pytest.approx(told.tolist(), rel=1e-12)


def test_with_a_wide_scale_weight_elimination_is_weight_decay():
    told = shares.elimination(W, **STEP, scale=1e9)
    assert told.tolist() == pytest.approx([0.2 * 0.3] * 5, rel=1e-12)
    spared = shares.elimination(W, **STEP, scale=1.0)
    assert spared[-1] < 1e-3 * spared[0]


def test_the_lasso_takes_the_more_the_smaller_the_weight():
    told = shares.lasso(W, **STEP)
    assert taken(lambda w: 0.3 * w.abs()).tolist() == pytest.approx(told.tolist())
    # A share above 1 is a weight that has changed its sign.
    assert told[0] > 1 > told[1]


@pytest.mark.parametrize(("start", "goal"), [(1.0, 1.0), (0.1, 2.0), (3.0, 0.0)])
@pytest.mark.parametrize("between", [0.0, 0.8, -0.4])
def test_the_part_that_cautious_decay_takes_is_the_part_that_moves(
    start, goal, between
):
    stream = torch.Generator().manual_seed(5)
    draw = lambda: torch.randn(40000, 2, generator=stream).double()  # noqa: E731
    hessian = torch.tensor([[1.0, between], [between, 3.0]], dtype=torch.float64)
    w, minimum = start * draw(), goal * draw()
    g = (w - minimum) @ hessian
    step = {"lr": 0.01, "weight_decay": 1.0}
    decayed, _ = updates.adamw_cautious(w, g, **step)
    plain, _ = updates.adamw_cautious(w, g, lr=0.01, weight_decay=0.0)
    counted = (decayed != plain).double().mean(0)
    told = shares.cautious_part(hessian, start=start, goal=goal)
    assert counted.tolist() == pytest.approx(told.tolist(), abs=0.01)


def test_of_two_equal_spreads_three_quarters_decay():
    eye = torch.eye(3, dtype=torch.float64)
    for spread in (0.7, 2):  # a whole number, too
        told = shares.cautious_part(eye, start=spread, goal=spread)
        assert told.tolist() == pytest.approx([0.75] * 3, rel=1e-12)
    assert shares.cautious_part(eye, start=1e-9, goal=1.0)[0].item() == (
        pytest.approx(0.5)
    )


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: shares.elimination(W, **STEP, scale=0.0), "scale must be .* > 0"),
        (
            lambda: shares.elimination(W, lr=-1.0, weight_decay=1.0, scale=1.0),
            "lr must be",
        ),
        (lambda: shares.lasso(0 * W, **STEP), "the size of w must be"),
        (
            lambda: shares.cautious_part(torch.eye(2), start=0.0, goal=1.0),
            "start must be",
        ),
        (
            lambda: shares.cautious_part(torch.eye(2), start=1.0, goal=-1.0),
            "goal must be",
        ),
        (
            lambda: shares.cautious_part(math.inf * torch.eye(2), start=1.0, goal=1.0),
            "hessian must be",
        ),
    ],
)
def test_what_has_no_share_is_refused_in_words(call, says):
    with pytest.raises(ValueError, match=says):
        call()
