"""Ridge's hat matrix, degrees of freedom and errors left out, against scikit-learn."""

import pytest
import torch
from sklearn.linear_model import Ridge, RidgeCV

from weightdecay import shrinkage, theory


def drawn(n=20, d=6, shift=0.5, seed=0):
    stream = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, generator=stream, dtype=torch.float64)
    x = torch.randn(n, d, generator=stream, dtype=torch.float64) @ mix + shift
    return x, torch.randn(n, generator=stream, dtype=torch.float64) + 2


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize(("n", "d"), [(20, 6), (6, 20), (6, 6)])
def test_fits_and_errors_left_out_are_scikit_learn_s(n, d, intercept):
    x, y = drawn(n, d)
    ridge = Ridge(alpha=n * 0.3, fit_intercept=intercept).fit(x, y)
    fits = shrinkage.hat(x, 0.3, intercept=intercept) @ y
    assert (fits - torch.tensor(ridge.predict(x))).abs().max() < 1e-11
    missed = shrinkage.left_out(x, y, 0.3, intercept=intercept)
    again = []
    for i in range(n):
        rest = torch.arange(n) != i
        ridge.fit(x[rest], y[rest])
        again.append(y[i] - ridge.predict(x[i : i + 1])[0])
    assert (missed - torch.stack(again)).abs().max() < 1e-10
    cv = RidgeCV([n * 0.3], fit_intercept=intercept, store_cv_results=True).fit(x, y)
    assert (missed**2 - torch.tensor(cv.cv_results_[:, 0])).abs().max() < 1e-10


def test_degrees_are_the_trace_and_weights_those_of_the_filter():
    x, y = drawn()
    h, basis = torch.linalg.eigh(x.T @ x / 20)
    fits = shrinkage.hat(x, 0.3)
    assert abs(fits.trace() - shrinkage.degrees(h, 0.3)) < 1e-12
    free = basis.T @ torch.linalg.lstsq(x, y[:, None]).solution[:, 0]
    ours = x @ basis @ theory.ridge(free, h, 0.3)
    assert (ours - fits @ y).abs().max() < 1e-12
    assert shrinkage.degrees(h, 0.0) == 6
    many = shrinkage.degrees(h, torch.tensor([[0.1], [1.0]], dtype=torch.float64))
    assert many.tolist() == [shrinkage.degrees(h, s).item() for s in (0.1, 1.0)]


def test_without_decay_the_hat_projects():
    fits = shrinkage.hat(drawn()[0], 0)
    assert (fits @ fits - fits).abs().max() < 1e-12
    few = shrinkage.hat(drawn(4, 6)[0], 0)
    assert (few - torch.eye(4)).abs().max() < 1e-12


def test_what_makes_no_sense_is_refused_in_words():
    x, y = drawn()
    with pytest.raises(ValueError, match="weight_decay must be a finite number >= 0"):
        shrinkage.hat(x, -1.0)
    with pytest.raises(ValueError, match=r"x must be a matrix, not \(20,\)"):
        shrinkage.hat(y, 0.1)
    with pytest.raises(ValueError, match="x has dependent columns"):
        shrinkage.hat(torch.cat([x, x], 1), 0)
    with pytest.raises(ValueError, match="one target for each row"):
        shrinkage.left_out(x, y[:3], 0.1)
    with pytest.raises(ValueError, match="curvature must be"):
        shrinkage.degrees(-y, 0.1)


def test_a_penalised_intercept_is_ridge_on_a_column_of_ones():
    x, y = drawn()
    x = torch.cat([x - x.mean(0), torch.ones(20, 1)], 1)
    ridge = Ridge(alpha=20 * 0.3, fit_intercept=False).fit(x, y)
    ours = shrinkage.penalised_intercept(y.mean(), 0.3)
    assert abs(ours - ridge.coef_[-1]) < 1e-12
