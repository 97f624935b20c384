"""What the chapter on the best decay says, with other widths, seeds and factors."""

import pytest
import torch
from claims import on

from weightdecay import examples, scaling, tuning, valleys

DIGITS = examples.digits(100, seed=5, dtype=torch.float64)
says = on("best_decay_in_a_network")


def outputs(rule, *, c=1.0, power=1, norm=True, **settings):
    net = tuning.scale_invariant((64, 20, 16, 10))(3)
    if not norm:
        net = net[:-1]
    scaling.scale(net.parameters(), c)
    lr, weight_decay = 0.02 * c**power, 0.5 / c**power
    optimizer = rule(net.parameters(), lr=lr, weight_decay=weight_decay, **settings)
    scaling.train(net, optimizer, DIGITS, scaling.sizes, steps=60)
    return net(DIGITS.x_val).detach()


RULES = pytest.mark.parametrize(
    ("rule", "power", "settings"),
    [
        (torch.optim.AdamW, 1, {"eps": 1e-30}),
        (torch.optim.AdamW, 1, {"eps": 1e-30, "betas": (0.5, 0.7), "amsgrad": True}),
        (torch.optim.SGD, 2, {}),
        (torch.optim.SGD, 2, {"momentum": 0.9, "nesterov": True}),
    ],
    ids=str,
)


@RULES
@pytest.mark.parametrize("c", [0.2, 5.0])
def test_scaled_runs_have_the_same_outputs(rule, power, settings, c):
    plain = outputs(rule, **settings)
    scaled = outputs(rule, c=c, power=power, **settings)
    assert (scaled - plain).abs().max() < 1e-4
    other = outputs(rule, c=c, power=3 - power, **settings)
    assert (other - plain).abs().max() > 0.1


@RULES
def test_one_matrix_without_a_normalisation_breaks_the_symmetry(rule, power, settings):
    plain = outputs(rule, norm=False, **settings)
    scaled = outputs(rule, norm=False, c=3.0, power=power, **settings)
    assert (scaled - plain).abs().max() > 0.1


def best(settings, over, decays, **run):
    """Return the best decay of each, for seeds that the tables don't have."""
    found = []
    for value in settings:
        tables = [
            tuning.on_digits(
                seed, **{over: value}, weight_decay=decays, progress=False, **run
            )
            for seed in (21, 22)
        ]
        means = sum(t.set_index("weight_decay")["val_loss"] for t in tables)
        found.append(means.tolist())
    losses = torch.tensor(found)
    return valleys.bottom(torch.tensor(decays, dtype=torch.float64), losses)


def test_other_long_runs_keep_their_decay():
    decays = [0.2, 0.4, 0.8, 1.6, 3.2]
    small, large = best([0.006, 0.024], "lr", decays, n=100, steps=600)
    assert 0.6 < large / small < 1.7


def test_other_networks_without_a_scale_keep_the_product():
    run = {"n": 100, "batch_size": 20, "steps": 300, "invariant": True}
    at = {}
    for lr, decays in ((0.003, [16.0, 64.0]), (0.012, [4.0, 16.0])):
        tables = [
            tuning.on_digits(seed, lr=lr, weight_decay=decays, progress=False, **run)
            for seed in (21, 22, 23)
        ]
        at[lr] = sum(t["val_loss"].to_numpy() for t in tables) / 3
    first, second = at.values()
    assert abs(first / second - 1).max() < 0.3
    # Kept in place of the product, the decay gives another loss.
    assert second[1] > 1.25 * first[0]
