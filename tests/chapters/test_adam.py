"""The general sentences of the Adam chapter, each on a case chosen to break it."""

import claims
import pytest
import torch

from weightdecay import paths, problems, theory, updates
from weightdecay.directions import adam_direction

says = claims.on("adam")
Adam, AdamW = torch.optim.Adam, torch.optim.AdamW


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def flat(w):
    return 0 * w.sum()


def fall(optimizer, decay, **settings):
    """Walk two weights, one of them negative, that have no gradient of the loss."""
    run = {"steps": 200, "lr": 0.001, "weight_decay": decay, **settings}
    return paths.walk(optimizer, flat, numbers(1.0, -0.7), **run)


ADAMS = pytest.mark.parametrize(
    "settings",
    [{}, {"betas": (0.9, 0.95)}, {"betas": (0.0, 0.5)}, {"amsgrad": True}],
    ids=str,
)


@ADAMS
@says(
    "Without a gradient Adam takes about $\\eta$ per step at most, whatever $\\lambda$."
)
def test_a_hundredfold_decay_moves_a_weight_without_gradient_by_nothing_more(settings):
    gentle, strong = (fall(Adam, value, **settings) for value in (0.01, 1.0))
    assert (gentle - strong).abs().max() < 1e-5 * (1 - gentle[-1, 0])
    assert 1 - gentle[-1, 0] > 0.1
    assert (fall(AdamW, 0.01) - fall(AdamW, 1.0)).abs().max() > 0.1


@says(
    "the same whatever $\\lambda$ where $g$ is zero,",
    "the weight loses $\\eta$ per step, *a fixed amount and no share*, whichever "
    "$\\lambda$, as long as $\\lambda |w|$ is far above $\\varepsilon$.",
)
def test_the_fixed_amount_ends_where_the_penalty_comes_down_to_eps():
    lost = {
        value: 1 - fall(Adam, value, betas=(0.9, 0.9))[-1, 0] for value in (1e-5, 1e3)
    }
    assert all(abs(x - 0.2) < 2e-3 for x in lost.values())
    assert 1 - fall(Adam, 1e-9, betas=(0.9, 0.9))[-1, 0] < 0.1


@ADAMS
@says(
    "so that $u$ is nothing but the sign of $g + \\lambda w$.",
    "Only where decay and gradient pull apart can $\\lambda$ turn the sign:",
)
def test_the_first_step_is_a_sign_also_where_decay_and_gradient_pull_apart(settings):
    generator = torch.Generator().manual_seed(0)
    w, g = torch.randn(2, 500, generator=generator, dtype=torch.float64)
    g = g**5  # from tiny to large
    for decay in (0, 0.3, 30):
        run = {"steps": 1, "lr": 0.1, "weight_decay": decay, "eps": 0, **settings}
        end = paths.walk(Adam, lambda x: (g * x).sum(), w, **run)[-1]
        assert (end - (w - 0.1 * (g + decay * w).sign())).abs().max() < 1e-12
        turned = (g + decay * w).sign() != g.sign()
        assert not (turned & (g * w > 0)).any()
        assert turned.any() == (decay > 0)


TUMOURS = problems.breast_cancer()
BATCHES = TUMOURS.minibatches(8, steps=60, seed=3)
RUN = {"steps": 60, "lr": 0.03, "weight_decay": 0.4, "eps": 0}


def moved_by(factors, **settings):
    """Return how far AdamW's weights move when step k's loss is multiplied."""
    start = torch.zeros(30, dtype=torch.float64)
    scaled = [
        lambda w, b=b, c=c: c * b(w) for b, c in zip(BATCHES, factors, strict=True)
    ]
    both = (paths.walk(AdamW, x, start, **RUN, **settings) for x in (BATCHES, scaled))
    a, b = both
    return (a - b).abs().max()


@ADAMS
@says(
    "For AdamW a factor that is the same at every step leaves $u(g)$ as it is, and "
    "$\\lambda$ never meets the gradient.",
    "The factor must be one and the same.",
    "its path does not change when the loss is multiplied by one factor.",
)
def test_adamw_sees_no_factor_unless_it_changes_from_step_to_step(settings):
    for factor in (1e-9, 3.0, 1e9):
        assert moved_by([factor] * 60, **settings) < 1e-9
    assert moved_by([1, 2] * 30, **settings) > 1e-3
    assert moved_by([1.1**k for k in range(60)], **settings) > 1e-3


@says("Clipping that catches some gradients and not others notices their size:")
def test_clipping_that_catches_all_gradients_or_none_hides_a_factor():
    def end(factor, most):
        w, state = torch.zeros(30, dtype=torch.float64), None
        for b in BATCHES:
            g = factor * paths.gradient(b, w)
            g = g * min(1, most / g.norm().item())
            run = {"lr": 0.03, "weight_decay": 0.4, "eps": 0}
            w, state = updates.adamw(w, g, state, **run)
        return w

    moved = [(end(1, x) - end(8, x)).abs().max() for x in (1e-6, 0.5, 1e6)]
    assert max(moved[0], moved[2]) < 1e-9 and moved[1] > 0.05


@says("$\\hat m$ scatters about the mean, and $u$ is on average,")
def test_only_the_mean_of_the_direction_is_near_the_fraction_of_means():
    generator = torch.Generator().manual_seed(5)
    coins = 2.0 * torch.randint(0, 2, (4000, 300), generator=generator) - 1
    state, seen = None, []
    for g in coins.double() + 0.1:
        u, state = adam_direction(g, state)
        seen.append(u)
    u = torch.stack(seen[2000:])
    assert abs(u.mean() - 0.1 / 1.01**0.5) < 5e-3 and u.std() > 0.2


@says("but for $\\varepsilon$ its path does not change")
def test_with_eps_a_factor_that_makes_gradients_tiny_does_change_the_path():
    start = torch.zeros(30, dtype=torch.float64)
    tiny = [lambda w, b=b: 1e-9 * b(w) for b in BATCHES]
    run = {**RUN, "eps": 1e-8}
    a, b = (paths.walk(AdamW, x, start, **run) for x in (BATCHES, tiny))
    assert (a - b).abs().max() > 0.1


@ADAMS
@says(
    "The other way takes the share $\\eta\\lambda$ off the weight in the same step, "
    "past Adam.",
    "`AdamW` takes $\\eta\\lambda$ whatever the gradient",
)
def test_adamw_takes_its_share_under_heavy_rare_and_vanishing_gradients(settings):
    generator = torch.Generator().manual_seed(1)
    w, state = numbers(1.0, -2.0, 3.0), None
    for _ in range(100):
        g = torch.randn(3, generator=generator, dtype=torch.float64) ** 9
        g *= torch.rand(3, generator=generator) < 0.3
        u, state = adam_direction(g, state, **settings)
        w = 0.98 * w - 0.1 * u
    generator.manual_seed(1)
    losses = []
    for _ in range(100):
        g = torch.randn(3, generator=generator, dtype=torch.float64) ** 9
        g *= torch.rand(3, generator=generator) < 0.3
        losses.append(lambda x, g=g: (g * x).sum())
    run = {"steps": 100, "lr": 0.1, "weight_decay": 0.2, **settings}
    path = paths.walk(AdamW, losses, numbers(1.0, -2.0, 3.0), **run)
    assert (path[-1] - w).abs().max() < 1e-12


def test_a_zero_gradient_decays_and_a_missing_one_does_not():
    for g, left in ((numbers(0.0), 0.9), (None, 1.0)):
        weight = torch.nn.Parameter(numbers(1.0))
        weight.grad = g
        AdamW([weight], lr=0.1, weight_decay=1.0).step()
        assert weight.item() == pytest.approx(left, abs=1e-15)


def coin_flips(sigma, seed, shape=(2000, 400)):
    """Return draws of +sigma and -sigma, one for each step and run."""
    generator = torch.Generator().manual_seed(seed)
    return sigma * (2.0 * torch.randint(0, 2, shape, generator=generator) - 1).double()


@says("**A weight that shakes.** {eq}`adam-average` holds $w$ still.")
@pytest.mark.parametrize(
    "lr, h, decay, sigma",
    [(0.01, 0.5, 0.5, 1), (0.01, 2, 0.1, 1), (0.01, 0, 0.5, 1), (0.04, 0.5, 1, 4)],
)
def test_what_the_share_leaves_out_is_smaller_than_the_share(lr, h, decay, sigma):
    noise = coin_flips(sigma, seed=1)
    losses = [lambda w, n=n: (h / 2 * (w - 1) ** 2 + n * w).sum() for n in noise]
    start = torch.full((400,), h / (h + decay)).double()
    run = {"steps": 2000, "lr": lr, "weight_decay": decay}
    w = paths.walk(Adam, losses, start, **run)[1000:-1]
    g = h * (w - 1) + noise[1000:]
    more = (g + decay * w).square().mean() - (
        g.square().mean() + 2 * decay * g.mean() * w.mean() + (decay * w.mean()) ** 2
    )
    part, share = more / (g + decay * w).square().mean(), lr * decay / sigma
    # Adam is SGD with the learning rate lr / sigma here, whose variance is known.
    foretold = share * (2 * h + decay) / (2 * (h + decay))
    assert part == pytest.approx(foretold, rel=0.12)
    assert 0.4 * share < part < share


@says(
    "By {eq}`adam-share` the two take one share if",
    "That needs gradients that are mostly noise, a $v$ that remembers many of "
    "them, and one size for all weights that share a $\\lambda$.",
)
def test_over_rms_of_the_gradients_adams_decay_is_adamws_on_three_conditions():
    def apart(sigma, rms, decay=0.1, **settings):
        noise = coin_flips(1.0, 2, (800, 300, 2)) * sigma
        losses = [lambda w, n=n: (n * w).sum() for n in noise]
        run = {"steps": 800, "lr": 0.002, **settings}
        start = torch.ones(300, 2, dtype=torch.float64)
        ends = [
            paths.walk(rule, losses, start, weight_decay=asked, **run)[-1].mean(0)
            for rule, asked in ((updates.adam_l2, decay), (updates.adamw, decay / rms))
        ]
        return (ends[0] - ends[1]).abs().max()

    uneven = numbers(0.5, 4.0)
    assert apart(uneven, uneven) < 0.01
    # No one size, no noise to speak of, and a short memory of rare gradients.
    assert apart(uneven, uneven.square().mean().sqrt()) > 0.1
    assert apart(uneven / 100, uneven / 100) > 0.1
    for beta2, close in ((0.999, True), (0.9, False)):
        generator = torch.Generator().manual_seed(4)
        first = torch.randint(0, 100, (300, 2), generator=generator)
        k = torch.arange(4000)[:, None, None]
        spikes = 10.0 * ((k + first) % 100 == 0) * coin_flips(1.0, 5, (4000, 300, 2))
        losses = [lambda w, n=n: (n * w).sum() for n in spikes]
        lrs = [0.0] * 3500 + [0.001] * 500
        run = {"steps": 4000, "lr": lrs, "weight_decay": 0.1, "betas": (0.9, beta2)}
        start = torch.ones(300, 2, dtype=torch.float64)
        rules = (updates.adam_l2, updates.adamw)
        ends = [paths.walk(rule, losses, start, **run)[-1].mean() for rule in rules]
        taken = 1 - ends[0], 1 - ends[1]
        assert (abs(taken[0] / taken[1] - 1) < 0.2) == close


H = numbers(1.0, 0.4, 0.4, 0.5).reshape(2, 2)
BOWL = problems.Quadratic(numbers(2.0, -1.0), H)


@says(
    "The place where Adam with an L2 penalty *would* end is that of {eq}`shrinkage` in "
    "[](sgd.md), whatever the gradient's size, as long as its noise is symmetric,"
)
def test_adam_with_l2_ends_at_ridge_also_where_weights_are_coupled():
    generator = torch.Generator().manual_seed(2)
    # Heavy tails, and one weight ten times as noisy as the other.
    draws = torch.randn(3000, 60, 2, generator=generator, dtype=torch.float64)
    noise = numbers(0.2, 2.0) * draws * draws.abs()
    noise = torch.cat([noise, -noise], dim=1)

    def gradient(w, n):
        return (w - BOWL.minimum) @ H + n

    w, state, seen = torch.zeros(120, 2, dtype=torch.float64), None, []
    for n in noise:
        settings = {"lr": 0.02, "weight_decay": 0.5, "betas": (0.9, 0.995)}
        w, state = updates.adam_l2(w, gradient(w, n), state, **settings)
        seen.append(w.mean(0))
    mean = torch.stack(seen[1500:]).mean(0)
    assert (mean - BOWL.penalised_minimum(0.5)).abs().max() < 0.03
    assert (BOWL.minimum - BOWL.penalised_minimum(0.5)).abs().max() > 0.5


@says("as long as its noise is symmetric, each size as often up as down.")
@pytest.mark.parametrize(
    "values, chances",
    [
        ((9.9, -0.1), (0.01, 0.99)),
        # Half of the draws are up and half down, but not those of one size.
        ((-1.84, 0.17, 16.87), (0.5, 0.45, 0.05)),
    ],
)
def test_noise_with_mean_zero_that_is_not_symmetric_moves_adam_off_the_ridge(
    values, chances
):
    values, chances = numbers(*values), numbers(*chances)
    assert abs(values @ chances) < 1e-12
    pushed = theory.adam_mean_direction(values, chances, (0.9, 0.9))
    mirrored = torch.cat([values, -values]), torch.cat([chances, chances]) / 2
    assert abs(theory.adam_mean_direction(*mirrored, (0.9, 0.9))) < 1e-12
    assert pushed < -0.05


def share(p, size, beta2, pull=1e-4):
    """Return what a penalty takes from a weight over what the average predicts."""
    values = numbers(pull - size, pull, pull + size)
    chances = numbers(p / 2, 1 - p, p / 2)
    taken = theory.adam_mean_direction(values, chances, (0.9, beta2)) / pull
    return taken * (p * size**2 + pull**2) ** 0.5


@pytest.mark.parametrize("size", [0.1, 30.0])
@pytest.mark.parametrize("p", [0.002, 0.02, 0.2])
@says(
    "So the memory of $1/(1-\\beta_2)$ steps must hold many gradients.",
    "as long as $v$'s memory holds many gradients; if not, more.",
)
def test_the_number_of_gradients_in_the_memory_decides(p, size):
    many, few = (share(p, size, 1 - p / held) for held in (20, 0.25))
    assert abs(many - 1) < 0.02 and few > 2


@says("until its first gradient a weight loses $\\eta$ per step.")
@pytest.mark.parametrize("decay", [0.001, 1.0])
def test_before_its_first_gradient_a_weight_loses_lr_per_step(decay):
    run = {"steps": 100, "lr": 1e-4, "weight_decay": decay}
    end = paths.walk(Adam, flat, numbers(1.0, -1.0), **run)[-1]
    assert (end.abs() - 0.99).abs().max() < 3e-4


@says(
    "With `amsgrad=True` $\\hat v$ is made from the largest $v$ so far; that never "
    "falls."
)
def test_the_largest_v_never_falls_under_gradients_that_vanish():
    state, highest = None, [numbers(0.0)]
    for k in range(100):
        _, state = adam_direction(numbers(0.5**k), state, amsgrad=True)
        highest.append(state[3])
        assert state[3] >= highest[-2]
    assert state[2] < highest[-1]  # as v itself does


@says(
    "each step takes $\\eta/w^{(0)}$ of the weight, a share again, but still "
    "without $\\lambda$."
)
def test_the_share_that_amsgrad_takes_is_of_lr_over_the_start_and_has_no_decay_in_it():
    ends = [fall(Adam, x, betas=(0.9, 0.9), amsgrad=True)[-1] for x in (0.01, 10)]
    assert (ends[0] - ends[1]).abs().max() < 1e-5
    for start, left in zip(
        (1.0, 0.7), (ends[0] / numbers(1.0, -0.7)).tolist(), strict=True
    ):
        assert left == pytest.approx((1 - 0.001 / start) ** 200, abs=0.02)
    assert abs((1 - 0.001 / 0.7) ** 200 - 0.999**200) > 0.05


@says(
    "is SGD with the learning rate $\\eta/\\varepsilon$, momentum $\\beta_1$ and "
    "as much `dampening`. The penalty then acts like decay, up to the late start "
    "of [](momentum.md).",
    "Without `dampening` SGD adds up where Adam averages",
)
def test_under_a_large_eps_adam_is_sgd_with_momentum_and_its_penalty_decay():
    generator = torch.Generator().manual_seed(4)
    noise = torch.randn(400, 3, generator=generator, dtype=torch.float64)
    losses = [lambda w, n=n: ((w - 1) ** 2).sum() / 2 + n @ w for n in noise]
    run = {"steps": 400, "weight_decay": 0.5}
    start = torch.zeros(3, dtype=torch.float64)
    adam = paths.walk(Adam, losses, start, lr=1e4, eps=1e6, **run)
    sgd = {"lr": 0.01, "momentum": 0.9, "dampening": 0.9}
    plain = paths.walk(torch.optim.SGD, losses, start, **sgd, **run)
    # The first gradient fills SGD's buffer whole; this is forgotten.
    assert (adam - plain)[300:].abs().max() < 1e-2
    undamped = paths.walk(torch.optim.SGD, losses, start, lr=0.01, momentum=0.9, **run)
    assert (adam - undamped)[300:].abs().max() > 0.1
    bare = paths.walk(Adam, losses, start, lr=1e4, eps=1e6, steps=400)
    assert (adam - bare)[300:].abs().max() > 0.2
