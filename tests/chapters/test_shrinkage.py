"""What the chapter on shrinkage says, on other data, noise and settings."""

import claims
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import Ridge

from weightdecay import paths, shrinkage, theory

says = claims.on("shrinkage")


def drawn(*shape, seed=0):
    stream = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=stream, dtype=torch.float64)


def scaled(x):
    return (x - x.mean(0)) / x.std(0, correction=0).clamp(min=1e-9)


def data(name):
    """Return inputs and targets chosen to be hard for a formula."""
    if name == "near copies":  # two inputs that are one, nearly
        x = drawn(50, 4)
        x[:, 1] = x[:, 0] + 0.01 * x[:, 1]
        return x, x[:, 0] + drawn(50, seed=1)
    if name == "wide":  # fewer examples than weights
        return drawn(12, 30), drawn(12, seed=1)
    if name == "heavy":  # targets without a variance, inputs nearly so
        x = drawn(60, 5) / drawn(60, 5, seed=1).abs().clamp(min=0.2)
        return x, drawn(60, seed=2) / drawn(60, seed=3)
    if name == "bent":  # no line made the targets
        x = drawn(60, 5)
        return x, x[:, 0] ** 2 + x[:, 1].exp()
    if name == "shifted":  # inputs and targets far from mean 0
        return drawn(40, 5) + 2, drawn(40, seed=1) + 9
    if name == "digits":
        x, y = load_digits(return_X_y=True)
        return scaled(torch.tensor(x[:150])), torch.tensor(y[:150]).double()
    x, y = load_breast_cancer(return_X_y=True)
    return scaled(torch.tensor(x)), torch.tensor(y).double()


NAMES = ["near copies", "wide", "heavy", "bent", "shifted", "digits", "tumours"]


def train(x, y, decay, seen=1.0, steps=3000):
    """Return where SGD with decay ends, one row for each row of targets."""
    largest = torch.linalg.eigvalsh(x.T @ x / len(x))[-1]
    start = torch.zeros(*y.shape[:-1], x.shape[1], dtype=torch.float64)
    return paths.walk(
        torch.optim.SGD,
        lambda w: (seen * (w @ x.T - y).square()).sum() / 2 / len(x),
        start,
        steps=steps,
        lr=float(1.8 / (largest + decay)),
        weight_decay=decay,
    )[-1]


@says(
    "It lets steep directions pass and holds flat ones back.",
    "Each part in {eq}`shrinkage-filter` falls as $\\lambda$ grows",
    "and so does the norm",
    "if its `alpha` is $n\\lambda$",
)
@pytest.mark.parametrize("name", NAMES)
def test_sgd_ends_on_the_filter_on_other_data_too(name):
    x, y = data(name)
    h, e = torch.linalg.eigh(x.T @ x / len(x))
    decays = [c * h[-1].item() for c in (0.02, 0.1, 1.0)]
    # The shortest of all fits, where the fit is not unique.
    fit = torch.linalg.pinv(x, rtol=1e-10) @ y
    parts = []
    for decay in decays:
        w = train(x, y, decay)
        told = e @ theory.ridge(e.T @ fit, h.clamp(min=0), decay)
        assert (w - told).abs().max() < 1e-8 * told.abs().max()
        alpha = len(x) * decay
        ridge = Ridge(alpha, fit_intercept=False).fit(x, y)
        assert (w - torch.tensor(ridge.coef_)).abs().max() < 1e-8 * told.abs().max()
        parts.append((e.T @ w).abs())
        assert parts[-1].norm() < fit.norm()
    parts = torch.stack(parts)[:, h > 1e-9]
    assert (parts.diff(dim=0) < 0).all()
    assert (parts.norm(dim=1).diff() < 0).all()


@says("a single weight may grow or change its sign")
@pytest.mark.parametrize("name", ["near copies", "digits", "tumours"])
def test_a_weight_grows_on_other_data_too(name):
    x, y = data(name)
    fit = torch.linalg.pinv(x, rtol=1e-10) @ y
    h, e = torch.linalg.eigh(x.T @ x / len(x))
    w = e @ theory.ridge(e.T @ fit, h.clamp(min=0), 0.1)
    assert (w.abs() > 1.05 * fit.abs())[fit.abs() > 1e-9].any()


def test_no_weight_grows_where_inputs_share_nothing():
    x = torch.linalg.qr(drawn(40, 6)).Q * torch.arange(1, 7)
    fit = torch.linalg.lstsq(x, drawn(40, 1, seed=1)).solution[:, 0]
    w = train(x, x @ fit, 0.1)
    assert (w.abs() < fit.abs()).all() and (w * fit > 0).all()


@says(
    "takes targets whose noise is uncorrelated and has one variance",
    "The trace stays, the covariance does not",
)
def test_the_covariance_counts_under_any_such_noise_and_under_no_other():
    x, y = data("bent")  # what the noise comes to is no line
    fits, draws = shrinkage.hat(x, 0.3), 40_000
    df = fits.trace()
    normal = drawn(draws, 60, seed=5)
    t = normal / (drawn(draws, 60, 7, seed=6).square().mean(2)).sqrt()
    skewed = normal.square()
    shared = normal + drawn(draws, 1, seed=7) * x[:, 0] / x[:, 0].std()
    leverage = fits.diag()
    uneven = normal * (1 + 2.0 * (leverage > leverage.median()))

    def counted(noise):
        hats = (y + noise) @ fits.T
        hats, off = hats - hats.mean(0), noise - noise.mean(0)
        return (hats * off).mean(0).sum() / off.square().mean()

    for good in (normal, t, skewed):
        assert abs(counted(good) / df - 1) < 0.02
    assert abs(counted(shared) / df - 1) > 0.1
    assert abs(counted(uneven) / df - 1) > 0.1


@says("Its entry $A_{ii}$ says by how much fit $i$ moves when target $i$ moves by one.")
@pytest.mark.parametrize("name", NAMES[:5])
def test_targets_that_are_moved_move_their_fits(name):
    x, y = data(name)
    decay = 0.1 * torch.linalg.eigvalsh(x.T @ x / len(x))[-1].item()
    # However far it is moved: the fits are linear in the targets.
    for far in (1.0, -50.0):
        moved = train(x, y + far * torch.eye(len(y)), decay) - train(x, y, decay)
        told = far * shrinkage.hat(x, decay)
        assert ((moved @ x.T).T - told).abs().max() < 1e-8 * abs(far)


@says(
    "the minimum does not move",
    "Whoever takes the mean over the $n-1$ others must give it $\\lambda n/(n-1)$.",
    "The derivation of {eq}`shrinkage-left-out` used no $\\hat w$, and holds",
)
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("name", NAMES[:6])
def test_one_fit_has_the_errors_of_all_refits(name, intercept):
    x, y = data(name)
    n, decay, one = len(x), 0.05, torch.eye(x.shape[1], dtype=torch.float64)
    told = shrinkage.left_out(x, y, decay, intercept=intercept)
    for i in range(0, n, max(1, n // 12)):
        rest = torch.arange(n) != i
        a, b = x[rest], y[rest]
        mean_x, mean_y = (a.mean(0), b.mean()) if intercept else (0 * x[0], 0 * y[0])
        a, b = a - mean_x, b - mean_y
        # A mean over the others, with its own decay.
        bend = a.T @ a / (n - 1) + decay * n / (n - 1) * one
        w = torch.linalg.solve(bend, a.T @ b / (n - 1))
        found = y[i] - mean_y - (x[i] - mean_x) @ w
        assert abs(told[i] - found) < 1e-9 * max(1.0, found.abs().item())
        # Without the factor the agreement is gone.
        bend = a.T @ a / (n - 1) + decay * one
        w = torch.linalg.solve(bend, a.T @ b / (n - 1))
        assert abs(told[i] - (y[i] - mean_y - (x[i] - mean_x) @ w)) > 1e-8


def test_sgd_without_one_agrees_where_there_are_more_weights_than_examples():
    x, y = data("wide")
    others = 1 - torch.eye(12, dtype=torch.float64)
    refits = train(x, y.expand(12, 12), 0.3, others)
    found = y - (refits @ x.T).diag()
    assert (found - shrinkage.left_out(x, y, 0.3)).abs().max() < 1e-10


@says("the twin of the one left out is still there")
@pytest.mark.parametrize("name", NAMES[:4])
def test_copies_make_errors_left_out_smaller(name):
    x, y = data(name)
    one = shrinkage.left_out(x, y, 0.05).square().mean()
    both = torch.cat([x, x]), torch.cat([y, y])
    assert shrinkage.left_out(*both, 0.05).square().mean() < one


@says("With centred inputs it shares nothing with the others, so its curvature is 1")
@pytest.mark.parametrize("decay", [0.01, 0.3, 5.0])
@pytest.mark.parametrize("name", NAMES)
def test_a_decayed_intercept_of_centred_inputs_ends_at_its_share(name, decay):
    x, y = data(name)
    y = y + 7
    x = torch.cat([x - x.mean(0), torch.ones(len(x), 1)], 1)
    told = shrinkage.penalised_intercept(y.mean(), decay)
    ridge = Ridge(alpha=len(x) * decay, fit_intercept=False).fit(x, y)
    assert abs(ridge.coef_[-1] / told - 1) < 1e-6


@says("{eq}`shrinkage-intercept` needs centred inputs.")
def test_with_inputs_off_centre_it_ends_elsewhere():
    x, y = data("shifted")
    x = torch.cat([x, torch.ones(40, 1)], 1)
    told = shrinkage.penalised_intercept(y.mean(), 0.3)
    assert abs(train(x, y, 0.3)[-1] / told - 1) > 0.2


@says(
    "With exact gradients Adam's penalty ends at the same ridge.",
    "as all weights of this fit are inside its box",
)
def test_adamw_ends_at_no_ridge_inside_its_box_or_outside():
    x, y = drawn(60, 4), 3 * drawn(60, 4) @ torch.tensor([1.0, -1, 0.5, 0.2]).double()
    loss = lambda w: (x @ w - y).square().mean() / 2  # noqa: E731
    fit = torch.linalg.lstsq(x, y[:, None]).solution[:, 0]
    lrs = [0.05 * (1 - k / 3000) for k in range(3000)]
    how = {"steps": 3000, "lr": lrs, "betas": (0.9, 0.9)}
    for decay, inside in ((0.1, True), (0.5, False)):
        adam, adamw = (
            paths.walk(rule, loss, 0 * fit, weight_decay=decay, **how)[-1]
            for rule in (torch.optim.Adam, torch.optim.AdamW)
        )
        ridge = train(x, y, decay)
        assert (adam - ridge).abs().max() < 1e-4
        assert (adamw - ridge).abs().max() > 0.1
        assert ((adamw - fit).abs().max() < 1e-3) == inside


@says("With a constant `lr` the weights go on moving.")
@pytest.mark.parametrize(("lr", "batch"), [(0.05, 4), (0.2, 32)])
def test_the_mean_of_minibatch_sgd_is_the_ridge(lr, batch):
    x, y = data("bent")
    w = train(x, y, 0.3)
    rows = torch.randint(60, (8000, batch), generator=torch.Generator().manual_seed(3))
    losses = [lambda w, b=b: (x[b] @ w - y[b]).square().mean() / 2 for b in rows]
    how = {"steps": 8000, "lr": lr, "weight_decay": 0.3}
    path = paths.walk(torch.optim.SGD, losses, w, **how)[500:]
    groups = path[:7500].reshape(10, 750, -1).mean(1)
    error = groups.std(0) / 10**0.5
    assert ((groups.mean(0) - w).abs() < 4 * error).all()
    assert path.std(0).max() > 0.02


def test_the_patients_are_those_of_the_page():
    x = scaled(torch.tensor(load_diabetes(scaled=False).data))
    assert x.shape == (442, 10)
    again = torch.tensor(load_diabetes().data) * 442**0.5
    assert (x - again).abs().max() < 1e-9
