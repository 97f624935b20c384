"""What the page on sweeps says, on other depths, dtypes and learning rates."""

import math

import pytest
import torch

from weightdecay import examples, networks, sweep


def swept(lr, weight_decay, widths=(64, 32, 10), dtype=torch.float32, steps=300, **how):
    make = networks.mlp(widths, dtype=dtype)
    data = examples.digits(200, dtype=dtype)
    table = sweep.train(
        make, data, optimizer=torch.optim.AdamW, lr=lr, weight_decay=weight_decay,
        schedule=[1.0] * steps, batch_size=20, progress=False, **how,
    )  # fmt: skip
    return table, make(0)(data.x).abs().max().item()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("widths", [(64, 10), (64, 32, 10), (64, 32, 16, 10)])
@pytest.mark.parametrize(("lr", "weight_decay"), [(1e-3, 4e3), (0.01, 1e3), (0.1, 1e3)])
def test_the_step_at_which_a_run_diverges(lr, weight_decay, widths, dtype):
    table, size = swept(lr, weight_decay, widths, dtype, steps=700, seed=[0, 1])
    layers = len(widths) - 1
    growth = layers * math.log(abs(1 - lr * weight_decay))
    predicted = (math.log(torch.finfo(dtype).max) - math.log(size)) / growth
    assert table["diverged"].tolist() == pytest.approx([predicted] * 2, abs=3)


def test_just_below_the_bound_a_run_stays_and_just_above_it_does_not():
    table, _ = swept(1e-3, [1950.0, 2150.0], steps=900, seed=range(3))
    assert (table["diverged"].notna() == (table["weight_decay"] > 2000)).all()


@pytest.mark.parametrize("lr", [0.003, 0.01])
def test_tanh_parts_as_predicted_where_relu_parts_farther(lr):
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

    smooth = apart(torch.nn.Tanh, torch.float64)
    assert apart(torch.nn.Tanh, torch.float32) < 100 * 2**29 * smooth < 1e-3
    assert apart(torch.nn.ReLU, torch.float64) < 1e-9
