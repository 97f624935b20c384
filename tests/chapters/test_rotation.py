"""What the chapter on rotation says, on other networks, data and settings."""

import claims
import pytest
import torch
from torch import nn

from weightdecay import equilibrium, examples, networks, paths, turning

says = claims.on("rotation")
DIGITS = examples.digits(1500)
CURVES = examples.mnist1d(4000)


def late(data, optimizer, steps=400, widths=(32, 32), normalise="batch", **run):
    """Return means over the second half of a run, of one seed."""
    make = networks.mlp(
        (data.x.shape[1], *widths, 10),
        normalise=normalise,
        affine=run.pop("affine", False),
        bias=False,
    )
    look = turning.turn if optimizer is torch.optim.SGD else turning.turn_weighted
    run = {"batch_size": 64, "seeds": range(1), "every": 2, **run}
    seen = turning.follow(make, data, optimizer, steps=steps, look=look, **run)
    return {k: x[len(x) // 2 :].mean((0, 1)) for k, x in seen.items()}


@says(
    "We have assumed nothing of the gradients but the right angle. They may be noise "
    "or not, and resemble each other or not."
)
@pytest.mark.parametrize(
    "case",
    [
        {"lr": 0.1, "weight_decay": 0.02, "momentum": 0.9, "noise": 0.0},
        {"lr": 0.1, "weight_decay": 0.02, "momentum": 0.9, "batch_size": 300},
        {"lr": 0.5, "weight_decay": 0.02, "momentum": 0.9},
        {"lr": 0.1, "weight_decay": 0.02, "momentum": 0.5},
        {"lr": 0.1, "weight_decay": 0.02, "momentum": 0.9, "normalise": "layer"},
        {"lr": 0.1, "weight_decay": 0.02, "momentum": 0.9, "affine": True},
        {"lr": 0.1, "weight_decay": 0.02, "momentum": 0.9, "widths": (64, 20)},
    ],
    ids=str,
)
def test_the_angle_under_sgd_is_that_of_the_settings(case):
    noise = case.pop("noise", 0.5)
    data = DIGITS.with_label_noise(noise, seed=1)
    found = late(data, torch.optim.SGD, **case)
    run = {k: case[k] for k in ("lr", "weight_decay", "momentum")}
    told = equilibrium.sgd(**run, gradient_norm=1.0).angle
    turned = found["cosine"].acos()[:2]
    # While the norm still changes the angle is another one, by some per cent.
    assert turned.tolist() == pytest.approx([told, told], rel=0.05)
    echo = turning.echo(found["b_g"], found["g_g"])
    for i in (0, 1):
        size = {"gradient_norm": found["G_G"][i].sqrt().item(), "echo": echo[i].item()}
        norm = equilibrium.sgd(**run, **size).size
        assert found["norm"][i].item() == pytest.approx(norm, rel=0.04)


@pytest.mark.parametrize(
    "case",
    [
        {"lr": 0.02, "weight_decay": 0.2, "betas": (0.9, 0.99)},
        {"lr": 0.01, "weight_decay": 0.4, "betas": (0.8, 0.98), "normalise": "rms"},
    ],
    ids=str,
)
def test_where_noise_dominates_adamw_has_the_angle_and_the_size(case):
    found = late(CURVES.with_label_noise(0.9, seed=1), torch.optim.AdamW, 700, **case)
    run = {k: case[k] for k in ("lr", "weight_decay", "betas")}
    size, angle = equilibrium.adamw(**run)
    assert found["cosine"].acos()[:2].tolist() == pytest.approx([angle] * 2, rel=0.06)
    assert found["rms"][:2].tolist() == pytest.approx([size] * 2, rel=0.08)


@says("what is said here of the matrix holds for each row")
def test_the_rows_after_a_batchnorm_turn_as_the_matrix_does():
    data = DIGITS.with_label_noise(0.5, seed=0)
    make = networks.mlp((64, 32, 32, 10), normalise="batch", affine=False, bias=False)
    net, turned = make(0), []
    run = {"lr": 0.1, "weight_decay": 0.02, "momentum": 0.9}
    optimizer = torch.optim.SGD(net.parameters(), **run)
    stream, w = torch.Generator().manual_seed(0), net[3].weight
    for k in range(400):
        now = torch.randint(1500, (64,), generator=stream)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(data.x[now]), data.y[now]).backward()
        before = w.detach().double()
        along = (w.grad * w).sum(1) / w.grad.norm(dim=1) / w.norm(dim=1)
        assert along.abs().max() < 1e-3
        optimizer.step()
        if k >= 150:
            after = w.detach().double()
            turned.append(nn.functional.cosine_similarity(before, after))
    told = equilibrium.sgd(**run, gradient_norm=1.0).angle
    angles = torch.stack(turned).mean(0).acos()
    assert angles.mean().item() == pytest.approx(told, rel=0.03)
    assert (angles / told - 1).abs().max() < 0.15


@says("The output layer's gradient is not at right angles to it.")
def test_a_layer_without_a_normalisation_after_it_turns_otherwise():
    net = networks.mlp((64, 32, 10), normalise="batch", affine=False, bias=False)(0)
    nn.functional.cross_entropy(net(DIGITS.x[:64]), DIGITS.y[:64]).backward()
    hidden, out = (
        (w.grad * w).sum() / w.grad.norm() / w.norm() for w in net.parameters()
    )
    assert abs(hidden) < 1e-5 < 1e-2 < abs(out)


def test_the_fourth_power_of_the_norm_relaxes_at_four_times_the_decay():
    noise = torch.randn(60, 400, generator=torch.Generator().manual_seed(0)).double()
    losses = [lambda w, c=c: c @ w / w.norm() for c in noise]
    run = {"lr": 0.5, "weight_decay": 0.01}
    path = paths.walk(torch.optim.SGD, losses, noise[0], steps=60, **run)
    end = equilibrium.sgd(**run, gradient_norm=399**0.5).size ** 4
    far = path.norm(dim=1) ** 4 - end
    kept = 4 * run["lr"] * run["weight_decay"]
    assert (far[-1] / far[0]).log().item() / 60 == pytest.approx(-kept, rel=0.05)
