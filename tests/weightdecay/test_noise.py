"""What noise on inputs decays, against all masks of dropout and scikit-learn."""

import itertools

import pytest
import torch
from draws import draw
from sklearn.linear_model import Ridge

from weightdecay import noise


@pytest.mark.parametrize("p", [0.0, 0.2, 0.9])
def test_dropout_s_penalty_is_the_mean_over_all_masks(p):
    x, y, w = 0.5 + draw(5, 4), draw(5), draw(4)
    mean = 0.0
    for mask in itertools.product([0.0, 1.0], repeat=4):
        kept = torch.tensor(mask, dtype=torch.float64)
        chance = (p ** (1 - kept) * (1 - p) ** kept).prod()
        # Examples have masks of their own, but a mean needs no more than one.
        mean += chance * ((x * kept / (1 - p)) @ w - y).square().mean() / 2
    told = (x @ w - y).square().mean() / 2
    told += (noise.dropout_decay(x, p) * w**2).sum() / 2
    assert mean.item() == pytest.approx(told.item(), rel=1e-12)


@pytest.mark.parametrize(("n", "d"), [(20, 5), (5, 20)])
def test_one_decay_for_all_is_ridge(n, d):
    x, y = draw(n, d), draw(n)
    ridge = Ridge(alpha=0.3 * n, fit_intercept=False, tol=1e-12).fit(x, y).coef_
    decay = torch.full((d,), 0.3, dtype=torch.float64)
    for form in (decay, torch.diag(decay)):
        w = noise.decayed_minimum(x, y, form)
        assert (w - torch.tensor(ridge)).abs().max() < 1e-10


def test_a_covariance_is_a_ridge_of_other_inputs():
    x, y, half = draw(20, 4), draw(20), draw(4, 4)
    w = noise.decayed_minimum(x, y, half @ half.T)
    # With u = half^T w the penalty is that of u.
    turned = x @ torch.linalg.inv(half).T
    ridge = Ridge(alpha=20, fit_intercept=False).fit(turned, y).coef_
    assert (half.T @ w - torch.tensor(ridge)).abs().max() < 1e-9


def test_little_noise_adds_the_second_order_to_a_logistic_loss():
    x, w = draw(30, 4), draw(4)
    gaps = []
    for size in (0.1, 0.05):
        z = draw(200_000) * size * w.norm()
        both = torch.cat([z, -z])
        loss = sum(torch.nn.functional.softplus(m + both).mean() for m in x @ w) / 30
        plain = torch.nn.functional.softplus(x @ w).mean()
        told = noise.logistic_penalty(x, w, z.std() / w.norm())
        gaps.append((loss - plain) / told - 1)
    assert abs(gaps[0]) < 0.02 and abs(gaps[1]) < 0.01
    assert noise.logistic_penalty(x, 200 * w, 1.0) < noise.logistic_penalty(x, w, 200.0)


def test_what_makes_no_sense_is_refused_in_words():
    x, y = draw(5, 3), draw(5)
    with pytest.raises(ValueError, match="p must be a number >= 0 and < 1, got 1"):
        noise.dropout_decay(x, 1.0)
    with pytest.raises(ValueError, match=r"the shape \(3,\) or \(3, 3\), got \(5,\)"):
        noise.decayed_minimum(x, y, y)
    with pytest.raises(ValueError, match="noise must be a finite number >= 0"):
        noise.logistic_penalty(x, y[:3], -1.0)
