"""Every conversion, both sides run; every refusal, no number found that does it."""

import dataclasses
import functools
import inspect
import itertools
import math

import apis
import pytest
import torch
from apis import PENALTY, STEP, STEPS, N
from sklearn.linear_model import Ridge

from weightdecay import paths, probe, problems, updates
from weightdecay.conventions import CONVENTIONS, SGD, Convention
from weightdecay.conversion import approximate, convert
from weightdecay.runs import Run

TOLERANCE = 1e-12
LR, DECAY = 0.05, 0.3
SCHEDULES = {
    "constant": [1.0] * STEPS,
    "cosine": [0.5 * (1 + math.cos(math.pi * k / STEPS)) for k in range(STEPS)],
}
SETTINGS = list(itertools.product(SCHEDULES, (0.0, 0.9)))
GENERATOR = torch.Generator().manual_seed(0)
X = torch.linalg.qr(torch.randn(N, 3, generator=GENERATOR, dtype=torch.float64))[0]
Y = torch.randn(N, 2, generator=GENERATOR, dtype=torch.float64)
X = X * N**0.5
START = torch.full((3, 2), 2.0, dtype=torch.float64)

# Who converts to whom, by hand: the groups in which all do, for each setting. S0 does
# not follow the schedule, S2 does so twice; INSIDE has lr inside its buffer.
SUMS = {
    "sum loss, penalty with half",
    "sum loss, penalty without half",
    "sklearn.Ridge",
}
MEANS = {"mean loss, penalty with half", "mean loss, penalty without half"}
ANY = SUMS | MEANS | {"keras.regularizers.L2"}
ADAM_L2 = {
    "torch.Adam", "optax.add_decayed_weights, then adam", "torchao.Adam8bit",
    "deepspeed.FusedAdam, adam_w_mode=False", "apex.FusedAdam, adam_w_mode=False",
    "deepspeed.DeepSpeedCPUAdam, adamw_mode=False", "fastai.Adam, decouple_wd=False",
    "Optimisers.WeightDecay, then Adam",
}  # fmt: skip
ADAMW = {
    "torch.AdamW", "optax.adamw", "keras.Adam", "keras.AdamW", "timm.AdamWLegacy",
    "optax.add_decayed_weights, between adam and lr", "transformers.Trainer",
    "optax.add_decayed_weights, between lr and schedule", "paper.AdamW",
    "paper.AdamW, normalised", "big_vision.scale_by_adam", "torchao.AdamW8bit",
    "composer.DecoupledAdamW", "deepspeed.FusedAdam", "deepspeed.DeepSpeedCPUAdam",
    "apex.FusedAdam", "fastai.Adam", "Optimisers.AdamW",
}  # fmt: skip
ADAMW_S0 = {"tensorflow_addons.AdamW", "Optimisers.AdamW, couple=false"}
ADAMW_S2 = {"timm.AdamWLegacy, corrected"}
ADAM_AFTER = {"bitsandbytes.Adam8bit", "bitsandbytes.AdamW8bit"}
LION = {
    "optax.lion", "lion_pytorch.Lion", "lion_pytorch.Lion, decoupled_weight_decay=True"
}  # fmt: skip
SGD_L2 = {
    "torch.SGD", "optax.add_decayed_weights, then sgd", "apex.FusedSGD",
    "fastai.SGD, decouple_wd=False",
}  # fmt: skip
SGD_L2_INSIDE = {"Optimisers.WeightDecay, then Momentum"}
SGDW = {
    "timm.SGDW", "big_vision.momentum_hp", "composer.DecoupledSGDW", "fastai.SGD",
    "apex.FusedSGD, wd_after_momentum=True",
}  # fmt: skip
SGDW_S2, SGDW_INSIDE = {"timm.SGDW, corrected"}, {"keras.SGD", "paper.SGDW"}
SGDW_INSIDE_S0 = {"tensorflow_addons.SGDW"}
OTHERS = "NAdam", "RAdam", "RMSprop", "Adadelta", "Adamax"
ALWAYS = [
    ADAM_L2 | ANY, {"torch.Adagrad", "mxnet.AdaGrad, 2.0"} | ANY,
    *({f"torch.{name}"} | ANY for name in OTHERS), {"mxnet.AdaGrad, 1.9"},
    {"torch.Muon"}, ADAM_AFTER, LION,
]  # fmt: skip
CONSTANT = [*ALWAYS, ADAMW | ADAMW_S0 | ADAMW_S2]
COSINE = [*ALWAYS, ADAMW, ADAMW_S0, ADAMW_S2]
SGD_ON_WEIGHT = SGDW | SGDW_S2 | SGDW_INSIDE | SGDW_INSIDE_S0
GROUPS = {
    ("constant", 0.0): [*CONSTANT, ANY | SGD_L2 | SGD_L2_INSIDE | SGD_ON_WEIGHT],
    ("constant", 0.9): [*CONSTANT, ANY | SGD_L2 | SGD_L2_INSIDE, SGD_ON_WEIGHT],
    ("cosine", 0.0): [
        *COSINE, ANY | SGD_L2 | SGD_L2_INSIDE | SGDW | SGDW_INSIDE, SGDW_S2,
        SGDW_INSIDE_S0,
    ],
    ("cosine", 0.9): [
        *COSINE, ANY | SGD_L2, ANY | SGD_L2_INSIDE, SGDW, SGDW_S2, SGDW_INSIDE,
        SGDW_INSIDE_S0,
    ],
}  # fmt: skip
PAIRS = {
    setting: {pair for group in groups for pair in itertools.product(group, repeat=2)}
    for setting, groups in GROUPS.items()
}


@pytest.fixture(autouse=True)
def same_draws():
    """Give each test the same draws, in whatever order tests run."""
    GENERATOR.manual_seed(0)


@dataclasses.dataclass(frozen=True)
class Side:
    """One side of a conversion: who steps, with which numbers; loss is 0 for none."""

    who: str
    decay: float
    penalty: float
    schedule: str
    momentum: float
    loss: float = 1.0


def sides(a, one, b, other, schedule, momentum, loss=1.0):
    """Return both sides; a penalty is minimised by the other's optimizer."""
    penalised_by = a.optimizer or b.optimizer or "SGD"
    if penalised_by == SGD[1]:
        penalised_by = "keras.SGD"
    for name, number in ((a.name, one), (b.name, other)):
        who, decay, penalty = name.removeprefix("torch."), number, 0.0
        if name in PENALTY:
            who, decay, penalty = penalised_by, 0.0, PENALTY[name] * number
        # Rounded, since most conversions come to the same few numbers.
        numbers = rounded(decay), rounded(penalty)
        yield Side(who, *numbers, schedule, momentum, loss)


def rounded(number):
    return float(f"{number:.14g}")


WALKED = {}


def walk(wanted):
    """Walk the sides that nobody walked yet, all that one step moves in a stack.

    A row of the stack has its own decay, penalty, schedule, momentum and loss.
    """
    step = lambda side: STEP.get(side.who, side.who)  # noqa: E731
    new = sorted({*wanted} - WALKED.keys(), key=lambda side: str(step(side)))
    for who, rows in itertools.groupby(new, key=step):
        rows = list(rows)
        points = torch_steps(who, rows) if who in vars(torch.optim) else rule_steps(
            who, rows
        )  # fmt: skip
        WALKED.update(zip(rows, torch.stack(list(points), 1), strict=True))


def column(numbers):
    """Return a number of each row, to meet all weights of the row."""
    return torch.tensor([*numbers], dtype=torch.float64)[:, None, None]


def slope(rows):
    """Return the gradient of the loss of each row, and of its penalty."""
    loss, strength = (column(getattr(r, x) for r in rows) for x in ("loss", "penalty"))
    return lambda w: loss * 2 / Y.numel() * (X.T @ (X @ w - Y)) + 2 * strength * w


def rule_steps(step, rows):
    """Yield the weights; the numbers of a row are its own."""
    own = {"momentum": column(row.momentum for row in rows)}
    own["weight_decay"] = column(row.decay for row in rows)
    w, state, gradient = START.expand(len(rows), 3, 2), None, slope(rows)
    yield w
    for multipliers in zip(*(SCHEDULES[row.schedule] for row in rows), strict=True):
        g, lr = gradient(w), LR * column(multipliers)
        w, state = step(w, g, state, lr=lr, max_lr=LR, **own)
        yield w


def torch_steps(who, rows):
    """Yield the weights; each row has a group of its own in the optimizer."""
    ws, groups, gradient = [START.clone() for _ in rows], [], slope(rows)
    for row, w in zip(rows, ws, strict=True):
        more = {"momentum": row.momentum} if who == "SGD" else {}
        groups.append({"params": [w], "weight_decay": row.decay, **more})
    optimizer = getattr(torch.optim, who)(groups, lr=LR)
    yield torch.stack(ws)
    for k in range(STEPS):
        gradients = gradient(torch.stack(ws))
        for row, w, g, group in zip(
            rows, ws, gradients, optimizer.param_groups, strict=True
        ):
            w.grad, group["lr"] = g, LR * SCHEDULES[row.schedule][k]
        optimizer.step()
        yield torch.stack(ws)


def gap(pair):
    """Return how far the paths of two sides part, in units of the largest weight."""
    here, there = (WALKED[side] for side in pair)
    return ((here - there).abs().max() / here.abs().max()).item()


def asked(a):
    """Return the weight decay with which each API takes the same share at first."""
    return DECAY * LR / a.strength(lr=LR, base_lr=LR, n=N, steps=STEPS)


def how(schedule, momentum):
    return {
        "lr": LR, "n": N, "steps": STEPS, "momentum": momentum,
        "multipliers": SCHEDULES[schedule],
    }  # fmt: skip


def check_conversions(source, targets=CONVENTIONS):
    """Run both sides of all conversions of one API; return targets and settings."""
    a, pairs = CONVENTIONS[source], {}
    for target, setting in itertools.product(targets, SETTINGS):
        b = CONVENTIONS[target]
        try:
            number = convert(asked(a), a.name, b.name, **how(*setting))
        except ValueError:
            continue
        pairs[setting, b.name] = tuple(sides(a, asked(a), b, number, *setting))
    walk(itertools.chain(*pairs.values()))
    for which, pair in pairs.items():
        assert gap(pair) < TOLERANCE, which
    return {setting: {b for s, b in pairs if s == setting} for setting in SETTINGS}


@pytest.mark.parametrize("source", CONVENTIONS)
def test_each_api_converts_to_those_of_its_groups_with_the_same_hundred_steps(source):
    found = check_conversions(source)
    for setting, pairs in PAIRS.items():
        assert found[setting] == {b for a, b in pairs if a == source}, setting


@pytest.mark.parametrize("source", CONVENTIONS)
def test_without_its_decay_each_would_leave_that_path(source):
    a = CONVENTIONS[source]
    pair = tuple(sides(a, asked(a), a, 0.0, "cosine", 0.0))
    walk(pair)
    assert gap(pair) > 1e6 * TOLERANCE


WRONG = [
    ("keras.regularizers.L2", {"times": 1.0}),
    ("torch.SGD", {"times": 2.0}),
    ("sum loss, penalty with half", {"per": None}),
    ("sum loss, penalty with half", {"times": 2.0}),
    ("paper.AdamW, normalised", {"per": "n"}),
    ("torch.Adam", {"place": "weight"}),
    ("keras.Adam", {"place": "gradient"}),
    ("keras.SGD", {"place": "gradient"}),
    ("torch.AdamW", {"base_lr_power": -1}),
    ("paper.AdamW", {"base_lr_power": 0}),
    ("paper.AdamW", {"lr_power": 0, "base_lr_power": 0}),
    ("tensorflow_addons.SGDW", {"lr_power": 1, "base_lr_power": -1}),
    ("timm.AdamWLegacy, corrected", {"lr_power": 1, "base_lr_power": 0}),
    ("keras.SGD", {"optimizer": "SGD"}),
    ("bitsandbytes.AdamW8bit", {"order": "before"}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_a_wrong_entry_in_the_table_is_found(name, wrong, monkeypatch):
    mistaken = dataclasses.replace(CONVENTIONS[name], **wrong)
    monkeypatch.setitem(CONVENTIONS, name, mistaken)
    with pytest.raises(AssertionError):
        check_conversions(name)
        for source in ("torch.SGD", "torch.AdamW", "torch.Adam"):
            check_conversions(source, [name])


# One of each reason: place, order, momentum, schedule (both ways), buffer, optimizer.
REFUSED = [
    ("torch.Adam", "torch.AdamW", "constant", 0.0, "rescales weight by weight"),
    ("sklearn.Ridge", "torch.AdamW", "constant", 0.0, "rescales weight by weight"),
    ("torch.Adagrad", "mxnet.AdaGrad, 1.9", "constant", 0.0, "weight by weight"),
    ("torch.AdamW", "bitsandbytes.AdamW8bit", "constant", 0.0, "before its step, bits"),
    ("bitsandbytes.Adam8bit", "torch.AdamW", "constant", 0.0, "before its step, bits"),
    ("torch.SGD", "timm.SGDW", "constant", 0.9, "timm.SGDW decays the weight itself"),
    ("timm.SGDW", "torch.SGD", "constant", 0.9, "torch.SGD through the gradient"),
    ("keras.SGD", "keras.regularizers.L2", "constant", 0.9, "buffer repeats"),
    ("tensorflow_addons.AdamW", "torch.AdamW", "cosine", 0.0, "addons.AdamW takes λ"),
    ("torch.AdamW", "tensorflow_addons.AdamW", "cosine", 0.0, "takes lr λ of a weight"),
    ("torch.AdamW", "timm.AdamWLegacy, corrected", "cosine", 0.0, "factor .* changes"),
    ("torch.SGD", "tensorflow_addons.SGDW", "cosine", 0.0, "takes lr λ of a weight"),
    ("timm.SGDW", "keras.SGD", "cosine", 0.9, "they part when lr changes"),
    ("torch.SGD", "torch.AdamW", "constant", 0.0, "torch.SGD steps like SGD, torch.Ad"),
    ("torch.AdamW", "optax.lion", "constant", 0.0, "Convert to .* steps like Adam"),
]


@pytest.mark.parametrize(("source", "target", "schedule", "momentum", "why"), REFUSED)
def test_where_it_refuses_no_number_would_do(source, target, schedule, momentum, why):
    a, b = CONVENTIONS[source], CONVENTIONS[target]
    with pytest.raises(ValueError, match=why):
        convert(asked(a), source, target, **how(schedule, momentum))
    centre, best = asked(b), math.inf
    for decades in (2.0, 0.2, 0.02):
        pairs = {}
        for x in torch.linspace(-decades, decades, 21).tolist():
            number = centre * 10**x
            pairs[number] = tuple(sides(a, asked(a), b, number, schedule, momentum))
        walk(itertools.chain(*pairs.values()))
        best, centre = min((gap(pair), number) for number, pair in pairs.items())
    assert best > 1e-4


# Nothing is assumed of what is left out, and nothing asked for that does not matter.

SAID = {
    "lr": (0.05, 0.01), "momentum": (0.0, 0.9), "multipliers": ([1.0, 1.0], [1.0, 0.5]),
    "n": (8, 16), "steps": (100, 400),
}  # fmt: skip


def outcome(a, b, **given):
    """Return the number, what it was refused for, or the argument that was missed."""
    try:
        return convert(1e-3, a, b, **given)
    except ValueError as refusal:
        return str(refusal).partition("Pass ")[2].partition("=")[0] or "refused"


@pytest.mark.parametrize("left_out", SAID)
def test_what_is_left_out_is_asked_for_if_and_only_if_it_matters(left_out):
    # One of each group, and one that only the missing argument makes alike.
    names = [
        "torch.SGD", "Optimisers.WeightDecay, then Momentum", "timm.SGDW", "keras.SGD",
        "timm.SGDW, corrected", "tensorflow_addons.SGDW", "paper.AdamW", "torch.Adam",
        "paper.AdamW, normalised", "bitsandbytes.Adam8bit", "tensorflow_addons.AdamW",
        "sklearn.Ridge", "mean loss, penalty without half",
    ]  # fmt: skip
    others = {name: values for name, values in SAID.items() if name != left_out}
    asked_for = set()
    for a, b in itertools.product(names, repeat=2):
        for values in itertools.product(*others.values()):
            given = dict(zip(others, values, strict=True))
            results = {outcome(a, b, **given, **{left_out: x}) for x in SAID[left_out]}
            without = outcome(a, b, **given)
            # Where no number would do, either may be said.
            ask = len(results) > 1 or results == {"refused"}
            expected = {left_out} if len(results) > 1 else results
            assert without in expected | ({left_out} if ask else set())
            asked_for |= {without}
    assert left_out in asked_for


@pytest.mark.parametrize(
    ("source", "target", "given", "asked_for"),
    [
        (
            "torch.SGD",
            "timm.SGDW",
            {},
            "through the gradient: .* on momentum. Pass mom",
        ),
        ("sklearn.Ridge", "keras.SGD", {"n": 8}, "Pass momentum=..."),
        ("keras.SGD", "timm.SGDW", {}, "in its buffer, .* on momentum. Pass momentum="),
        ("keras.SGD", "timm.SGDW", {"momentum": 0.9}, r"Pass multipliers=.*; \[1\]"),
        (
            "torch.AdamW",
            "tensorflow_addons.AdamW",
            {"lr": 1},
            "the schedule. Pass mult",
        ),
        (
            "torch.AdamW",
            "paper.AdamW",
            {},
            "lr λ of a weight, paper.AdamW s λ: .* on lr",
        ),
        ("sklearn.Ridge", "torch.SGD", {}, "takes 2 lr λ/n of a weight, .* Pass n="),
        ("paper.AdamW", "paper.AdamW, normalised", {}, "λ/√steps: .* Pass steps="),
    ],
)
def test_who_leaves_out_what_matters_hears_why_and_what_to_pass(
    source, target, given, asked_for
):
    with pytest.raises(ValueError, match=asked_for):
        convert(1e-3, source, target, **given)


def test_where_only_the_two_constants_differ_nothing_has_to_be_said():
    assert convert(0.1, "keras.regularizers.L2", "torch.Adam") == 0.2
    assert convert(0.1, "keras.AdamW", "transformers.Trainer") == 0.1
    assert convert(0.1, "keras.SGD", "timm.SGDW", multipliers=[1, 1]) == 0.1
    assert convert(0.1, "keras.SGD", "timm.SGDW", momentum=0) == 0.1


# Numbers that can't be meant.


@pytest.mark.parametrize(
    ("source", "target", "decay", "given"),
    [
        ("tensorflow_addons.AdamW", "torch.AdamW", 1, {"lr": 1e-3}),
        ("tensorflow_addons.AdamW", "Optimisers.AdamW, couple=false", 1, {}),
        ("torch.AdamW", "keras.AdamW", 1000, {"lr": 1e-3}),
        ("torch.SGD", "timm.SGDW", 10, {"lr": 0.1, "momentum": 0}),
        ("timm.SGDW", "torch.SGD", 10, {"lr": 0.1, "momentum": 0}),
        ("paper.AdamW", "torch.AdamW", 0.5, {"lr": 0.1, "multipliers": [1, 2]}),
    ],
)
def test_a_share_of_one_or_more_is_refused_and_a_smaller_one_converted(
    source, target, decay, given
):
    with pytest.raises(
        ValueError, match=r"takes \d* of a weight at a step: nothing is"
    ):
        convert(decay, source, target, **given)
    with pytest.raises(ValueError, match="nothing is left"):
        approximate(
            decay, source, target, **{"lr": 1e-3, "multipliers": [1, 1]} | given
        )
    given = {"multipliers": [1]} | given
    assert convert(0.99 * decay, source, target, **given) > 0


def test_through_the_gradient_a_large_number_is_no_share():
    assert (
        convert(100, "torch.Adam", "optax.add_decayed_weights, then adam", lr=1) == 100
    )
    assert convert(100, "torch.SGD", "apex.FusedSGD", lr=1) == 100


@pytest.mark.parametrize(
    ("decay", "lr"), [(1e308, 1e-99), (1e-300, 1e50), (5e-324, 2.0)]
)
def test_a_number_that_no_float_is_like_is_refused(decay, lr):
    own = Convention("own", "Adam", "weight", lr_power=0, times=1e-308)
    other = Convention("other", "Adam", "weight", times=1e-250)
    with pytest.raises(ValueError, match="beyond what a float can be"):
        convert(decay, own, other, lr=lr, multipliers=[1])


def test_no_number_is_infinite():
    with pytest.raises(ValueError, match=r"would be inf of torch\.SGD, beyond"):
        convert(1e308, "keras.regularizers.L2", "torch.SGD")
    with pytest.raises(ValueError, match="takes inf of a weight at a step"):
        convert(1e308, "torch.AdamW", "paper.AdamW", lr=10)
    pair = 2, "tensorflow_addons.AdamW", "torch.AdamW"
    with pytest.raises(ValueError, match="weight_decay=2 takes 2 of a weight"):
        convert(*pair, lr=1e-3)


@pytest.mark.parametrize(
    "multipliers",
    [
        SCHEDULES["cosine"],
        torch.tensor(SCHEDULES["cosine"]),
        torch.tensor(SCHEDULES["cosine"]).numpy(),
        (s for s in SCHEDULES["cosine"]),
        [1, 0, 3],
    ],
    ids=["list", "float32", "numpy", "generator", "whole"],
)
def test_multipliers_may_be_any_numbers_in_a_row(multipliers):
    how = {"lr": 0.1, "multipliers": multipliers}
    assert convert(1.0, "torch.AdamW", "paper.AdamW", **how) == 0.1


@pytest.mark.parametrize("off", [0.9999999, 0.9999, 1 - 1e-8])
def test_a_schedule_is_constant_only_if_it_is(off):
    how = {"lr": 0.1, "multipliers": [1.0, 1.0 - 1e-15, 1.0]}
    assert convert(0.1, "tensorflow_addons.AdamW", "torch.AdamW", **how) == 1.0
    # The size of the multipliers is no part of it.
    high = {"lr": 1e-9, "multipliers": [1e6, 1e6 + 1e-6]}
    assert convert(0.1, "tensorflow_addons.AdamW", "torch.AdamW", **high) == (
        pytest.approx(100)
    )
    how["multipliers"][1] = off
    with pytest.raises(ValueError, match="factor between them changes"):
        convert(0.1, "tensorflow_addons.AdamW", "torch.AdamW", **how)


def test_learning_rates_are_no_multipliers():
    lrs = [2e-5 * s for s in SCHEDULES["cosine"]]
    pair = (0.01, "timm.AdamWLegacy, corrected", "timm.AdamWLegacy")
    for given, largest in ((lrs, "2e-05"), ([0.999], "0.999"), ([0], "0"), ([], "0")):
        said = rf"must reach 1, got {len(given)}, the largest {largest}\. .* rates"
        with pytest.raises(ValueError, match=said):
            convert(*pair, lr=2e-5, multipliers=given)
    # Made with lr=1, an optimizer has learning rates for multipliers.
    how = {"lr": 1.0, "multipliers": [2e-5] * 3}
    assert convert(*pair, **how) == pytest.approx(0.01 * 2e-5)
    assert convert(*pair, lr=0.1, multipliers=[1 - 1e-12]) == pytest.approx(0.01)
    # A cycle that starts low goes above the lr that the optimizer is made with.
    assert convert(*pair, lr=0.1, multipliers=[25.0] * 3) == pytest.approx(0.25)


def test_where_a_schedule_of_ones_and_zeros_makes_the_powers_equal_it_converts():
    how = {"lr": LR, "multipliers": [0.0, 1.0, 1.0, 0.0]}
    assert convert(0.1, "timm.AdamWLegacy", "timm.AdamWLegacy, corrected", **how) == 0.1
    with pytest.raises(ValueError, match="factor between them changes"):
        convert(0.1, "timm.AdamWLegacy", "tensorflow_addons.AdamW", **how)
    with pytest.raises(ValueError, match="factor between them changes"):
        convert(0.01, "tensorflow_addons.AdamW", "timm.AdamWLegacy", **how)


MATRIX = torch.ones(2, 2)


@pytest.mark.parametrize("wrong", ["0.1", None, math.cos, MATRIX, [0.1, 0.2], {}])
@pytest.mark.parametrize("name", ["weight_decay", "lr", "momentum", "n", "steps"])
def test_what_is_no_number_is_refused_by_name_and_value(name, wrong):
    if wrong is None and name != "weight_decay":
        return  # None is what was not said.
    given = {"weight_decay": 0.1} | {name: wrong}
    with pytest.raises(TypeError, match=rf"^{name} must be a .*, got ") as refusal:
        convert(source="torch.SGD", target="timm.SGDW", **given)
    assert repr(wrong) in str(refusal.value)
    assert ("0 for no decay" in str(refusal.value)) == (wrong is None)


@pytest.mark.parametrize("wrong", ["111", math.cos, 3, MATRIX, [MATRIX], ["1"], [None]])
def test_multipliers_that_are_no_row_of_numbers_are_refused(wrong):
    with pytest.raises(TypeError, match=r"^multipliers must be one number.* each step"):
        convert(0.1, "torch.SGD", "timm.SGDW", momentum=0, multipliers=wrong)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"weight_decay": -1}, "weight_decay must be a finite number >= 0, got -1"),
        ({"weight_decay": math.nan}, "weight_decay must be a finite number .* got nan"),
        ({"weight_decay": math.inf}, "weight_decay must be a finite number .* got inf"),
        ({"momentum": 1}, "momentum must be a number >= 0 and < 1, got 1"),
        ({"momentum": -0.1}, "momentum must be a number >= 0 and < 1, got -0.1"),
        ({"lr": 0}, "lr must be a number from 1e-99 to 1e99, got 0"),
        ({"lr": 1e100}, "lr must be a number from 1e-99 to 1e99, got 1e"),
        ({"lr": math.nan}, "lr must be a number from 1e-99 to 1e99, got nan"),
        ({"n": 0}, "n must be a finite number > 0, got 0"),
        ({"steps": -1}, "steps must be a finite number > 0, got -1"),
        ({"multipliers": [1, -1]}, "multipliers must be .* 0 to 1e99 .*, got -1"),
        (
            {"multipliers": [1, math.inf]},
            "multipliers must be .* for each step, got inf",
        ),
        (
            {"multipliers": [math.nan, 1]},
            "multipliers must be .* for each step, got nan",
        ),
    ],
)
def test_a_number_out_of_range_is_refused_by_name_value_and_range(given, says):
    given = {"weight_decay": 0.1, "source": "torch.SGD", "target": "torch.SGD"} | given
    with pytest.raises(ValueError, match=says):
        convert(**given)


def test_numbers_may_stand_in_tensors_and_lie_at_the_edge_of_their_range():
    lr, decay = torch.tensor([0.1]), torch.tensor(0.5, dtype=torch.float64)
    number = convert(decay, "torch.AdamW", "paper.AdamW", lr=lr)
    assert type(number) is float and number == pytest.approx(0.05)
    for lr in (1e-99, 1e99):
        assert convert(1e-150, "torch.AdamW", "keras.AdamW", lr=lr) == 1e-150
    assert convert(0.1, "torch.SGD", "apex.FusedSGD", multipliers=[1, 1e99]) == 0.1


def test_no_decay_is_no_decay_anywhere_but_steps_still_have_to_be_alike():
    assert convert(0, "torch.Adam", "torch.AdamW") == 0
    assert convert(0, "torch.AdamW", "bitsandbytes.AdamW8bit") == 0
    how = {"lr": 0.1, "multipliers": (1, 0.5)}
    assert convert(0, "tensorflow_addons.AdamW", "torch.AdamW", **how) == 0
    assert convert(0, "torch.SGD", "timm.SGDW", momentum=0.9) == 0
    with pytest.raises(ValueError, match="part whatever the decay"):
        convert(0, "torch.SGD", "torch.Adam")
    with pytest.raises(ValueError, match="whatever the decay"):
        convert(0, "torch.SGD", "keras.SGD", momentum=0.9, multipliers=(1, 0.5))
    start = approximate(0, "tensorflow_addons.AdamW", "torch.AdamW", **how)
    assert start[:2] == (0, 0)


# Conventions of your own.


def test_your_own_convention_converts_like_a_name_and_runs_so():
    def doubled(w, g, state, *, lr, weight_decay, max_lr, momentum):
        u, state = apis.adam_direction(g, state)
        return w - lr * u - 2 * max_lr * weight_decay * w, state

    own = Convention("own", "Adam", "weight", times=2, lr_power=0, base_lr_power=1)
    number = convert(DECAY, "torch.AdamW", own, lr=LR, multipliers=[1])
    assert number == DECAY / 2
    optimizer = apis.optimizer(doubled, 0.0)
    loss = lambda w: ((X @ w - Y) ** 2).mean()  # noqa: E731
    run = {"steps": 30, "lr": LR}
    here = paths.walk(torch.optim.AdamW, loss, START, weight_decay=DECAY, **run)
    there = paths.walk(optimizer, loss, START, weight_decay=number, **run)
    assert (here - there).abs().max() < TOLERANCE
    # Its words are those of the probe.
    said = probe.ask(optimizer)
    words = {x: getattr(said, x) for x in ("place", "lr_power", "base_lr_power")}
    asked = Convention("own", "Adam", times=said.times, **words)
    assert convert(number, asked, "torch.AdamW", lr=LR, multipliers=[1]) == (
        pytest.approx(DECAY)
    )


# Where no number is exact.


def nearly(a, b, setting):
    return approximate(
        asked(a), a.name, b.name, **how(*setting), dampening=0.0 if setting[1] else None
    )


@functools.cache
def starts(source):
    """Return what to start from, for each target and setting where there is one."""
    found = {}
    for b, setting in itertools.product(CONVENTIONS.values(), SETTINGS):
        try:
            found[b.name, setting] = nearly(CONVENTIONS[source], b, setting)
        except ValueError as refusal:
            assert "whatever the decay" in str(refusal) or "nearly" in str(refusal)
    return found


@pytest.mark.parametrize("source", CONVENTIONS)
def test_without_a_gradient_two_apis_part_as_approximate_says(source):
    a, pairs = CONVENTIONS[source], {}
    for (target, setting), start in starts(source).items():
        if (source, target) in PAIRS[setting]:
            number = convert(asked(a), source, target, **how(*setting))
            assert start == (number, 0.0, "Both take the same steps")
            continue
        given = (a, asked(a), CONVENTIONS[target], start.weight_decay, *setting)
        pairs[target, setting] = tuple(sides(*given, loss=0.0))
    walk(itertools.chain(*pairs.values()))
    for which, pair in pairs.items():
        here, there = (WALKED[side] / START for side in pair)
        start = starts(source)[which]
        assert (here - there).abs().max().item() == pytest.approx(start.apart, abs=1e-9)
        if "leaves the same" in start.why:
            assert (here - there)[-1].abs().max() < 1e-12 * here[-1].abs().max()
            assert start.apart > 1e-3


def test_approximate_has_a_number_wherever_the_optimizers_are_alike():
    kinds = {name: convention.optimizer for name, convention in CONVENTIONS.items()}
    alike = {
        (a, b): len({"SGD" if kind in SGD else kind for kind in (x, y)} - {None}) < 2
        for (a, x), (b, y) in itertools.product(kinds.items(), repeat=2)
    }
    for setting in SETTINGS:
        found = {(a, b) for a in CONVENTIONS for b, s in starts(a) if s == setting}
        assert {pair for pair in found if not alike[pair]} == set()
        for a, b in alike.keys() - found:
            # What is missing are the places, where an optimizer rescales.
            places = {CONVENTIONS[x].place for x in (a, b)}
            kind = kinds[a] or kinds[b]
            assert not alike[a, b] or (len(places) == 2 and kind not in SGD)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("dampening", [0.0, 0.5, -0.5])
def test_decay_outside_the_buffer_ends_where_approximate_says(dampening, nesterov):
    if nesterov and dampening:
        return  # torch has not both.
    lr, more = 0.2, {"momentum": 0.7, "dampening": dampening}
    how = {"lr": lr, "multipliers": [1], **more}
    start = approximate(DECAY, "torch.SGD", "timm.SGDW", **how)
    assert start.weight_decay == pytest.approx(DECAY * (1 - dampening) / (1 - 0.7))
    assert "ends at the same place, if lr is constant" in start.why
    back = approximate(start.weight_decay, "timm.SGDW", "torch.SGD", **how)
    assert back.weight_decay == pytest.approx(DECAY)
    run = {"start": START, "steps": 250, "lr": lr, "nesterov": nesterov, **more}
    loss = lambda w: ((X @ w - Y) ** 2).mean()  # noqa: E731
    one, other, same = (
        paths.walk(optimizer, loss, weight_decay=decay, **run)
        for optimizer, decay in (
            (torch.optim.SGD, DECAY), (updates.sgdw, start.weight_decay),
            (updates.sgdw, DECAY),
        )
    )  # fmt: skip
    assert (one[-1] - other[-1]).abs().max() < 1e-12 < 1e-2
    assert (one[-1] - same[-1]).abs().max() > 1e-2 < (one - other).abs().max()


@pytest.mark.parametrize("dampening", [0.3, -1.0])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_how_far_they_part_counts_the_dampening(dampening, schedule):
    more = {"momentum": 0.8, "dampening": dampening}
    multipliers = SCHEDULES[schedule]
    given = {"lr": LR, "multipliers": multipliers, **more}
    start = approximate(DECAY, "torch.SGD", "timm.SGDW", **given)
    lrs, one = [LR * s for s in multipliers], torch.ones(1).double()
    run = {"start": one, "steps": STEPS, "lr": lrs, **more}
    flat = lambda w: 0 * w.sum()  # noqa: E731
    here = paths.walk(torch.optim.SGD, flat, weight_decay=DECAY, **run)
    there = paths.walk(updates.sgdw, flat, weight_decay=start.weight_decay, **run)
    assert (here - there).abs().max().item() == pytest.approx(start.apart, abs=1e-12)
    assert start.apart > 1e-2


def test_after_its_step_a_decay_shrinks_the_step_by_its_share():
    start = approximate(
        1.0, "torch.AdamW", "bitsandbytes.AdamW8bit", lr=LR, multipliers=[1]
    )
    assert start[:2] == (1.0, 0.0)
    assert "and the step with it. This number asks for the same decay" in start.why
    w, g, given = START, torch.ones_like(START), {"lr": LR, "weight_decay": 1.0}
    rest = {"max_lr": LR, "momentum": 0.0}
    before, _ = apis.ADAMW(w, g, None, **given, **rest)
    after, _ = apis.bitsandbytes_adam(w, g, None, **given, **rest)
    move = apis.ADAMW(w, g, None, lr=LR, weight_decay=0.0, **rest)[0] - w
    torch.testing.assert_close(after - before, -LR * move)


@pytest.mark.parametrize(
    ("source", "target", "left_out", "says"),
    [
        (
            "torch.SGD",
            "timm.SGDW",
            "dampening",
            "depends on dampening. Pass dampening=",
        ),
        ("torch.SGD", "timm.SGDW", "momentum", "depends on momentum. Pass momentum="),
        ("torch.AdamW", "keras.AdamW", "lr", "missing .* 'lr'"),
        ("torch.AdamW", "keras.AdamW", "multipliers", "missing .* 'multipliers'"),
        ("sklearn.Ridge", "mean loss, penalty with half", "n", "Pass n="),
        ("sklearn.Ridge", "sum loss, penalty with half", "n", "Pass n="),
        ("paper.AdamW, normalised", "paper.AdamW, normalised", "steps", "Pass steps="),
    ],
)
def test_approximate_asks_for_all_that_it_needs(source, target, left_out, says):
    given = {**how("cosine", 0.9), "dampening": 0.0}
    del given[left_out]
    with pytest.raises((ValueError, TypeError), match=says):
        approximate(0.1, source, target, **given)


@pytest.mark.parametrize("name", ["lr", "multipliers"])
def test_approximate_takes_no_none_for_what_it_needs(name):
    given = {**how("cosine", 0.0), name: None}
    with pytest.raises(ValueError, match=f"lr λ of a weight, .* Pass {name}="):
        approximate(0.1, "torch.AdamW", "keras.AdamW", **given)


@pytest.mark.parametrize("wrong", [1, 1.5, math.nan, -math.inf, "0"])
def test_a_dampening_that_leaves_no_gradient_is_refused(wrong):
    given = {**how("cosine", 0.9), "dampening": wrong}
    with pytest.raises((ValueError, TypeError), match=r"dampening must be .* < 1"):
        approximate(0.1, "torch.SGD", "timm.SGDW", **given)


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [
        ("torch.Adam", "torch.AdamW", "not even nearly. Where noise dominates, start"),
        ("torch.AdamW", "torch.Adam", "which Adam rescales weight by weight"),
        ("torch.AdamW", "torch.SGD", "part whatever the decay"),
        ("torch.AdamW", "AdamW", "no API 'AdamW' here"),
    ],
)
def test_where_nothing_is_near_approximate_says_so(source, target, says):
    with pytest.raises(ValueError, match=says):
        approximate(0.1, source, target, **how("cosine", 0.9), dampening=0)


def test_a_run_that_leaves_nothing_has_no_number():
    given = {"lr": 1.0, "multipliers": [1.0, 0.5] * 700}
    with pytest.raises(ValueError, match="nothing is left of a weight in the end"):
        approximate(0.7, "torch.AdamW", "tensorflow_addons.AdamW", **given)


def test_convert_and_approximate_take_the_same_arguments():
    one, other = (inspect.signature(f).parameters for f in (convert, approximate))
    assert [*one] == [name for name in other if name != "dampening"]
    for function in (convert, approximate):
        with pytest.raises(TypeError, match="schedule"):
            function(0.1, "torch.SGD", "torch.SGD", schedule=[1], lr=1, multipliers=[1])


# The two that are no optimizer.


def test_ridge_is_where_sgd_with_the_converted_decay_ends():
    alpha = 0.7
    ridge = Ridge(alpha=alpha, fit_intercept=False).fit(X.numpy(), Y[:, 0].numpy())
    decay = convert(alpha, "sklearn.Ridge", "torch.SGD", n=N)
    squared_error = lambda w: ((X @ w - Y[:, 0]) ** 2).mean()  # noqa: E731
    run = {"start": START[:, 0], "steps": STEPS, "lr": 0.3, "weight_decay": decay}
    end = paths.walk(torch.optim.SGD, squared_error, **run)[-1]
    assert (end - torch.tensor(ridge.coef_)).abs().max() < TOLERANCE
    assert convert(decay, "torch.SGD", "sklearn.Ridge", n=N) == pytest.approx(alpha)
    other = paths.walk(torch.optim.SGD, squared_error, **run | {"weight_decay": alpha})
    assert (end - other[-1]).abs().max() > 1e6 * TOLERANCE


@pytest.mark.parametrize(
    ("optimizer_class", "summed"),
    [
        (torch.optim.SGD, {"lr": LR / N, "momentum": 0.9}),
        (torch.optim.Adam, {"lr": LR, "eps": N * 1e-8}),
    ],
)
def test_the_sum_takes_the_steps_of_the_mean_as_the_docstring_says(
    optimizer_class, summed
):
    loss = lambda w: ((X @ w - Y) ** 2).mean()  # noqa: E731
    decay = convert(DECAY, "sum loss, penalty with half", "torch.SGD", n=N)
    of_sum = problems.penalised(lambda w: N * loss(w), DECAY)
    mean = {key: value for key, value in summed.items() if key == "momentum"}
    run = {"start": START, "steps": STEPS}
    here = paths.walk(optimizer_class, of_sum, **run, **summed)
    there = paths.walk(optimizer_class, loss, **run, lr=LR, weight_decay=decay, **mean)
    assert (here - there).abs().max() < TOLERANCE


def test_the_ends_of_what_is_allowed_are_allowed():
    assert Run.of(0.1, [10**99], lr=1e-99).multipliers == [1e99]
    assert {type(s) for s in Run.of(0.1, [1, True, 1.0]).multipliers} == {float}
    assert Run.of(0.1, [1 - 1e-9], lr=0.1).multipliers == [1 - 1e-9]
    with pytest.raises(ValueError, match="must reach 1"):
        Run.of(0.1, [1 - 1e-8], lr=0.1)


def test_what_is_no_single_number_is_refused():
    with pytest.raises(TypeError, match="weight_decay must be"):
        Run.of(torch.ones(2), None)


def test_a_step_without_lr_counts_where_only_one_side_decays_in_it():
    stopped = {"lr": 1e-3, "multipliers": [1.0, 0.0, 1.0]}
    assert convert(0.1, "torch.AdamW", "keras.AdamW", **stopped) == 0.1
    with pytest.raises(ValueError, match="no number makes them agree"):
        convert(0.1, "torch.AdamW", "tensorflow_addons.AdamW", **stopped)


def test_a_share_without_an_lr_is_known_where_the_lr_cancels():
    run = Run.of(0.1, [1.0])
    assert run.share(CONVENTIONS["paper.AdamW"], 0.5) == 0.5
    assert math.isnan(run.share(CONVENTIONS["torch.AdamW"], 0.5))


@pytest.mark.parametrize("record", [Run.of(0.1, [1.0]), CONVENTIONS["torch.SGD"]])
def test_a_record_cannot_be_changed(record):
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.lr = 2.0
