"""What the chapter on history says: the order of its table, and its general words."""

import re

import pages
import pytest
import torch
from claims import on

from weightdecay import directions, shares, updates
from weightdecay.paths import walk

says = on("history")
PAGE = pages.ROOT / "book/history.md"
WORKS = dict(
    re.findall(
        r"@\w+{(\w+),.*?\n  year\s*= {(\d+)",
        (pages.ROOT / "book/references.bib").read_text("utf8"),
        re.DOTALL,
    )
)


def lines():
    """Return the works of each line of the table, by the first of its three cells."""
    (table,) = pages.blocks(PAGE, "list-table")
    return [
        re.findall(r"`([\w,]+)`", x) for x in re.findall(r"^\* - (.*)", table, re.M)
    ]


def test_the_table_is_in_the_order_of_its_years():
    years = [int(WORKS[works[0]]) for works in lines()[1:]]
    assert len(years) > 15 and years == sorted(years)


def test_each_work_of_the_table_is_in_the_bibliography():
    cited = re.findall(r"{cite:\w}`([\w,]+)`", PAGE.read_text("utf8"))
    assert len(cited) > 20
    assert [w for c in cited for w in c.split(",") if w not in WORKS] == []


def test_each_line_has_a_work_a_rule_and_what_was_new():
    (table,) = pages.blocks(PAGE, "list-table")
    rows = re.split(r"^\* - ", table, flags=re.M)[1:]
    assert {len(re.findall(r"^  - ", row, re.M)) for row in rows} == {2}


@says("rests at $1/\\lambda$, whatever the gradient's size")
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("decay", [0.05, 3.0])
def test_at_the_wall_a_step_of_lion_and_of_muon_changes_nothing(size, decay):
    stream = torch.Generator().manual_seed(3)
    turned = torch.linalg.qr(torch.randn(4, 4, generator=stream).double())[0]
    signs = torch.randn(4, 4, generator=stream).sign().double()
    cases = [
        (updates.lion, signs / decay, {}),
        (
            updates.muon,
            turned / decay,
            {"orthogonalise": directions.polar, "momentum": 0.0},
        ),
    ]
    for rule, wall, more in cases:
        path = walk(
            rule, lambda w, wall=wall: -size * (w * wall).sum(), wall,
            steps=5, lr=0.01, weight_decay=decay, **more,
        )  # fmt: skip
        assert (path - wall).abs().max() < 1e-9 / decay


@says("No example sees the part of the weights at right angles to all of them.")
@pytest.mark.parametrize("seed", range(3))
def test_the_unseen_part_decays_alike_on_correlated_and_skewed_minibatches(seed):
    stream = torch.Generator().manual_seed(seed)
    x = torch.randn(4, 9, generator=stream).double() ** 3
    x[1] = 2 * x[0] + 0.1 * x[1]
    y = 100 * torch.randn(4, generator=stream).double()
    losses = [
        lambda w, i=i: (x[i] @ w - y[i]) ** 2 / 2 / x.square().sum()
        for i in torch.randint(4, (200,), generator=stream).tolist()
    ]
    hidden = torch.eye(9).double() - torch.linalg.pinv(x) @ x
    start = torch.randn(9, generator=stream).double()
    path = walk(torch.optim.SGD, losses, start, steps=200, lr=0.1, weight_decay=0.1)
    left = hidden @ path[-1]
    assert (left - 0.99**200 * (hidden @ start)).norm() < 1e-9


@says(
    "On a quadratic loss, if weights and minimum are independent Gaussians of mean 0, "
    "with the standard deviations $s$ and $s^*$, then in Adam's first step",
    "the arcsine is that of the correlation of weight and gradient",
)
def test_the_chance_of_decay_is_that_of_one_sign_in_many_dimensions():
    stream = torch.Generator().manual_seed(1)
    root = torch.randn(30, 12, generator=stream).double()
    hessian = root.T @ root / 30
    draw = lambda: torch.randn(40000, 12, generator=stream).double()  # noqa: E731
    w, goal = 0.3 * draw(), 0.6 * draw()
    g = (w - goal) @ hessian
    ends = [
        updates.adamw_cautious(w, g, lr=1e-3, weight_decay=x)[0] for x in (0.0, 0.5)
    ]
    counted = (ends[0] != ends[1]).double().mean(0)
    told = shares.cautious_part(hessian, start=0.3, goal=0.6)
    assert (counted - told).abs().max() < 0.01
    assert told.max() - told.min() > 0.02
