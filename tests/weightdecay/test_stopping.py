"""Stopped runs as filters: against PyTorch, brute force and each other."""

import math

import pytest
import torch

from weightdecay import paths, prior, stopping, theory

H = torch.tensor([0.0, 1e-6, 0.05, 0.7, 2.0, 2.8], dtype=torch.float64)


def walked(steps, **how):
    """Return how far a run from zero has come to the fit, here 1 in each weight."""
    return paths.walk(
        torch.optim.SGD,
        lambda w: (H / 2 * (w - 1) ** 2).sum(),
        0 * H,
        steps=steps,
        **how,
    )[-1]


@pytest.mark.parametrize(("lr", "k"), [(0.1, 1), (0.3, 40), (0.7, 7), (0.0, 5)])
def test_sgd_has_gone_as_far_as_its_filter_says(lr, k):
    assert (walked(k, lr=lr) - stopping.sgd_filter(H, lr, k)).abs().max() < 1e-12


def test_small_steps_come_to_the_flow():
    for t in (0.5, 3.0):
        flow = stopping.flow_filter(H, t)
        apart = [(walked(k, lr=t / k) - flow).abs().max() for k in (200, 400)]
        assert apart[0] < 5e-3
        # Half the step, half the distance.
        assert (apart[1] / apart[0]).item() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.95])
@pytest.mark.parametrize("k", [1, 2, 30])
def test_momentum_has_gone_as_far_as_its_filter_says(k, momentum):
    told = stopping.momentum_filter(H, 0.3, k, momentum)
    assert (walked(k, lr=0.3, momentum=momentum) - told).abs().max() < 1e-10
    if momentum == 0:
        assert (told - stopping.sgd_filter(H, 0.3, k)).abs().max() < 1e-12


def test_the_risk_of_ridges_filter_is_ridges_risk():
    known = {"noise": 1.3, "spread": 0.6, "n": 7}
    kept = theory.ridge(torch.ones_like(H), H, 0.2)
    ours = stopping.risk(kept, H, **known)
    theirs = prior.risk(H, 0.2, **known)
    assert (ours - theirs).abs().max() < 1e-12
    # Many filters at once, and a truth that differs between directions.
    sizes = torch.arange(6).double()
    many = stopping.risk(
        stopping.flow_filter(H, torch.tensor([[0.1], [4.0]])), H, **known
    )
    assert many.shape == (2, 6)
    assert stopping.risk(kept, H, noise=0.0, spread=sizes, n=7)[0] == 0.0


def test_the_worst_ratio_is_reached_and_not_passed():
    s = torch.logspace(-4, 4, 400_001, dtype=torch.float64)
    ridge = s / (1 + s)
    found = (stopping.flow_filter(s, 1.0) / ridge).square().max().item()
    assert stopping.worst_ratio() == pytest.approx(found, rel=1e-8)
    for k in (1, 2, 3, 10, 200):
        part = s[s <= k * (1 + 1e-12)]
        kept = stopping.sgd_filter(part, 1 / k, k)
        found = (kept * (1 + part) / part).square().max().item()
        assert stopping.worst_ratio(k) == pytest.approx(found, rel=1e-4)


def test_the_worst_ratio_falls_from_4_to_that_of_the_flow():
    falling = [stopping.worst_ratio(k) for k in (1, 2, 3, 5, 10, 100, 10_000)]
    assert falling[0] == pytest.approx(4)
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] == pytest.approx(stopping.worst_ratio(), rel=1e-3)
    assert falling[-1] > stopping.worst_ratio()


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: stopping.flow_filter(H - 1, 1.0), "curvature"),
        (lambda: stopping.flow_filter(H, -1.0), "t must"),
        (lambda: stopping.sgd_filter(H - 1, 0.1, 1), "curvature"),
        (lambda: stopping.sgd_filter(H, -0.1, 1), "lr"),
        (lambda: stopping.sgd_filter(H, 0.1, -1), "k must"),
        (lambda: stopping.momentum_filter(H, 0.1, 1, -0.5), "momentum"),
        (lambda: stopping.risk(H, H, noise=-1.0, spread=1.0, n=1), "noise"),
        (lambda: stopping.risk(H, H, noise=1.0, spread=-1.0, n=1), "spread"),
        (lambda: stopping.risk(H, H, noise=1.0, spread=1.0, n=0), "n must"),
        (lambda: stopping.worst_ratio(0), "k must"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, name):
    with pytest.raises(ValueError, match=name):
        call()


def test_a_flat_direction_keeps_nothing_and_risks_its_truth():
    for kept in (
        stopping.flow_filter(H, 1e3),
        stopping.sgd_filter(H, 0.3, 1000),
        stopping.momentum_filter(H, 0.1, 1000, 0.9),
    ):
        assert abs(kept[0]) < 1e-12
        risk = stopping.risk(kept, H, noise=1.0, spread=2.0, n=3)
        assert risk[0].item() == pytest.approx(4.0)
        assert math.isfinite(risk.sum())
