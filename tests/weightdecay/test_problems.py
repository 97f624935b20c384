"""The problems against their closed forms and against scikit-learn."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from weightdecay import problems, updates
from weightdecay.paths import walk

HESSIAN = torch.tensor([[2.0, 0.5], [0.5, 1.0]], dtype=torch.float64)
BOWL = problems.Quadratic(torch.tensor([1.0, -2.0], dtype=torch.float64), HESSIAN)


def gradient(loss, w):
    return torch.func.grad(loss)(w)


def test_a_quadratic_has_its_minimum_and_its_curvature():
    assert BOWL(BOWL.minimum) == 0
    assert gradient(BOWL, BOWL.minimum).abs().max() == 0
    assert torch.equal(torch.func.hessian(BOWL)(BOWL.minimum), HESSIAN)


def test_the_penalised_gradient_vanishes_at_the_penalised_minimum():
    w = BOWL.penalised_minimum(0.3)
    assert gradient(problems.penalised(BOWL, 0.3), w).abs().max() < 1e-15
    assert gradient(BOWL, w).abs().max() > 0.1


def test_the_penalty_adds_weight_decay_times_w_to_the_gradient():
    w = torch.tensor([3.0, -4.0], dtype=torch.float64)
    added = gradient(problems.penalised(BOWL, 0.5), w) - gradient(BOWL, w)
    assert (added - 0.5 * w).abs().max() < 1e-15


def test_the_minimum_in_a_box_meets_its_conditions_and_an_edge_binds():
    w = problems.box_minimum(BOWL, 0 * BOWL.minimum, 1.5, steps=300, lr=0.4)
    g = gradient(BOWL, w)
    # Worked by hand: w_2 is held at -1.5, where the slope of w_1 vanishes at 0.875.
    assert (w - torch.tensor([0.875, -1.5], dtype=torch.float64)).abs().max() < 1e-12
    assert abs(g[0]) < 1e-12 and g[1] > 0.1
    wide = problems.box_minimum(BOWL, 0 * BOWL.minimum, 9.0, steps=300, lr=0.4)
    assert (wide - BOWL.minimum).abs().max() < 1e-12


def test_the_tumours_are_569_rows_of_30_standardised_columns():
    tumours = problems.breast_cancer()
    assert tumours.x.shape == (569, 30) and tumours.y.shape == (569,)
    assert tumours.x.mean(0).abs().max() < 1e-12
    assert (tumours.x.std(0, correction=0) - 1).abs().max() < 1e-12
    assert tumours.y.unique(return_counts=True)[1].tolist() == [212, 357]


def test_penalised_logistic_regression_ends_where_scikit_learn_does():
    tumours, decay = problems.breast_cancer(), 0.1
    start = torch.zeros(30, dtype=torch.float64)
    settings = {"steps": 1500, "lr": 0.3, "weight_decay": decay}
    ours = walk(updates.sgd_l2, tumours, start, **settings)[-1]
    solver = LogisticRegression(
        C=1 / (569 * decay), fit_intercept=False, solver="newton-cholesky", tol=1e-12
    )
    theirs = torch.tensor(solver.fit(tumours.x, tumours.y).coef_[0])
    assert (ours - theirs).abs().max() < 1e-9
    assert (ours - walk(updates.sgd, tumours, start, steps=1500, lr=0.3)[-1]).norm() > 1


@pytest.mark.parametrize("decay", [1e-6, 0.01, 1.0])
def test_the_penalised_gradient_vanishes_at_newtons_minimum(decay):
    tumours = problems.breast_cancer()
    w = tumours.penalised_minimum(decay)
    assert gradient(problems.penalised(tumours, decay), w).abs().max() < 1e-12
    assert gradient(tumours, w).abs().max() > 1e-6


def test_no_minimum_is_found_without_a_penalty():
    with pytest.raises(ValueError, match="no minimum found with weight_decay=0"):
        problems.breast_cancer().penalised_minimum(0)


def test_minibatches_pass_over_all_rows_before_any_comes_again():
    tumours = problems.breast_cancer()
    batches = tumours.minibatches(100, steps=7, seed=0)
    assert [tuple(b.x.shape) for b in batches] == [(100, 30)] * 7
    first_pass = torch.cat([b.x for b in batches[:5]])
    assert len(first_pass.unique(dim=0)) == 500


def test_minibatches_repeat_with_their_seed_only():
    tumours = problems.breast_cancer()
    a, b, c = (tumours.minibatches(8, steps=1, seed=s)[0].x for s in (0, 0, 1))
    assert torch.equal(a, b) and not torch.equal(a, c)


@pytest.mark.parametrize("size", [0, 570])
def test_a_batch_size_that_cannot_be_is_refused(size):
    with pytest.raises(ValueError, match=f"batch_size must be 1 to 569, got {size}"):
        problems.breast_cancer().minibatches(size, steps=1, seed=0)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (3, 3)])
def test_a_matrix_has_the_singular_values_that_it_was_given(shape):
    w = problems.with_singular_values([4.0, 2.0, 0.5], shape, seed=0)
    assert w.shape == shape
    assert torch.linalg.svdvals(w).tolist() == pytest.approx([4, 2, 0.5], abs=1e-12)
    other = problems.with_singular_values([4.0, 2.0, 0.5], shape, seed=1)
    assert (w - other).abs().max() > 0.1


def test_a_matrix_wants_one_singular_value_for_each_direction():
    with pytest.raises(ValueError, match="2 singular values"):
        problems.with_singular_values([1.0, 2.0], (3, 4), seed=0)


REGRESSIONS, START = problems.regressions(3, 12, 4, noise=2.0, seed=0)


def test_the_regressions_are_summed_means_of_half_squares():
    w = START.clone()
    one = [
        ((x @ a - y) ** 2).mean() / 2
        for x, y, a in zip(REGRESSIONS.x, REGRESSIONS.y, w, strict=True)
    ]
    assert abs(REGRESSIONS(w) - sum(one)) < 1e-12
    # With axes of a grid in front, the sum over the grid.
    assert abs(REGRESSIONS(w.expand(2, 5, 3, 4)) - 10 * sum(one)) < 1e-10


def test_the_risk_is_the_loss_on_new_examples_without_their_noise():
    x = torch.randn(200_000, 4, generator=torch.Generator().manual_seed(5)).double()
    away = START[0] - REGRESSIONS.truth[0]
    estimate = (x @ away).square().mean() / 2
    assert abs(REGRESSIONS.risk(START)[0] / estimate - 1) < 0.02


def test_a_minibatch_has_its_own_rows_of_each_regression():
    batches = REGRESSIONS.minibatches(5, steps=200, seed=1)
    assert batches[0].x.shape == (3, 5, 4) and len(batches) == 200
    mean = sum(gradient(b, START) for b in batches) / 200
    full = gradient(REGRESSIONS, START)
    assert (mean - full).norm() / full.norm() < 0.2
    rows = (batches[0].x[1, :, None] == REGRESSIONS.x[1]).all(-1)
    assert rows.any(-1).all()  # its own regression's
    assert torch.equal(batches[0].y[1], REGRESSIONS.y[1][rows.int().argmax(-1)])


def test_the_flow_is_where_many_small_steps_end():
    steps, size, decay = 40_000, 2.0, 0.3
    lr = 1.5 / steps
    w = START
    for _ in range(steps):
        w = (
            w
            - lr
            * (
                (REGRESSIONS.x.mT @ (REGRESSIONS.x @ w[..., None])).squeeze(-1)
                - (REGRESSIONS.x.mT @ REGRESSIONS.y[..., None]).squeeze(-1)
            )
            / (12 * size)
            - lr * decay * w
        )
    flow = REGRESSIONS.flow(START, 1.5, decay, size)
    assert (w - flow).abs().max() < 1e-4
    assert (flow - START).abs().max() > 0.1
    many = REGRESSIONS.flow(START, 1.5, torch.tensor([[[0.3]], [[0.9]]]), size)
    assert many.shape == (2, 3, 4) and (many[0] - flow).abs().max() < 1e-6
    assert (many[0] - many[1]).abs().max() > 0.01


def test_the_truth_noise_and_start_of_the_regressions_have_the_variances_asked_for():
    data, start = problems.regressions(50, 200, 10, noise=3.0, seed=1)
    residual = data.y - torch.einsum("md,mnd->mn", data.truth, data.x)
    assert abs(residual.std() / 3 - 1) < 0.02
    assert abs((start - data.truth).std() - 1) < 0.1
    assert abs(data.truth.std() - 1) < 0.1 and abs(data.x.std() - 1) < 0.02
