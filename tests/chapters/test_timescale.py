"""What the chapter on the timescale says, with other rules, data, lr and batches."""

import math

import pytest
import torch
from torch import nn

from weightdecay import dynamics, examples, networks


def trained(rule, lrs, *, seed=0, batch=50, clip=None, widths=(64, 64, 10), **settings):
    digits = examples.digits(1000, dtype=torch.float64)
    net = networks.mlp(widths, dtype=torch.float64)(seed)
    start = net[0].weight.detach().clone()
    optimizer = rule(net.parameters(), **settings)
    stream = torch.Generator().manual_seed(seed)
    for lr in lrs:
        optimizer.param_groups[0]["lr"] = lr
        now = torch.randperm(1000, generator=stream)[:batch]
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(digits.x[now]), digits.y[now]).backward()
        if clip:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
    dark = (digits.x == 0).all(0)
    return start, net[0].weight.detach(), dark


def share_left(*run, **settings):
    start, w, dark = trained(*run, **settings)
    return (w[:, dark].norm() / start[:, dark].norm()).item()


LRS = [3e-3 * (1 - k / 400) for k in range(400)]


@pytest.mark.parametrize(
    ("rule", "settings"),
    [
        (torch.optim.AdamW, {}),
        (torch.optim.AdamW, {"betas": (0.5, 0.9), "seed": 3}),
        (torch.optim.AdamW, {"eps": 1e-3, "clip": 0.1}),
        (torch.optim.AdamW, {"amsgrad": True, "widths": (64, 200, 10)}),
        (torch.optim.NAdam, {"decoupled_weight_decay": True}),
        (torch.optim.SGD, {}),
        (torch.optim.SGD, {"clip": 0.1}),
    ],
    ids=str,
)
def test_a_pixel_that_is_dark_keeps_the_product(rule, settings):
    kept = dynamics.kept(LRS, 2.0)[-1].item()
    left = share_left(rule, LRS, weight_decay=2.0, **settings)
    assert left == pytest.approx(kept, rel=1e-9)
    assert left == pytest.approx(math.exp(-2 * sum(LRS)), rel=5e-3)
    assert abs(left - 1) > 0.5


def test_where_decay_is_in_the_gradient_another_share_is_left():
    kept = dynamics.kept(LRS, 2.0)[-1].item()
    momentum = share_left(torch.optim.SGD, LRS, momentum=0.9, weight_decay=2.0)
    assert momentum < kept / 100
    assert share_left(torch.optim.Adam, LRS, weight_decay=2.0) < kept / 10
    # In Adam the decay hardly matters: a tenth of it does the same.
    assert share_left(torch.optim.Adam, LRS, weight_decay=0.2) < kept / 10


@pytest.mark.parametrize("batch", [10, 250])
def test_with_a_decay_that_grows_with_the_batch_an_epoch_keeps_as_much(batch):
    lrs = [1e-3] * (20_000 // batch)
    left = share_left(torch.optim.AdamW, lrs, batch=batch, weight_decay=batch / 50)
    assert left == pytest.approx(math.exp(-0.4), rel=1e-2)


@pytest.mark.parametrize(
    "case", [{"widths": (64, 300, 10)}, {"seed": 5, "batch": 200}, {"weight_decay": 2}]
)
def test_the_updates_of_a_network_point_along_its_start(case):
    settings = {"weight_decay": 1.0} | case
    start, w, dark = trained(torch.optim.AdamW, [1e-3] * 1500, **settings)
    start, w = start[:, ~dark], w[:, ~dark]
    of_start = ((start * w).sum() / start.square().sum()).item()
    kept = dynamics.kept([1e-3] * 1500, settings["weight_decay"])[-1].item()
    assert of_start > 1.3 * kept
