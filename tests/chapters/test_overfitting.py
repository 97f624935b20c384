"""What the chapter on overfitting says, on other data, widths and learning rates."""

import pytest
import torch
from torch import nn

from weightdecay import examples, networks, sweep


def errors(data, decays, lr=0.03, widths=(64, 64, 10), steps=600, seeds=3, **kind):
    return sweep.train(
        networks.mlp(widths, **kind), data, optimizer=torch.optim.AdamW,
        lr=lr, weight_decay=decays, seed=range(seeds), batch_size=50,
        schedule=[1 - k / steps for k in range(steps)], progress=False,
    ).groupby("weight_decay").mean()  # fmt: skip


def noisy(share, seed=0, n=500, split=0):
    clean = examples.digits(n, seed=split)
    data = clean.with_label_noise(share, seed=seed)
    return data, (data.y != clean.y), clean


DECAYS = [0.3, 0.6, 1.0, 1.5, 2.0]


@pytest.mark.parametrize(
    "case",
    [
        {"share": 0.1},
        {"share": 0.3, "seed": 1},
        {"share": 0.4},
        {"share": 0.2, "seed": 2, "split": 1},
        {"share": 0.2, "lr": 0.01},
        {"share": 0.2, "steps": 1500, "lr": 0.01},
        {"share": 0.2, "widths": (64, 128, 10)},
        {"share": 0.2, "widths": (64, 64, 64, 10), "lr": 0.01},
        {"share": 0.2, "activation": nn.Tanh},
    ],
    ids=str,
)
def test_at_the_bottom_the_training_error_is_the_share_of_wrong_labels(case):
    data = {k: case.pop(k) for k in ("share", "seed", "split") if k in case}
    learnt, wrong, _ = noisy(**data)
    found = errors(learnt, DECAYS, **case)
    share = wrong.float().mean().item()
    best = found["val_error"].idxmin()
    assert found["train_error"][best] == pytest.approx(share, rel=0.12)


@pytest.mark.parametrize(("share", "seed"), [(0.2, 1), (0.4, 0)])
def test_mislabelled_digits_are_to_the_network_like_new_ones(share, seed):
    data, wrong, clean = noisy(share, seed)
    lied_to = examples.Examples(data.x, data.y, clean.x[wrong], clean.y[wrong])
    new = errors(data, [0.0, 1.5])["val_error"]
    mislabelled = errors(lied_to, [0.0, 1.5])["val_error"]
    assert mislabelled[1.5] == pytest.approx(new[1.5], abs=0.07)
    assert mislabelled[0.0] > 2 * new[0.0]


@pytest.mark.parametrize("scale", [0.5, 0.1, 3.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_network_without_biases_says_the_same_with_other_weights(scale, seed):
    x = examples.digits(500).x_val
    net = networks.mlp((64, 64, 10), bias=False)(seed)
    said = net(x)
    for w in net.parameters():
        w.data *= scale
    assert torch.allclose(net(x), scale**2 * said, atol=1e-5)
    assert net(x).argmax(1).equal(said.argmax(1))


def test_with_biases_the_factor_does_not_pass():
    x = examples.digits(500).x_val
    net = networks.mlp((64, 64, 10))(0)
    said = net(x)
    for w in net.parameters():
        w.data *= 0.25
    assert not torch.allclose(net(x), 0.25**2 * said, atol=1e-3)


@pytest.mark.parametrize(
    "case",
    [
        {"seed": 1},
        {"noise": 0.25},
        {"width": 64},
        {"activation": nn.ReLU},
        {"lr": 0.003, "steps": 3000},
    ],
    ids=str,
)
def test_the_validation_loss_of_a_sine_is_a_u(case):
    case = {"seed": 0, "noise": 0.5, "width": 32, "activation": nn.Tanh} | case
    case = {"lr": 0.01, "steps": 1000} | case
    grid = torch.linspace(-1, 1, 201)[:, None]
    curve = torch.sin(torch.pi * grid[:, 0])
    noise = torch.randn(41, generator=torch.Generator().manual_seed(case["seed"]))
    table = sweep.train(
        networks.mlp(
            (1, case["width"], case["width"], 1), activation=case["activation"]
        ),
        examples.Examples(
            grid[::5], curve[::5] + case["noise"] * noise, grid, curve
        ),
        optimizer=torch.optim.AdamW, batch_size=41, lr=case["lr"], seed=range(2),
        weight_decay=[0.01, 0.5, 1.4, 3.7, 10.0], progress=False,
        schedule=[1 - k / case["steps"] for k in range(case["steps"])],
    )  # fmt: skip
    mean = table.groupby("weight_decay")[["train_loss", "val_loss"]].mean()
    assert mean["train_loss"].is_monotonic_increasing
    assert 0.1 < mean["val_loss"].idxmin() < 10
    assert mean["val_loss"].min() < 0.7 * mean["val_loss"][0.01]
    assert mean["val_loss"].min() < 0.7 * mean["val_loss"][10.0]
