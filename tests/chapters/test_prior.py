"""What the chapter on the prior says, on other inputs, noise, truths and losses."""

import claims
import pytest
import torch
from draws import STREAM, draw
from sklearn.linear_model import HuberRegressor

from weightdecay import examples, paths, prior, problems, updates, valleys

says = claims.on("prior")


def inputs(kind, m, n, d):
    """Return inputs of a kind that is not standard normal: (m, n, d)."""
    x = draw(m, n, d)
    if kind == "alike":
        x = draw(m, n, 1) + 0.05 * x
    if kind == "uneven":
        x = x * torch.logspace(-3, 2, d)
    if kind == "skewed":
        x = x.exp()
    if kind == "rare":
        x = x * (torch.rand(m, n, d, generator=STREAM) < 0.1)
    return x


def errors(x, decay, noise, spread):
    """Return the expected error's covariance, over truth and noise: (m, d, d)."""
    n, d = x.shape[1:]
    hessian = x.mT @ x / n
    inverse = torch.linalg.inv(hessian + decay * torch.eye(d).double())
    middle = decay**2 * spread**2 * torch.eye(d).double() + noise**2 / n * hessian
    return inverse @ middle @ inverse


@says(
    "With fewer examples than weights some $h_i$ are zero, and there $Q_i=\\sigma_w^2$ "
    "at each $\\lambda$.",
    "The best $\\lambda$ is $\\sigma_y^2/(n\\sigma_w^2)$, whatever the inputs.",
    "So $\\lambda^*$ is best for any inputs, and for new inputs of any covariance, "
    "which only weigh the $Q_i$.",
)
@pytest.mark.parametrize("kind", ["alike", "uneven", "skewed", "rare"])
@pytest.mark.parametrize(("n", "d"), [(5, 12), (12, 12), (60, 4)])
@pytest.mark.parametrize(("noise", "spread"), [(0.3, 2.0), (3.0, 0.5)])
def test_the_best_decay_is_the_same_for_other_inputs(kind, n, d, noise, spread):
    x = inputs(kind, 20, n, d)
    best = prior.best_decay(noise, spread, n)
    # Inputs to come that have nothing to do with the old ones.
    news = inputs(kind, 20, 3, d)
    costs = {}
    for times in (0.7, 1.0, 1.4):
        error = errors(x, times * best, noise, spread)
        costs[times] = torch.einsum("mni,mij,mnj->m", news, error, news)
    assert (costs[1.0] <= costs[0.7] * (1 + 1e-9)).all()
    assert (costs[1.0] <= costs[1.4] * (1 + 1e-9)).all()
    assert costs[1.0].sum() < min(costs[0.7].sum(), costs[1.4].sum())


def draws_of(kind, *shape):
    """Return numbers of mean 0 and variance 1 that are far from Gaussian."""
    if kind == "rare":
        return draw(*shape) * (torch.rand(*shape, generator=STREAM) < 0.05) * 20**0.5
    if kind == "skewed":
        uniform = torch.rand(*shape, generator=STREAM, dtype=torch.float64)
        return -uniform.clamp(min=1e-12).log() - 1
    return draw(*shape).sign()


@says(
    "Of noise and prior only the variances were used, and that nothing is correlated: "
    "neither has to be Gaussian.",
)
@pytest.mark.parametrize("truths", ["rare", "skewed", "signs"])
@pytest.mark.parametrize("noises", ["rare", "skewed", "signs"])
def test_neither_noise_nor_prior_has_to_be_gaussian(truths, noises):
    m, n, d, noise, spread = 20_000, 15, 5, 2.0, 0.8
    x = inputs("uneven", 1, n, d)[0] / 10
    truth = spread * draws_of(truths, m, d)
    y = truth @ x.T + noise * draws_of(noises, m, n)
    best = prior.best_decay(noise, spread, n)
    factors = 2 ** torch.linspace(-2, 2, 9, dtype=torch.float64)
    hessian, pull = x.T @ x / n, y @ x / n
    off = [
        torch.linalg.solve(hessian + c * best * torch.eye(d).double(), pull.T).T - truth
        for c in factors
    ]
    found = torch.stack([each.square().sum(1).mean() for each in off])
    assert valleys.bottom(best * factors, found) / best == pytest.approx(1, abs=0.12)


@says("other methods can beat it")
def test_noise_that_is_rare_and_large_leaves_ridge_behind():
    ridge, robust = 0.0, 0.0
    for _ in range(20):
        x, truth = draw(60, 3), draw(3)
        y = x @ truth + 3 * draws_of("rare", 60)
        task = problems.Regressions(x[None], y[None], truth[None])
        w = task.penalised_minimum(prior.best_decay(3.0, 1.0, 60))[0]
        huber = HuberRegressor(alpha=1e-4, fit_intercept=False, max_iter=1000)
        ridge += (w - truth).norm() ** 2
        robust += (torch.tensor(huber.fit(x, y).coef_) - truth).norm() ** 2
    assert robust < ridge / 10


@says(
    "In a sum over directions each part keeps the bound. The bound is the same for "
    "$c$ and $1/c$."
)
@pytest.mark.parametrize("kind", ["alike", "uneven", "skewed", "rare"])
@pytest.mark.parametrize("times", [0.05, 0.5, 2.0, 20.0])
def test_no_inputs_pass_the_bound(kind, times):
    for n, noise in ((4, 0.1), (40, 5.0)):
        x = inputs(kind, 30, n, 8)
        best = prior.best_decay(noise, 1.0, n)
        both = [
            errors(x, c * best, noise, 1.0).diagonal(dim1=1, dim2=2).sum(1)
            for c in (times, 1.0)
        ]
        assert (both[0] / both[1]).max() <= prior.worst_cost(times) * (1 + 1e-9)
    assert prior.worst_cost(times) == pytest.approx(prior.worst_cost(1 / times))


@says(
    "So the minimum $w_\\lambda$ of $J$ is the least loss on the ball of radius "
    "$\\norm{w_\\lambda}$."
)
def test_a_classification_loss_has_that_ball_too():
    tumours, decay = problems.breast_cancer(), 0.02
    end = tumours.penalised_minimum(decay)
    radius = end.norm().item()
    walk = problems.ball_minimum(tumours, 0 * end, radius, steps=4000, lr=0.3)
    assert (walk[-1] - end).norm() < 1e-4 * radius
    read_off = paths.gradient(tumours, walk[-1]).norm() / radius
    assert read_off.item() == pytest.approx(decay, rel=1e-4)


def test_balls_around_the_minimum_need_no_decay():
    bowl = problems.Quadratic(draw(3), torch.eye(3).double())
    for radius in (2.0, 5.0):
        size = radius * bowl.minimum.norm().item()
        run = {"steps": 200, "lr": 0.5}
        w = problems.ball_minimum(bowl, 0 * bowl.minimum, size, **run)[-1]
        assert paths.gradient(bowl, w).norm() < 1e-12


def on_batches(rows, reduction, half, outputs, rule=torch.optim.SGD, **run):
    data, weights = examples.diabetes(300), draw(10, outputs)
    y = data.x @ weights + data.y[:, None]
    mse = torch.nn.MSELoss(reduction=reduction)
    losses = [lambda w, b=b: half * mse(data.x[b] @ w, y[b]) for b in rows]
    return paths.walk(rule, losses, 0 * weights, steps=len(rows), **run)


@says("with several, divide by their number")
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize(("batch", "outputs"), [(7, 1), (7, 3), (300, 2)])
def test_sum_and_mean_are_translated_with_momentum_and_several_outputs(
    momentum, batch, outputs
):
    rows = torch.randint(300, (60, batch), generator=STREAM)
    lr, decay, seed = 0.02, 0.3, STREAM.get_state()

    def run(reduction, half, lr, decay):
        STREAM.set_state(seed)
        how = {"lr": lr, "weight_decay": decay, "momentum": momentum}
        return on_batches(rows, reduction, half, outputs, **how)

    summed = run("sum", 0.5, lr / batch, batch * decay)
    mean = run("mean", 1.0, lr * outputs / 2, 2 * decay / outputs)
    wrong = run("sum", 0.5, lr / batch, decay)
    assert (summed - mean).abs().max() < 1e-12
    assert (summed - wrong).abs().max() > 1e-3


@says("a factor on the loss changes none of its steps but for $\\varepsilon$")
@pytest.mark.parametrize("factor", [0.001, 30.0])
def test_adamw_needs_no_translation(factor):
    rows = torch.randint(300, (60, 9), generator=STREAM)
    seed, ends = STREAM.get_state(), []
    for half in (1.0, factor):
        STREAM.set_state(seed)
        how = {"lr": 0.02, "weight_decay": 0.3, "eps": 1e-300}
        ends.append(on_batches(rows, "mean", half, 1, torch.optim.AdamW, **how))
    assert (ends[0] - ends[1]).abs().max() < 1e-12


@says("In logistic regression the posterior's mode is at $\\lambda = 1/(n\\sigma_w^2)$")
def test_the_mode_of_a_logistic_posterior_is_the_penalised_minimum():
    x, spread = draw(12, 2), 1.5
    y = (x @ draw(2) + draw(12)).sign()
    grid = torch.linspace(-5, 5, 1001, dtype=torch.float64)
    w = torch.cartesian_prod(grid, grid)
    log_p = -torch.nn.functional.softplus(-y * (w @ x.T)).sum(1)
    log_p = log_p - w.square().sum(1) / 2 / spread**2
    told = problems.Logistic(x, y).penalised_minimum(1 / (12 * spread**2))
    assert (w[log_p.argmax()] - told).abs().max() < 0.01
    assert (log_p.softmax(0) @ w - told).norm() > 0.05


@says("Copies say nothing new.")
def test_copied_examples_leave_the_best_decay_of_the_mean():
    x = draw(10, 4)
    truth, noise = draw(20_000, 4), 2 * draw(20_000, 10)
    y = truth @ x.T + noise
    factors = 2 ** torch.linspace(-2, 2, 9, dtype=torch.float64)
    best = prior.best_decay(2.0, 1.0, 10)
    for copies in (1, 3):
        wide, tall = y.repeat(1, copies), x.repeat(copies, 1)
        hessian, pull = tall.T @ tall / len(tall), wide @ tall / len(tall)
        found = [
            torch.linalg.solve(hessian + c * best * torch.eye(4), pull.T).T - truth
            for c in factors
        ]
        loss = torch.stack([w.square().sum(1).mean() for w in found])
        bottom = valleys.bottom(best * factors, loss)
        assert bottom.item() / best == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("lr", [0.1, 0.4])
def test_where_sgd_ends_does_not_know_the_way(lr):
    task, start = problems.regressions(4, 30, 5, noise=1.0, seed=1)
    decay = prior.best_decay(1.0, 1.0, 30)
    run = {"steps": 1500, "lr": lr, "weight_decay": decay}
    for rule in (torch.optim.SGD, updates.sgd_decoupled):
        w = paths.walk(rule, task, start, **run)[-1]
        assert (w - task.penalised_minimum(decay)).abs().max() < 1e-9
