"""Proximal steps: what they minimise, and where they end."""

import pytest
import torch
from draws import draw
from sklearn.linear_model import ElasticNet

from weightdecay import paths, proximal


@pytest.mark.parametrize(("l1", "decay"), [(0.7, 0.0), (0.0, 2.0), (0.4, 3.0)])
def test_a_step_minimises_the_penalty_near_where_the_gradient_leads(l1, decay):
    w, g, lr = draw(6), draw(6), 0.3
    step, state = proximal.sgd_proximal(w, g, lr=lr, weight_decay=decay, l1=l1)
    u = torch.linspace(-4, 4, 800_001, dtype=torch.float64)
    for i in range(6):
        near = (u - w[i] + lr * g[i]) ** 2 / 2
        cost = near + lr * (l1 * u.abs() + decay / 2 * u**2)
        assert abs(u[cost.argmin()] - step[i]) < 2e-5
    assert state is None


def test_soft_threshold_makes_zeros_and_keeps_signs():
    v = torch.tensor([-2.0, -0.5, 0.0, 0.5, 0.7])
    assert proximal.soft_threshold(v, 0.5).tolist() == pytest.approx(
        [-1.5, 0, 0, 0, 0.2]
    )
    assert (proximal.soft_threshold(v, 0.0) == v).all()


@pytest.mark.parametrize(("n", "d"), [(30, 6), (6, 12)])
def test_it_ends_at_the_elastic_net(n, d):
    x, y = draw(n, d), draw(n)

    def loss(w):
        return (x @ w - y).square().mean() / 2

    lr = 1 / torch.linalg.eigvalsh(x.T @ x / n).max().item()
    penalty = {"l1": 0.1, "weight_decay": 0.3}
    start = torch.zeros(d, dtype=torch.float64)
    w = paths.walk(proximal.sgd_proximal, loss, start, steps=3000, lr=lr, **penalty)
    model = ElasticNet(
        alpha=0.4, l1_ratio=0.25, fit_intercept=False, tol=1e-13, max_iter=100_000
    )
    assert (w[-1] - torch.tensor(model.fit(x, y).coef_)).abs().max() < 1e-7
    assert (w[-1] == 0).any()


def test_what_makes_no_sense_is_refused_in_words():
    w = draw(3)
    with pytest.raises(ValueError, match="lr must be a finite number >= 0"):
        proximal.sgd_proximal(w, w, lr=-1.0)
    with pytest.raises(ValueError, match="weight_decay must be a finite number >= 0"):
        proximal.sgd_proximal(w, w, lr=1.0, weight_decay=-1.0)
    with pytest.raises(ValueError, match="l1 must be a finite number >= 0"):
        proximal.sgd_proximal(w, w, lr=1.0, l1=-1.0)
    with pytest.raises(ValueError, match="size must be a finite number >= 0"):
        proximal.soft_threshold(w, -1.0)
