"""What the page on sweeps says, on other depths, dtypes and learning rates."""

import math

import numpy as np
import pytest
import torch

from weightdecay import examples, experiments, networks, sweep


def swept(lr, weight_decay, widths=(64, 32, 10), dtype=torch.float32, steps=300,
          seed=(0, 1), **kind):  # fmt: skip
    make = networks.mlp(widths, dtype=dtype, **kind)
    data = examples.digits(200, dtype=dtype)
    table = sweep.train(
        make, data, optimizer=torch.optim.AdamW, lr=lr, weight_decay=weight_decay,
        schedule=[1.0] * steps, batch_size=20, progress=False, seed=seed,
    )  # fmt: skip
    return table["diverged"], make(0)(data.x).abs().max().item()


def law(lr, weight_decay, layers, size, dtype=torch.float32):
    growth = layers * math.log(abs(1 - lr * weight_decay))
    return (math.log(torch.finfo(dtype).max) - math.log(size)) / growth


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("widths", [(64, 10), (64, 32, 10), (64, 32, 16, 10)])
@pytest.mark.parametrize(("lr", "weight_decay"), [(1e-3, 4e3), (0.01, 1e3), (0.1, 1e3)])
def test_the_step_at_which_a_run_diverges(lr, weight_decay, widths, dtype):
    ends, size = swept(lr, weight_decay, widths, dtype, steps=700)
    predicted = law(lr, weight_decay, len(widths) - 1, size, dtype)
    assert ends.tolist() == pytest.approx([predicted] * 2, rel=0.03, abs=1)


def test_just_below_the_bound_a_run_stays_and_just_above_it_does_not():
    ends, _ = swept(1e-3, [1950.0, 2150.0], steps=900, seed=range(3))
    assert ends.notna().tolist() == [False] * 3 + [True] * 3


@pytest.mark.parametrize("widths", [(64, 32, 10), (64, 32, 16, 10)])
def test_of_layers_of_tanh_the_last_grows(widths):
    ends, size = swept(0.01, 1000, widths, activation=torch.nn.Tanh)
    assert ends.tolist() == pytest.approx([law(0.01, 1000, 1, size)] * 2, abs=3)


def test_normalised_networks_do_not_follow_the_law():
    ends, size = swept(0.01, 1000, (64, 32, 16, 10), normalise="rms")
    assert ends.min() > law(0.01, 1000, 3, size) + 4


@pytest.mark.parametrize("lr", [0.003, 0.01])
def test_in_float32_tanh_parts_as_predicted_and_relu_farther(lr):
    def apart(activation, dtype):
        make = networks.mlp((64, 32, 10), activation=activation, dtype=dtype)
        data = examples.digits(200, dtype=dtype).with_label_noise(0.2, seed=0)
        how = {"lr": lr, "weight_decay": [0.0, 1.0], "seed": range(4)}
        how |= {"schedule": [1.0] * 300, "batch_size": 200, "progress": False}
        alone, together = (
            sweep.train(make, data, optimizer=torch.optim.AdamW, at_once=n, **how)
            for n in (1, 8)
        )
        return (alone["val_loss"] / together["val_loss"] - 1).abs().max()

    more = {
        kind: apart(kind, torch.float32) / apart(kind, torch.float64) / 2**29
        for kind in (torch.nn.Tanh, torch.nn.ReLU)
    }
    assert 1 / 20 < more[torch.nn.Tanh] < 20
    assert more[torch.nn.ReLU] > 5 * more[torch.nn.Tanh]


def optimism(half, seeds, rng):
    """Return by how much the least of some means is too good, as predicted."""
    m = half.mean(0)
    a = rng.multivariate_normal(m, np.cov(half.T) / seeds, 20000)
    return (m[a.argmin(1)] - a.min(1)).mean()


def seen(half, seeds, rng):
    found = []
    for _ in range(2000):
        order = rng.permutation(len(half))
        a, later = half[order[:seeds]].mean(0), half[order[seeds:]].mean(0)
        found.append(later[a.argmin()] - a.min())
    return np.mean(found)


@pytest.mark.parametrize("column", ["val_error", "val_loss"])
@pytest.mark.parametrize("lr", [(0.001, 0.003, 0.01, 0.03), (0.001, 0.003), (0.03,)])
@pytest.mark.parametrize("seeds", [1, 2, 4])
def test_by_how_much_the_least_of_a_sweep_is_too_good(column, lr, seeds):
    table = experiments.table("many_seeds")
    table = table[table["lr"].isin(lr)]
    each = table.pivot(index="seed", columns=["lr", "weight_decay"], values=column)
    halves, rng = (each.values[:32], each.values[32:]), np.random.default_rng(1)
    predicted = np.mean([optimism(half, seeds, rng) for half in halves])
    measured = np.mean([seen(half, seeds, rng) for half in halves])
    assert measured == pytest.approx(predicted, rel=0.35)
