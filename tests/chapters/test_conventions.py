"""Each general sentence of the chapter, on a case chosen to break it."""

import math

import claims
import pytest
import torch
from sklearn.linear_model import Ridge

from weightdecay import conventions, paths, probe, problems, updates
from weightdecay.conventions import CONVENTIONS, Convention, evidence
from weightdecay.conversion import approximate, convert
from weightdecay.directions import adam_direction

says = claims.on("conventions")

# Curvature from 0.02 to 4, off the axes; weights of both signs.
TURN = torch.linalg.qr(problems.with_singular_values([1.0, 2, 3, 4], (4, 4), 3))[0]
CURVED = TURN @ torch.diag(torch.tensor([0.02, 0.3, 1.0, 4.0]).double()) @ TURN.T
LOSS = problems.Quadratic(torch.tensor([3.0, -2.0, 0.0, 1.0]).double(), CURVED)
START = torch.tensor([-1.0, 2.0, 0.5, -4.0]).double()
N = 569
# From 0, far above 1, back to 0, by hand in between.
ROUGH = [0.0, 0.1, 0.7, 1.0, 3.0, 2.5, 0.0, 0.0, 1.0, 0.013, 1.0, 4.0, 1e-6] * 4
ADAM = {"betas": (0.3, 0.99), "eps": 1e-4}


def run(rule, loss=LOSS, start=START, steps=52, **settings):
    return paths.walk(rule, loss, start, steps=steps, **settings)


def apart(one, other):
    return (one - other).abs().max().item()


def summed(w):
    return N * LOSS(w)


def refuses(*call, **how):
    with pytest.raises(ValueError, match=r".") as refusal:
        convert(*call, **how)
    return str(refusal.value)


def closest(reference, other, guess):
    """Return how near any number brings another rule's path, and that number."""
    best, centre = math.inf, guess
    for width in (2.0, 0.3, 0.05):
        tried = [centre * 10**x for x in torch.linspace(-width, width, 13).tolist()]
        found = [(apart(reference, other(x)), x) for x in tried]
        best, centre = min(found)
    return best, centre


@says(
    "A factor in front moves no minimum. So $\\lambda$ next to a sum is worth "
    "$\\lambda/n$ next to the mean. And as the gradient is $n$ times as large, SGD "
    "takes the same steps with $\\eta/n$."
)
@pytest.mark.parametrize("more", [{}, {"momentum": 0.9, "nesterov": True}])
def test_a_sum_takes_the_steps_of_the_mean_with_lr_and_decay_over_n(more):
    lrs, sgd = [0.2 * s for s in ROUGH[:9]], torch.optim.SGD
    decay = convert(7.0, "sum loss, penalty with half", "torch.SGD", n=N)
    inside = problems.penalised(summed, 7.0)
    mean = run(sgd, steps=9, lr=lrs, weight_decay=decay, **more)
    of_sum = run(sgd, inside, steps=9, lr=[lr / N for lr in lrs], **more)
    assert decay == 7.0 / N
    assert apart(mean, of_sum) < 1e-12
    assert apart(mean, run(sgd, steps=9, lr=lrs, weight_decay=7.0, **more)) > 1


@says(
    "So AdamW keeps its $\\lambda$ next to a sum, and its learning rate too: Adam "
    "divides the factor $n$ out of the gradient again, if $\\varepsilon$ is $n$ times "
    "as large."
)
@pytest.mark.parametrize("amsgrad", [False, True])
def test_adamw_beside_a_sum_keeps_lr_and_decay_but_not_eps(amsgrad):
    how = {"lr": 0.05, "betas": ADAM["betas"], "amsgrad": amsgrad}
    adamw = torch.optim.AdamW
    mean = run(adamw, **how, weight_decay=0.4, eps=1e-2)
    by_sum = run(adamw, summed, **how, weight_decay=0.4, eps=N * 1e-2)
    assert apart(mean, by_sum) < 1e-12
    over_n = run(adamw, summed, **how, weight_decay=0.4 / N, eps=N * 1e-2)
    assert apart(mean, over_n) > 0.1
    same_eps = run(adamw, summed, **how, weight_decay=0.4, eps=1e-2)
    assert apart(mean, same_eps) > 1e-4


@says(
    "So two APIs of plain SGD that get the same gradient of the loss agree at every "
    "step, from any start, if and only if their shares do",
    "For plain SGD the two places are one.",
    "For plain SGD the first form is the second with $\\alpha=1$ and $\\alpha_0=0$.",
)
@pytest.mark.parametrize("decay", [0.3, 9.0, 21.0])
def test_plain_sgd_agrees_if_its_shares_do_even_beyond_one(decay):
    how = {"steps": 12, "lr": 0.1}  # a share of 2.1 turns the weight round and grows it
    inside = run(torch.optim.SGD, problems.penalised(LOSS, decay), **how)
    beside = run(updates.sgdw, **how, weight_decay=decay, momentum=0.0)
    assert apart(inside, beside) < 1e-13 * inside.abs().max()


@says("agree at every step, from any start, if and only if their shares do")
def test_one_other_share_shows_unless_the_start_hides_it():
    flat, origin = (lambda w: 0 * w.sum()), torch.zeros_like(START)
    decays = [0.3 * s for s in (1.0, 1.0, 1.0, 0.999)]

    def changed(loss, start):
        w = start
        for decay in decays:
            w = run(updates.sgd_l2, loss, w, steps=1, lr=0.1, weight_decay=decay)[-1]
        return w

    for loss, start, same in ((LOSS, START, False), (flat, origin, True)):
        kept = run(updates.sgd_l2, loss, start, steps=4, lr=0.1, weight_decay=0.3)[-1]
        assert (apart(kept, changed(loss, start)) < 1e-9) == same


PAIRS = [
    (updates.adam_l2, updates.adamw, {}),
    (updates.nadam_l2, updates.nadamw, {}),
    (updates.radam_l2, updates.radamw, {}),
    (updates.sgd_momentum_l2, updates.sgdw, {"momentum": 0.9}),
    (updates.sgd_momentum_l2, updates.sgdw, {"momentum": 0.2, "nesterov": True}),
    (updates.adam_l2, updates.adamw, {"betas": (0.0, 0.0), "eps": 0.0}),
    (updates.adam_l2, updates.adamw, {"betas": (0.9, 0.9), "eps": 1e3}),
]


@says(
    "For any other optimizer both sides have to decay at the same place as well",
    "Where the ratio changes, or the places differ and it is not plain SGD, no number "
    "makes them agree at every step",
)
@pytest.mark.parametrize(("through", "beside", "how"), PAIRS)
def test_on_two_paths_no_number_agrees(through, beside, how):
    # With eps of 1e3 Adam is nearly SGD with momentum and lr / eps.
    how = how | {"steps": 20, "lr": 30.0 if how.get("eps") else 0.05}
    decay = 0.3
    reference = run(through, **how, weight_decay=decay)
    other = lambda x: run(beside, **how, weight_decay=x)  # noqa: E731
    guess = decay / how.get("eps", 1) if how.get("eps") else decay
    gap, _ = closest(reference, other, guess)
    assert gap > 1e-3


@says(
    "Twice the regularizer's number takes the same steps in PyTorch's SGD and "
    "`Adam`. In AdamW no number does, as [](adam.md) shows."
)
def test_a_penalty_converts_to_keras_sgd_without_momentum_only():
    penalty = 0.1, "keras.regularizers.L2"
    assert convert(*penalty, "keras.SGD", momentum=0) == 0.2
    how = {"steps": 12, "lr": 0.1}
    inside = run(torch.optim.SGD, lambda w: LOSS(w) + 0.1 * w.square().sum(), **how)
    assert apart(inside, run(updates.sgd_decoupled, **how, weight_decay=0.2)) < 1e-13
    assert "buffer" in refuses(*penalty, "keras.SGD", momentum=0.5)
    assert "weight by weight" in refuses(*penalty, "keras.Adam")


@says(
    "So once the number is converted they are one rule under any schedule, be it a "
    "warm-up from 0 or a restart above $\\eta_0$",
    "Given the same gradient of the loss, two APIs agree when they step alike, decay "
    "at the same place, and the ratio of their shares stays constant.",
)
def test_torch_and_the_paper_are_one_rule_on_a_rough_schedule():
    lr, decay = 0.02, 3.0
    lrs = [lr * s for s in ROUGH]
    number = convert(decay, "torch.AdamW", "paper.AdamW", lr=lr, multipliers=ROUGH)
    torchs = run(torch.optim.AdamW, lr=lrs, weight_decay=decay, **ADAM)
    settings = {"lr": lrs, "weight_decay": number, **ADAM}
    assert apart(torchs, run(updates.adamw_paper, **settings, max_lr=lr)) < 1e-12
    # Whose largest lr is not the one that was passed has another number.
    peak = lr * max(ROUGH)
    assert apart(torchs, run(updates.adamw_paper, **settings, max_lr=peak)) > 0.1
    number = convert(decay, "torch.AdamW", "paper.AdamW", lr=peak)
    settings["weight_decay"] = number
    assert apart(torchs, run(updates.adamw_paper, **settings, max_lr=peak)) < 1e-12


@says(
    "No schedule changes Composer's number in PyTorch either, as long as both have the "
    "same $\\eta_0$.",
    "where PyTorch's `OneCycleLR` writes the low learning rate that it starts from",
)
def test_composer_with_one_cycle_decays_by_another_base():
    w = torch.ones(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.AdamW([w], lr=1e-3, weight_decay=0.01)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=50)
    shares = {"composer": [], "torch": []}
    w.grad = torch.zeros_like(w)
    for _ in range(50):
        group, before = optimizer.param_groups[0], w.item()
        optimizer.step()
        shares["torch"].append(1 - w.item() / before)
        # decoupled_weight_decay.py: lr / initial_lr times weight_decay.
        shares["composer"].append(1e-5 * group["lr"] / group["initial_lr"])
        cycle.step() if len(shares["torch"]) < 50 else None
    ratios = torch.tensor(shares["composer"]) / torch.tensor(shares["torch"])
    torch.testing.assert_close(ratios, torch.full((50,), 25.0), rtol=1e-4, atol=0)


@says(
    "With momentum it is the number that ends at the same place, if the learning rate "
    "is constant; the way there differs, and dampening changes the number."
)
@pytest.mark.parametrize(
    "more", [{}, {"nesterov": True}, {"dampening": 0.5}, {"dampening": -2.0}]
)
def test_with_momentum_the_ends_agree_and_the_way_does_not(more):
    mu, decay, lr = 0.8, 0.1, 0.05
    damped = {"dampening": more.get("dampening", 0.0)}
    given = {"lr": lr, "multipliers": [1], "momentum": mu, **damped}
    end = approximate(decay, "torch.SGD", "timm.SGDW", **given).weight_decay
    assert end == pytest.approx(decay * (1 - damped["dampening"]) / (1 - mu))
    back = approximate(end, "timm.SGDW", "torch.SGD", **given)
    assert back.weight_decay == pytest.approx(decay)
    how = {"lr": lr, "momentum": mu, "steps": 1500, **more}
    inside = run(torch.optim.SGD, weight_decay=decay, **how)
    beside = run(updates.sgdw, weight_decay=end, **how)
    assert apart(inside[-1], beside[-1]) < 1e-9 < 0.05 < apart(inside, beside)
    same = run(updates.sgdw, weight_decay=decay, **how)
    assert apart(inside[-1], same[-1]) > 0.1
    gap, _ = closest(
        inside[:30],
        lambda x: run(updates.sgdw, weight_decay=x, **how | {"steps": 29}),
        end,
    )
    assert gap > 1e-2


@says(
    "Where only the schedule is in the way, both leave the same in the end. The "
    "second column is how far they get from each other before, if nothing but "
    "decay moves a weight of 1."
)
@pytest.mark.parametrize("decay", [1e-3, 3.0])
def test_under_a_rough_schedule_the_number_leaves_the_same_in_the_end(decay):
    lr, flat = 0.05, (lambda w: 0 * w.sum())
    given = {"lr": lr, "multipliers": ROUGH}
    how = {"loss": flat, "start": torch.ones(1).double(), "lr": [lr * s for s in ROUGH]}
    torchs = run(torch.optim.AdamW, weight_decay=decay, **how)

    def addons(w, g, state, *, lr, weight_decay):
        return (1 - weight_decay) * w, state

    for target, rule, more in (
        ("tensorflow_addons.AdamW", addons, {}),
        ("timm.AdamWLegacy, corrected", updates.adamw_corrected, {"max_lr": lr}),
    ):
        start = approximate(decay, "torch.AdamW", target, **given)
        other = run(rule, weight_decay=start.weight_decay, **how, **more)
        assert apart(torchs[-1], other[-1]) < 1e-12 < 1e-5 < apart(torchs, other)
        assert apart(torchs, other) == pytest.approx(start.apart, rel=1e-6)


@says(
    "Between Adam's penalty and AdamW's decay no number follows from $\\lambda$ "
    "alone, as Adam divides by the size of each weight's gradients."
)
def test_adam_s_penalty_takes_another_share_of_each_weight():
    given = {"lr": 0.1, "multipliers": [1]}
    with pytest.raises(ValueError, match="not even nearly"):
        approximate(0.1, "torch.Adam", "torch.AdamW", **given)
    # Two weights of one size, the one with a hundred times the gradient.
    loss = lambda w: (w * torch.tensor([0.1, 10.0])).sum()  # noqa: E731
    how = {"start": torch.tensor([1.0, 1.0]).double(), "lr": 1e-3, "steps": 50}
    bare = run(torch.optim.Adam, loss, **how)[-1]
    lost = [
        bare - run(optimizer, loss, weight_decay=0.01, **how)[-1]
        for optimizer in (torch.optim.Adam, torch.optim.AdamW)
    ]
    assert lost[1][0] == pytest.approx(lost[1][1].item(), rel=1e-6)
    assert lost[0][0].abs() > 50 * lost[0][1].abs()


def keras_sgd(w, g, state, *, lr, momentum):
    v = momentum * (0 if state is None else state) - lr * g
    return w + v, v


@pytest.mark.parametrize(
    "schedule", [[0.0, 1, 1], [1.0, 1, 0], [1.0, 1, 0.9], [1.0, 2, 2]]
)
def test_lr_in_the_buffer_parts_from_lr_outside_once_lr_changes(schedule):
    how = {"momentum": 0.5, "steps": 3}
    for s, parts in ((schedule, True), ([0.7] * 3, False)):
        lrs = [0.1 * x for x in s]
        gap = apart(run(torch.optim.SGD, lr=lrs, **how), run(keras_sgd, lr=lrs, **how))
        assert (gap > 1e-3) == parts
        assert parts or gap < 1e-14
    said = refuses(0, "torch.SGD", "keras.SGD", momentum=0.5, multipliers=schedule)
    assert "whatever the decay" in said


def test_one_smaller_step_suffices_for_a_refusal_about_the_schedule():
    lr, schedule = 0.1, [1.0] * 19 + [0.5]
    how = {"lr": lr, "multipliers": schedule}
    assert "changes" in refuses(0.3, "torch.AdamW", "tensorflow_addons.AdamW", **how)
    lrs = [lr * s for s in schedule]

    def addons(w, g, state, *, lr, weight_decay):
        u, state = adam_direction(g, state)
        return (1 - weight_decay) * w - lr * u, state

    torchs = run(torch.optim.AdamW, lr=lrs, steps=20, weight_decay=0.3)
    other = lambda x: run(addons, lr=lrs, steps=20, weight_decay=x)  # noqa: E731
    gap, _ = closest(torchs, other, 0.03)
    assert gap > 1e-3


@says(
    "A weight that is in no loss has no gradient; a penalty decays it, PyTorch's "
    "optimizers pass it over as long as its `grad` is `None`."
)
@pytest.mark.parametrize("name", [n[6:] for n in CONVENTIONS if n.startswith("torch.")])
def test_a_weight_in_no_loss_keeps_its_size_without_a_penalty(name):
    optimizer_class = getattr(torch.optim, name)
    used, unused = (torch.ones(2, 2, requires_grad=True) for _ in range(2))
    for decay, price, kept in ((0.5, 0.0, True), (0.0, 0.25, False)):
        optimizer = optimizer_class([used, unused], lr=0.1, weight_decay=decay)
        optimizer.zero_grad()
        penalty = price * unused.square().sum() if price else 0
        (used.sum() + penalty).backward()
        optimizer.step()
        assert torch.equal(unused, torch.ones(2, 2)) == kept
    # A zero that was left there decays, where there is a gradient that decays it.
    unused.grad = torch.zeros(2, 2)
    before, stale = unused.detach().clone(), optimizer_class([unused], weight_decay=0.5)
    stale.step()
    assert not torch.equal(unused, before)


@says(
    "Ridge, big_vision and Hugging Face's Trainer leave out biases, torch and Keras "
    "decay them."
)
def test_ridge_spares_the_intercept_and_torch_decays_a_bias():
    x, y = torch.randn(50, 3), 5 + torch.rand(50)
    ridge = Ridge(alpha=1e9).fit(x.numpy(), y.numpy())
    assert ridge.intercept_ == pytest.approx(y.mean().item(), rel=1e-4)
    bias = torch.nn.Linear(3, 1).bias
    optimizer = torch.optim.SGD([bias], lr=0.1, weight_decay=1.0)
    before, bias.grad = bias.item(), torch.zeros_like(bias)
    optimizer.step()
    assert bias.item() == pytest.approx(0.9 * before)


@says(
    "Here $n$ counts squared errors: with three outputs for each example, `MSELoss` "
    "divides by three times as many."
)
def test_with_three_outputs_ridge_needs_three_n():
    generator = torch.Generator().manual_seed(1)
    normal = lambda *s: torch.randn(*s, generator=generator).double()  # noqa: E731
    x, y = normal(40, 5).exp(), normal(40, 3)
    ridge = Ridge(alpha=2.0, fit_intercept=False).fit(x.numpy(), y.numpy())
    w = torch.tensor(ridge.coef_.T)

    def slope(n):
        decay = convert(2.0, "sklearn.Ridge", "torch.SGD", n=n)
        loss = lambda w: torch.nn.functional.mse_loss(x @ w, y)  # noqa: E731
        return paths.gradient(problems.penalised(loss, decay), w).norm().item()

    assert slope(120) < 1e-12 < 1e-3 < slope(40)


@says("whose gradients are of size 1, and by more the smaller they are")
def test_keras_eps_shows_the_more_the_smaller_the_gradients():
    def keras_adam(w, g, state, *, lr, eps):
        m, v, k = (0.0, 0.0, 0) if state is None else state
        m, v, k = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g, k + 1
        alpha = lr * math.sqrt(1 - 0.999**k) / (1 - 0.9**k)
        return w - alpha * m / (v.sqrt() + eps), (m, v, k)

    how, gaps = {"lr": 0.01, "eps": 1e-7}, []
    for size in (1.0, 1e-2, 1e-4, 1e-6):
        loss = lambda w, size=size: size * LOSS(w)  # noqa: E731
        gaps.append(
            apart(run(torch.optim.Adam, loss, **how), run(keras_adam, loss, **how))
        )
    assert gaps == sorted(gaps)
    assert gaps[0] < 1e-4 < 0.1 < gaps[-1]


@says(
    "Next to the sum $2\\lambda$, for any minibatch:",
    "the gradient of the penalty does not know its size.",
    "A mean keeps it, even in a last minibatch that is smaller. But in that one each "
    "example counts for more",
)
def test_the_last_minibatch_keeps_the_decay_and_its_examples_count_more():
    tumours = problems.breast_cancer()
    rows = torch.randperm(N, generator=torch.Generator().manual_seed(2)).split(32)
    batches = [problems.Logistic(tumours.x[r], tumours.y[r]) for r in rows]
    sums = [lambda w, b=b: len(b.y) * b(w) for b in batches]
    lams = [lambda w, f=f: f(w) + 1.6 * w.square().sum() for f in sums]
    start = torch.linspace(-1, 1, 30).double()
    how = {"start": start, "steps": len(rows), "lr": 1e-3}
    inside = run(torch.optim.SGD, lams, **how)
    assert apart(inside, run(torch.optim.SGD, sums, **how, weight_decay=3.2)) < 1e-13
    assert apart(inside, run(torch.optim.SGD, sums, **how, weight_decay=0.1)) > 1e-2
    # The mean's share is lr times decay in all minibatches, of 32 and of 25.
    bare = run(torch.optim.SGD, batches, **how)
    held = [
        run(torch.optim.SGD, b, w, steps=1, lr=1e-3, weight_decay=0.1)[1]
        for b, w in zip(batches, bare, strict=False)
    ]
    shares = [(b - h) / w for b, h, w in zip(bare[1:], held, bare, strict=False)]
    torch.testing.assert_close(torch.stack(shares), torch.full((18, 30), 1e-4).double())
    # Over an epoch their gradients are not those of the whole loss.
    slopes = [paths.gradient(b, start) * len(b.y) for b in batches]
    counts = [paths.gradient(b, start) * 32 for b in batches]
    whole = N * paths.gradient(tumours, start)
    assert apart(sum(slopes), whole) < 1e-9
    extra = (32 / 25 - 1) * slopes[-1]
    assert apart(sum(counts), whole + extra) < 1e-9 < 0.1 < extra.abs().max()


@says("fifty times smaller too: the share per step falls with the learning rate")
def test_the_exercises_convert_as_their_solutions_say():
    number = [convert(0.3, "torch.AdamW", "paper.AdamW", lr=x) for x in (0.1, 0.002)]
    assert number[0] / number[1] == pytest.approx(50)


@says(
    "For its $\\lambda$ divide that by the root of the number of steps",
)
@pytest.mark.parametrize(("b", "examples", "epochs"), [(32, 640, 7), (1, 5, 1)])
def test_the_normalised_decay_counts_steps_and_nothing_else(b, examples, epochs):
    steps = examples * epochs // b
    number = convert(0.3, "paper.AdamW, normalised", "paper.AdamW", steps=steps)
    assert number == pytest.approx(0.3 * math.sqrt(b / (examples * epochs)))
    back = convert(number, "paper.AdamW", "paper.AdamW, normalised", steps=steps)
    assert back == pytest.approx(0.3)


@says(
    "[](probe.md) answers in the same words.",
    "Write down what [](probe.md) answers as a convention, and use it for a name:",
)
def test_an_answer_of_the_probe_is_a_convention():
    class Mine(torch.optim.SGD):
        """Takes a share of 2 weight_decay of the weight, whatever the lr."""

        def __init__(self, params, lr, weight_decay=0.0):
            super().__init__(params, lr, momentum=0.9)
            self.decay = weight_decay

        def step(self, closure=None):
            with torch.no_grad():
                for p in self.param_groups[0]["params"]:
                    p.mul_(1 - 2 * self.decay if p.grad is not None else 1)
            super().step()

    said = probe.ask(Mine)
    words = {x: getattr(said, x) for x in ("place", "times", "lr_power")}
    mine = Convention("mine", "SGD", **words, base_lr_power=said.base_lr_power)
    assert mine.formula == "(1 - 2 λ) w - lr u(g)"
    how = {"lr": 0.1, "multipliers": [1]}
    number = convert(0.4, "timm.SGDW", mine, **how)
    run_of = {"steps": 30, "lr": 0.1}
    there = run(Mine, weight_decay=number, **run_of)
    timms = run(updates.sgdw, weight_decay=0.4, momentum=0.9, **run_of)
    assert apart(there, timms) < 1e-12


@says(
    "What Keras, fastai, DeepSpeed, apex and bitsandbytes call Adam is AdamW unless "
    "told otherwise; torchao's is a penalty."
)
def test_an_adam_is_what_the_table_says_whatever_its_name():
    adams = {
        name: convention.place
        for name, convention in CONVENTIONS.items()
        if convention.optimizer == "Adam"
        and name.split(".", 1)[0] in (
            "keras", "fastai", "deepspeed", "apex", "bitsandbytes", "torchao"
        ) and "," not in name and "AdamW" not in name
    }  # fmt: skip
    assert adams.pop("torchao.Adam8bit") == "gradient"
    assert set(adams.values()) == {"weight"} and len(adams) == 6


@says(
    "What has no mark runs in the book's tests. ° ran in the benchmark below, and † "
    "was read in its source and not run",
    "Markers: torch in this build; timm, and for the paper a chain of optax, in "
    "the benchmark below; tensorflow-addons did not run.",
)
def test_no_rule_of_the_book_stands_in_for_a_package():
    page = (claims.ROOT / "book/conventions.md").read_text("utf8")
    assert "updates." not in page
    assert "torch.optim.SGD, 1.0" not in page
    assert set(conventions.measured_left()) == {
        "optax.adamw", "optax.add_decayed_weights, between lr and schedule",
        "keras.AdamW", "timm.AdamWLegacy, corrected",
    }  # fmt: skip
    ran = {name for name in CONVENTIONS if evidence(name) == "measured"}
    assert {name.split(".")[0] for name in ran} == {"optax", "keras", "timm"}
    read = {name.split(".")[0] for name in CONVENTIONS if evidence(name) == "read"}
    assert read == {
        "paper", "big_vision", "tensorflow_addons", "composer", "transformers",
        "deepspeed", "apex", "bitsandbytes", "torchao", "lion_pytorch", "fastai",
        "Optimisers", "mxnet",
    }  # fmt: skip


def test_what_the_benchmark_did_not_find_to_agree_counts_as_read(monkeypatch):
    rows = [row | {"same": False} for row in conventions.measured()]
    monkeypatch.setattr(conventions, "measured", lambda: rows)
    assert evidence("optax.adamw") == "read"
    assert evidence("torch.AdamW") == "live"


@says("A conversion keeps the decay and nothing else")
@pytest.mark.parametrize("limit", [1e-3, 0.5, 1e9])
def test_clipping_sees_a_penalty_and_not_weight_decay(limit):
    def ends(loss, decay):
        w = START.clone().requires_grad_()
        optimizer = torch.optim.SGD([w], lr=0.1, weight_decay=decay)
        for _ in range(50):
            optimizer.zero_grad()
            loss(w).backward()
            torch.nn.utils.clip_grad_norm_([w], limit)
            optimizer.step()
        return w.detach()

    gap = apart(ends(problems.penalised(LOSS, 0.2), 0.0), ends(LOSS, 0.2))
    assert (gap < 1e-13) == (limit > 1e3)
    assert gap < 1e-13 or gap > 0.1
