"""Equilibrium: against balances solved by brute force, and what it refuses."""

import math

import pytest
import torch

from weightdecay import equilibrium, paths, updates

D = 400
NOISE = torch.randn(
    6000, D, generator=torch.Generator().manual_seed(0), dtype=torch.float64
)
LOSSES = [lambda w, c=c: c @ w / w.norm() for c in NOISE]


def walked(rule, size, **settings):
    start = size * torch.randn(
        D, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    path = paths.walk(rule, LOSSES, start, steps=len(LOSSES), **settings)[3000:]
    turned = torch.nn.functional.cosine_similarity(path[1:], path[:-1])
    return path.norm(dim=1).mean().item(), turned.mean().acos().item()


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(("lr", "weight_decay"), [(1.0, 0.005), (0.2, 0.1)])
def test_sgd_on_noise_has_the_norm_and_the_angle(lr, weight_decay, momentum):
    run = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum}
    told = equilibrium.sgd(**run, gradient_norm=math.sqrt(D - 1))
    norm, angle = walked(torch.optim.SGD, 1.0, **run)
    assert norm == pytest.approx(told.size, rel=0.01)
    assert angle == pytest.approx(told.angle, rel=0.005)


@pytest.mark.parametrize(("lr", "weight_decay"), [(0.1, 0.05), (1.0, 0.3), (0.5, 3.0)])
def test_without_momentum_a_step_keeps_the_norm_by_pythagoras(lr, weight_decay):
    norm, angle = equilibrium.sgd(lr, weight_decay, 2.0)
    along, across = (1 - lr * weight_decay) * norm, lr * 2.0 / norm
    assert math.hypot(along, across) == pytest.approx(norm, rel=1e-12)
    assert math.atan2(across, along) == pytest.approx(angle, rel=1e-9)


@pytest.mark.parametrize("betas", [(0.9, 0.99), (0.5, 0.99), (0.95, 0.99)])
def test_adamw_on_noise_has_the_size_and_the_angle(betas):
    run = {"lr": 0.01, "weight_decay": 0.1, "betas": betas}
    told = equilibrium.adamw(**run)
    norm, angle = walked(torch.optim.AdamW, 0.5, **run)
    assert norm / math.sqrt(D) == pytest.approx(told.size, rel=0.03)
    assert angle == pytest.approx(told.angle, rel=0.03)


def test_adamw_without_a_buffer_turns_as_sgd_does():
    for lr, weight_decay in ((0.1, 0.1), (0.5, 0.9)):
        adamw = equilibrium.adamw(lr, weight_decay, (0.0, 0.99)).angle
        assert adamw == pytest.approx(equilibrium.sgd(lr, weight_decay, 1.0).angle)


def test_the_angles_are_the_small_ones_of_kosson_for_small_decay():
    lr, decay, b, r = 1e-3, 1e-3, 0.9, 1e-3
    both = lr * decay
    small = math.sqrt(2 * both / (1 + b))
    assert equilibrium.sgd(lr, decay, 1.0, momentum=b).angle == pytest.approx(small)
    small = math.sqrt(2 * both * (1 - b) / (1 + b))
    assert equilibrium.adamw(lr, decay).angle == pytest.approx(small, rel=1e-4)
    scaled = equilibrium.adam_l2(lr, decay, noise=r, betas=(b, 0.9)).angle
    assert scaled == pytest.approx(small / math.sqrt(r), rel=1e-3)


@pytest.mark.parametrize("b", [0.9, 0.5])
def test_adam_with_l2_on_noise_has_the_size_and_the_angle(b):
    run = {"lr": 0.02, "weight_decay": 0.01, "betas": (b, 0.99)}
    norm, angle = walked(torch.optim.Adam, 0.5, **run)
    told = equilibrium.adam_l2(**run, noise=1 / norm)
    assert norm / math.sqrt(D) == pytest.approx(told.size, rel=0.03)
    assert angle == pytest.approx(told.angle, rel=0.03)


@pytest.mark.parametrize("betas", [(0.9, 0.95), (0.5, 0.9), (0.95, 0.9)])
def test_lion_on_noise_has_the_size_and_the_angle(betas):
    run = {"lr": 0.01, "weight_decay": 0.1, "betas": betas}
    told = equilibrium.lion(**run)
    norm, angle = walked(updates.lion, 1.0, **run)
    assert norm / math.sqrt(D) == pytest.approx(told.size, rel=0.015)
    assert angle == pytest.approx(told.angle, rel=0.015)


def test_echo_and_surprise_enter_as_written():
    run = {"lr": 0.1, "weight_decay": 0.1}
    one, other = (
        equilibrium.sgd(**run, gradient_norm=2.0),
        equilibrium.sgd(**run, gradient_norm=2.0, echo=0.5),
    )
    assert other.size == pytest.approx(one.size * 0.5**0.25)
    one, other = (
        equilibrium.adamw(**run),
        equilibrium.adamw(**run, echo=0.5, surprise=0.6),
    )
    assert other.size == pytest.approx(one.size * 0.3**0.5)


def test_the_path_of_adamw_is_the_recursion_of_its_mean_square():
    k = torch.arange(200)
    path = equilibrium.adamw_rms(k, 0.01, 0.5, start=0.3)
    square, kept = 0.3**2, 1 - 0.01 * 0.5
    end = equilibrium.adamw(0.01, 0.5).size ** 2
    for rms in path:
        assert rms.item() == pytest.approx(square**0.5)
        square = kept**2 * square + (1 - kept**2) * end


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: equilibrium.sgd(0.0, 0.1, 1.0), r"^lr \* weight_decay must be"),
        (lambda: equilibrium.sgd(1.0, 2.0, 1.0), r"^lr \* weight_decay must be"),
        (lambda: equilibrium.sgd(-1.0, 0.1, 1.0), "^lr must be"),
        (lambda: equilibrium.sgd(0.1, 0.1, 0.0), "^gradient_norm must be"),
        (lambda: equilibrium.sgd(0.1, 0.1, 1.0, momentum=1.0), "^momentum must be"),
        (lambda: equilibrium.sgd(0.1, 0.1, 1.0, echo=0.0), "^echo must be"),
        (lambda: equilibrium.adamw(1.0, 1.0), r"^lr \* weight_decay must be"),
        (lambda: equilibrium.adamw(0.1, 0.1, (1.0, 0.9)), "^betas must be"),
        (lambda: equilibrium.adamw(0.1, 0.1, surprise=-1), "^surprise must be"),
        (lambda: equilibrium.adam_l2(0.1, 0.1, 0.0), "^noise must be"),
        (lambda: equilibrium.adam_l2(0.1, 0.1, 0.001), r"^lr \* weight_decay must be"),
        (lambda: equilibrium.lion(0.1, 0.0), r"^lr \* weight_decay must be"),
        (
            lambda: equilibrium.adamw_rms(torch.tensor([-1]), 0.1, 0.1, 1.0),
            "^k must be",
        ),
        (
            lambda: equilibrium.adamw_rms(torch.tensor([1]), 0.1, 0.1, -1.0),
            "^start must be",
        ),
    ],
)
def test_what_has_no_equilibrium_is_refused(call, named):
    with pytest.raises(ValueError, match=named):
        call()
