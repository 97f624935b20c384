"""What the chapter on factored layers says, on other data, starts, losses and rules."""

import claims
import pytest
import torch
from draws import STREAM, draw
from sklearn.linear_model import Lasso

from weightdecay import factored, kinks, networks, paths, problems

says = claims.on("factored_layers")
SVD = torch.linalg.svdvals


def squares(target, product=lambda w: w, times=1.0):
    """Return half the squared distance of a product from a target."""
    return lambda w: times * (product(w) - target).square().sum() / 2


def surplus(model):
    """Return each hidden neuron's imbalance, and the same of its gradient."""
    into, out = model[0], model[2]
    parts = []
    for pick in (lambda p: p.detach(), lambda p: p.grad):
        incoming = pick(into.weight).square().sum(1) + pick(into.bias) ** 2
        parts.append(pick(out.weight).square().sum(0) - incoming)
    return parts


@says(
    "With decay it fades by $(1-\\eta\\lambda)^2$ a step, whatever the data, to what "
    "the last term feeds."
)
@pytest.mark.parametrize("activation", [torch.nn.ReLU, torch.nn.Identity])
@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize(("lr", "decay"), [(0.5, 0.4), (0.05, 3.0), (0.1, 0.0)])
def test_the_balance_is_exact_for_rare_large_inputs_and_other_losses(
    activation, batch, lr, decay
):
    model = networks.mlp((4, 9, 3), activation=activation, dtype=torch.float64)(0)
    model[0].bias.data.add_(1.0)
    x = draw(60, 4).exp() * (torch.rand(60, 4, generator=STREAM) < 0.2)
    y = torch.randint(3, (60,), generator=STREAM)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, weight_decay=decay)
    for k in range(30):
        rows = torch.randint(60, (batch,), generator=STREAM)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        before, slope = surplus(model)
        optimizer.step()
        now, _ = surplus(model)
        told = factored.imbalance(before, 1, lr=lr, weight_decay=decay, surplus=slope)
        assert (now - told).abs().max() < 1e-12
        assert k or decay == 0 or (now - before).abs().max() > 1e-2


def test_a_neuron_that_is_not_homogeneous_has_another_balance():
    model = networks.mlp((4, 9, 3), activation=torch.nn.Tanh, dtype=torch.float64)(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, weight_decay=0.4)
    model(2 * draw(8, 4)).square().sum().backward()
    before, slope = surplus(model)
    optimizer.step()
    told = factored.imbalance(before, 1, lr=0.5, weight_decay=0.4, surplus=slope)
    assert (surplus(model)[0] - told).abs().max() > 1e-3


@says("The second never does.")
@pytest.mark.parametrize("decay", [0.01, 1.0, 300.0])
def test_one_matrix_keeps_its_rank(decay):
    target = draw(5, 8).exp()
    loss = squares(target)
    run = {"steps": 400, "lr": 1 / (1 + decay), "weight_decay": decay}
    w = paths.walk(torch.optim.SGD, loss, 0 * target, **run)[-1]
    assert SVD(w).tolist() == pytest.approx((SVD(target) / (1 + decay)).tolist())


def two_factors(target, inner, decay, lr, steps=6000):
    rows = target.shape[1]
    loss = squares(target, lambda w: w[:, rows:].T @ w[:, :rows])
    start = 0.1 * draw(inner, sum(target.shape))
    run = {"steps": steps, "lr": lr, "weight_decay": decay}
    w = paths.walk(torch.optim.SGD, loss, start, **run)[-1]
    return SVD(w[:, rows:].T @ w[:, :rows])


@says(
    "which needs as many inner units as $W$ has rank",
    "decay $\\lambda$ on two factors takes $\\lambda$ from each singular value of "
    "$Y$, and from those below $\\lambda$ all.",
)
@pytest.mark.parametrize("kind", ["rare", "skewed", "tall", "narrow"])
def test_the_soft_threshold_holds_for_other_matrices(kind):
    target = {
        "rare": draw(7, 9) * (torch.rand(7, 9, generator=STREAM) < 0.2) * 3,
        "skewed": draw(7, 9).exp(),
        "tall": draw(30, 3),
        "narrow": draw(7, 9),
    }[kind]
    inner = 2 if kind == "narrow" else 12
    top = SVD(target)
    decay = ((top[1] + top[2]) / 2).item()
    lr = 0.4 / top[0].item()
    told = factored.shrunk(top, decay)
    found = two_factors(target, inner, decay, lr)
    assert found.tolist() == pytest.approx(told.tolist(), abs=1e-3)
    assert (found > 1e-2).sum() == 2
    # Fewer inner units than that: the largest ones, thresholded.
    found = two_factors(target, 1, decay, lr)
    assert found.tolist()[1:] == pytest.approx([0] * (len(top) - 1), abs=1e-9)
    assert found[0].item() == pytest.approx(told[0].item(), abs=1e-3)


@says("Start them equal, and they stay equal, so that no $w_i$ can become negative.")
@pytest.mark.parametrize("seed", [0, 1])
def test_equal_gains_and_weights_end_at_the_lasso_without_negative_weights(seed):
    x = draw(15, 20) + draw(15, 1)
    y = x[:, 0] - 2 * x[:, 1] + draw(15)
    loss = squares(y, lambda w: x @ w.prod(0), 1 / 15)
    start = draw(20).expand(2, 20)
    lr = 0.1 / torch.linalg.matrix_norm(x, 2).item() ** 2 * 15
    run = {"steps": 20_000, "lr": lr, "weight_decay": 0.2}
    path = paths.walk(torch.optim.SGD, loss, start, **run)
    assert (path.prod(1) >= 0).all()
    lasso = Lasso(alpha=0.2, fit_intercept=False, positive=True, tol=1e-12)
    lasso.fit(x, y)
    assert (path[-1].prod(0) - torch.tensor(lasso.coef_)).abs().max() < 1e-3


def test_more_weights_than_examples_and_inputs_alike_are_the_lasso_too():
    x = draw(15, 20) + draw(15, 1)
    y = x[:, 0] - 2 * x[:, 1] + draw(15)
    loss = squares(y, lambda w: x @ w.prod(0), 1 / 15)
    lr = 0.3 / torch.linalg.matrix_norm(x, 2).item() ** 2 * 15
    run = {"steps": 40_000, "lr": lr, "weight_decay": 0.2}
    w = paths.walk(torch.optim.SGD, loss, draw(2, 20), **run)[-1].prod(0)
    lasso = Lasso(alpha=0.2, fit_intercept=False, tol=1e-12).fit(x, y)
    assert (w - torch.tensor(lasso.coef_)).abs().max() < 1e-4
    assert (lasso.coef_ == 0).sum() > 5


@says("And zero attracts at each $\\lambda>0$")
@pytest.mark.parametrize("decay", [0.003, 0.3])
@pytest.mark.parametrize("factors", [3, 5])
def test_small_starts_of_deep_products_end_at_zero(decay, factors):
    value = torch.tensor([30.0]).double()
    # Below this, decay is the stronger one of the two.
    edge = (decay / 30) ** (1 / (factors - 2))
    start = torch.full((factors, 1), 0.9 * edge, dtype=torch.float64)
    loss = squares(value, lambda w: w.prod(0))
    run = {"steps": 3000, "lr": 0.02 / decay, "weight_decay": decay}
    w = paths.walk(torch.optim.SGD, loss, start, **run)[-1]
    assert w.abs().max() < 1e-9


def test_a_classifier_with_factors_ends_at_the_nuclear_minimum():
    x = problems.breast_cancer().x[:60, :8]
    classes = torch.randint(3, (60,), generator=STREAM)

    def loss_of(w):
        return torch.nn.functional.cross_entropy(x @ w, classes)

    def loss(w):
        return loss_of(w[:, :8].T @ w[:, 8:])

    run = {"steps": 6000, "lr": 0.3, "weight_decay": 0.05}
    w = paths.walk(torch.optim.SGD, loss, 0.1 * draw(6, 11), **run)[-1]
    start = torch.zeros(8, 3, dtype=torch.float64)
    told = kinks.nuclear_minimum(loss_of, start, 0.05, steps=3000, lr=0.2)
    assert (w[:, :8].T @ w[:, 8:] - told).abs().max() < 1e-3
    assert 0 < (SVD(told) > 1e-6).sum() < 3
