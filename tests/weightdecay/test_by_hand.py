"""A decay done by hand: each way of it, on numbers that anybody can follow."""

import math

import pytest
import torch

from weightdecay.by_hand import FORMS, ORDERS, Law, Penalise, Rates, Shares, Shrink

RATES = Rates(k=1, lr=0.5, previous_lr=0.25, base_lr=2.0)


def one_step(by_hand, g=1.0, w=2.0, rates=RATES, move=None):
    """Return a weight after a step of SGD, or one that moves the weight by a number."""
    weight = torch.nn.Parameter(torch.tensor([w], dtype=torch.float64))

    def step(gradient):
        by = 0.5 * gradient if move is None else torch.tensor([-move])
        weight.data = weight.data - by

    by_hand(weight, torch.tensor([g], dtype=torch.float64), rates, step)
    return weight.item()


def law(order="before", **more):
    settings = {"form": "1 - {x}", "times": 1.0, "lr_power": 1, "base_lr_power": 0}
    return Law(**settings | more, order=order)


def test_a_penalty_joins_the_gradient():
    assert one_step(Penalise(0.3)) == pytest.approx(2 - 0.5 * (1 + 0.3 * 2))


@pytest.mark.parametrize(
    ("order", "end"),
    [
        ("before", 2 * 0.9 - 0.5),
        ("after", (2 - 0.5) * 0.9),
        ("beside", 2 - 0.5 - 0.1 * 2),
        ("cautious", 2 - 0.5 - 0.1 * 2),
        ("gated", 2 - 0.5 - 0.1 * 2),
    ],
)
def test_the_order_says_when_the_weight_shrinks(order, end):
    assert order in ORDERS and len(ORDERS) == 5
    assert one_step(Shrink(law(order), 0.2)) == pytest.approx(end)
    assert one_step(Shares((9.0, 0.1), order)) == pytest.approx(end)


def test_caution_looks_at_the_move_and_a_gate_at_the_gradient():
    cautious, gated = (Shrink(law(order), 0.2) for order in ("cautious", "gated"))
    assert one_step(cautious, g=-1, w=2) == pytest.approx(2.5)
    assert one_step(cautious, g=-1, w=2, move=-0.5) == pytest.approx(1.5 - 0.2)
    assert one_step(cautious, g=1, w=2, move=0.5) == pytest.approx(2.5)
    assert one_step(cautious, g=1, w=2, move=0.0) == pytest.approx(2 - 0.2)
    assert one_step(gated, g=-1, w=2, move=-0.5) == pytest.approx(1.5)
    assert one_step(gated, g=1, w=2, move=0.5) == pytest.approx(2.5 - 0.2)
    assert one_step(gated, g=0, w=2) == pytest.approx(2 - 0.2)
    assert one_step(gated, g=-0.1, w=2, move=-0.5) == pytest.approx(1.5)
    assert one_step(cautious, g=-0.1, w=2, move=0.1) == pytest.approx(2.1)
    assert one_step(gated, g=1, w=-2) == pytest.approx(-2.5)
    assert one_step(gated, g=-1, w=-2) == pytest.approx(-1.5 + 0.2)


@pytest.mark.parametrize(
    ("more", "x"),
    [
        ({}, 0.3 * 0.5),
        ({"times": 2.0}, 2 * 0.3 * 0.5),
        ({"lag": 1}, 0.3 * 0.25),
        ({"lr_power": 2}, 0.3 * 0.25),
        ({"lr_power": 0, "base_lr_power": -1}, 0.3 / 2),
        ({"base_lr_power": 1}, 0.3 * 0.5 * 2),
    ],
)
def test_a_law_takes_the_rates_to_its_powers(more, x):
    kept = {
        "1 - {x}": 1 - x,
        "(1 - {x})^2": (1 - x) ** 2,
        "1 / (1 + {x})": 1 / (1 + x),
        "exp(-{x})": math.exp(-x),
    }
    assert kept.keys() == FORMS.keys()
    for form, value in kept.items():
        assert law(**{"form": form, **more}).kept(0.3, RATES) == pytest.approx(value)
        assert FORMS[form][1](1 - value) == pytest.approx(x)


def test_the_first_step_can_start_from_the_whole_weight():
    by_hand = Shrink(law(lag=0), 0.2, first_beside=True)
    jump = lambda by, k: one_step(by, rates=Rates(k, 0.5, 0.5, 0.5), move=2.0)  # noqa: E731
    assert jump(by_hand, 0) == pytest.approx(4 - 0.2)
    assert jump(by_hand, 1) == jump(Shrink(law(), 0.2), 0) == pytest.approx(1.8 + 2)
    doubling = Shrink(law("after"), 0.2, first_beside=False)
    assert jump(doubling, 0) == pytest.approx(4 * 0.9)


def test_only_the_first_step_starts_from_the_whole_weight_and_only_if_asked():
    def doubled(by_hand, k):
        w = torch.nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
        by_hand(w, 0 * w.detach(), Rates(k, 0.5, 0.5, 0.5), lambda g: w.data.mul_(2))
        return w.item()

    whole = Shrink(law(), 0.2, first_beside=True)
    assert doubled(whole, 0) == pytest.approx(2 * 2 - 0.1 * 2)
    assert doubled(whole, 1) == doubled(Shrink(law(), 0.2), 0) == pytest.approx(3.6)


def test_after_the_last_share_nothing_is_taken():
    assert one_step(Shares((0.1,), "before")) == pytest.approx(1.5)
    assert one_step(Shares((0.1, 0.5), "before")) == pytest.approx(0.5)
