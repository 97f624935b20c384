"""What a run keeps and adds, against runs that are walked step by step."""

import math

import pytest
import torch

from weightdecay import dynamics


def walked(lrs, weight_decay, momentum=0.0):
    """Return what each step of SGD leaves of a weight without gradient."""
    w = torch.ones(1, dtype=torch.float64, requires_grad=True)
    w.grad = torch.zeros_like(w)
    optimizer = torch.optim.SGD([w], momentum=momentum, weight_decay=weight_decay)
    left = []
    for lr in lrs:
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
        left.append(w.item())
    return left


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("share", [1e-4, 1e-3, 2e-3])
def test_after_a_half_life_half_is_left(share, momentum):
    steps = dynamics.half_life(0.1, share / 0.1, momentum)
    left = walked([0.1] * (math.ceil(steps) + 300), share / 0.1, momentum)
    # The buffer is full after some hundred steps; the rest is a straight line.
    rate = math.log(left[-1] / left[200]) / (len(left) - 201)
    assert math.log(0.5) / rate == pytest.approx(steps, rel=1e-5)


def test_a_half_life_is_near_a_logarithm_over_the_share():
    assert dynamics.half_life(1e-3, 1.0) == pytest.approx(693, abs=0.5)
    assert dynamics.half_life(1e-3, 1.0, 0.9) == pytest.approx(69.3 * 0.893, rel=1e-2)
    assert dynamics.half_life(0.5, 1.0) == 1


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("share", [0.0, 1.0, 1.5])
def test_a_share_that_halves_nothing_is_refused(share, momentum):
    with pytest.raises(ValueError, match=r"lr \* weight_decay must be > 0 and < 1"):
        dynamics.half_life(1.0, share, momentum)


def test_a_weight_that_swings_has_no_half_life():
    with pytest.raises(ValueError, match=r"momentum 0.9 the .*at most 0.00263"):
        dynamics.half_life(0.1, 0.1, 0.9)
    assert dynamics.half_life(0.1, 0.0263, 0.9) > 0


LRS = [0.1 * (1 - k / 60) for k in range(60)]


def test_what_is_kept_is_what_the_steps_keep():
    left = dynamics.kept(LRS, 2.0)
    assert left.tolist() == pytest.approx(walked(LRS, 2.0), rel=1e-12)
    assert left[-1] == pytest.approx(math.exp(-2 * sum(LRS)), rel=0.5)
    assert dynamics.kept(LRS, 0.0).tolist() == [1] * 60


def test_the_shares_are_what_each_step_leaves_at_the_end():
    shares = dynamics.update_shares(torch.tensor(LRS), 2.0)
    for k in (0, 17, 58, 59):
        w = 0.0
        for j, lr in enumerate(LRS):
            w = (1 - lr * 2.0) * w - lr * (-2.0 if j == k else 0.0)
        assert shares[k].item() == pytest.approx(w, rel=1e-6)
    total = shares.sum() + dynamics.kept(LRS, 2.0)[-1]
    assert total.item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("of", [dynamics.kept, dynamics.update_shares])
def test_a_step_that_takes_all_is_refused(of):
    with pytest.raises(ValueError, match=r"lr \* weight_decay must be below 1"):
        of([0.1, 0.5], 2.0)
    with pytest.raises(ValueError, match="lr must be a finite number >= 0"):
        of([0.1, -0.1], 1.0)
    with pytest.raises(ValueError, match="weight_decay must be"):
        of([0.1], -1.0)
