"""The best decay under a prior: against draws, other libraries and brute force."""

import math

import pytest
import torch
from draws import draw
from sklearn.linear_model import BayesianRidge, Ridge

from weightdecay import examples, paths, prior, problems


@pytest.mark.parametrize(("n", "noise", "spread"), [(4, 1.5, 0.7), (50, 0.3, 2.0)])
def test_the_risk_is_the_mean_error_of_ridge_over_prior_and_noise(n, noise, spread):
    x = draw(n, 6) * torch.logspace(-1, 0.5, 6)
    truth = spread * draw(40_000, 6)
    y = truth @ x.T + noise * draw(40_000, n)
    h, basis = torch.linalg.eigh(x.T @ x / n)
    h = h.clamp(min=0)
    for times in (0.3, 1.0, 5.0):
        decay = times * prior.best_decay(noise, spread, n)
        w = Ridge(alpha=n * decay, fit_intercept=False).fit(x, y.T).coef_
        off = (torch.tensor(w) - truth) @ basis
        told = prior.risk(h, decay, noise=noise, spread=spread, n=n)
        assert off.square().mean(0).tolist() == pytest.approx(told.tolist(), rel=0.03)


def test_the_risk_is_least_at_the_best_decay_for_each_curvature():
    h = torch.logspace(-6, 6, 40, dtype=torch.float64)
    known = {"noise": 0.7, "spread": 3.0, "n": 12}
    best = prior.best_decay(**known)
    least = prior.risk(h, best, **known)
    for times in (0.5, 0.99, 1.01, 2.0):
        assert (prior.risk(h, times * best, **known) > least).all()


@pytest.mark.parametrize("times", [0.1, 0.5, 1.0, 2.0, 30.0])
def test_the_worst_cost_is_reached_and_not_passed(times):
    h = torch.logspace(-5, 5, 20_001, dtype=torch.float64)
    known = {"noise": 2.0, "spread": 0.5, "n": 7}
    best = prior.best_decay(**known)
    cost = prior.risk(h, times * best, **known) / prior.risk(h, best, **known)
    assert cost.max().item() == pytest.approx(prior.worst_cost(times), rel=1e-6)
    assert prior.worst_cost(times) == pytest.approx(prior.worst_cost(1 / times))


def test_bayesian_ridge_of_scikit_learn_has_that_mean():
    x, noise, spread = draw(30, 4), 0.5, 2.0
    y = x @ (spread * draw(4)) + noise * draw(30)
    # Its precisions are told, by priors on them that leave no doubt.
    sure = {"alpha_1": 1e12 / noise**2, "alpha_2": 1e12}
    sure |= {"lambda_1": 1e12 / spread**2, "lambda_2": 1e12}
    theirs = BayesianRidge(fit_intercept=False, **sure).fit(x, y).coef_
    ours = problems.Regressions(x[None], y[None], draw(1, 4))
    w = ours.penalised_minimum(prior.best_decay(noise, spread, 30))[0]
    assert w.tolist() == pytest.approx(theirs.tolist(), rel=1e-6)


def test_the_minima_of_regressions_are_ridge_and_take_many_decays():
    task, _ = problems.regressions(3, 5, 8, noise=1.0, seed=0)
    decays = torch.tensor([0.01, 0.5]).double()
    w = task.penalised_minimum(decays[:, None, None])
    assert w.shape == (2, 3, 8)
    for i, decay in enumerate(decays.tolist()):
        for x, y, ours in zip(task.x, task.y, w[i], strict=True):
            theirs = Ridge(alpha=5 * decay, fit_intercept=False).fit(x, y).coef_
            assert ours.tolist() == pytest.approx(theirs.tolist(), rel=1e-9)
    with pytest.raises(ValueError, match="weight_decay"):
        task.penalised_minimum(0.0)


def test_the_least_loss_on_a_ball_is_on_its_edge_or_the_minimum():
    bowl = problems.Quadratic(torch.tensor([3.0, 4.0]).double(), torch.eye(2).double())
    run = {"start": torch.zeros(2).double(), "steps": 100, "lr": 0.5}
    near = problems.ball_minimum(bowl, radius=1.0, **run)
    assert near.shape == (101, 2)
    assert near[-1].tolist() == pytest.approx([0.6, 0.8])
    far = problems.ball_minimum(bowl, radius=6.0, **run)[-1]
    assert far.tolist() == pytest.approx([3.0, 4.0])
    assert paths.gradient(bowl, far).norm() < 1e-9
    none = problems.ball_minimum(bowl, radius=0.0, **run)[-1]
    assert none.tolist() == [0.0, 0.0]


def test_diabetes_are_all_patients_once_and_scaled():
    data = examples.diabetes(100, seed=3)
    x, y = torch.cat([data.x, data.x_val]), torch.cat([data.y, data.y_val])
    assert data.x.shape == (100, 10) and len(x) == 442
    assert len({tuple(row) for row in x.tolist()}) == 442
    assert x.mean(0).abs().max() < 1e-12 and y.mean().abs() < 1e-12
    assert (x.var(0, correction=0) - 1).abs().max() < 1e-9
    assert y.dtype == x.dtype == torch.float64
    assert not torch.equal(examples.diabetes(100, seed=4).y, data.y)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: prior.best_decay(-1.0, 1.0, 5), "noise"),
        (lambda: prior.best_decay(1.0, 0.0, 5), "spread"),
        (lambda: prior.best_decay(1.0, 1.0, 0), "n must"),
        (lambda: prior.worst_cost(0.0), "times"),
        (lambda: prior.worst_cost(math.inf), "times"),
        (
            lambda: prior.risk(torch.tensor([-1.0]), 1.0, noise=1.0, spread=1.0, n=3),
            "curvature",
        ),
        (
            lambda: prior.risk(torch.tensor([1.0]), -1.0, noise=1.0, spread=1.0, n=3),
            "weight_decay",
        ),
        (lambda: examples.diabetes(442), "n must be 1 to 441"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, name):
    with pytest.raises(ValueError, match=name):
        call()
