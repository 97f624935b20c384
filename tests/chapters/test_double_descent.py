"""What the chapter on double descent says, on other inputs, noise and optimizers."""

import inspect
import math

import claims
import pytest
import torch
from draws import STREAM, draw

from weightdecay import double_descent, paths, prior, problems

says = claims.on("double_descent")


def inputs(kind, n, d):
    """Return n inputs of a kind that is not standard normal."""
    x = draw(n, d)
    if kind == "alike":
        x = draw(n, 1) + 0.01 * x
    if kind == "uneven":
        x = x * torch.logspace(-4, 3, d)
    if kind == "skewed":
        x = (2 * x).exp()
    if kind == "copies":
        x = x[:1].expand(n, d).clone()
    return x


def error(x, noise, spread, decay):
    """Return the expected error's covariance, from bias and variance."""
    n, d = x.shape
    unit = torch.eye(d, dtype=torch.float64)
    inverse = torch.linalg.inv(x.T @ x / n + decay * unit)
    middle = decay**2 * spread**2 * unit + noise**2 / n * x.T @ x / n
    return inverse @ middle @ inverse


@says(
    "That can only make the inverse smaller: in the mean no new input can hurt.",
    "and on average no further example hurts.",
)
@pytest.mark.parametrize("kind", ["normal", "alike", "uneven", "skewed", "copies"])
@pytest.mark.parametrize(("noise", "spread"), [(0.3, 2.0), (4.0, 0.5)])
def test_no_input_hurts_with_the_best_decay(kind, noise, spread):
    x, news = inputs(kind, 24, 8), inputs("uneven", 5, 8)
    costs = []
    for n in range(1, 25):
        decay = prior.best_decay(noise, spread, n)
        off = error(x[:n], noise, spread, decay)
        costs.append([off.trace(), *((news @ off) * news).sum(1)])
    rises = torch.tensor(costs).diff(dim=0) / torch.tensor(costs)[:-1]
    assert rises.max() < 1e-7 and rises[:, 0].min() < -1e-5


def test_without_the_best_decay_an_example_can_hurt():
    costs = [
        torch.stack([error(draw(n, 12), 1.0, 1.0, 1e-9).trace() for _ in range(101)])
        for n in (3, 12)
    ]
    assert costs[1].median() > 1.5 * costs[0].median()


@says(
    "For $n>d+1$ {eq}`descent-least-norm` holds for normal inputs of each covariance, "
    "if new inputs have it too."
)
def test_above_the_peak_the_covariance_does_not_count():
    n, d, noise = 14, 6, 2.0
    mix = draw(d, d) @ torch.logspace(-2, 1, d).double().diag()
    x, truth = draw(5_000, n, d) @ mix, 3 * draw(5_000, d)
    y = torch.einsum("mnd,md->mn", x, truth) + noise * draw(5_000, n)
    w = (torch.linalg.pinv(x) @ y[..., None])[..., 0]
    off = ((w - truth) @ mix.T).square().sum(1).mean().item()
    told = double_descent.least_norm(n, d, noise=noise, spread=3.0).item()
    assert off == pytest.approx(told, rel=0.04)


@says("For one given truth read $\\norm{w^\\circ}^2/d$ for $\\sigma_w^2$")
@pytest.mark.parametrize("n", [6, 16, 30])
def test_one_truth_that_lies_along_one_input_has_the_same_errors(n):
    d, noise = 16, 1.5
    truth = torch.zeros(5_000, d, dtype=torch.float64)
    truth[:, 0] = 3.0
    x = draw(5_000, n, d)
    y = 3 * x[..., 0] + noise * draw(5_000, n)
    known = {"noise": noise, "spread": 3 / d**0.5}
    if n != d:
        w = (torch.linalg.pinv(x) @ y[..., None])[..., 0]
        found = (w - truth).square().sum(1).mean().item()
        told = double_descent.least_norm(n, d, **known).item()
        assert found == pytest.approx(told, rel=0.04)
    task, best = problems.Regressions(x, y, truth), prior.best_decay(n=n, **known)
    costs = [
        2 * task.risk(task.penalised_minimum(times * best)).mean().item()
        for times in (0.7, 1.0, 1.4)
    ]
    assert costs[1] < min(costs[0], costs[2])
    told = double_descent.ridge(n, d, best, **known).item()
    assert costs[1] == pytest.approx(told, rel=0.04)


@pytest.mark.parametrize("kind", ["rare", "signs"])
def test_noise_and_truth_need_not_be_normal(kind):
    def odd(*shape):
        if kind == "signs":
            return draw(*shape).sign()
        rare = torch.rand(*shape, generator=STREAM) < 0.05
        return draw(*shape) * rare * 20**0.5

    for n in (6, 30):
        x, truth = draw(10_000, n, 16), odd(10_000, 16)
        y = torch.einsum("mnd,md->mn", x, truth) + 2 * odd(10_000, n)
        w = (torch.linalg.pinv(x) @ y[..., None])[..., 0]
        found = (w - truth).square().sum(1).mean().item()
        told = double_descent.least_norm(n, 16, noise=2.0, spread=1.0).item()
        assert found == pytest.approx(told, rel=0.06)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_from_zero_ends_at_the_least_norm_with_unlike_inputs(momentum):
    x = inputs("normal", 5, 12) * torch.logspace(-0.3, 0.3, 12)
    task = problems.Regressions(x[None], draw(1, 5), draw(1, 12))
    lr = 1 / torch.linalg.matrix_norm(x, 2).item() ** 2 * 5
    run = {"steps": 4000, "lr": lr * (1 - momentum), "momentum": momentum}
    w = paths.walk(torch.optim.SGD, task, 0 * task.truth, **run)[-1]
    least = torch.linalg.pinv(x) @ task.y[0]
    assert (w[0] - least).abs().max() < 1e-6


@says("Left of zero no optimizer of PyTorch goes.")
def test_each_optimizer_of_pytorch_refuses_a_negative_decay():
    tried = 0
    for name in dir(torch.optim):
        make = getattr(torch.optim, name)
        if not inspect.isclass(make) or name == "Optimizer":
            continue
        if "weight_decay" not in inspect.signature(make).parameters:
            continue
        tried += 1
        with pytest.raises(ValueError, match=r"weight.decay"):
            make([torch.zeros(2, 2, requires_grad=True)], weight_decay=-0.1)
    assert tried > 10


@says("They act on the others as a decay of $\\Gamma/n$.")
@pytest.mark.parametrize("total", [0.5, 20.0])
def test_small_inputs_leave_what_decay_leaves(total):
    x1, y, unit = draw(30, 4), draw(30, 100), torch.eye(4, dtype=torch.float64)
    for decay in (-0.3 * total / 30, 0.0, 0.5):
        inside = x1.T @ x1 / 30 + (decay + total / 30) * unit
        told, gaps = torch.linalg.solve(inside, x1.T @ y / 30), []
        for small in (1000, 100_000):
            x2 = draw(30, small) * math.sqrt(total / small)
            gram = x1 @ x1.T + x2 @ x2.T + 30 * decay * torch.eye(30)
            w1 = x1.T @ torch.linalg.solve(gram, y)
            gaps.append((w1 - told).norm() / told.norm())
        assert gaps[1] < 0.1 and gaps[1] < 0.4 * gaps[0]
        free = x1.T @ x1 / 30 + decay * unit
        without = torch.linalg.solve(free, x1.T @ y / 30)
        assert total < 1 or (without - told).norm() > 4 * gaps[1] * told.norm()
