"""What the chapter on momentum says in general, each on a case chosen to break it."""

import math

import pytest
import torch
from claims import on

from weightdecay import conventions, problems, theory, updates
from weightdecay.paths import gradient, walk

says = on("momentum")
CLAIMS_NOTHING = {
    "The thin line is the penalised minimum for every price.": "says what is drawn",
}
ONE = torch.ones((), dtype=torch.float64)
# Curvature off the axes, and a minimum whose entries differ in sign and size.
HESSIAN = torch.tensor([[1.0, 0.9, 0.2], [0.9, 1.0, 0.1], [0.2, 0.1, 0.4]]).double()
TILTED = problems.Quadratic(torch.tensor([-1.0, 0.2, 9.0]).double(), HESSIAN)
START = torch.tensor([30.0, -4.0, 0.0], dtype=torch.float64)
INSIDE, BESIDE = updates.sgd_momentum_l2, updates.sgdw


def drain(rule, share, mu, steps=600, **settings):
    """Return the path from 1 of a weight without gradient, share = lr weight_decay."""
    settings = {"lr": 0.1, "weight_decay": share / 0.1, "momentum": mu, **settings}
    return walk(rule, lambda w: 0 * w, ONE, steps=steps, **settings)


def rate(path):
    """Return by what a step multiplies the largest weight of the path's last third."""
    third = len(path) // 3
    early, late = (part.abs().max() for part in path[-2 * third :].split(third)[:2])
    return (late / early) ** (1 / third)


def steps_to_stay_below(size, path):
    return int((path.abs() >= size).nonzero().max()) + 1


@says(
    "Beside, what enters is $g$ alone",
    "The learning rate has dropped out.",
    "So {eq}`momentum-rest` holds for PyTorch's form, too.",
    "with or without Nesterov.",
    "A factor $1/(1-\\mu)$ on $\\lambda$ makes the ends equal",
)
@pytest.mark.parametrize("lr", [0.1, 0.25, [0.02, 0.25] * 300])
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("mu", [0.3, 0.9])
def test_the_ends_are_penalised_minima_off_the_axes_at_any_learning_rate(
    mu, nesterov, lr
):
    run = {"steps": 600, "lr": lr, "momentum": mu, "nesterov": nesterov}
    for rule, asked in ((INSIDE, 0.4), (BESIDE, 0.4 / (1 - mu))):
        path = walk(rule, TILTED, START, **run, weight_decay=asked)
        assert (path[-1] - TILTED.penalised_minimum(0.4)).abs().max() < 1e-4
        assert (path[-1] - TILTED.penalised_minimum(0.42)).abs().max() > 1e-2


@says(
    "{eq}`momentum-rest` holds for the $g$ that the optimizer is given.",
    "Where clipping halves the gradient of the loss at rest, both prices double.",
)
@pytest.mark.parametrize("rule, price", [(INSIDE, 1), (BESIDE, 0.1)])
def test_clipped_the_price_of_both_ends_is_larger(rule, price):
    w, state, run = START, None, {"lr": 0.1, "momentum": 0.9}
    for _ in range(500):
        g = gradient(TILTED, w)
        c = min(1, 0.5 / g.norm())
        w, state = rule(w, c * g, state, weight_decay=0.4 / price, **run)
    assert (c * g + 0.4 * w).norm() < 1e-6 and c < 0.5
    assert (w - TILTED.penalised_minimum(0.4 / c)).norm() < 1e-5
    assert (w - TILTED.penalised_minimum(0.4)).norm() > 1


@says("A penalty in the loss is clipped with it and keeps its price.")
def test_clipped_a_penalty_in_the_loss_keeps_its_price():
    w, state, costly = START, None, problems.penalised(TILTED, 0.4)
    for _ in range(1500):
        g = gradient(costly, w)
        g = g * min(1, 0.5 / g.norm())
        w, state = BESIDE(w, g, state, lr=0.1, weight_decay=0, momentum=0.9)
    assert (w - TILTED.penalised_minimum(0.4)).norm() < 1e-5


def keras(loss, start, lrs, mu, decay):
    """Return Keras's weights: its buffer holds steps, with the lr of their time."""
    w, v, at = start, 0 * start, [start]
    for lr in lrs:
        v = mu * v - lr * gradient(loss, w)
        w = (1 - lr * decay) * w + v
        at.append(w)
    return torch.stack(at)


@says(
    "while $\\eta$ falls, the price is below $(1-\\mu)\\lambda$. Over ten times "
    "the steps it still ends at {glue:text}`coasted_long:.3f`. Once $\\eta$ stays "
    "constant above zero, both rest at the same point.",
    "and minimises with the penalty $\\lambda$. timm's SGDW and, at a constant "
    "learning rate, Keras shrink the weights directly: the penalty is "
    "$(1-\\mu)\\lambda$.",
    "when you move from PyTorch's SGD to timm's SGDW or, at a constant learning rate, "
    "Keras,",
    "(SGDW, and Keras at a constant learning rate)",
)
@pytest.mark.parametrize("mu, steps", [(0.9, 300), (0.9, 1200), (0.6, 300)])
def test_kerass_price_is_lower_while_the_learning_rate_falls(mu, steps):
    falling = [0.25 * (1 - k / steps) for k in range(steps)]
    right = TILTED.penalised_minimum(0.4)
    run = {"steps": steps, "momentum": mu, "weight_decay": 0.4 / (1 - mu)}
    assert (walk(BESIDE, TILTED, START, lr=falling, **run)[-1] - right).norm() < 1e-2
    path = keras(TILTED, START, falling + [0.1] * 900, mu, 0.4 / (1 - mu))
    assert TILTED(path[steps]) < TILTED(right) * 0.99
    assert (path[steps] - right).norm() > 3e-2
    assert (path[-1] - right).norm() < 1e-6


@says(
    "At a constant learning rate Keras's SGD, given `weight_decay`, takes this step.",
    "timm's SGDW ends at {glue:text}`scaled_end:.3f`,",
    "([](conventions.md) ran Keras.)",
)
def test_the_rules_that_stand_for_timm_and_keras_are_those_that_were_run():
    ran = {(r["api"], r["schedule"], r["rule"]): r for r in conventions.measured()}
    assert ran["timm.SGDW", "cosine", "sgdw"]["same"]
    assert ran["keras.SGD", "constant", "sgdw"]["same"]
    assert ran["keras.SGD", "cosine", "sgdw_lr_inside"]["same"]
    assert not ran["keras.SGD", "cosine", "sgdw"]["same"]


def sutskever(loss, start, lrs, mu):
    """Return Sutskever's weights, and the points ahead where the gradient is taken."""
    w, v, at, ahead = start, 0 * start, [start], [start]
    for lr in lrs:
        v = mu * v - lr * gradient(loss, w + mu * v)
        w = w + v
        at.append(w)
        ahead.append(w + mu * v)
    return torch.stack(at), torch.stack(ahead)


@says(
    "With constant $\\eta$ and $\\mu$ and no decay beside the buffer the two forms "
    "are the same."
)
def test_pytorchs_nesterov_walks_sutskevers_points_ahead_at_a_constant_lr_only():
    constant, falling = [0.1] * 60, [0.1 * 0.95**k for k in range(60)]
    run = {"start": START, "steps": 60, "momentum": 0.9, "nesterov": True}
    for lrs, same in ((constant, True), (falling, False)):
        theirs = walk(torch.optim.SGD, TILTED, lr=lrs, **run, weight_decay=0.3)
        penalised = problems.penalised(TILTED, 0.3)
        at, ahead = sutskever(penalised, START, lrs, 0.9)
        gap = (ahead - theirs).abs().max()
        assert gap < 1e-12 if same else gap > 0.1
        assert (at - theirs).abs().max() > 1


def test_sutskevers_form_rests_elsewhere_with_decay_beside():
    for lr, end in ((0.1, 0.840), (0.5, 0.645)):
        w = v = 0 * ONE
        for _ in range(900):
            v = 0.9 * v - lr * (w + 0.9 * v - 1)
            w = (1 - lr) * w + v
        run = {"steps": 900, "momentum": 0.9, "weight_decay": 1, "nesterov": True}
        ours = walk(BESIDE, lambda w: (w - 1) ** 2 / 2, 0 * ONE, lr=lr, **run)[-1]
        assert w.item() == pytest.approx(end, abs=1e-3)
        assert ours.item() == pytest.approx(1 / 1.1, abs=1e-9)


@says(
    "Where the gradient is zero from the start, decay is alone.",
    "a step keeps $1-\\eta\\lambda$ of the weight, with momentum or without.",
)
@pytest.mark.parametrize("share", [1e-6, 0.3, 1.7])
@pytest.mark.parametrize("more", [{}, {"nesterov": True}, {"dampening": 0.5}])
def test_beside_an_empty_buffer_a_step_keeps_the_same_share(share, more):
    path = drain(BESIDE, share, 0.99, steps=50, **more)
    assert (path[1:] / path[:-1] - (1 - share)).abs().max() < 1e-12


def test_beside_a_buffer_that_was_filled_before_goes_on_to_push():
    losses = [lambda w: w] + [lambda w: 0 * w] * 9
    run = {"steps": 10, "lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}
    path = walk(BESIDE, losses, 5 * ONE, **run)
    assert (path[2:] / path[1:-1] - 0.99).abs().max() > 0.01


@says(
    "z^2 - (1 + \\mu - \\eta\\lambda)\\, z + \\mu = 0 .",
    "w^{(k)} = \\frac{(z_1-\\mu)\\, z_1^k - (z_2-\\mu)\\, z_2^k}{z_1 - z_2}\\; "
    "w^{(0)} .",
    "z^2 - (1+\\mu)(1-\\eta\\lambda)\\, z + \\mu\\,(1-\\eta\\lambda) = 0 ,",
)
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("share, mu", [(0.003, 0.9), (0.7, 0.9), (0.05, 0.3)])
def test_pytorchs_steps_have_the_printed_roots_and_path(share, mu, nesterov):
    path = drain(torch.optim.SGD, share, mu, 30, nesterov=nesterov)
    kept = 1 - share
    total = (1 + mu) * kept if nesterov else 1 + mu - share
    product = mu * kept if nesterov else mu
    assert (path[2:] - total * path[1:-1] + product * path[:-2]).abs().max() < 1e-14
    root = complex(total**2 - 4 * product) ** 0.5
    z1, z2 = (total + root) / 2, (total - root) / 2
    left = [((z1 - mu) * z1**k - (z2 - mu) * z2**k) / (z1 - z2) for k in range(31)]
    assert max(abs(a - b) for a, b in zip(left, path.tolist(), strict=True)) < 1e-12


@says(
    "For $\\eta\\lambda$ small against $(1-\\mu)^2$ the roots are close to 1 and to "
    "$\\mu$.",
    "Inside, for $\\eta\\lambda$ small against $(1-\\mu)^2$ and once the buffer has "
    "filled, a step keeps about $1-\\eta\\lambda/(1-\\mu)$,",
    "Without gradient, $z_1^k$ in {eq}`momentum-decay` has the factor "
    "$(z_1-\\mu)/(z_1-z_2)$, about $1+\\eta\\lambda\\mu/(1-\\mu)^2$.",
)
@pytest.mark.parametrize("mu", [0.5, 0.9, 0.99])
def test_small_is_small_against_the_square_of_one_minus_mu(mu):
    for part, close in ((0.01, True), (1.0, False)):
        share = part * (1 - mu) ** 2
        path = drain(INSIDE, share, mu, steps=int(12 / (1 - mu)))
        kept = (path[-1] / path[-2]).item()
        assert (abs((1 - kept) * (1 - mu) / share - 1) < 0.03) == close
        gap = (path - drain(BESIDE, share / (1 - mu), mu, len(path) - 1)).abs().max()
        assert (abs(gap / (part * mu) - 1) < 0.1) == close


def height(share, mu):
    return 2 * math.sqrt(mu * share) / math.sqrt(4 * mu - (1 + mu - share) ** 2)


def inside_range(mu, parts=8):
    """Return shares from just beyond the lower limit to just below the upper one."""
    low, high = (1 - mu**0.5) ** 2, (1 + mu**0.5) ** 2
    return [low + (high - low) * (k + 0.37) / parts for k in range(parts)]


@says(
    "So while they are complex, more decay doesn't bring a higher rate.",
    "a swinging weight stays within an envelope:",
    "C = \\frac{2\\sqrt{\\mu\\,\\eta\\lambda}}{\\sqrt{4\\mu - "
    "(1+\\mu-\\eta\\lambda)^2}} .",
    "For $\\eta\\lambda$ between $(1-\\sqrt\\mu)^2$ and $(1+\\sqrt\\mu)^2$ it "
    "swings, and without Nesterov a step multiplies its swings by $\\sqrt\\mu$.",
)
@pytest.mark.parametrize("mu", [0.2, 0.9, 0.98])
def test_beyond_the_limit_every_decay_swings_within_its_envelope_at_one_rate(mu):
    k = torch.arange(401).double()
    for share in inside_range(mu):
        scaled = drain(INSIDE, share, mu, steps=400).abs() / mu ** (k / 2)
        assert scaled.max() <= height(share, mu) * (1 + 1e-9)
        assert scaled[300:].max() > 0.6 * height(share, mu)
        assert rate(scaled) == pytest.approx(1, abs=0.01)
    assert height(share, mu) > 1.5  # an envelope of 1 would have been crossed
    beyond = drain(INSIDE, 1.12 * (1 + mu**0.5) ** 2, mu, steps=90)
    assert rate(beyond) > 1.2 * mu**0.5


@says(
    "The envelope is lowest for $\\eta\\lambda = 1-\\mu$, where $C = 1$, and grows "
    "without bound towards both limits.",
)
@pytest.mark.parametrize("mu", [0.2, 0.9, 0.98])
def test_the_envelope_is_lowest_at_one_minus_mu_and_not_at_the_limit(mu):
    assert height(1 - mu, mu) == pytest.approx(1, abs=1e-12)
    others = [s for s in inside_range(mu, 400) if abs(s / (1 - mu) - 1) > 0.05]
    assert min(height(share, mu) for share in others) > 1 + 1e-5
    for end in ((1 - mu**0.5) ** 2 * (1 + 1e-10), (1 + mu**0.5) ** 2 * (1 - 1e-10)):
        assert height(end, mu) > 1e3


@says(
    "At the lower limit the two roots are equal, and {eq}`momentum-decay` tends to "
    "$(1 + k\\,(1-\\sqrt\\mu))\\, \\mu^{k/2}\\, w^{(0)}$: the same rate, but with a "
    "factor that grows with $k$.",
    "So beyond the limit, not at it:",
)
@pytest.mark.parametrize("mu", [0.5, 0.9])
def test_at_the_limit_a_weight_takes_longer_than_well_beyond_it(mu):
    limit = (1 - mu**0.5) ** 2
    path, k = drain(INSIDE, limit, mu, steps=900), torch.arange(901).double()
    predicted = (1 + k * (1 - mu**0.5)) * mu ** (k / 2)
    assert (path - predicted).abs().max() < 1e-7
    closed = theory.momentum_decay(k, 1, limit, mu)
    assert (closed - predicted).abs().max() < 1e-7
    beyond = [drain(INSIDE, s, mu, 900) for s in (2 * limit, 10 * limit, 1 - mu)]
    for size in (1e-3, 1e-8, 1e-16):
        at = steps_to_stay_below(size, path)
        assert max(steps_to_stay_below(size, p) for p in beyond) < at


@says("beyond which both are negative.")
def test_beyond_the_upper_limit_the_roots_are_negative():
    for mu in (0.2, 0.9):
        edge = (1 + mu**0.5) ** 2
        assert all(z < 0 for z in theory.momentum_roots(1, edge * 1.001, mu))
        assert isinstance(theory.momentum_roots(1, edge * 0.999, mu)[0], complex)


@says(
    "whose size is below $\\sqrt\\mu$ from $\\eta\\lambda = 1-\\sqrt\\mu$ to "
    "$1+\\sqrt\\mu$: there decay beside is the faster one."
)
@pytest.mark.parametrize("mu", [0.5, 0.9])
def test_much_decay_is_faster_beside_little_is_faster_inside(mu):
    for share, beside_wins in ((0.8, False), (1.2, True)):
        paths = [drain(rule, share * (1 - mu**0.5), mu) for rule in (BESIDE, INSIDE)]
        assert (rate(paths[0]) < rate(paths[1])) == beside_wins
    for share, beside_wins in ((0.98, True), (1.02, False)):
        paths = [
            drain(rule, share * (1 + mu**0.5), mu, 90) for rule in (BESIDE, INSIDE)
        ]
        assert (rate(paths[0]) < rate(paths[1])) == beside_wins


@says("so that more decay is faster up to $\\eta\\lambda = 1$.")
@pytest.mark.parametrize("mu", [0.2, 0.9])
def test_with_nesterov_more_decay_is_faster_swinging_or_not(mu):
    limit = ((1 - mu) / (1 + mu)) ** 2
    shares = sorted([0.3 * limit, 0.9 * limit, 1.1 * limit, 0.6, 0.9, 1, 1.2, 1.3])
    sizes = [abs(theory.momentum_roots(1, s, mu, nesterov=True)[0]) for s in shares]
    down, up = sizes[:6], sizes[5:]
    assert down == sorted(down, reverse=True) and len(set(down)) == 6
    assert up == sorted(up) and down[-1] == 0
    path = drain(torch.optim.SGD, 0.5, mu, 90, nesterov=True)
    assert rate(path) == pytest.approx((mu * 0.5) ** 0.5, rel=0.1)


@says(
    "its decay alone does not swing. At $\\mu =$ {glue:text}`higher_mu:.2f`, where the "
    "limit is {glue:text}`higher_limit:.1e`, it does."
)
def test_the_recipe_does_not_swing_at_its_momentum_but_would_at_a_larger_one():
    recipe = {"lr": 0.1, "weight_decay": 5e-4, "steps": 700}
    flat = lambda w: 0 * w  # noqa: E731
    for mu, swings in ((0.9, False), (0.98, False), (0.99, True)):
        path = walk(torch.optim.SGD, flat, ONE, momentum=mu, **recipe)
        assert (path.min() < 0) == swings


@says(
    "{eq}`momentum-two-back` holds inside for the distance to the end, with "
    "$h+\\lambda$ in place of $\\lambda$."
)
def test_along_eigenvectors_the_distance_decays_with_the_curvature_added():
    h, basis = torch.linalg.eigh(HESSIAN)
    run = {"steps": 90, "lr": 0.2, "momentum": 0.8, "weight_decay": 0.3}
    path = walk(torch.optim.SGD, TILTED, START, **run)
    away = (path - TILTED.penalised_minimum(0.3)) @ basis
    for i, curvature in enumerate(h.tolist()):
        left = theory.momentum_decay(torch.arange(91), 0.2, curvature + 0.3, 0.8)
        assert (away[:, i] - left * away[0, i]).abs().max() < 1e-11


@says(
    "No other $\\lambda$ mends this, since decay beside takes the same share",
    "The paths come apart in the first $1/(1-\\mu)$ steps or so,",
)
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("loss", [TILTED, lambda w: 0 * w.sum()])
def test_no_decay_beside_makes_the_path_of_decay_inside(loss, nesterov):
    run = {"steps": 60, "lr": 0.05, "momentum": 0.9, "nesterov": nesterov}
    inside = walk(INSIDE, loss, START, **run, weight_decay=0.1)
    gaps = []
    for factor in torch.linspace(0, 15, 31).tolist():
        path = walk(BESIDE, loss, START, **run, weight_decay=0.1 * factor)
        gaps.append((path - inside).norm(dim=1).max() / START.norm())
    assert min(gaps) > 0.01


EDGES = {
    "inside": (INSIDE, False, lambda h, d, mu: 2 * (1 + mu) / (h + d)),
    "beside": (BESIDE, False, lambda h, d, mu: 2 * (1 + mu) / (h + (1 + mu) * d)),
    "Nesterov": (INSIDE, True, lambda h, d, mu: 2 * (1 + mu) / (1 + 2 * mu) / (h + d)),
    "Nesterov beside": (
        BESIDE,
        True,
        lambda h, d, mu: 2 * (1 + mu) / ((1 + 2 * mu) * h + (1 + mu) * d),
    ),
}


@says(
    "decay inside comes to rest for $\\eta(h+\\lambda) < 2(1+\\mu)$, decay beside for "
    "$\\eta\\,(h+(1+\\mu)\\lambda) < 2(1+\\mu)$. Beyond, both run away.",
    "On a curvature $h$, without noise and without Nesterov,",
    "With Nesterov $h$ counts $1+2\\mu$ times, and inside $\\lambda$ does, too.",
)
@pytest.mark.parametrize("case", EDGES)
@pytest.mark.parametrize("h, decay", [(0.1, 3.0), (5.0, 0.2), (1.0, 1.0)])
@pytest.mark.parametrize("mu", [0.1, 0.6, 0.95])
def test_the_learning_rates_that_come_to_rest(mu, h, decay, case):
    rule, nesterov, edge = EDGES[case]
    look = {"momentum": mu, "nesterov": nesterov, "weight_decay": decay}
    loss = lambda w: h / 2 * (w - 1) ** 2  # noqa: E731
    for part, rests in ((0.96, True), (1.04, False)):
        lr = part * edge(h, decay, mu)
        path = walk(rule, loss, -2 * ONE, steps=500, lr=lr, **look)
        last = path[-20:].diff().abs().max()
        assert last < 1e-2 if rests else last > 1e2


@says(
    "So a run that rests in PyTorch may run away in SGDW with the translated "
    "$\\lambda$."
)
def test_the_translated_decay_can_be_too_large_for_the_learning_rate():
    loss = lambda w: (w - 1) ** 2 / 2  # noqa: E731
    run = {"steps": 300, "lr": 0.25, "momentum": 0.9}
    inside = walk(torch.optim.SGD, loss, 0 * ONE, **run, weight_decay=1)[-1]
    assert inside.item() == pytest.approx(0.5, abs=1e-5)
    assert walk(BESIDE, loss, 0 * ONE, **run, weight_decay=10)[-1].abs() > 1e9


@says(
    "The same path without dampening needs the learning rate $(1-\\delta)\\eta$ "
    "and, for decay beside, $\\lambda/(1-\\delta)$.",
)
@pytest.mark.parametrize("rule, scale", [(INSIDE, 1), (BESIDE, 0.3)])
def test_dampening_is_a_smaller_learning_rate_once_the_first_gradient_is_forgotten(
    rule, scale
):
    run = {"steps": 900, "momentum": 0.9}
    damped = walk(rule, TILTED, START, lr=0.2, weight_decay=0.3, dampening=0.7, **run)
    free = walk(rule, TILTED, START, lr=0.06, weight_decay=0.3 / scale, **run)
    assert (damped[-1] - free[-1]).abs().max() < 1e-8
    assert (damped[1] - free[1]).abs().max() > 1
    assert (damped - free).abs().max(dim=1).values[1:30].min() > 1e-3


@says(
    "The first gradient alone enters undampened, a push that fades as the distance "
    "from the end does."
)
@pytest.mark.parametrize("rule, scale, price", [(INSIDE, 1, 1), (BESIDE, 0.4, 0.25)])
def test_the_first_undampened_gradient_fades_as_the_path_does(rule, scale, price):
    shallow, run = lambda w: 0.05 * (w - 1) ** 2, {"steps": 200, "momentum": 0.9}
    damped = {"lr": 0.02, "weight_decay": 0.05, "dampening": 0.6, **run}
    free = {"lr": 0.008, "weight_decay": 0.05 / scale, **run}
    paths = [walk(rule, shallow, 0 * ONE, **look) for look in (damped, free)]
    gap = (paths[0] - paths[1]).abs()
    away = (paths[1] - 0.1 / (0.1 + 0.05 * price)).abs()
    assert gap[24] > 5 * gap[1] and gap[100] > 100 * 0.9**100 * gap[1]
    assert gap[200] / gap[150] == pytest.approx(
        (away[200] / away[150]).item(), rel=0.05
    )
