"""Where an L1 penalty leads, and which decay an order of operations has."""

import math

import pytest
import torch
from draws import STREAM, draw
from sklearn.linear_model import ElasticNet

from weightdecay import paths, proximal, sparsity


def test_inputs_at_right_angles_have_the_elastic_net_in_closed_form():
    basis, _ = torch.linalg.qr(draw(30, 5))
    h = torch.tensor([0.2, 0.5, 1.0, 2.0, 4.0], dtype=torch.float64)
    x, fit = basis * (30 * h).sqrt(), draw(5)
    model = ElasticNet(alpha=0.5, l1_ratio=0.4, fit_intercept=False, tol=1e-13)
    told = sparsity.elastic_net(fit, h, l1=0.2, weight_decay=0.3)
    coefficients = torch.tensor(model.fit(x, x @ fit).coef_)
    assert (coefficients - told).abs().max() < 1e-10
    assert (told == 0).any() and (told != 0).any()


@pytest.mark.parametrize("h", [0.0, 0.5, 5.0])
def test_sgd_on_an_l1_penalty_stays_in_its_band_and_misses_zero(h):
    lr, l1, pull = 0.2, 0.3, torch.linspace(-0.29, 0.28, 24, dtype=torch.float64)

    def loss(w):
        return (l1 * w.abs() + h / 2 * w**2 - pull * w).sum()

    path = paths.walk(torch.optim.SGD, loss, 3 + draw(24), steps=5000, lr=lr)
    low, high = sparsity.chatter(pull, lr=lr, l1=l1)
    crossed = (path * path[0].sign() <= 0).double().cumsum(0) > 0
    inside = (path > low - 1e-12) & (path < high + 1e-12)
    assert crossed[-1].all() and inside[crossed].all()
    assert (path[crossed] != 0).all()


def test_the_size_of_the_chatter_is_that_of_a_weight_anywhere_in_the_band():
    lr, l1 = 0.02, 0.3
    pull = 0.3 * (2 * torch.rand(400, generator=STREAM, dtype=torch.float64) - 1)

    def loss(w):
        return (l1 * w.abs() + w**2 / 2 - pull * w).sum()

    path = paths.walk(torch.optim.SGD, loss, 0.01 * draw(400), steps=3000, lr=lr)
    seen = path[1000:].square().mean().sqrt()
    told = sparsity.chatter_size(pull, lr=lr, l1=l1).square().mean().sqrt()
    assert seen.item() == pytest.approx(told.item(), rel=0.03)


def test_both_orders_without_a_factor_end_at_the_penalised_minimum():
    share = 0.3
    assert sparsity.decay_of(1 - share, 1.0, 0.3) == pytest.approx(1.0)
    divided = 1 / (1 + share)
    assert sparsity.decay_of(divided, divided, 0.3) == pytest.approx(1.0)
    assert sparsity.decay_of(1 - share, 1 - share, 0.3) == pytest.approx(1 / 0.7)
    assert sparsity.decay_of(divided, 1.0, 0.3) == pytest.approx(1 / 1.3)


@pytest.mark.parametrize(("lr", "decay"), [(1e-3, 1e-2), (0.3, 0.5)])
def test_the_steps_until_two_decays_part_are_counted(lr, decay):
    k = sparsity.steps_apart(0.01, lr=lr, weight_decay=decay)
    share = lr * decay
    ratio = k * (math.log1p(-share) + math.log1p(share))
    assert ratio == pytest.approx(math.log(0.99), rel=1e-6)


@pytest.mark.parametrize("decay", [0.0, 1.0, 2.9])
def test_below_the_largest_lr_a_walk_settles_and_above_it_does_not(decay):
    bounds = sparsity.largest_lr(3.0, decay)
    for rule, bound in zip(
        (torch.optim.SGD, proximal.sgd_proximal), bounds, strict=True
    ):
        for times in (0.99, 1.01):
            run = {"steps": 2000, "lr": times * bound, "weight_decay": decay}
            end = paths.walk(rule, lambda w: 3 * w**2 / 2, 1.0, **run)[-1]
            assert (end.abs() < 1) == (times < 1)


def test_what_makes_no_sense_is_refused_in_words():
    one = torch.ones(2, dtype=torch.float64)
    with pytest.raises(ValueError, match="curvature must be a finite number > 0"):
        sparsity.elastic_net(one, 0 * one, l1=0.1)
    with pytest.raises(ValueError, match="l1 must be a finite number >= 0"):
        sparsity.elastic_net(one, one, l1=-0.1)
    for band in (sparsity.chatter, sparsity.chatter_size):
        with pytest.raises(ValueError, match=r"l1 - \|pull\| must be"):
            band(one, lr=0.1, l1=0.5)
    with pytest.raises(ValueError, match="passed must be a finite number > 0"):
        sparsity.decay_of(0.9, 0.0, 0.1)
    with pytest.raises(ValueError, match="1 - part must be"):
        sparsity.steps_apart(1.0, lr=0.1, weight_decay=0.1)
    with pytest.raises(ValueError, match="1 - lr weight_decay must be"):
        sparsity.steps_apart(0.1, lr=1.0, weight_decay=2.0)
    with pytest.raises(ValueError, match="curvature - weight_decay must be"):
        sparsity.largest_lr(1.0, 1.0)
