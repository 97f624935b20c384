"""What the chapter on noise and sparsity says, on other inputs, noise and settings."""

import claims
import pytest
import torch
from draws import STREAM, draw
from sklearn.linear_model import Lasso
from torch import nn

from weightdecay import examples, noise, paths, proximal, sparsity

says = claims.on("noise_and_sparsity")


def rand(*shape):
    return torch.rand(*shape, generator=STREAM, dtype=torch.float64)


NOISES = {
    "skewed": lambda *shape: -(1 - rand(*shape)).log() - 1,
    "spikes": lambda *shape: (rand(*shape) < 0.02) * draw(*shape) * 50**0.5,
    "two values": lambda *shape: torch.where(rand(*shape) < 0.1, 3.0, -1 / 3),
}


def inputs(kind, n, d):
    x = draw(n, d)
    if kind == "alike":
        x = draw(n, 1) + 0.1 * x
    if kind == "far from zero":
        x = x + 3
    if kind == "uneven":
        x = x * torch.logspace(-1, 0.5, d)
    return x


def mean_path(change, x, y, *, lr, steps=15, momentum=0.0, many=6000):
    """Return the mean path of many runs on inputs that are changed at each step."""

    def loss(w):
        said = (change(x.expand(many, *x.shape)) @ w[:, :, None])[..., 0]
        return (said - y).square().sum() / 2 / len(y)

    start = torch.ones(many, x.shape[1], dtype=torch.float64)
    how = {"steps": steps, "lr": lr, "momentum": momentum}
    path = paths.walk(torch.optim.SGD, loss, start, **how)
    return path.mean(1), path.std(1) / many**0.5


def decayed_path(x, y, penalty, *, lr, steps=15, momentum=0.0):
    def loss(w):
        return (x @ w - y).square().mean() / 2 + w @ penalty @ w / 2

    start = torch.ones(x.shape[1], dtype=torch.float64)
    how = {"steps": steps, "lr": lr, "momentum": momentum}
    return paths.walk(torch.optim.SGD, loss, start, **how)


@says(
    "The *expected* weights take the steps of SGD with decay:",
    "Only its mean and its covariance were used.",
)
@pytest.mark.parametrize("kind", ["plain", "alike", "far from zero"])
@pytest.mark.parametrize("name", ["skewed", "spikes", "two values"])
@pytest.mark.parametrize(("n", "d"), [(12, 3), (3, 6)])
def test_the_mean_path_is_that_of_sgd_with_decay(name, kind, n, d):
    x, y, s = inputs(kind, n, d), draw(n), 1.0
    lr = 0.3 / torch.linalg.eigvalsh(x.T @ x / n).max().item()

    def change(x):
        return x + s * NOISES[name](*x.shape)

    mean, error = mean_path(change, x, y, lr=lr)
    told = decayed_path(x, y, s**2 * torch.eye(d).double(), lr=lr)
    bare = decayed_path(x, y, 0 * torch.eye(d).double(), lr=lr)
    assert ((mean - told).abs() < 5 * error + 1e-9).all()
    assert ((mean - bare).abs()[-1] > 5 * error[-1]).any()


@says("Noise whose entries have a covariance $C$ adds $\\frac12 w^\\top C w$")
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_correlated_noise_adds_its_covariance_with_momentum_too(momentum):
    x, y, half = draw(12, 3), draw(12), 0.5 * draw(3, 3)

    def change(x):
        return x + NOISES["skewed"](*x.shape) @ half.T

    run = {"lr": 0.05, "momentum": momentum}
    mean, error = mean_path(change, x, y, **run)
    told = decayed_path(x, y, half @ half.T, **run)
    alone = decayed_path(x, y, torch.diag((half @ half.T).diag()), **run)
    assert ((mean - told).abs() < 5 * error + 1e-9).all()
    assert ((mean - alone).abs()[-1] > 5 * error[-1]).any()


@pytest.mark.parametrize("kind", ["plain", "alike", "far from zero", "uneven"])
@pytest.mark.parametrize("p", [0.1, 0.5])
def test_dropout_s_mean_path_is_that_of_a_decay_for_each_weight(kind, p):
    torch.manual_seed(0)
    x, y = inputs(kind, 12, 3), draw(12)
    lr = 0.2 / torch.linalg.eigvalsh(x.T @ x / 12).max().item()
    mean, error = mean_path(nn.Dropout(p), x, y, lr=lr)
    told = decayed_path(x, y, torch.diag(noise.dropout_decay(x, p)), lr=lr)
    assert ((mean - told).abs() < 5 * error + 1e-9).all()


@says("so it spares rare inputs and those with small numbers")
@pytest.mark.parametrize("p", [0.1, 0.5])
def test_dropout_says_the_same_in_other_units_and_decay_does_not(p):
    x, y = inputs("alike", 30, 4), draw(30)
    units = torch.tensor([1e-3, 1.0, 30.0, 1e3], dtype=torch.float64)
    ways = {
        "dropout": lambda x: noise.dropout_decay(x, p),
        "decay": lambda x: 0 * x[0] + p / (1 - p),
    }
    gaps = {}
    for name, decay in ways.items():
        said = x @ noise.decayed_minimum(x, y, decay(x))
        other = x * units
        again = other @ noise.decayed_minimum(other, y, decay(other))
        gaps[name] = (said - again).abs().max()
    assert gaps["dropout"] < 1e-9 < 1e-2 < gaps["decay"]


@says("Then the penalty wins, and the penalised minimum is zero.")
def test_an_l1_penalty_above_the_pull_has_its_minimum_at_zero():
    u = torch.linspace(-2, 2, 40_001, dtype=torch.float64)
    for pull, l1, zero in ((0.29, 0.3, True), (-0.29, 0.3, True), (0.31, 0.3, False)):
        # Not quadratic, but convex.
        loss = torch.cosh(u) - pull * u + l1 * u.abs()
        assert (u[loss.argmin()].abs() < 1e-9) == zero


@says(
    "The lasso drops a word when its share times the size of its fit is at most "
    "$\\lambda_1$."
)
def test_rare_words_are_the_first_that_a_lasso_drops():
    word = torch.arange(5).repeat_interleave(2 ** torch.arange(5))
    x = torch.eye(5, dtype=torch.float64)[word]
    y = 1 + draw(len(word)) / 3
    share = x.mean(0)
    fit = noise.decayed_minimum(x, y, 0 * share)
    for l1 in (0.02, 0.1, 0.3):
        model = Lasso(alpha=l1, fit_intercept=False, tol=1e-13).fit(x, y)
        gone = torch.tensor(model.coef_) == 0
        assert (gone == (share * fit.abs() <= l1)).all()
        told = sparsity.elastic_net(fit, share, l1=l1)
        assert (told - torch.tensor(model.coef_)).abs().max() < 1e-9


@says("For L2 the proximal step divides, and does not overshoot")
@pytest.mark.parametrize("share", [0.1, 1.5, 2.5, 1e6])
def test_division_shrinks_each_weight_and_keeps_its_sign(share):
    start = 10 * draw(20)
    run = {"steps": 5, "lr": 0.5, "weight_decay": 2 * share}
    path = paths.walk(proximal.sgd_proximal, lambda w: 0 * w.sum(), start, **run)
    assert (path[1:] * path[:-1] > 0).all()
    assert (path[1:].abs() < path[:-1].abs()).all()


@says("The rule ends at the minimum that belongs to the penalty")
@pytest.mark.parametrize(("kept", "passed"), [(0.9, 0.5), (0.5, 1.0), (0.8, 0.8)])
def test_a_rule_ends_at_the_minimum_of_its_own_penalty(kept, passed):
    data, lr = examples.diabetes(60), 0.1

    def loss(w):
        return (data.x @ w - data.y).square().mean() / 2

    def step(w, g, state=None, *, lr):
        return (kept * w - passed * lr * g, state)

    start = torch.zeros(10, dtype=torch.float64)
    end = paths.walk(step, loss, start, steps=2000, lr=lr)[-1]
    decay = start + sparsity.decay_of(kept, passed, lr)
    told = noise.decayed_minimum(data.x, data.y, decay)
    assert (end - told).abs().max() < 1e-9


@says(
    "{eq}`noise-steps` speaks of means, and says nothing of how far single runs stray."
)
def test_rare_large_noise_throws_runs_whose_mean_is_told_and_less_lr_holds_them():
    x, y = draw(6, 3), draw(6)

    def hits(*shape):
        return (rand(*shape) < 1e-3) * draw(*shape) * 1e3**0.5

    far = {}
    for name, kind, lr in (
        ("Gaussian", draw, 0.3),
        ("hits", hits, 0.3),
        ("less lr", hits, 0.003),
    ):

        def change(x, kind=kind):
            return x + 0.5 * kind(*x.shape)

        _, error = mean_path(change, x, y, lr=lr, steps=300, many=200)
        far[name] = error.max()
    assert far["Gaussian"] < 0.1 and far["less lr"] < 0.1
    assert far["hits"] > 100 * far["Gaussian"]
