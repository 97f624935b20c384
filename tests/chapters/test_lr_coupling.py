"""Attacks on what the chapter says of lr and weight_decay: other tasks, other noise."""

import math

import pytest
import torch
from claims import on

from weightdecay import paths, problems, theory, updates
from weightdecay.sweep import best, movement, sweep

says = on("lr_coupling")

CLAIMS_NOTHING = {
    "For AdamW in noisy linear regression,": "a limit",
    "With the steps alone doubled": "one case, computed beside it",
}

LINEAR = [1 - k / 200 for k in range(200)]
COSINE = [(1 + math.cos(math.pi * k / 200)) / 2 for k in range(200)]
WARMED = [min(1, k / 50) * (1 - k / 200) for k in range(1, 201)]


def task(m=24, n=100, d=20, noise=4.0, tail=None, seed=3):
    """Make regressions, with noise of heavy tails or skewed if asked for."""
    data, start = problems.regressions(m, n, d, noise, seed)
    if tail is not None:
        generator = torch.Generator().manual_seed(seed + 1)
        clean = torch.einsum("md,mnd->mn", data.truth, data.x)
        draws = torch.rand(m, n, generator=generator, dtype=torch.float64)
        data = problems.Regressions(data.x, clean + noise * tail(draws), data.truth)
    return data, start


def skewed(draws):
    """Rare and one-sided: 3 in one draw of ten, else -1/3; mean 0, variance 1."""
    return torch.where(draws < 0.1, 3.0, -1 / 3)


def heavy(draws):
    """Laplace noise of variance 1."""
    centred = draws - 0.5
    return -centred.sign() * torch.log1p(-2 * centred.abs()) / 2**0.5


def doubling(data, start, moved, schedule=LINEAR, batch_size=4, **more):
    """Return movement, best total decay and what a doubled lr multiplies it by."""
    steps = len(schedule)
    batches = data.minibatches(batch_size, steps, seed=5)
    rate = moved * data.y[0].std() / batch_size**0.5 / sum(schedule)
    lr = rate * torch.tensor([1.0, 2.0], dtype=torch.float64)
    sums = lr * sum(schedule)
    around = torch.logspace(-2.6, 1.8, 29, dtype=torch.float64)
    look = {"lr": lr[:, None], "schedule": schedule, **more}
    ends = sweep(
        updates.adamw, batches, start, weight_decay=around / sums[:, None], **look
    )
    total = best(around, data.risk(ends).mean(-1))
    went = movement(batches, start, lr=lr, schedule=schedule)
    return went[0].item(), total[0].item(), (total[1] / total[0] / 2).item()


SHORT = {
    "as on the page": ({}, {}),
    "many examples": ({"n": 1500}, {}),
    "few weights, little noise": ({"d": 6, "noise": 1.5, "n": 30}, {}),
    "large batches": ({}, {"batch_size": 25}),
    "cosine": ({}, {"schedule": COSINE}),
    "warm-up": ({}, {"schedule": WARMED}),
    "other betas": ({}, {"betas": (0.5, 0.95)}),
    "heavy tails": ({"tail": heavy}, {}),
    "skewed targets": ({"tail": skewed}, {}),
}


@says(
    "If the movement is well below one, keep $\\lambda S$",
    "Neither always frees the *best* value.",
)
@pytest.mark.parametrize(("made", "ran"), SHORT.values(), ids=SHORT)
def test_a_run_that_hardly_moves_wants_half_the_decay_at_twice_the_lr(made, ran):
    moved, total, factor = doubling(*task(**made), moved=0.05, **ran)
    assert moved < 0.1
    assert abs(factor - 0.5) < 0.05  # keeping the decay would be 1
    assert 0.4 < total < 0.8  # of order one


LONG = {
    "as on the page": ({}, {}),
    "few weights": ({"d": 6, "n": 40}, {}),
    "few examples": ({"n": 40}, {}),
    "other betas": ({}, {"betas": (0.5, 0.95)}),
    "cosine": ({}, {"schedule": COSINE}),
    "heavy tails": ({"tail": heavy}, {}),
    "skewed targets": ({"tail": skewed}, {}),
}


@says(
    "If it is about six or more, keep $\\lambda$.",
    "Neither always frees the *best* value.",
)
@pytest.mark.parametrize(("made", "ran"), LONG.values(), ids=LONG)
def test_a_run_that_moves_all_the_way_keeps_its_decay(made, ran):
    moved, _, factor = doubling(*task(**made), moved=8.0, **ran)
    assert moved > 6
    assert abs(factor - 1) < 0.3  # halving it would be 0.5


@says(
    "twice the `lr` or the steps needs half the $\\lambda$, and a linear fall to "
    "zero, which halves $S$, twice the $\\lambda$."
)
@pytest.mark.parametrize(("moved", "wanted"), [(0.05, 0.5), (8.0, 1.0)])
def test_twice_the_steps_count_like_twice_the_lr(moved, wanted):
    data, start = task()
    lr = moved * data.y[0].std() / 2 / sum(LINEAR)
    wants = []
    for steps in (200, 400):
        falling = [1 - k / steps for k in range(steps)]
        total = torch.logspace(-2.6, 1.8, 29, dtype=torch.float64)
        decays = total / lr / sum(falling)
        batches = data.minibatches(4, steps, seed=5)
        look = {"lr": lr, "schedule": falling, "weight_decay": decays}
        ends = sweep(updates.adamw, batches, start, **look)
        wants.append(best(decays, data.risk(ends).mean(-1)).item())
    assert abs(wants[1] / wants[0] / wanted - 1) < 0.2


@says("These are independent, so the mean square per weight is")
@pytest.mark.parametrize(("kept", "taken"), [(0.5, 0.0), (0.3, 0.9), (0.05, 0.4)])
def test_the_errors_of_start_and_fit_add_up(kept, taken):
    # Fits of real data, whose inputs are as random as the noise.
    m, n, s = 4000, 60, 2.0
    data, start = problems.regressions(m, n, 4, s, 5)
    square = data.x.mT @ data.x
    fit = torch.linalg.solve(square, data.x.mT @ data.y[..., None])[..., 0]
    off = kept * start + taken * fit - data.truth
    # With few examples the curvatures differ, and the mean of 1/h is larger than 1.
    spread = n / (n - 4 - 1)
    foretold = (1 - kept - taken) ** 2 + kept**2 + taken**2 * s**2 / n * spread
    assert off.square().mean().item() == pytest.approx(foretold, rel=0.05)


@says(
    "The total decay alone misleads",
    "$\\lambda S$ alone does not tell a short run from a long one.",
    "The one with *less* total decay",
)
def test_of_two_runs_the_one_with_less_total_decay_can_be_the_long_one():
    # The rule that one or less means a short run would have both of them halve.
    long, many, keeps = doubling(*task(n=400), moved=4.5)
    short, few, halves = doubling(*task(n=40), moved=0.3)
    assert many < 0.4 < few < 1
    assert keeps > 0.85 and halves < 0.55
    assert long > 5 > 1 > short


@says(
    "So the form changes no run.",
    "multiplies the best $\\lambda'$ by twice that factor.",
)
@pytest.mark.parametrize("schedule", [LINEAR, COSINE, WARMED])
def test_the_two_forms_take_one_path_under_any_schedule(schedule):
    data, start = task(m=2)
    batches = data.minibatches(4, 200, seed=1)
    lrs = [0.3 * s for s in schedule]
    more = {"steps": 200, "lr": lrs, "betas": (0.5, 0.97), "amsgrad": True, "eps": 1e-3}
    one = paths.walk(updates.adamw, batches, start, weight_decay=0.7, **more)
    peak = {"max_lr": 0.3, "weight_decay": 0.3 * 0.7}
    other = paths.walk(updates.adamw_paper, batches, start, **peak, **more)
    unlike = paths.walk(
        updates.adamw_paper, batches, start, **{**peak, "weight_decay": 0.7}, **more
    )
    assert (one - other).abs().max() < 1e-12
    assert (one - unlike).abs().max() > 0.1


@says("$\\lambda$, $h$ and $\\sigma$ occur only in the two numbers")
@pytest.mark.parametrize("schedule", [LINEAR, COSINE, WARMED])
@pytest.mark.parametrize(("h", "sigma"), [(0.3, 5.0), (4.0, 0.5)])
def test_runs_with_the_same_two_numbers_end_alike(schedule, h, sigma):
    # Small steps of the flow's equation, written out.
    moved, decayed = (
        torch.tensor([0.4, 2.0]).double(),
        torch.tensor([1.5, 0.2]).double(),
    )
    total = moved * sigma / h
    w, fit = torch.full((2,), -1.0).double(), 3.0
    fine = [x for x in schedule for _ in range(20)]
    for s in fine:
        rate = total * s / sum(fine)
        w = w - rate * (h / sigma * (w - fit) + decayed / total * w)
    kept, taken = theory.flow_parts(moved, decayed)
    assert (w - (kept * -1.0 + taken * fit)).abs().max() < 2e-3
    assert (w + 1).abs().min() > 0.5  # it went somewhere


@says("the best total decay depends on the start alone:")
def test_a_short_run_wants_one_decay_for_few_and_for_many_examples():
    wanted = [doubling(*task(m=40, n=n), moved=0.05)[1] for n in (25, 2000)]
    assert abs(wanted[0] / wanted[1] - 1) < 0.12
    # Where the run is long they are as far apart as the numbers of examples.
    noise = torch.tensor([16 / 25, 16 / 2000]).double()
    totals = torch.logspace(-4, 3, 4000, dtype=torch.float64)
    risk = theory.flow_risk(torch.tensor(30.0), totals, noise[:, None])
    least = totals[risk.argmin(-1)]
    assert abs(least[0] / least[1] / 80 - 1) < 0.02


@says("and $S$ drops out")
def test_in_a_long_run_the_best_decay_is_the_noise_of_the_fit_times_h_over_sigma():
    totals = torch.logspace(-3, 3, 20_000, dtype=torch.float64)
    for moved in (12.0, 40.0):
        for noise in (0.01, 0.3, 2.0):
            for start_noise in (0.1, 1.0, 30.0):
                risk = theory.flow_risk(torch.tensor(moved), totals, noise, start_noise)
                assert abs(totals[risk.argmin()] / moved / noise - 1) < 0.02


@says("the mean gradient falls like $e^{-\\rho}$, and that needs none.")
@pytest.mark.parametrize("made", [{"n": 400}, {"d": 6}, {"n": 400, "tail": skewed}])
def test_without_decay_the_gradient_falls_by_the_movement_until_noise_hides_it(made):
    data, start = task(**made)
    batches = data.minibatches(4, 200, seed=5)
    lr = torch.tensor([[0.005], [0.2]], dtype=torch.float64)
    run = {"lr": lr, "schedule": LINEAR}
    moved = movement(batches, start, **run)[:, 0]
    plain = sweep(updates.adamw, batches, start, weight_decay=0.0, **run)[:, 0]
    size = lambda w: paths.gradient(data, w).norm(dim=-1)  # noqa: E731
    fallen = (size(start) / size(plain)).log().mean(-1)
    assert abs(fallen[0] / moved[0] - 1) < 0.25 and moved[0] > 0.1
    assert fallen[1] < moved[1] / 2


@says("A gradient that is stuck shows only that the steep directions are done.")
def test_a_gradient_that_fell_and_is_stuck_does_not_show_a_long_run():
    # Fewer examples than weights: the fit is reached, and half of the weights unseen.
    data, start = task(n=10, noise=1.0)
    batches = data.minibatches(4, 200, seed=5)
    run = {"lr": torch.tensor([[0.03], [0.06]]).double(), "schedule": LINEAR}
    plain = sweep(updates.adamw, batches, start, weight_decay=0.0, **run)[:, 0]
    size = lambda w: paths.gradient(data, w).norm(dim=-1)  # noqa: E731
    assert ((size(start) / size(plain)).log().mean(-1) > 2).all()
    _, _, factor = doubling(data, start, moved=6.0)
    assert abs(factor - 0.5) < 0.1


@says("the start is about as far off as the weights are large")
@pytest.mark.parametrize(("off", "holds"), [(0.5, True), (2.0, True), (0.02, False)])
def test_the_short_law_needs_a_start_that_is_off(off, holds):
    data, start = task(n=40, m=40)
    start = data.truth + off**0.5 * (start - data.truth)
    _, _, factor = doubling(data, start, moved=0.3)
    assert (factor < 0.56) if holds else (factor > 0.65)


@says("What follows is for runs in which noise makes up most of a minibatch's gradient")
def test_with_clean_targets_the_cliff_lasts_longer():
    moved, _, factor = doubling(*task(m=16, n=400, noise=1.0), moved=2.5)
    assert moved > 3.5 and factor < 0.3  # the flow has 0.8 and more from 3 on


@says(
    "Between the two a doubled `lr` can want far less than half of $\\lambda$, or more"
)
def test_between_the_laws_neither_holds():
    _, _, falls = doubling(*task(n=400), moved=1.2)
    _, _, rises = doubling(*task(n=40, m=40), moved=3.0)
    assert falls < 0.38 and rises > 1.2


@says("decay leaves $e^{-\\lambda S}$ of its start.")
@pytest.mark.parametrize("more", [{}, {"betas": (0.0, 0.9)}, {"eps": 0.1}])
def test_decay_alone_acts_on_what_no_example_shows(more):
    data, start = task(n=8, noise=1.0)
    batches = data.minibatches(4, 200, seed=5)
    total = torch.tensor([0.2, 1.0], dtype=torch.float64)
    look = {"lr": 0.05, "schedule": LINEAR, **more}
    decays = total / 0.05 / sum(LINEAR)
    ends = sweep(updates.adamw, batches, start, weight_decay=decays, **look)
    vh = torch.linalg.svd(data.x).Vh
    parts = {"unseen": vh[:, 8:], "seen": vh[:, :8]}
    off = {}
    for name, basis in parts.items():
        before, after = ((basis @ w[..., None])[..., 0] for w in (start, ends))
        left = torch.exp(-total)[:, None, None] * before
        off[name] = ((after - left).norm(dim=-1) / before.norm(dim=-1)).mean()
    assert off["unseen"] < 0.25 < 0.5 < off["seen"]
