"""Lion and Muon: each general sentence on a case chosen to break it."""

import math

import pytest
import torch
from claims import on

from weightdecay import directions, paths, problems, theory, updates

says = on("sign_and_spectral")
CLAIMS_NOTHING = {
    "Lion with constant `lr` never settles": "the figure below shows it",
}
STEPS, DECAY = 1200, 0.5
FALLING = {
    "steps": STEPS,
    "lr": [0.05 * (1 - k / STEPS) for k in range(STEPS)],
    "weight_decay": DECAY,
}
# Weighted, mixed and dual norms, none of which is Lion's or Muon's.
NORMS = {
    "weighted largest": lambda w: (w * torch.arange(1, 7)).abs().max(),
    "l1": lambda w: w.abs().sum(),
    "groups": lambda w: w.reshape(2, 3).norm(dim=1).sum(),
    "p = 1.5": lambda w: w.abs().pow(1.5).sum() ** (1 / 1.5),
    "nuclear": lambda w: torch.linalg.matrix_norm(w.reshape(2, 3), ord="nuc"),
}


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def excess(norm, lr=0.1, start=3.0):
    """Return by how much each of many random steps exceeds the bound, at most."""
    worst, w = -math.inf, start * normal(6) / norm(normal(6))
    for push in normal(300, 6, seed=1):
        # Every third step straight outwards, the worst that a direction can do.
        u = -w / norm(w) if push[0] > 0.4 else push / norm(push)
        bound = (1 - lr * DECAY) * norm(w) + lr
        w = (1 - lr * DECAY) * w - lr * u
        worst = max(worst, (norm(w) - bound).item())
    return worst


@says("$\\norm{u}_* \\le 1$ for some norm, any norm.")
@pytest.mark.parametrize("norm", NORMS)
def test_the_wall_holds_in_norms_that_no_optimizer_here_uses(norm):
    assert excess(NORMS[norm]) < 1e-12


def test_what_is_no_norm_has_no_wall():
    root = lambda w: w.abs().sqrt().sum() ** 2  # noqa: E731  a mean can be longer
    assert excess(root) > 0.05


def hostile(size, steps=400):
    """Return losses that push outwards, in the largest sizes, or not at all."""
    kinds = (
        lambda w: -size * w.abs().sum(),
        lambda w: 0 * w.sum(),
        lambda w: -(w.sum() ** 2),
        lambda w: size * (w * normal(*w.shape, seed=7)).sum(),
    )
    return [kinds[(k * k) % 4] for k in range(steps)]


@says(
    "The wall holds for every finite gradient that ever comes.",
    "the bound that {eq}`sign-wall` gives for any finite gradients",
    "each step takes away at least the fraction $\\eta\\lambda$ of the excess.",
    "directions of norm at most 1 keep $w$ inside the ball of radius $1/\\lambda$.",
    "With Lion no weight grows beyond $1/\\lambda$ if it starts below.",
)
@pytest.mark.parametrize("size", [1e-300, 1.0, 1e150])
@pytest.mark.parametrize("lr", [0.01, 1.9, 2.0])
def test_no_finite_gradient_and_no_lr_up_to_one_over_decay_breaks_the_wall(size, lr):
    settings = {"steps": 400, "lr": lr, "weight_decay": DECAY}
    k = torch.arange(401, dtype=torch.float64)
    for update, norm in (
        (updates.lion, lambda p: p.abs().amax(dim=(1, 2))),
        (updates.muon, lambda p: torch.linalg.matrix_norm(p, ord=2)),
    ):
        more = {} if update is updates.lion else {"orthogonalise": directions.polar}
        start = 9 * normal(3, 3)
        path = paths.walk(update, hostile(size), start, **settings, **more)
        first = norm(path)[0]
        bound = 1 / DECAY + (1 - lr * DECAY) ** k * (first - 1 / DECAY)
        assert (norm(path) <= bound + 1e-9).all()


def test_one_gradient_that_is_no_number_breaks_muons_wall():
    w = torch.nn.Parameter(torch.eye(2))
    optimizer = torch.optim.Muon([w], lr=0.1, weight_decay=DECAY)
    w.grad = torch.full((2, 2), math.inf)
    optimizer.step()
    assert not torch.linalg.matrix_norm(w, ord="fro") <= 10


@says(
    "**The wall needs $\\eta\\lambda \\le 1$**",
    "comes at most {glue:text}`budget_share:.0%` of the way to it.",
)
def test_without_a_step_nothing_falls_and_with_a_long_one_the_wall_breaks():
    w = doubles(5.0)
    for update in (updates.lion, updates.adamw):
        same, _ = update(w, None, None, lr=0.1, weight_decay=DECAY)
        assert torch.equal(same, w)
    parameter = torch.nn.Parameter(5 * torch.eye(2))
    torch.optim.Muon([parameter], lr=0.1, weight_decay=DECAY).step()
    assert torch.equal(parameter, 5 * torch.eye(2))
    settings = {"steps": 60, "lr": 3.0, "weight_decay": DECAY, "betas": (0.0, 0.0)}
    swung = paths.walk(updates.lion, lambda w: w * w.detach(), doubles(0.1), **settings)
    assert swung.abs().max() > 2.5  # started inside
    for small in (1e-2, 1e-4):
        assert 1 - (1 - small) ** round(1 / small) < 0.635
    assert 1 - (1 - 0.49) ** 2 > 0.7  # so "small" is needed


@says(
    "Its largest singular value, the **spectral norm**, is at most 1",
    "sets all singular values that are not zero to 1",
)
def test_the_polar_factor_of_a_poor_matrix_has_zeros():
    poor = problems.with_singular_values([5.0, 1e-3, 0.0], (3, 4), seed=0)
    expected = doubles(1, 1, 0)
    sizes = torch.linalg.svdvals(directions.polar(poor))
    assert (sizes - expected).abs().max() < 1e-12
    assert directions.polar(0 * poor).abs().max() == 0


@says(
    "so a sign cannot rest. It jitters, ever less as $\\eta$ falls, around a point "
    "where the gradient changes sign, and so vanishes.",
    "If the loss is convex too, the end is its minimum under the constraint",
    "For a sum of such losses, one for each weight, each minimum is cut at the wall",
)
def test_a_loss_that_is_not_convex_ends_elsewhere_than_its_minimum_in_the_box():
    well = lambda w: ((w - 1) ** 2 * (w - 3) ** 2 - 0.2 * w).sum()  # noqa: E731
    grid = torch.linspace(-2, 2, 4001, dtype=torch.float64)
    heights = torch.func.vmap(well)(grid)
    best = grid[heights.argmin()]
    far = torch.linspace(2.5, 3.5, 1001, dtype=torch.float64)
    assert torch.func.vmap(well)(far).min() < heights.min()  # the cut would be at 2
    assert abs(best - 1) < 0.05
    # From 0, Lion's momentum carries it over the hill to the wall at 2.
    over = paths.walk(updates.lion, well, doubles(0.0), **FALLING)[-1]
    assert abs(over - 2) < 1e-3 and abs(over - best) > 0.9
    convex = lambda w: (torch.cosh(w - doubles(1, 3, -9)) + w**4 / 50).sum()  # noqa: E731
    end = paths.walk(updates.lion, convex, doubles(0, 0, 0), **FALLING)[-1]
    free = doubles(0, 0, 0)
    for _ in range(60):
        slope, curvature = torch.func.grad(convex)(free), torch.func.hessian(convex)
        free = free - (slope / curvature(free).diag()).clamp(-0.5, 0.5)
    assert (end - theory.box(free, DECAY)).abs().max() < 1e-3


@says(
    "with exact gradients of a smooth loss and a falling learning rate?",
    "With exact gradients of a smooth convex loss and a falling learning rate",
    "A kink across the axes is a trap",
)
@pytest.mark.parametrize("seed", range(2))
def test_a_kink_holds_signs_and_the_same_valley_made_smooth_lets_them_go(seed):
    start = doubles(-1, 0.5) + 0.3 * normal(2, seed=seed)
    along = lambda w: (w.sum() - 3) ** 2 / 2  # noqa: E731
    kink = lambda w: 10 * (w[0] - w[1]).abs() + along(w)  # noqa: E731
    smooth = lambda w: 10 * (w[0] - w[1]) ** 2 + along(w)  # noqa: E731
    held, free = (
        paths.walk(updates.lion, x, start, **FALLING)[-1] for x in (kink, smooth)
    )
    assert (held - 1.5).abs().min() > 0.4  # "a convex loss" was said
    assert (free - 1.5).abs().max() < 1e-2


@says(
    "With exact gradients a curvature along the weights plays no part: a sign "
    "ignores how steep the slope is."
)
@pytest.mark.parametrize("betas", [(0.9, 0.99), (0.95, 0.98), (0.0, 0.0)])
def test_a_flat_and_a_steep_weight_end_at_the_cut(betas):
    minimum, h = doubles(1.5, 3, 0.5, -7), doubles(1e-9, 1e-6, 1e6, 1e9)
    loss = lambda w: (h * (w - minimum) ** 2).sum()  # noqa: E731
    end = paths.walk(updates.lion, loss, 0 * h, **FALLING, betas=betas)[-1]
    assert (end - theory.box(minimum, DECAY)).abs().max() < 1e-3


@says("One that couples them does", "Lion still ends at the minimum inside the box")
@pytest.mark.parametrize("seed", range(3))
def test_curvature_off_the_axes_moves_the_end_from_the_cut(seed):
    turn = torch.linalg.qr(normal(4, 4, seed=seed)).Q
    hessian = turn @ doubles(0.2, 1, 3, 9).diag() @ turn.T
    coupled = problems.Quadratic(doubles(3, -1, 0.5, 1.5), hessian)
    start = doubles(0, 0, 0, 0)
    inside = problems.box_minimum(coupled, start, 2.0, steps=1000, lr=0.1)
    end = paths.walk(updates.lion, coupled, start, **FALLING)[-1]
    assert (end - inside).abs().max() < 0.01
    assert (inside - theory.box(coupled.minimum, DECAY)).abs().max() > 0.1


def noisy_end(noise, minimum, **more):
    losses = [lambda w, n=n: ((w - minimum) ** 2 / 2 + n * w).sum() for n in noise]
    return paths.walk(updates.lion, losses, 0 * noise[0], **FALLING, **more)


@says(
    "It ends inside: at",
    "Noise leaves the wall where it is, and moves the end once it turns the sign of "
    "the mean gradient.",
    "at no step of any run was a weight beyond {glue:text}`edge:.0f`",
)
@pytest.mark.parametrize(("betas", "sigma"), [((0.95, 0.9), 8), ((0.0, 0.9), 2)])
def test_with_other_betas_noise_moves_the_end_as_predicted(betas, sigma):
    minimum = doubles(3, -5, 1)
    noise = sigma * normal(STEPS, 200, 3)
    path = noisy_end(noise, minimum, betas=betas)
    rest = theory.lion_mean(minimum, doubles(1, 1, 1), DECAY, doubles(sigma), betas)
    error = path[-1].std(dim=0) / 200**0.5
    assert ((path[-1].mean(dim=0) - rest).abs() < 4 * error).all()
    # It was said that noise does not matter.
    assert ((rest - theory.box(minimum, DECAY)).abs() > 20 * error).all()
    assert path.abs().max() <= 2 + 1e-12


@says(
    "never turns the sign of $\\tilde m$ there, and the weight ends at",
    "## Noise can move the end, not the wall",
)
def test_bounded_noise_moves_the_end_only_where_it_turns_a_sign():
    width = doubles(0.9, 3, 20)
    noise = width * (2 * torch.special.ndtr(normal(STEPS, 60, 3)) - 1)
    end = noisy_end(noise, 3.0)[-1]
    assert (end[:, :2] - 2).abs().max() < 1e-5  # "noise moves the end" was said
    assert end[:, 2].mean() < 1.7


@says(
    "drawn anew at each step",
    "Since the draws are independent, their variances add up, as a geometric sum, to",
    "The batches of a shuffled epoch are not independent. They partly cancel, so their "
    "$\\tilde\\sigma$ is smaller",
)
def test_shuffled_epochs_end_nearer_to_the_wall_and_lasting_noise_further_from_it():
    fresh = 24 * normal(STEPS, 150)
    packs = fresh.reshape(-1, 15, 150)
    shuffled = (packs - packs.mean(dim=1, keepdim=True)) * (15 / 14) ** 0.5
    lasting = fresh.clone()
    for k in range(1, STEPS):
        lasting[k] = 0.9 * lasting[k - 1] + (1 - 0.81) ** 0.5 * fresh[k]
    noise = torch.stack([shuffled.reshape(STEPS, 150), fresh, lasting], dim=-1)
    assert (noise.std(dim=(0, 1)) / 24 - 1).abs().max() < 0.02  # one and the same sigma
    end = noisy_end(noise, 3.0)[-1]
    rest = theory.lion_mean(doubles(3), doubles(1), DECAY, doubles(24))
    off = (end.mean(dim=0) - rest) / (end.std(dim=0) / 150**0.5)
    assert off[0] > 5 and abs(off[1]) < 4 and off[2] < -5


@says("skewed noise moves the end even where decay has nothing to do.")
@pytest.mark.parametrize("sign", [1, -1])
def test_skewed_noise_moves_a_weight_whose_minimum_is_zero(sign):
    # Exponential noise less its mean: mostly a little down, sometimes far up.
    noise = -8 * sign * (torch.special.log_ndtr(normal(STEPS, 200)) + 1)
    end = noisy_end(noise, 0.0)[-1]
    assert sign * end.mean() > 4 * end.std() / 200**0.5


@says(
    "The cut is exact for this loss, whose curvature is the same in all directions, "
    "or for curvatures along the singular vectors.",
    "With another curvature for each column the end is still the constrained minimum",
)
def test_the_cut_is_exact_for_curvatures_along_the_singular_vectors_alone():
    goal = problems.with_singular_values([6.0, 3.0, 1.0], (3, 3), seed=3)
    u, _, vt = torch.linalg.svd(goal)
    h = doubles([0.3, 2, 1], [4, 1, 0.5], [1, 3, 5])
    along = lambda w: (h * (u.T @ (w - goal) @ vt.T) ** 2).sum()  # noqa: E731
    other = lambda w: (h * (w - goal) ** 2).sum()  # noqa: E731
    settings = {**FALLING, "orthogonalise": directions.polar}
    cut = theory.spectral_box(goal, 1 / DECAY)
    miss = [
        (paths.walk(updates.muon, loss, 0 * goal, **settings)[-1] - cut).abs().max()
        for loss in (along, other)
    ]
    assert miss[0] < 5e-3 and miss[1] > 0.1


def muon_rest(sizes, lr=0.1, steps=600, start=None):
    """Return goal and rest of `updates.muon`, and the rest's share of each pair."""
    goal = problems.with_singular_values(sizes, (len(sizes), 5), seed=1)
    loss = lambda w: (w - goal).square().sum() / 2  # noqa: E731
    run = {"steps": steps, "lr": [lr * (1 - k / steps) for k in range(steps)]}
    start = 0 * goal if start is None else start
    end = paths.walk(updates.muon, loss, start, **run, weight_decay=DECAY)[-1]
    u, _, vt = torch.linalg.svd(goal, full_matrices=False)
    return goal, end, (u.T @ end @ vt.T).diag()


@says(
    "If all singular values of $W^*$ are below {glue:text}`lowest:.2f` over "
    "$\\lambda$,",
    "If one exceeds {glue:text}`highest:.2f` over $\\lambda$, Muon rests where "
    "decay and step balance along each pair of singular vectors:",
)
@pytest.mark.parametrize("sizes", [[4.2, 1.7, 0.3], [8.4, 1.2, 0.8], [1.3, 1.1, 0.7]])
def test_muon_ends_at_its_goal_or_rests_where_decay_and_step_balance(sizes):
    # It still swings by a few of its last steps, of lr / steps each.
    goal, end, rest = muon_rest(sizes, steps=1800)
    left = doubles(*sizes) - rest
    off = DECAY * rest - theory.newton_schulz_gain(left / (goal - end).norm())
    if sizes[0] < 0.67 / DECAY:
        assert (end - goal).abs().max() < 1e-3 and off.abs().max() > 0.3
    else:
        assert off.abs().max() < 1e-3 and left[0] > 1


@says(
    "The norm ties the singular values to each other",
    "a large one presses the small ones onto the steep part of $\\varphi$",
)
def test_the_rest_of_one_singular_value_hangs_on_the_others_and_on_the_start():
    beside = [muon_rest([big, 4.0, 3.0, 1.0])[2] for big in (6.0, 60.0, 600.0)]
    # It was said that each singular value balances by itself.
    assert beside[0][3] > beside[1][3] + 0.03 > beside[2][3] + 0.3
    begin = normal(4, 5, seed=6)
    goal, end, other = muon_rest([6.0, 4.0, 3.0, 1.0], start=begin)
    off = DECAY * other - theory.newton_schulz_gain(
        (doubles(6, 4, 3, 1) - other) / (goal - end).norm()
    )
    assert off.abs().max() < 0.02 and (other - beside[0]).abs().max() > 0.3


@says(
    "(or by {glue:text}`ns_eps:.0e` if that is larger)",
    "swings between {glue:text}`lowest:.2f` and {glue:text}`highest:.2f` for all "
    "but the smallest $\\tau$",
    "a polar factor that is off by up to a third for all but the smallest",
)
@pytest.mark.parametrize("seed", range(3))
def test_the_gain_is_near_one_but_for_the_smallest_and_rounding_gets_its_share(seed):
    gain = theory.newton_schulz_gain
    flat = gain(torch.linspace(0.002, 1, 20001, dtype=torch.float64))
    assert 0.66 < flat.min() < 0.7 and 1.19 < flat.max() < 1.21
    assert gain(doubles(1e-4))[0] < 0.06
    poor = problems.with_singular_values([1.0, 0.0, 0.0], (3, 4), seed=seed)
    settings = {"steps": 60, "lr": 0.1, "weight_decay": DECAY}
    loss = lambda w: (w * poor).sum()  # noqa: E731
    sizes = [
        torch.linalg.svdvals(paths.walk(rule, loss, 0 * poor, **settings)[-1])[1]
        for rule in (updates.muon, torch.optim.Muon)
    ]
    assert sizes[0] < 1e-9 and sizes[1] * DECAY > 0.003
    tiny = lambda w: (w * poor).sum() * 1e-13  # noqa: E731
    step = paths.walk(torch.optim.Muon, tiny, 0 * poor, **{**settings, "steps": 1})
    assert step[-1].norm() < 1e-4  # a norm of 1e-13 is divided by eps, not by itself


@says("Noise moves Muon's end too.")
def test_noise_moves_a_singular_value_inside_the_wall_and_one_beyond_it():
    goal = problems.with_singular_values([5.0, 3.0, 1.5], (3, 4), seed=4)
    u, _, vt = torch.linalg.svd(goal, full_matrices=False)
    ends = []
    for seed in range(3):
        noise = 6 * normal(300, 3, 4, seed=seed)
        losses = [lambda w, n=n: ((w - goal) ** 2 / 2 + n * w).sum() for n in noise]
        run = {"steps": 300, "lr": [0.1 * (1 - k / 300) for k in range(300)]}
        more = {"weight_decay": DECAY, "orthogonalise": directions.polar}
        path = paths.walk(updates.muon, losses, 0 * goal, **run, **more)
        assert torch.linalg.matrix_norm(path, ord=2).max() <= 2 + 1e-9
        ends.append((u.T @ path[-1] @ vt.T).diag())
    cut = doubles(2, 2, 1.5)
    assert ((cut - torch.stack(ends).mean(dim=0))[1:] > 0.15).all()


@says("`updates.muon` does the same in double precision.")
@pytest.mark.parametrize("shape", [(12, 3), (3, 12)])
def test_our_muon_is_pytorchs_for_tall_and_wide_matrices(shape):
    pushes = normal(30, *shape, seed=6)
    losses = [lambda w, g=g: (g * w).sum() for g in pushes]
    settings = {"steps": 30, "lr": 0.1, "weight_decay": 2.0}
    start = 5 * normal(*shape, seed=8)
    theirs = paths.walk(torch.optim.Muon, losses, start, **settings)[-1]

    def off(**more):
        ours = paths.walk(updates.muon, losses, start, **{**settings, **more})[-1]
        return (ours - theirs).norm() / theirs.norm()

    assert off() < 0.02
    assert off(nesterov=False) > 0.1 and off(weight_decay=4.0) > 0.1


@says("What is certain is the ceiling, the highest point of $\\varphi$ over $\\lambda$")
def test_pytorchs_muon_leaves_the_wall_but_not_the_ceiling():
    x = torch.linspace(0, 1, 20001, dtype=torch.float64)
    gain = theory.newton_schulz_gain(x)
    peak = x[gain.argmax()].item()
    # A gradient that never changes, with one singular value where f is highest.
    sizes = [peak, (1 - peak**2) ** 0.5]
    push = problems.with_singular_values(sizes, (2, 3), seed=1)
    settings = {"steps": 200, "lr": 0.1, "weight_decay": DECAY}
    loss = lambda w: (w * push).sum()  # noqa: E731
    path = paths.walk(torch.optim.Muon, loss, 0 * push, **settings)
    largest = torch.linalg.matrix_norm(path, ord=2).max() * DECAY
    assert 1.15 < largest <= gain.max() * 1.01


@says(
    "Decay does not get that factor, so the wall does.",
    "a polar factor of full rank has entries with root mean square",
    "for tall and wide matrices alike: it falls with the number of inputs.",
    "With `match_rms_adamw` it is about $1/(5\\lambda)$ for every shape",
)
@pytest.mark.parametrize("shape", [(3, 24), (24, 3), (12, 12)])
def test_full_matrices_at_the_wall_have_the_size_that_their_shape_predicts(shape):
    goal = problems.with_singular_values([1e3] * min(shape), shape, seed=1)
    loss = lambda w: (w - goal).square().sum() / 2  # noqa: E731
    rms = lambda w: w.square().mean().sqrt().item()  # noqa: E731
    short = {"steps": 150, "lr": 0.1, "weight_decay": DECAY}
    end = lambda **more: rms(  # noqa: E731
        paths.walk(torch.optim.Muon, loss, 0 * goal, **short, **more)[-1]
    )
    one = torch.tensor(min(shape) ** -0.5, dtype=torch.float64)
    gain = theory.newton_schulz_gain(one).item()
    assert end() == pytest.approx(gain / DECAY / shape[1] ** 0.5, rel=0.02)
    assert end(adjust_lr_fn="match_rms_adamw") == pytest.approx(
        gain / 5 / DECAY, rel=0.02
    )
    assert 0.67 < gain < 1.21
    full = directions.polar(normal(*shape))
    assert rms(full) == pytest.approx(max(shape) ** -0.5, rel=1e-9)


@says(
    "With a constant one, signs never stop inside the wall",
)
def test_signs_jitter_inside_the_wall_by_a_multiple_that_the_betas_set():
    minimum = doubles(0.5, 7)
    bowl = lambda w: (w - minimum).square().sum()  # noqa: E731
    settings = {"steps": 1500, "lr": 0.02, "weight_decay": DECAY}
    for betas, least in (((0.9, 0.99), 0.3), ((0.99, 0.9), 3)):
        path = paths.walk(updates.lion, bowl, 0 * minimum, **settings, betas=betas)
        jitter = (path[-500:] - doubles(0.5, 2)).abs().amax(dim=0) / 0.02
        assert jitter[0] > least and jitter[1] < 0.01


@says(
    "**PyTorch's Muon takes matrices alone.**",
)
def test_pytorchs_muon_refuses_vectors_and_kernels_and_takes_embeddings():
    for layer in (torch.nn.LayerNorm(3), torch.nn.Conv2d(2, 3, 3, bias=False)):
        with pytest.raises(ValueError, match="2D"):
            torch.optim.Muon(layer.parameters())
    torch.optim.Muon(torch.nn.Embedding(5, 3).parameters())
    words = " ".join(torch.optim.Muon.__doc__.split())
    assert "bias, and embedding, should be optimized by a standard method" in words


@says("nothing of $\\lambda w$ enters the mean gradient.")
def test_muons_buffer_is_the_same_with_and_without_decay():
    buffers = []
    for decay in (0.0, 5.0):
        w = torch.nn.Parameter(normal(3, 3))
        optimizer = torch.optim.Muon([w], lr=0.1, weight_decay=decay)
        for g in normal(5, 3, 3, seed=2):
            w.grad = g
            optimizer.step()
        buffers.append(optimizer.state[w]["momentum_buffer"])
    assert torch.equal(*buffers)


@says("**A cautious mask takes the wall away**")
def test_a_cautious_weight_crosses_the_wall_by_whole_steps():
    settings = {"steps": 500, "lr": 0.05, "weight_decay": DECAY}
    away = lambda w: -w.sum()  # noqa: E731
    path = paths.walk(updates.adamw_cautious, away, doubles(0.5), **settings)
    assert (path[-1] - 0.5 - 500 * 0.05).abs() < 1e-5


@says("**A cautious mask takes the wall away**")
def test_a_cautious_weight_without_a_step_decays_and_one_pushed_outwards_does_not():
    w, zero = doubles(2, -2, 2), doubles(0, 1, -1)
    end, _ = updates.adamw_cautious(w, zero, None, lr=0.1, weight_decay=DECAY)
    assert end.tolist() == pytest.approx([1.9, -2.1, 2.1], abs=1e-6)
