"""What the formulas predict, against what they predict, run out to the end."""

import math

import pytest
import torch

from weightdecay import problems, theory, updates
from weightdecay.directions import newton_schulz
from weightdecay.paths import walk

MINIMUM = torch.tensor([0.5, 1.5, 3.0, -4.0], dtype=torch.float64)
CURVATURE = torch.tensor([0.1, 0.5, 1.0, 1.9], dtype=torch.float64)


def bowl(w):
    return (CURVATURE / 2 * (w - MINIMUM) ** 2).sum()


def end(update, **settings):
    return walk(update, bowl, torch.ones_like(MINIMUM), **settings)[-1]


def test_sgd_with_l2_ends_at_the_ridge():
    ridge = theory.ridge(MINIMUM, CURVATURE, 0.5)
    w = end(updates.sgd_l2, steps=200, lr=0.4, weight_decay=0.5)
    assert (w - ridge).abs().max() < 1e-12
    quadratic = problems.Quadratic(MINIMUM, CURVATURE.diag())
    assert (quadratic.penalised_minimum(0.5) - ridge).abs().max() < 1e-14
    assert (ridge - MINIMUM).abs().max() > 0.4


def test_the_ridge_of_nothing_is_not_a_number():
    nothing = torch.zeros(1)
    assert theory.ridge(nothing, nothing, 0).isnan().all()


@pytest.mark.parametrize("settings", [{"betas": (0.0, 0.0)}, {}])
def test_lion_with_a_falling_lr_ends_in_the_box(settings):
    lrs = [0.05 * (1 - k / 2000) for k in range(2000)]
    w = end(updates.lion, steps=2000, lr=lrs, weight_decay=0.5, **settings)
    assert (w - theory.box(MINIMUM, 0.5)).abs().max() < 1e-3
    assert (theory.box(MINIMUM, 0.5) - MINIMUM).abs().max() == 2


def test_the_box_ends_at_one_over_weight_decay_on_both_sides():
    far = torch.tensor([-9.0, -2.4, 2.4, 9.0], dtype=torch.float64)
    assert theory.box(far, 0.4).tolist() == [-2.5, -2.4, 2.4, 2.5]


def test_the_box_of_no_decay_holds_everything():
    assert torch.equal(theory.box(MINIMUM, 0), MINIMUM)


def test_the_spectral_box_cuts_singular_values_and_keeps_directions():
    w = problems.with_singular_values([6.0, 4.0, 1.0], (5, 3), seed=1)
    cut = theory.spectral_box(w, 2.0)
    assert torch.linalg.svdvals(cut).tolist() == pytest.approx([2, 2, 1], abs=1e-12)
    # The same rows and columns: cut and w have one set of singular vectors.
    for square in (cut.T @ w, cut @ w.T):
        assert (square - square.T).abs().max() < 1e-12
    assert torch.allclose(theory.spectral_box(w, 7.0), w, atol=1e-12)


def test_the_gain_is_what_newton_schulz_does_to_each_singular_value():
    w = problems.with_singular_values([0.8, 0.6, 0.0], (4, 3), seed=2)
    gains = torch.linalg.svdvals(newton_schulz(w))
    wanted = theory.newton_schulz_gain(torch.tensor([0.8, 0.6, 0.0]).double())
    assert gains.sort().values.tolist() == pytest.approx(wanted.sort().values.tolist())
    assert (gains - 1).abs().max() > 0.1


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("decay", [0.001, 0.02, 0.5, 8.0])
@pytest.mark.parametrize("momentum", [0.5, 0.9])
def test_decay_in_the_buffer_follows_the_roots_swinging_or_not(
    decay, momentum, nesterov
):  # fmt: skip
    settings = {"lr": 0.1, "weight_decay": decay, "momentum": momentum}
    one = torch.ones((), dtype=torch.float64)
    flat = lambda w: 0 * w  # noqa: E731
    path = walk(torch.optim.SGD, flat, one, steps=80, nesterov=nesterov, **settings)
    predicted = theory.momentum_decay(torch.arange(81), nesterov=nesterov, **settings)
    assert (path - predicted).abs().max() < 1e-12
    other = theory.momentum_decay(torch.arange(81), nesterov=not nesterov, **settings)
    assert (path - other).abs().max() > 1e-6


def test_the_roots_turn_complex_where_the_formula_says():
    real, swinging = (
        theory.momentum_roots(lr=1, weight_decay=x * (1 - 0.9**0.5) ** 2, momentum=0.9)
        for x in (0.999, 1.001)
    )
    assert real[0] > real[1] and real[0] * real[1] == pytest.approx(0.9, rel=1e-14)
    assert [abs(z) for z in swinging] == pytest.approx([0.9**0.5] * 2, rel=1e-14)
    assert all(isinstance(z, complex) for z in swinging)


@pytest.mark.parametrize("momentum", [0, 0.5, 0.9, 0.95])
@pytest.mark.parametrize("part", [0.1, 0.9])
def test_the_larger_root_is_what_a_late_step_keeps(momentum, part):
    decay = part * (1 - math.sqrt(momentum)) ** 2
    path = without_gradient(1500, decay, momentum)
    path = path[path > 1e-250]
    root = theory.momentum_roots(0.5, 2 * decay, momentum)[0]
    assert path[-1] / path[-2] == pytest.approx(root, abs=1e-10)
    # Neither 1 - lr weight_decay nor the fall that momentum would have alone.
    assert momentum == 0 or abs(root - (1 - decay)) > 1e-6


def without_gradient(steps, decay, momentum, nesterov=False):
    """Return the path of a weight without gradient; decay is lr weight_decay."""
    settings = {"lr": 0.5, "weight_decay": 2 * decay, "momentum": momentum}
    one, flat = torch.ones((), dtype=torch.float64), lambda w: 0 * w
    rule = updates.sgd_momentum_l2
    return walk(rule, flat, one, steps=steps, nesterov=nesterov, **settings)


@pytest.mark.parametrize("momentum", [0, 0.25, 0.3, 0.9, 0.99])
@pytest.mark.parametrize("near", [1, 1 + 1e-15, 1 + 1e-12, 1 - 1e-9])
def test_with_equal_roots_or_nearly_decay_follows_the_limit(momentum, near):
    decay = near * (1 - math.sqrt(momentum)) ** 2
    path = without_gradient(400, decay, momentum)
    predicted = theory.momentum_decay(torch.arange(401), 0.5, 2 * decay, momentum)
    assert (path - predicted).abs().max() < 1e-7
    if momentum:
        k, root = torch.arange(401).double(), math.sqrt(momentum)
        limit = (1 + k * (1 - root)) * root**k
        assert (path - limit).abs().max() < 1e-6 < (path - root**k).abs().max()


def test_nesterov_at_lr_weight_decay_1_forgets_the_weight_after_two_steps():
    path = without_gradient(3, 1.0, 0.9, nesterov=True)
    predicted = theory.momentum_decay(torch.arange(4), 0.5, 2.0, 0.9, nesterov=True)
    assert (predicted - path).abs().max() < 1e-15
    assert path.tolist() == pytest.approx([1, -0.9, 0, 0], abs=1e-15)


def adamw_pull(w, weight_decay, noise):
    """Return the mean gradient and the decay that balances it, as they are derived."""
    g = CURVATURE * (w - MINIMUM)
    return g, weight_decay * (noise**2 + g**2).sqrt() * w


@pytest.mark.parametrize("noise", torch.tensor([0.1, 1.0, 7.0], dtype=torch.float64))
def test_with_noise_adamw_rests_where_its_decay_balances_the_mean_gradient(noise):
    w = theory.adamw_mean(MINIMUM, CURVATURE, 0.5, noise)
    g, decay = adamw_pull(w, 0.5, noise)
    assert (g + decay).abs().max() < 1e-12
    # A weight_decay of 0.5001 would be seen.
    assert (adamw_pull(w, 0.5001, noise)[1] + g).abs().max() > 1e-6


def test_without_noise_adamw_rests_in_the_box():
    w = theory.adamw_mean(MINIMUM, CURVATURE, 0.5, torch.tensor(0.0))
    assert (w - theory.box(MINIMUM, 0.5)).abs().max() < 1e-14
    assert (w - MINIMUM).abs().max() == 2  # the box did something


def test_much_noise_makes_adamw_a_ridge_of_weight_decay_times_noise():
    noise = torch.tensor(1e6, dtype=torch.float64)
    w = theory.adamw_mean(MINIMUM, CURVATURE, 0.5, noise)
    ridge = theory.ridge(MINIMUM, CURVATURE, 0.5 * noise)
    assert ((w - ridge) / ridge).abs().max() < 1e-6


def test_without_weight_decay_noise_moves_no_mean():
    w = theory.adamw_mean(MINIMUM, CURVATURE, 0, torch.tensor(3.0))
    assert (w - MINIMUM).abs().max() < 1e-14


TOTALS = torch.logspace(-4, 3, 20_000, dtype=torch.float64)


def best_total(moved, noise, start_noise=1.0):
    risk = theory.flow_risk(torch.tensor(moved), TOTALS, noise, start_noise)
    return TOTALS[risk.argmin()]


def test_the_parts_of_a_flow_are_those_of_the_flow_of_regressions():
    data, start = problems.regressions(2, 200, 4, noise=1.0, seed=0)
    h, basis = torch.linalg.eigh(data.x.mT @ data.x / 200)
    fit = torch.linalg.lstsq(data.x, data.y[..., None]).solution
    kept, taken = theory.flow_parts(h * 3 / 2, torch.tensor(2.1, dtype=torch.float64))
    turned = [(basis.mT @ w)[..., 0] for w in (start[..., None], fit)]
    end = basis @ (kept * turned[0] + taken * turned[1])[..., None]
    flow = data.flow(start, 3.0, 0.7, size=2.0)
    assert (end[..., 0] - flow).abs().max() < 1e-12
    assert (flow - start).abs().max() > 0.1


def test_the_risk_of_a_flow_is_the_mean_over_drawn_starts_and_fits():
    generator = torch.Generator().manual_seed(0)
    truth, start, fit = torch.randn(3, 400_000, generator=generator).double()
    moved, decayed = torch.tensor(0.6).double(), torch.tensor(0.9).double()
    kept, taken = theory.flow_parts(moved, decayed)
    w = kept * (truth + 2**0.5 * start) + taken * (truth + 0.3**0.5 * fit)
    drawn = (w - truth).square().mean()
    assert abs(drawn / theory.flow_risk(moved, decayed, 0.3, 2.0) - 1) < 0.01
    from_truth = theory.flow_risk(moved, decayed, 0.3, 1.0)
    assert theory.flow_risk(moved, decayed, 0.3) == from_truth < 0.9 * drawn


@pytest.mark.parametrize("betas", [(0.9, 0.99), (0.5, 0.9), (0.0, 0.9)])
def test_at_lions_mean_the_mean_sign_of_many_draws_cancels_the_decay(betas):
    noise = torch.tensor([0.5, 2.0, 8.0, 30.0], dtype=torch.float64)
    w = theory.lion_mean(MINIMUM, CURVATURE, 0.5, noise, betas)
    generator = torch.Generator().manual_seed(0)
    # What Lion takes the sign of: the last gradient and 150 before it.
    shares = (1 - betas[1]) * betas[0] * betas[1] ** torch.arange(150).double()
    shares = torch.cat([torch.tensor([1 - betas[0]]).double(), shares])
    draws = torch.randn(20000, 151, 1, generator=generator).double()
    mean = (shares[:, None] * draws).sum(1) * noise + CURVATURE * (w - MINIMUM)
    # The mean remembers a part of what was before these.
    assert (mean.sign().mean(0) + 0.5 * w).abs().max() < 0.03
    assert (0.5 * (theory.box(MINIMUM, 0.5) - w)).abs().max() > 0.15


@pytest.mark.parametrize("betas", [(0.9, 0.99), (0.5, 0.9), (0.0, 0.9)])
def test_lions_mean_balances_the_sign_of_a_gaussian_sum_of_all_gradients(betas):
    noise = torch.tensor([0.5, 2.0, 8.0, 30.0], dtype=torch.float64)
    w = theory.lion_mean(MINIMUM, CURVATURE, 0.5, noise, betas)
    shares = (1 - betas[1]) * betas[0] * betas[1] ** torch.arange(3000).double()
    spread = noise * math.hypot(1 - betas[0], shares.norm())
    sign = torch.erf(CURVATURE * (w - MINIMUM) / spread / math.sqrt(2))
    assert (sign + 0.5 * w).abs().max() < 1e-12
    assert (torch.erf(CURVATURE * (w - MINIMUM) / spread) + 0.5 * w).abs().max() > 0.01


def test_without_noise_lion_rests_in_the_box():
    w = theory.lion_mean(MINIMUM, CURVATURE, 0.5, torch.tensor(0.0))
    assert (w - theory.box(MINIMUM, 0.5)).abs().max() < 1e-14


def test_without_weight_decay_gaussian_noise_moves_no_mean_of_lion():
    w = theory.lion_mean(MINIMUM, CURVATURE, 0, torch.tensor(3.0))
    assert (w - MINIMUM).abs().max() < 1e-14


def test_with_eps_above_all_gradients_adamw_is_a_ridge_of_weight_decay_times_eps():
    h, eps = CURVATURE * 1e-6, 1e-3
    w = theory.adamw_mean(MINIMUM, h, 0.5, torch.tensor(0.0).double(), eps)
    assert ((w - theory.ridge(MINIMUM, h, 0.5 * eps)) / w).abs().max() < 1e-2
    assert (w - theory.box(MINIMUM, 0.5)).abs().max() > 0.4


@pytest.mark.parametrize("eps", [1e-8, 0.1, 3.0])
def test_adamw_with_eps_rests_where_the_mean_says(eps):
    lrs = [0.2 * max(eps, 0.2) * (1 - k / 1200) for k in range(1200)]
    settings = {"weight_decay": 0.5, "eps": eps, "betas": (0.9, 0.9)}
    w = end(updates.adamw, steps=1200, lr=lrs, **settings)
    rest = theory.adamw_mean(MINIMUM, CURVATURE, 0.5, torch.tensor(0.0).double(), eps)
    assert (w - rest).abs().max() < 1e-3


def test_with_noise_and_eps_adamw_rests_where_its_decay_balances_the_mean_gradient():
    w = theory.adamw_mean(MINIMUM, CURVATURE, 0.5, torch.tensor(1.0).double(), 1.0)
    g = CURVATURE * (w - MINIMUM)
    assert (g + 0.5 * ((1 + g**2).sqrt() + 1) * w).abs().max() < 1e-12


def simulated(values, chance, betas, steps=2500, copies=1500):
    """Return the mean of m / sqrt(v), with ``values[0]`` in a share of the steps."""
    generator = torch.Generator().manual_seed(0)
    m = v = total = 0
    for k in range(steps):
        rare = torch.rand(copies, generator=generator) < chance
        g = torch.where(rare, *values).double()
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        total += (m / v.sqrt()).mean() if k >= steps // 2 else 0
    return total.item() / (steps - steps // 2)


@pytest.mark.parametrize("betas", [(0.9, 0.99), (0.9, 0.9), (0.0, 0.5), (0.5, 0.9)])
def test_the_mean_direction_of_adam_is_what_many_steps_measure(betas):
    gradients = torch.tensor([3.0, -0.2]).double()
    chances = torch.tensor([0.1, 0.9]).double()
    exact = theory.adam_mean_direction(gradients, chances, betas)
    assert exact.item() == pytest.approx(simulated((3.0, -0.2), 0.1, betas), abs=4e-3)
    averaged = gradients @ chances / (gradients**2 @ chances).sqrt()
    assert abs(exact - averaged) > 8e-3


@pytest.mark.parametrize("betas", [(0.0, 0.5), (0.9, 0.5), (0.9, 0.999), (0.999, 0.99)])
def test_the_mean_direction_of_a_steady_gradient_is_its_sign(betas):
    for g in (-1e-5, 40.0):
        steady, halves = torch.tensor([[g, g], [0.5, 0.5]]).double()
        u = theory.adam_mean_direction(steady, halves, betas)
        assert u.item() == pytest.approx(math.copysign(1, g), abs=1e-5)


@pytest.mark.parametrize("beta1", [0.0, 0.9, 0.995, 0.9999])
def test_of_gradients_of_one_size_the_mean_direction_is_the_mean_sign(beta1):
    values = torch.tensor([1.0, -1.0], dtype=torch.float64)
    chances = torch.tensor([0.6, 0.4], dtype=torch.float64)
    u = theory.adam_mean_direction(values, chances, (beta1, 0.99))
    assert u.item() == pytest.approx(0.2, abs=1e-6)


def test_the_root_of_a_rising_function_is_found():
    assert theory.root(lambda x: x**3 - 2, -1.0, 4.0) == pytest.approx(2 ** (1 / 3))


@pytest.mark.parametrize("memorised, missed, error", [(0, 0, 0.2), (1, 0, 0)])
def test_who_memorises_nothing_misses_the_wrong_labels(memorised, missed, error):
    assert theory.training_error(0.2, memorised, missed) == pytest.approx(error)
    assert theory.training_error(0.2, 0.5, 0.25) == pytest.approx(0.1 + 0.2)
