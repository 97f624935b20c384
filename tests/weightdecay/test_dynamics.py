"""What a run keeps, adds and turns, against loops that know no formula."""

import math
import re

import pytest
import torch

from weightdecay import dynamics, theory
from weightdecay.paths import walk


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
    with pytest.raises(ValueError, match=r"lr \* weight_decay must be"):
        dynamics.half_life(1.0, share, momentum)


def test_a_weight_that_swings_has_no_half_life():
    with pytest.raises(ValueError, match=r"= 0.00263, or the weight swings; got 0.01"):
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


D = torch.float64


def turning(seed):
    """Return a scale-invariant loss, whose gradient differs from weight to weight."""
    a = torch.randn(6, 6, generator=torch.Generator().manual_seed(seed), dtype=D)
    return lambda w: w @ (a + a.T) @ w / (w @ w)


START = torch.tensor([1.0, -2.0, 0.5, 0.1, 3.0, -1.0], dtype=D)


def by_hand(loss, rates, momentum, weight_decay, b):
    w, path = START.clone(), []
    for lr in rates:
        g = torch.func.grad(loss)(w)
        b = momentum * b + g + weight_decay * w
        w = w - lr * b
        path.append(w)
    return torch.stack(path)


@pytest.mark.parametrize(
    ("lr", "weight_decay", "momentum"),
    [(0.05, 0.3, 0.0), (1.5, 0.3, 0.0), (0.02, 0.1, 0.9), (0.4, 0.2, 0.5)],
)
def test_the_rising_rate_takes_the_path_of_decay(lr, weight_decay, momentum):
    loss, steps = turning(0), 60
    decayed = by_hand(loss, [lr] * steps, momentum, weight_decay, torch.zeros(6))
    k = torch.arange(steps, dtype=D)
    rates = dynamics.exponential_lr(lr, weight_decay, k, momentum)
    b = torch.zeros(6)
    if momentum:
        b = dynamics.first_buffer(START, lr, weight_decay, momentum)
    risen = by_hand(loss, rates.tolist(), momentum, 0.0, b)
    z = dynamics.kept_per_step(lr, weight_decay, momentum)
    assert (risen * z ** (k + 1)[:, None] - decayed).abs().max() < 1e-9
    free = by_hand(loss, [lr] * steps, momentum, 0.0, torch.zeros(6))
    directions = [w / w.norm(dim=1, keepdim=True) for w in (decayed, risen, free)]
    assert (directions[1] - directions[0]).abs().max() < 1e-9
    assert (directions[2] - directions[0]).abs().max() > 1e-4


def test_without_decay_the_rate_stays_and_the_buffer_begins_empty():
    assert dynamics.exponential_lr(0.1, 0.0, 7) == 0.1
    assert dynamics.exponential_lr(0.1, 0.0, 7, 0.9) == pytest.approx(0.1)
    assert dynamics.first_buffer(START, 0.1, 0.0, 0.9).abs().max() < 1e-12


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_what_is_kept_is_the_larger_root(momentum):
    lr, weight_decay = 0.1, 0.02
    z1, _ = theory.momentum_roots(lr, weight_decay, momentum)
    assert dynamics.kept_per_step(lr, weight_decay, momentum) == z1
    flat = walk(
        torch.optim.SGD, lambda w: 0 * w.sum(), START, steps=600, lr=lr,
        weight_decay=weight_decay, momentum=momentum,
    )  # fmt: skip
    assert (flat[-1] / flat[-2] / z1 - 1).abs().max() < 1e-9


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("lr", [0.1, 0.5])
def test_the_norm_grows_as_predicted_where_the_gradient_is_noise(lr, seed):
    d, steps = 400, 500
    stream = torch.Generator().manual_seed(seed)
    w = torch.randn(d, generator=stream, dtype=D)
    w /= w.norm()
    noise = [torch.randn(d, generator=stream, dtype=D) for _ in range(steps)]
    losses = [lambda w, z=z: z @ w / w.norm() / d**0.5 for z in noise]
    norm = walk(torch.optim.SGD, losses, w, steps=steps, lr=lr)[-1].norm()
    # The gradient at norm 1 is the noise but for its part along the weight.
    predicted = dynamics.norm_without_decay(1.0, lr, math.sqrt(1 - 1 / d), steps)
    assert norm == pytest.approx(predicted, rel=0.02)
    assert predicted > 1.5
    wrong = dynamics.norm_without_decay(1.0, lr, 2**0.5, steps)
    assert norm < 0.9 * wrong


def test_a_large_step_leaves_the_norm_above_the_prediction():
    # One step with a gradient as large as it likes is Pythagoras.
    norm, lr, g = 1.0, 2.0, 3.0
    exact = math.sqrt(norm**2 + (lr * g / norm) ** 2)
    assert exact > 1.3 * dynamics.norm_without_decay(norm, lr, g, 1)


@pytest.mark.parametrize("variance", [1e-7, 1e-5, 1.0])
def test_a_normalised_feature_is_as_large_as_pytorch_makes_it(variance):
    x = torch.tensor([[1.0], [-1.0]], dtype=D) * variance**0.5
    layer = torch.nn.BatchNorm1d(1, eps=1e-5, affine=False, dtype=D)
    share = dynamics.normalised_share(variance, 1e-5)
    assert layer(x)[0].item() == pytest.approx(share, rel=1e-12)
    rms = torch.nn.RMSNorm(1, eps=1e-5, elementwise_affine=False, dtype=D)
    assert rms(x)[0].item() == pytest.approx(share, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: dynamics.kept_per_step(0.1, 10.0), "must be below .* = 1, .* got 1"),
        (lambda: dynamics.kept_per_step(0.1, 25.0), "or the weight swings; got 2.5"),
        (lambda: dynamics.kept_per_step(0.1, 0.03, 0.9), "= 0.00263, .* got 0.003"),
        (
            lambda: dynamics.kept_per_step(0.1, 0.1, 1.0),
            "momentum must be a number >= 0",
        ),
        (lambda: dynamics.exponential_lr(0.1, 0.1, -1), "k must be a finite number"),
        (lambda: dynamics.exponential_lr(-0.1, 0.1, 1), "lr must be a finite number"),
        (lambda: dynamics.first_buffer(START, 0.0, 0.1, 0.9), "lr must be .* > 0"),
        (lambda: dynamics.norm_without_decay(0.0, 0.1, 1.0, 1), "norm must be .* > 0"),
        (lambda: dynamics.norm_without_decay(1.0, 0.1, -1.0, 1), "gradient_norm must"),
        (lambda: dynamics.normalised_share(0.0, 1e-5), "variance must be .* > 0"),
        (lambda: dynamics.normalised_share(1.0, -1e-5), "eps must be"),
    ],
)
def test_what_has_no_answer_is_refused_by_name(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_the_size_under_a_schedule_is_the_sum_over_its_steps():
    lrs = torch.tensor(LRS, dtype=D)
    sizes = dynamics.rms_under_schedule(LRS, 2.0, 0.7)
    left = 1 - 2.0 * lrs
    for k in (0, 1, 30, 60):
        later = [left[j + 1 : k].prod() for j in range(k)]
        added = sum((lr * x) ** 2 for lr, x in zip(lrs, later, strict=False))
        exact = (0.7 * left[:k].prod()) ** 2 + added
        assert sizes[k].item() == pytest.approx(exact.sqrt().item(), rel=1e-12)


def test_with_the_corrected_decay_a_small_falling_rate_leaves_the_size():
    falling = [1e-3 * (1 - k / 9000) for k in range(9000)]
    decays = [1000 * lr for lr in falling]
    at_rest = math.sqrt(1e-3 / 2)
    sizes = dynamics.rms_under_schedule(falling, decays, at_rest)
    assert (sizes / at_rest - 1).abs().max() < 1e-3
    kept = dynamics.rms_under_schedule(falling, 1.0, at_rest)
    assert kept[-1] < 0.6 * at_rest


def test_a_schedule_of_decays_has_one_for_each_step_and_takes_no_step_whole():
    with pytest.raises(ValueError, match="below 1 at each step"):
        dynamics.rms_under_schedule([0.1, 0.1], [1.0, 10.0], 1.0)
    with pytest.raises(ValueError, match="start must be"):
        dynamics.rms_under_schedule([0.1], 1.0, -1.0)
    with pytest.raises(ValueError, match="for each of the 2 steps, got 3"):
        dynamics.rms_under_schedule([0.1, 0.1], [1.0, 1.0, 1.0], 1.0)


def by_counting(start, threshold, lr, weight_decay, floor):
    k = 0
    while start**2 + floor > threshold:
        start, k = start * (1 - lr * weight_decay), k + 1
    return k


@pytest.mark.parametrize("start", [0.3, 3.0, 10.0])
@pytest.mark.parametrize(("threshold", "floor"), [(0.01, 0.0), (0.2, 0.15), (9.0, 4.0)])
@pytest.mark.parametrize(("lr", "decay"), [(0.05, 0.02), (0.1, 0.3), (0.5, 1.0)])
def test_what_no_example_sees_is_forgotten_at_that_step(
    start, threshold, floor, lr, decay
):
    told = dynamics.grokking_steps(start, threshold, lr, decay, floor)
    assert told == by_counting(start, threshold, lr, decay, floor)


def test_an_error_that_is_small_at_once_takes_no_step():
    assert dynamics.grokking_steps(0.1, 0.5, 0.1, 0.1) == 0
    assert dynamics.grokking_steps(0.0, 0.5, 0.1, 0.1, 0.4) == 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"weight_decay": 0.0}, "lr * weight_decay must be between 0 and 1, got 0.0"),
        ({"weight_decay": 20.0}, "lr * weight_decay must be between 0 and 1, got 2.0"),
        ({"weight_decay": -1.0}, "weight_decay must be a finite number >= 0"),
        ({"floor": 0.5}, "threshold must be above the floor, 0.5, got 0.5"),
        ({"floor": -0.5}, "floor must be a finite number >= 0"),
        ({"start": -1.0}, "start must be a finite number >= 0"),
        ({"threshold": 0.0}, "threshold must be above the floor, 0, got 0.0"),
        ({"threshold": math.inf}, "threshold must be above the floor"),
    ],
)
def test_what_never_comes_is_refused(settings, said):
    given = {"start": 3.0, "threshold": 0.5, "lr": 0.1, "weight_decay": 0.1}
    with pytest.raises(ValueError, match=re.escape(said)):
        dynamics.grokking_steps(**(given | settings))
