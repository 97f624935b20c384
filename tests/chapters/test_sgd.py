"""What the chapter on SGD says in general, each on a case chosen to break it."""

import pytest
import torch
from claims import on
from torch.nn.utils import clip_grad_norm_

from weightdecay import problems, updates
from weightdecay.paths import gradient, walk

says = on("sgd")
CLAIMS_NOTHING = {
    "In the other the loss is left alone": "nothing is added to it",
}
SGD = torch.optim.SGD
ZEROS = torch.zeros(5, dtype=torch.float64)


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def tilted(seed, largest=1.9):
    """Return a loss of five weights, its curvatures and their directions, no axes."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(5, 6, generator=generator, dtype=torch.float64)
    basis = torch.linalg.qr(noise[:, :5])[0]
    h = torch.logspace(-1, 0, 5, dtype=torch.float64) * largest
    return problems.Quadratic(noise[:, 5], (basis * h) @ basis.T), h, basis


def skewed(steps, size):
    """Return minibatches whose measurements are cubed: a few are enormous."""
    tumours = problems.breast_cancer()
    cubed = problems.Logistic(tumours.x**3, tumours.y)
    return cubed.minibatches(size, steps, seed=3)


def three_ways(loss, start, decay, change=None, steps=60, method=SGD, **settings):
    """Return where argument, penalty and factor end, ``change`` before each step."""
    ends = []
    for argued, charged, cut in ((decay, 0, 0), (0, decay, 0), (0, 0, decay)):
        w = start.clone().requires_grad_()
        optimizer = method([w], weight_decay=argued, **{"lr": 0.1, **settings})
        for _ in range(steps):
            optimizer.zero_grad()
            problems.penalised(loss, charged)(w).backward()
            w.grad = change(w.grad) if change else w.grad
            with torch.no_grad():
                w *= 1 - optimizer.defaults["lr"] * cut
            optimizer.step()
        ends.append(w.detach())
    return ends


@says("The penalty's gradient is $\\lambda w$, whatever the examples.")
@pytest.mark.parametrize("size", [1, 7, 569])
def test_the_gradient_of_the_penalty_is_the_same_for_every_batch(size):
    w = torch.linspace(-40, 3, 30, dtype=torch.float64)
    for batch in skewed(5, size):
        added = gradient(problems.penalised(batch, 0.3), w) - gradient(batch, w)
        assert (added - 0.3 * w).abs().max() < 1e-9 * gradient(batch, w).norm() + 1e-13


@says(
    "Where the gradient is zero nothing else happens:",
    "At a constant learning rate the weight always loses the same share.",
)
@pytest.mark.parametrize("decay", [1e-6, 0.1, 9.0])
def test_without_gradient_a_step_takes_one_share_of_large_small_and_negative(decay):
    start = tensor(-3.0, 1e-200, 1e50)
    path = walk(SGD, lambda w: 0 * w.sum(), start, steps=20, lr=0.1, weight_decay=decay)
    assert (path[1:] / path[:-1] - (1 - 0.1 * decay)).abs().max() < 1e-12
    assert (path[-1] / start / (1 - 0.1 * decay) ** 20 - 1).abs().max() < 1e-12
    lrs = [0.1, 0.05]
    path = walk(SGD, lambda w: 0 * w.sum(), start, steps=2, lr=lrs, weight_decay=decay)
    first, second = 1 - path[1:] / path[:-1]
    assert (first / second - 2).abs().max() < 1e-6


@says("Taken at the shrunk weight it would be another rule.")
def test_the_gradient_at_the_shrunk_weight_makes_another_path_and_end():
    loss, w = tilted(seed=0)[0], ZEROS + 3
    run = {"steps": 400, "lr": 0.5, "weight_decay": 0.4}
    for _ in range(400):
        w = 0.8 * w
        w = w - 0.5 * gradient(loss, w)
    old = walk(updates.sgd_decoupled, loss, ZEROS + 3, **run)[-1]
    assert (old - loss.penalised_minimum(0.4)).norm() < 1e-9
    assert (w - old).norm() > 0.1


@says(
    "A step that is too small for a number's digits is lost. So in `bfloat16` a weight "
    "without gradient may not decay at all."
)
def test_a_short_number_keeps_all_where_a_share_is_too_small_for_it():
    share = {"steps": 100, "lr": 0.1, "weight_decay": 0.01}
    flat = lambda w: 0 * w  # noqa: E731
    for dtype, kept in ((torch.bfloat16, 1.0), (torch.float32, 0.999**100)):
        end = walk(SGD, flat, torch.ones((), dtype=dtype), **share)[-1].item()
        assert end == pytest.approx(kept, abs=1e-4)


@says(
    "as long as $\\eta\\,(2+\\lambda) < 2$, the sooner the nearer this is to 1. "
    "Beyond 2 SGD runs away.",
    "it stops, and for these four the sooner.",
)
def test_more_decay_is_sooner_only_up_to_a_stiffness_of_one():
    left = {}
    for decay in (0, 4, 8, 13, 17.9, 18.1):
        settings = {"steps": 40, "lr": 0.1, "weight_decay": decay}
        path = walk(SGD, lambda w: (w - 1) ** 2, tensor(-5.0)[0], **settings)
        left[decay] = ((path[-1] - 2 / (2 + decay)) / (-5 - 2 / (2 + decay))).abs()
    assert left[8] < left[4] < left[0] and left[8] < left[13] < left[17.9] < 1
    assert left[18.1] > 1


@says(
    "On both losses decay adds $\\lambda$ to the **curvature**, the second "
    "derivative. At these learning rates SGD arrives sooner, even between 0 and 1, "
    "where the loss $(w-1)^2$ pulls the weight up and the penalty pulls it back.",
)
@pytest.mark.parametrize("minimum", [0.0, 1.0])
def test_decay_is_quicker_by_one_factor_whichever_way_the_loss_pulls(minimum):
    loss = lambda w: (w - minimum) ** 2  # noqa: E731
    for lr, quicker in ((0.1, True), (0.9, False)):
        rates = []
        for decay in (0, 0.1):
            path = walk(SGD, loss, tensor(0.5)[0], steps=9, lr=lr, weight_decay=decay)
            away = path - 2 * minimum / (2 + decay)
            rates.append((away[1:] / away[:-1]).abs())
        assert (rates[1] < rates[0] - 1e-3).all() == quicker
    for w in (-0.5, 0.5, 1.5):
        same = gradient(loss, tensor(w)[0]) * 0.1 * w > 0
        assert same == (minimum == 0 or not 0 < w < 1)


@says(
    "So decay leaves the fraction $h/(h+\\lambda)$ of the value that the loss alone "
    "would choose:",
    "The same holds for each of two weights whose losses are added.",
    "the thin line is that point for every $\\lambda$.",
)
@pytest.mark.parametrize("decay", [1e-3, 0.7, 300.0])
def test_each_weight_with_a_loss_of_its_own_keeps_its_fraction(decay):
    h, minimum = tensor(0.5, 40.0), tensor(-3.0, 1e4)
    loss = problems.Quadratic(minimum, h.diag())
    run = {"steps": 1500, "lr": 1.5 / (40 + decay), "weight_decay": decay}
    kept = walk(SGD, loss, tensor(7.0, -9.0), **run)[-1] / minimum
    assert (kept - h / (h + decay)).abs().max() < 1e-10
    point = loss.penalised_minimum(decay) / minimum
    assert (point - h / (h + decay)).abs().max() < 1e-12


@says(
    "On a quadratic loss {eq}`shrinkage` holds along the **eigenvectors** of the "
    "Hessian",
    "On a quadratic loss, along an eigenvector of the Hessian with curvature $h$, "
    "decay leaves $h/(h+\\lambda)$ of the minimum",
)
@pytest.mark.parametrize("seed", range(3))
def test_the_fraction_is_left_along_eigenvectors_and_not_of_each_weight(seed):
    loss, h, basis = tilted(seed)
    end = walk(SGD, loss, ZEROS, steps=400, lr=0.5, weight_decay=0.4)[-1]
    along = basis.T @ end / (basis.T @ loss.minimum)
    assert (along - h / (h + 0.4)).abs().max() < 1e-9
    own = loss.hessian.diag()
    assert (end / loss.minimum - own / (own + 0.4)).abs().max() > 0.02
    quartic = lambda w: ((w - 1) ** 4).sum()  # noqa: E731
    end = walk(SGD, quartic, ZEROS[:1], steps=900, lr=0.1, weight_decay=0.5)[-1]
    assert end > 0.5  # with h = 0 at the minimum the fraction would be 0


@says("decay can make a weight larger")
def test_decay_makes_a_weight_larger_and_the_weights_together_smaller():
    for seed in range(20):
        loss = tilted(seed)[0]
        end = loss.penalised_minimum(0.1)
        assert end.norm() < loss.minimum.norm()
    grown = [
        (tilted(s)[0].penalised_minimum(0.1) / tilted(s)[0].minimum).max() > 1.1
        for s in range(20)
    ]
    assert any(grown)


@says(
    "Steps on the whole loss get there for every learning rate with "
    "$\\eta\\,(h+\\lambda)<2$ for the largest $h$; minibatches can need a smaller one."
)
@pytest.mark.parametrize("edge", [0.1, 1.0, 1.97, 2.03])
def test_the_largest_curvature_says_which_learning_rates_arrive(edge):
    loss, h, _ = tilted(seed=1)
    run = {"steps": 1000, "lr": edge / (h.max() + 0.4).item(), "weight_decay": 0.4}
    off = (walk(SGD, loss, ZEROS, **run)[-1] - loss.penalised_minimum(0.4)).abs().max()
    assert off < 1e-9 if edge < 2 else off > 1e3


def test_minibatches_run_away_at_a_learning_rate_that_the_whole_loss_allows():
    batches = [(lambda w, h=h: h / 2 * (w - 1) ** 2) for h in ([0.0] * 9 + [10.0]) * 40]
    whole = lambda w: (w - 1) ** 2 / 2  # noqa: E731
    for lr, away in ((0.5, True), (0.1, False)):
        run = {"start": ZEROS[0], "steps": 400, "lr": lr, "weight_decay": 0.01}
        assert (walk(SGD, whole, **run)[-1] - 1 / 1.01).abs() < 1e-9
        assert (walk(SGD, batches, **run).abs().max() > 1e9) == away


@says(
    "## Three ways to write it, one rule",
    "and nothing was assumed of the minibatch.",
)
@pytest.mark.parametrize("decay", [1e-4, 0.5, 30.0])
@pytest.mark.parametrize("size", [1, 64])
def test_three_ways_are_one_on_skewed_batches_with_a_schedule(size, decay):
    batches = skewed(50, size)
    lrs = [0.05 * 0.9 ** (k % 7) for k in range(50)]
    start = torch.linspace(-9, 4, 30, dtype=torch.float64)
    run = {"start": start, "steps": 50, "lr": lrs}
    argument = walk(SGD, batches, **run, weight_decay=decay)
    costly = [problems.penalised(b, decay) for b in batches]
    for other in (
        walk(SGD, costly, **run, weight_decay=0),
        walk(updates.sgd_decoupled, batches, **run, weight_decay=decay),
    ):
        assert ((other - argument).abs().amax() / argument.abs().max()) < 1e-13


def clip(g):
    clipped = torch.zeros_like(g)
    clipped.grad = g.clone()
    clip_grad_norm_([clipped], max_norm=1)
    return clipped.grad


def hold_the_first(g):
    return torch.cat([torch.zeros_like(g[:1]), g[1:]])


@says(
    "nothing changes the gradient on its way from there to `step`",
    "Other changes of the gradient separate the ways too: a loss scaled up against "
    "underflow and not scaled back, or entries of `grad` set to zero.",
    "and nothing, such as clipping, changes the gradient after it.",
)
@pytest.mark.parametrize("change", [clip, lambda g: 3 * g, hold_the_first, torch.sign])
def test_what_changes_the_gradient_parts_the_penalty_from_the_other_two(change):
    loss = lambda w: ((w - 4) ** 2).sum()  # noqa: E731
    start = tensor(1.0, -2.0, 30.0)
    argument, penalty, factor = three_ways(loss, start, 0.5)
    assert max((argument - p).abs().max() for p in (penalty, factor)) < 1e-12
    argument, penalty, factor = three_ways(loss, start, 0.5, change)
    assert (argument - penalty).abs().max() > 0.2
    assert (argument - factor).abs().max() < 1e-12


def frozen(way):
    w = torch.ones((), requires_grad=False)
    optimizer = SGD([w], lr=0.1, weight_decay=0.5 if way == "argument" else 0)
    free = torch.ones((), requires_grad=True)
    (free * w + (0.25 * w**2 if way == "penalty" else 0)).backward()
    with torch.no_grad():
        w *= 1 - 0.1 * 0.5 if way == "factor" else 1
    optimizer.step()
    return w.item()


def two_backwards(way):
    w = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    optimizer = SGD([w], lr=0.1, weight_decay=0.5 if way == "argument" else 0)
    for _ in range(2):
        (0.75 * w + (0.25 * w**2 if way == "penalty" else 0)).backward()
    with torch.no_grad():
        w *= 1 - 0.1 * 0.5 if way == "factor" else 1
    optimizer.step()
    return w.item()


@says(
    "as long as every weight is trained and takes part in the loss, each step has one "
    "`backward`, and nothing changes the gradient",
    "are the same step, as long as every weight is trained and takes part in the loss, "
    "each step has one `backward`,",
)
@pytest.mark.parametrize(
    "broken, ends",
    [(frozen, (1.0, 1.0, 0.95)), (two_backwards, (1.75, 1.65, 1.75))],
)
def test_a_weight_held_still_or_a_second_backward_parts_the_ways(broken, ends):
    measured = [broken(way) for way in ("argument", "penalty", "factor")]
    assert measured == pytest.approx(ends, abs=1e-7)


@says("here, where each step uses the whole loss, clipping only slows it down.")
@pytest.mark.parametrize("max_norm", [0.1, 1.0])
def test_clipping_the_whole_loss_keeps_the_end_of_the_penalty(max_norm):
    loss = problems.penalised(tilted(seed=0)[0], 0.4)
    w, sooner = ZEROS + 1, walk(SGD, loss, ZEROS + 1, steps=400, lr=0.4)
    lengths = []
    for _ in range(400):
        g = gradient(loss, w)
        w = w - 0.4 * g * (max_norm / g.norm()).clamp(max=1)
        lengths.append((w - sooner[-1]).norm())
    assert lengths[-1] < 1e-9
    assert lengths[2] > 1.1 * (sooner[3] - sooner[-1]).norm()


@says("So for $\\eta\\lambda \\le 1$ the norm ends no higher than `max_norm` over")
def test_the_cap_on_the_norm_needs_a_share_of_at_most_one():
    steep = lambda w: 50 * ((w - 0.1) ** 2).sum()  # noqa: E731
    norms = {}
    for share in (0.5, 1.0, 1.1, 1.8):
        end = three_ways(steep, ZEROS[:1], 0.5, clip, steps=301, lr=share / 0.5)[0]
        norms[share] = end.norm()
    assert max(norms[0.5], norms[1.0]) <= 1 / 0.5 + 1e-9
    assert norms[1.1] > 2.4 and norms[1.8] > 17


@says(
    "With the argument and with the factor each weight ends at "
    "{glue:text}`clip_argument:.2f`.",
    "the norm ends no higher than `max_norm` over $\\lambda$, "
    "{glue:text}`longest:.0f`, whatever the loss asks for.",
)
@pytest.mark.parametrize("far", [tensor(40.0, -9.0, 1.0), tensor(0.1, 900.0, 3.0)])
def test_clipped_the_argument_keeps_the_norm_small_for_any_loss(far):
    loss = lambda w: (tensor(9.0, 1.0, 0.1) * (w - far) ** 2).sum()  # noqa: E731
    argument, penalty, _ = three_ways(loss, 0 * far, 0.5, clip, steps=300, lr=0.05)
    assert argument.norm() <= 1 / 0.5 + 1e-9 < penalty.norm()


@says(
    "PyTorch adds $\\lambda w$ to the gradient before momentum sums it or `Adam` "
    "rescales it. So the argument and the penalty stay one rule, but multiplying the "
    "weights is another:",
)
@pytest.mark.parametrize("also", [{"nesterov": True}, {"dampening": 0.7}])
def test_with_momentum_the_argument_and_the_penalty_stay_one_rule(also):
    loss = tilted(seed=2)[0]
    settings = {"steps": 80, "lr": 0.02, "momentum": 0.9, **also}
    argument, penalty, factor = three_ways(loss, ZEROS + 3, 0.5, **settings)
    assert (argument - penalty).abs().max() < 1e-12
    assert (argument - factor).abs().max() > 0.05


@says(
    "The derivation used that nothing is done to the gradient but to multiply it by",
    "before momentum sums it or `Adam` rescales it. So the argument and the penalty "
    "stay one rule, but multiplying the weights is another:",
)
@pytest.mark.parametrize("name", ["Adam", "RMSprop", "Adagrad", "Adadelta"])
def test_what_rescales_the_gradient_itself_parts_the_factor_from_the_other_two(name):
    method = getattr(torch.optim, name)
    argument, penalty, factor = three_ways(
        tilted(seed=2)[0], ZEROS + 3, 0.5, steps=200, method=method
    )
    assert (argument - penalty).abs().max() < 1e-12
    assert (argument - factor).abs().max() > 0.05


@says(
    "It is another definition of $\\lambda$.",
    "a formula without it needs twice the value.",
)
def test_without_the_half_twice_the_value_makes_one_path_on_any_loss():
    loss = tilted(seed=3)[0]
    run = {"start": ZEROS - 4, "steps": 90, "lr": 0.3}
    bare = walk(SGD, lambda w: loss(w) + 0.2 * w @ w, **run)
    assert (bare - walk(SGD, loss, **run, weight_decay=0.4)).abs().max() < 1e-13
    assert (bare - walk(SGD, loss, **run, weight_decay=0.2)).abs().max() > 0.1


@says(
    "For a sum the same path takes $\\lambda$ times the number of examples in a "
    "step, and $\\eta$ divided by it.",
    "a penalty in each loss counts every time, the argument once.",
)
def test_a_sum_of_m_batches_takes_the_penalty_m_times_and_the_argument_once():
    batches, w = skewed(4, 16), torch.full((30,), 0.5, dtype=torch.float64)
    steps = []
    for argued, charged in ((0.3, 0), (4 * 0.3, 0), (0, 0.3)):
        v = w.clone().requires_grad_()
        for batch in batches:
            problems.penalised(batch, charged)(v).backward()
        SGD([v], lr=0.1, weight_decay=argued).step()
        steps.append(v.detach())
    once, four_times, charged = steps
    assert (charged - four_times).abs().max() < 1e-12 * charged.abs().max()
    assert (charged - once).abs().max() > 0.01
    mean = lambda v: sum(b(v) for b in batches) / 4  # noqa: E731
    of_mean = walk(SGD, mean, w, steps=1, lr=4 * 0.1, weight_decay=0.3 / 4)[-1]
    assert (of_mean - once).abs().max() < 1e-12 * once.abs().max()


@says(
    "each step keeps only a part, just below one, of every weight that it moves.",
    "SGD decays each parameter that has a gradient, biases too, even if that gradient "
    "is a zero that `zero_grad(set_to_none=False)` has left.",
    "A parameter whose `grad` is `None`, such as one that the loss has never "
    "contained, is left alone;",
)
@pytest.mark.parametrize("set_to_none", [True, False])
def test_a_parameter_that_left_the_loss_decays_if_its_gradient_is_kept_as_zero(
    set_to_none,
):
    once, always = (torch.ones((), requires_grad=True) for _ in range(2))
    optimizer = SGD([once, always], lr=0.1, weight_decay=0.5)
    (once * 0 + always).backward()
    optimizer.step()
    assert once.item() == pytest.approx(0.95)
    optimizer.zero_grad(set_to_none=set_to_none)
    (always * 1).backward()
    optimizer.step()
    assert once.item() == pytest.approx(0.95 if set_to_none else 0.95**2)


@says(
    "With a gradient the three ways differ there: the argument adds $\\lambda w$ "
    "to it first"
)
def test_in_short_numbers_only_the_factor_is_lost_beside_a_gradient():
    ends = {}
    for dtype in (torch.bfloat16, torch.float32):
        batches = problems.breast_cancer(dtype).minibatches(32, 200, seed=5)
        run = {"start": torch.zeros(30, dtype=dtype), "steps": 200, "lr": 0.1}
        charged = [problems.penalised(b, 0.01) for b in batches]
        ends[dtype] = [
            walk(rule, losses, **run, weight_decay=decay)[-1].double().norm().item()
            for rule, losses, decay in (
                (SGD, batches, 0.01),
                (SGD, charged, 0),
                (updates.sgd_decoupled, batches, 0.01),
                (updates.sgd_decoupled, batches, 0),
            )
        ]
    argument, penalty, factor, none = ends[torch.bfloat16]
    assert argument == pytest.approx(penalty, abs=0.01)
    assert factor == none and factor - argument > 0.05
    argument, penalty, factor, none = ends[torch.float32]
    assert factor == pytest.approx(argument, abs=1e-3) and none - factor > 0.05
