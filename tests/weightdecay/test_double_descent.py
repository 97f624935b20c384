"""The risk where examples are about as many as weights: against draws and limits."""

import math

import pytest
import torch
from draws import draw
from sklearn.linear_model import LinearRegression, Ridge

from weightdecay import double_descent, prior


def curvatures(n, d, m=2):
    """Return the curvatures of m draws, zeros too: (m, d)."""
    s = torch.linalg.svdvals(draw(m, n, d)) ** 2 / n
    return torch.nn.functional.pad(s, (0, d - s.shape[1]))


@pytest.mark.parametrize(("n", "d"), [(1, 6), (3, 9), (20, 30), (9, 2), (60, 40)])
def test_the_least_norm_has_its_error_for_few_weights_too(n, d):
    known, m = {"noise": 1.5, "spread": 0.7}, 120_000 // (n + d)
    x, truth = draw(m, n, d), 0.7 * draw(m, d)
    y = torch.einsum("mnd,md->mn", x, truth) + 1.5 * draw(m, n)
    w = (torch.linalg.pinv(x) @ y[..., None])[..., 0]
    found = (w - truth).square().sum(1).mean().item()
    told = double_descent.least_norm(n, d, **known).item()
    assert found == pytest.approx(told, rel=0.05)


def test_scikit_learn_finds_the_least_norm():
    x, y = draw(4, 9), draw(4)
    theirs = LinearRegression(fit_intercept=False).fit(x, y).coef_
    ours = torch.linalg.pinv(x) @ y
    assert ours.tolist() == pytest.approx(theirs.tolist(), abs=1e-12)


def test_between_the_formulas_the_error_is_infinite():
    n = torch.tensor([38.0, 39.0, 40.0, 41.0, 42.0])
    told = double_descent.least_norm(n, 40, noise=1.0, spread=1.0)
    assert told.isinf().tolist() == [False, True, True, True, False]


@pytest.mark.parametrize(("n", "d"), [(300, 600), (600, 600), (900, 600)])
@pytest.mark.parametrize("decay", [0.05, 1.0])
def test_many_weights_have_the_limit_of_marchenko_and_pastur(n, d, decay):
    h = curvatures(n, d)
    found = (1 / (h + decay)).mean().item()
    told = double_descent.inverse(decay, d / n).item()
    assert told == pytest.approx(found, rel=0.01)
    known = {"noise": 3.0, "spread": 0.4}
    errors = prior.risk(h, decay, n=n, **known).sum(1).mean().item()
    told = double_descent.ridge(n, d, decay, **known).item()
    assert told == pytest.approx(errors, rel=0.02)


def test_ridge_of_scikit_learn_has_that_error():
    n, d, decay, known = 150, 200, 0.3, {"noise": 2.0, "spread": 0.5}
    x, truth = draw(n, d), 0.5 * draw(400, d)
    y = truth @ x.T + 2.0 * draw(400, n)
    w = Ridge(alpha=n * decay, fit_intercept=False).fit(x, y.T).coef_
    found = (torch.tensor(w) - truth).square().sum(1).mean().item()
    told = double_descent.ridge(n, d, decay, **known).item()
    assert told == pytest.approx(found, rel=0.04)


@pytest.mark.parametrize("n", [100, 10_000])
def test_with_hardly_any_decay_ridge_is_the_least_norm(n):
    known = {"noise": 1.0, "spread": 1.0}
    told = double_descent.ridge(n, 1000, 1e-7, **known).item()
    least = double_descent.least_norm(n, 1000, **known).item()
    assert told == pytest.approx(least, rel=0.002)


def test_at_the_best_decay_the_error_is_least_and_has_the_short_form():
    known = {"noise": 2.0, "spread": 0.3}
    for n in (20, 50, 200):
        best = prior.best_decay(n=n, **known)
        least = double_descent.ridge(n, 50, best, **known).item()
        for times in (0.9, 1.1):
            assert double_descent.ridge(n, 50, times * best, **known) > least
        short = 4.0 / n * 50 * double_descent.inverse(best, 50 / n).item()
        assert least == pytest.approx(short, rel=1e-9)


def test_the_smallest_curvature_is_at_the_edge_and_by_edelmans_law():
    for n in (800, 200):
        low = torch.linalg.svdvals(draw(2, n, 400))[:, -1].square() / n
        told = double_descent.smallest(n, 400).item()
        assert low.mean().item() == pytest.approx(told, rel=0.2)
    low = torch.linalg.svdvals(draw(2000, 30, 30))[:, -1].square() / 30
    told = double_descent.smallest(30, 30).item()
    assert low.median().item() == pytest.approx(told, rel=0.1)


def test_a_halted_run_has_the_error_of_its_curvatures():
    h, t = curvatures(200, 200, m=8), 50.0
    left = (-h * t).exp()
    for known in ({"noise": 2.0, "spread": 0.0}, {"noise": 0.0, "spread": 2.0}):
        each = left**2 * known["spread"] ** 2
        each = each + known["noise"] ** 2 / 200 * (1 - left) ** 2 / h
        told = double_descent.halted(200, t, **known).item()
        assert told == pytest.approx(each.sum(1).mean().item(), rel=0.05)


def test_beside_small_inputs_the_error_is_that_of_ridge_on_all_inputs():
    n, count, small, known = 30, 20_000, 12.0, {"noise": 1.5, "spread": 0.8}
    decays = torch.tensor([-0.2, 0.0, 0.5]).double()
    found, told = torch.zeros(3).double(), torch.zeros(3).double()
    for _ in range(10):
        x1, x2 = draw(n, 3), draw(n, count) * (small / count) ** 0.5
        truth = 0.8 * draw(3, 400)
        y = x1 @ truth + 1.5 * draw(n, 400)
        for i, decay in enumerate(decays.tolist()):
            inner = x1 @ x1.T + x2 @ x2.T + n * decay * torch.eye(n)
            dual = torch.linalg.solve(inner, y)
            missed = (x1.T @ dual - truth).square().sum(0)
            size = (x2.T @ dual).square().sum(0)
            found[i] += (missed + small / count * size).mean() / 10
        h = torch.linalg.eigvalsh(x1.T @ x1 / n)
        of = {"small": small, "count": count, "n": n, **known}
        told += double_descent.beside(h, decays[:, None], **of) / 10
    assert found.tolist() == pytest.approx(told.tolist(), rel=0.06)


def test_without_small_inputs_that_error_is_the_prior_s():
    h, known = torch.tensor([0.3, 1.0]), {"n": 9, "noise": 1.0, "spread": 2.0}
    told = double_descent.beside(h, 0.4, small=0.0, count=1, **known)
    assert told.item() == pytest.approx(prior.risk(h, 0.4, **known).sum().item())


def beside(**other):
    given = {"weight_decay": 0.1, "small": 1.0, "count": 99, "n": 4, "noise": 1.0}
    given |= {"spread": 1.0, **other}
    return double_descent.beside(torch.ones(2), **given)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: double_descent.least_norm(0, 3, noise=1.0, spread=1.0), "n must"),
        (lambda: double_descent.least_norm(3, -1, noise=1.0, spread=1.0), "d must"),
        (lambda: double_descent.least_norm(3, 9, noise=-1.0, spread=1.0), "noise"),
        (lambda: double_descent.least_norm(3, 9, noise=1.0, spread=-1.0), "spread"),
        (lambda: double_descent.inverse(0.0, 1.0), "weight_decay"),
        (lambda: double_descent.inverse(1.0, math.inf), "ratio"),
        (lambda: double_descent.ridge(3, 9, -0.1, noise=1.0, spread=1.0), "weight_dec"),
        (lambda: double_descent.smallest(3, 0), "d must"),
        (lambda: double_descent.halted(9, 0.0, noise=1.0, spread=1.0), "total"),
        (lambda: beside(weight_decay=-0.5), r"weight_decay \+ small / n"),
        (lambda: beside(count=0), "count"),
        (lambda: beside(spread=-1.0), "spread"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, name):
    with pytest.raises(ValueError, match=name):
        call()
