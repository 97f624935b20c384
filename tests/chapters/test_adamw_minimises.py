"""The general sentences of the AdamW chapter, each on a case chosen to break it."""

import claims
import pytest
import torch

from weightdecay import paths, problems, theory, updates
from weightdecay.directions import adam_direction

says = claims.on("adamw_minimises")
AdamW = torch.optim.AdamW

CLAIMS_NOTHING = {
    "it converges to a point that meets these conditions, given $\\beta_1 \\le "
    "\\beta_2 < 1$ and learning rates that never rise and whose sum is infinite.": "a "
    "theorem, cited",
    "{cite:t}`xie_li_2024` prove it, for any differentiable loss with a continuous "
    "gradient:": "a theorem, cited",
    "both averages have vanished, and their ratio is whatever it became on the way,": ""
    "it says that nothing is known",
    "\\quad\\text{for every } i ,": "a definition",
    "the second weight ends {glue:text}`made_up:.2f` higher than it would alone.": ""
    "a difference that the page computes and asserts",
    "{glue:text}`seeds` independent runs,": "how the page draws its noise",
    "Is that always so?": "a question",
}


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def gradients(kind, steps=400):
    """Return gradients of 50 weights that try to make m large beside v."""
    generator = torch.Generator().manual_seed(0)
    g = torch.randn(steps, 50, generator=generator, dtype=torch.float64)
    k = torch.arange(steps).double()[:, None]
    if kind == "growing":
        return 1 + 1.11**k + 0 * g
    jump = torch.where(k < steps / 2, 1e-3, 1.0)
    return {"heavy": g**9, "jump": jump + 0 * g, "rare": g * (g > 2)}[kind]


def largest_direction(kind, betas, **settings):
    state, largest = None, 0.0
    for g in gradients(kind):
        u, state = adam_direction(g, state, betas=betas, **settings)
        largest = max(largest, u.abs().max().item())
    return largest


KINDS = pytest.mark.parametrize("kind", ["growing", "heavy", "jump", "rare"])


@KINDS
@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("amsgrad", [False, True])
@says("The square of a mean is never larger than the mean of the squares, so")
def test_with_equal_betas_no_direction_is_larger_than_one(kind, beta, amsgrad):
    assert largest_direction(kind, (beta, beta), amsgrad=amsgrad) < 1 + 1e-9


@says(
    "With equal `betas` and $\\eta\\lambda \\le 1$ a step carries a weight away from "
    "zero by $\\eta$ at most,"
)
@KINDS
@pytest.mark.parametrize("start", [0.0, 1.9, -30.0])
@pytest.mark.parametrize("decay", [0.01, 0.5, 5.0])
def test_a_step_carries_a_weight_away_from_zero_by_lr_at_most(kind, start, decay):
    losses = [lambda w, g=g: (g * w).sum() for g in gradients(kind)]
    run = {"steps": len(losses), "lr": 0.2, "betas": (0.9, 0.9)}
    begin = torch.full((50,), start, dtype=torch.float64)
    path = paths.walk(AdamW, losses, begin, weight_decay=decay, **run)
    assert path.abs().diff(dim=0).max() < 0.2 + 1e-9


@says("so a run from zero whose learning rates sum to less than $1/\\lambda$ can't")
def test_only_a_run_from_zero_is_held_off_the_wall_by_the_sum_of_its_lr():
    def down(start, steps, **settings):
        run = {"lr": 0.1, "steps": steps, "betas": (0.9, 0.9), **settings}
        return paths.walk(AdamW, lambda w: w, numbers(start)[0], **run)

    inside = down(0.0, 200, weight_decay=0.01)
    assert inside.abs().max() < 20 < 1 / 0.01
    # Towards zero a step is longer than lr, since decay helps. So a run from outside
    # comes through a wall at a distance of 30 with learning rates that sum to 20.
    assert down(1.9, 1, weight_decay=0.5).diff()[0] < -1.9 * 0.1
    assert down(130.0, 200, weight_decay=0.01)[-1] < 90


def bound(b1, b2):
    return (1 - b1) / ((1 - b2) * (1 - b1**2 / b2)) ** 0.5


@KINDS
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.9), (0.9, 0.95), (0.0, 0.99)])
@says("By Cauchy and Schwarz it is at most")
def test_with_unequal_betas_the_bound_is_that_of_cauchy_and_schwarz(kind, betas):
    assert largest_direction(kind, betas) <= max(1, bound(*betas)) + 1e-9
    assert bound(0.9, 0.9) == pytest.approx(1, abs=1e-12)


@says("(With $\\beta_1^2 \\ge \\beta_2$ there is no bound.)")
@pytest.mark.parametrize("betas", [(0.9, 0.81), (0.9, 0.5), (0.99, 0.9)])
def test_where_v_forgets_faster_than_the_square_of_m_nothing_bounds_the_direction(
    betas,
):
    sizes, state = [], None
    for k in range(300):
        # Of all gradients with this v those with the largest m.
        g = numbers((betas[1] / betas[0]) ** k)
        u, state = adam_direction(g, state, betas=betas, eps=0)
        sizes.append(u.item())
    assert sizes[299] > 1.9 * sizes[74] > 3


@says("on its way to $|u|/\\lambda$.", "gradient that grows makes $|u|$")
def test_a_growing_gradient_carries_a_weight_through_every_wall_and_holds_it_there():
    climb = [lambda w, k=k: -(1.1**k) * w for k in range(3000)]
    run = {"steps": 3000, "lr": 0.02, "weight_decay": 0.5, "betas": (0.9, 0.99)}
    path = paths.walk(updates.adamw, climb, numbers(0.0)[0], **run)
    u = 0.1 / (1 - 0.9 / 1.1) / (0.01 / (1 - 0.99 / 1.1**2)) ** 0.5
    assert path[-1].item() == pytest.approx(u / 0.5, abs=1e-3)
    assert path[-1] > 2 * (1 / 0.5)
    # No further than the learning rates sum to: so the page said once, without a word
    # on betas.
    run |= {"steps": 150, "weight_decay": 0.01}
    assert paths.walk(updates.adamw, climb[:150], 0 * path[0], **run)[-1] > 1.3 * 3.0


@says(
    "For a convex loss they are not only necessary: whatever meets them is a minimum."
)
@pytest.mark.parametrize("edge", [0.1, 0.7])
def test_no_point_of_the_box_is_below_one_that_meets_the_conditions(edge):
    # More columns than rows: many minima, and weights that depend on each other.
    data = problems.breast_cancer()
    loss = problems.Logistic(data.x[:20], data.y[:20])
    zero = torch.zeros(30, dtype=torch.float64)
    w = problems.box_minimum(loss, zero, edge, steps=1500, lr=0.1)
    g = torch.func.grad(loss)(w)
    held = w.abs() > edge - 1e-9
    assert (g[~held].abs() < 1e-3).all() and (g[held] * w[held] <= 0).all()
    generator = torch.Generator().manual_seed(0)
    near = 2 * torch.rand(30, 30, generator=generator, dtype=torch.float64) - 1
    for z in edge * torch.cat([near, near.sign()]):
        assert loss(z) >= loss(w) - 1e-6
        assert loss(w + 0.05 * (z - w)) >= loss(w) - 1e-6


@says(
    "For a sum of parabolas with minima $w^*_i$ and curvatures $h_i$, the box acts on "
    "each weight alone."
)
def test_in_a_sum_of_parabolas_no_weight_sees_the_others():
    run = {"steps": 300, "lr": 0.05, "weight_decay": 0.5}

    def first(others):
        goal, h = numbers(3.0, *others), numbers(0.7, 50.0, 1e-3)
        bowl = problems.Quadratic(goal, h.diag())
        return paths.walk(updates.adamw, bowl, 0 * h, **run)[:, 0]

    assert torch.equal(first([1e3, -5.0]), first([0.1, 0.0]))


@says(
    "So $u = 0$ in any case, hence $g = 0$: it rests at the minimum of the loss, with "
    "no wall and no shrinkage."
)
@pytest.mark.parametrize("start", [0.0, 6.0, -6.0])
def test_the_cautious_rule_rests_at_the_minimum_of_a_coupled_bowl(start):
    hessian = numbers(1.0, 0.8, 0.8, 1.0).reshape(2, 2)
    bowl = problems.Quadratic(numbers(-2.0, 1.0), hessian)
    lrs = [0.1 * (1 - k / 3000) for k in range(3000)]
    run = {"steps": 3000, "lr": lrs, "weight_decay": 4.0, "betas": (0.9, 0.95)}
    path = paths.walk(updates.adamw_cautious, bowl, numbers(start, start), **run)
    assert (path[-1] - bowl.minimum).abs().max() < 0.02
    assert bowl.minimum.abs().max() > 4 * (1 / 4.0)


HALVES = numbers(0.5, 0.5)


def rest(rule, values, chances, betas, *, goal=3.0, h=1.0, decay=0.5):
    """Return where the mean direction and decay balance, exactly."""

    def pull(w):
        inside = decay * w if rule == "adam" else 0.0
        g = h * (w - goal) + inside + values
        u = theory.adam_mean_direction(g, chances, betas)
        return u if rule == "adam" else u + decay * w

    return theory.root(pull, 0.0, goal)


@pytest.mark.parametrize("sigma", [0.301, 3.3, 30.3])
@pytest.mark.parametrize("betas", [(0.9, 0.99), (0.5, 0.9), (0.9, 0.9)])
@says("however large the noise.")
def test_even_noise_of_any_size_leaves_adam_with_l2_at_ridge(sigma, betas):
    values = sigma * numbers(-1.0, 1.0)
    assert rest("adam", values, HALVES, betas) == pytest.approx(2, abs=1e-6)
    # Rare and even is even.
    rare = sigma * numbers(-10.0, 0.0, 10.0) + 1e-7
    mixed = rest("adam", rare, numbers(0.005, 0.99, 0.005), (0.9, 0.99))
    assert mixed == pytest.approx(2, abs=1e-3)


@says("This noise was symmetric.", "With symmetric noise, and many gradients")
def test_noise_as_often_up_as_down_is_not_enough():
    values, chances = numbers(-1.84, 0.17, 16.87), numbers(0.5, 0.45, 0.05)
    assert abs(values @ chances) < 1e-12 and abs(values**2 @ chances - 16) < 0.1
    l2, beside = (rest(x, values, chances, (0.9, 0.9)) for x in ("adam", "adamw"))
    averaged = theory.adamw_mean(numbers(3.0), numbers(1.0), 0.5, numbers(4.0)).item()
    assert l2 > 2.2 and beside > averaged + 0.1
    mirrored = torch.cat([values, -values]), torch.cat([chances, chances]) / 2
    assert rest("adam", *mirrored, (0.9, 0.9)) == pytest.approx(2, abs=1e-6)


@says("So the weight ends too high,")
def test_skewed_noise_moves_both_and_turned_round_moves_them_the_other_way():
    values, chances = 4 * numbers(99, -1) / 99**0.5, numbers(0.01, 0.99)
    both = {
        x: [rest(x, s * values, chances, (0.9, 0.99)) for s in (1, -1)]
        for x in ("adam", "adamw")
    }
    assert both["adam"][0] > 2.1 and both["adam"][1] < 1.9
    # AdamW is above either way, since v fluctuates.
    assert both["adamw"][0] > both["adamw"][1] + 0.03 > 0.922 + 0.06
    assert abs(rest("adam", values, chances, (0.9, 0.999)) - 2) < 0.02


@pytest.mark.parametrize("goal", [0.5, 1.9, 3.0])  # inside the box and outside
@pytest.mark.parametrize("rare", [False, True])
@says("the noisier a weight, the more it is shrunk.")
def test_more_even_noise_always_shrinks_more(goal, rare):
    values, chances = numbers(-1.0, 1.0), HALVES
    if rare:
        values, chances = numbers(-2.2, 1e-6, 2.2), numbers(0.1, 0.8, 0.1)
    sigmas = (0.05, 0.21, 0.77, 2.3, 9.1)
    found = [rest("adamw", s * values, chances, (0.9, 0.99), goal=goal) for s in sigmas]
    assert (numbers(*found).diff() < -1e-3).all()


@says("With symmetric noise, and many gradients in $v$'s memory,")
def test_the_equation_needs_many_gradients_in_the_memory():
    averaged = theory.adamw_mean(numbers(3.0), numbers(1.0), 0.5, numbers(4.0)).item()
    values, chances = numbers(-40.0, 1e-6, 40.0), numbers(0.005, 0.99, 0.005)
    few, many = (rest("adamw", values, chances, (0.9, b)) for b in (0.98, 0.9998))
    assert few > averaged + 0.15 and abs(many - averaged) < 0.01


BOWL = problems.Quadratic(numbers(2.0, 1.0), numbers(1.0, 0.6, 0.6, 1.0).reshape(2, 2))


def box_end(bowl):
    lrs = [0.05 * (1 - k / 1500) for k in range(1500)]
    run = {"steps": 1500, "lr": lrs, "weight_decay": 0.6, "betas": (0.9, 0.9)}
    return paths.walk(updates.adamw, bowl, numbers(0.0, 0.0), **run)[-1]


@says(
    "Where gradients come down to $\\varepsilon$ the weight rests where $g + "
    "\\lambda(|g|+\\varepsilon)w = 0$"
)
@pytest.mark.parametrize("eps", [1e-4, 1e-2, 1.0])
def test_with_eps_the_resting_place_is_between_box_and_ridge(eps):
    goal, h = numbers(0.5, 3.0, -4.0), numbers(0.01, 0.02, 0.01)
    bowl = problems.Quadratic(goal, h.diag())
    lrs = [0.05 * (1 - k / 2500) * max(1, 20 * eps) for k in range(2500)]
    run = {"steps": 2500, "lr": lrs, "weight_decay": 0.5, "betas": (0.9, 0.9)}
    end = paths.walk(updates.adamw, bowl, 0 * goal, eps=eps, **run)[-1]
    assert (end - theory.adamw_mean(goal, h, 0.5, numbers(0.0), eps)).abs().max() < 2e-3
    far = (end - theory.box(goal, 0.5)).abs().max()
    assert far > 0.3 if eps > 1e-3 else far < 0.1


@says("There Adam with L2 shrinks less than AdamW at every $\\sigma$ of the figure.")
def test_on_a_steep_weight_the_penalty_shrinks_less_than_adamw_at_each_noise():
    for sigma in (0.25, 0.5, 1.0, 2.0, 4.0):
        both = (
            rest(rule, sigma * numbers(-1.0, 1.0), HALVES, (0.9, 0.99), h=10.0)
            for rule in ("adam", "adamw")
        )
        l2, beside = both
        assert l2 - beside > 0.5


@says("If $g$ is not zero, $u$ is the sign of $g$")
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.0, 0.5), (0.99, 0.9)])
def test_a_constant_slope_gives_a_direction_of_one_whatever_its_size(betas):
    for slope in (1e-3, 1e3):
        run = {"steps": 80, "lr": 0.01, "weight_decay": 0.5, "betas": betas}
        path = paths.walk(AdamW, lambda w, s=slope: -s * w, numbers(10.0)[0], **run)
        left = 8 * (1 - 0.01 * 0.5) ** torch.arange(81).double()
        assert (path - 2 - left).abs().max() < 1e-4


@says("Noise must dominate:", "$v$ must have a long memory:")
def test_the_converted_decay_needs_noise_that_dominates_and_a_long_memory():
    values, chances = 5.0 * numbers(-3.0, 1e-6, 3.0), numbers(0.05, 0.9, 0.05)
    sd = (values**2 @ chances).sqrt().item()
    off = []
    for size, beta2 in ((1.0, 0.999), (0.2, 0.999), (1.0, 0.9)):
        run = {"chances": chances, "betas": (0.9, beta2)}
        l2 = rest("adam", size * values, decay=0.5, **run)
        w = rest("adamw", size * values, decay=0.5 / (size * sd), **run)
        off.append(abs(w - l2))
    assert off[0] < 0.03 and off[1] > 0.3 and off[2] > 0.1


@says(
    "And the weights' gradients must be of one size.",
    "for each group of weights whose gradients are of one size.",
)
def test_one_converted_decay_fits_only_weights_of_one_noise():
    values, chances, betas = numbers(-1.0, 1.0), HALVES, (0.9, 0.999)
    for sigma, fits in ((5.0, True), (0.9, False)):
        l2 = rest("adam", sigma * values, chances, betas, decay=0.5)
        converted = rest("adamw", sigma * values, chances, betas, decay=0.5 / 5.0)
        assert (abs(l2 - converted) < 0.03) == fits
