"""Every conversion, both sides run; every refusal, no number found that does it."""

import dataclasses
import inspect
import itertools
import math
import re

import pytest
import sklearn
import torch
from sklearn.linear_model import Ridge

from weightdecay import conventions, paths, problems, updates
from weightdecay.conventions import CONVENTIONS, SGD, convert
from weightdecay.directions import adam_direction, momentum_direction

TOLERANCE = 1e-12
STEPS, LR, N, DECAY = 100, 0.05, 8, 0.3
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


def mean_loss(w):
    """Return the loss, of weights in a stack the sum of theirs."""
    return ((X @ w - Y) ** 2).mean((-2, -1)).sum()


# Each step below is written out anew, so that a wrong power in the table is found.


def velocity(w, g, state, *, lr, share, momentum):
    """SGD with lr in its buffer, beside any decay: Keras's step, and the paper's."""
    v = (momentum * state[0] if state else 0) - lr * g
    return w - share * w + v, (v,)


def keras_sgd(w, g, state, *, lr, weight_decay, max_lr, momentum):
    share = lr * weight_decay
    return velocity(w, g, state, lr=lr, share=share, momentum=momentum)


def paper_sgdw(w, g, state, *, lr, weight_decay, max_lr, momentum):
    share = lr / max_lr * weight_decay
    return velocity(w, g, state, lr=lr, share=share, momentum=momentum)


def addons_sgdw(w, g, state, *, lr, weight_decay, max_lr, momentum):
    return velocity(w, g, state, lr=lr, share=weight_decay, momentum=momentum)


def scheduled_sgdw(w, g, state, *, lr, weight_decay, max_lr, momentum):
    u, state = momentum_direction(g, state, momentum=momentum)
    return w - lr / max_lr * (max_lr * u + weight_decay * w), state


def corrected_sgdw(w, g, state, *, lr, weight_decay, max_lr, momentum):
    u, state = momentum_direction(g, state, momentum=momentum)
    return w - lr * u - lr**2 / max_lr * weight_decay * w, state


def addons_adamw(w, g, state, *, lr, weight_decay, max_lr, momentum):
    u, state = adam_direction(g, state)
    return w - weight_decay * w - lr * u, state


def book(rule, *wanted):
    """Let one of the book's rules take what it wants of the settings."""
    # The check that a rule makes at each step is for single numbers.
    rule = inspect.unwrap(rule)

    def step(w, g, state, *, lr, weight_decay, **settings):
        settings = {name: settings[name] for name in wanted}
        return rule(w, g, state, lr=lr, weight_decay=weight_decay, **settings)

    return step


ADDED = "optax.add_decayed_weights, "
SGDW = book(updates.sgdw, "momentum")
ADAMW, ADAMW_PAPER = book(updates.adamw), book(updates.adamw_paper, "max_lr")
STEP = {
    "optax.adamw": ADAMW,
    ADDED + "then sgd": book(updates.sgd_momentum_l2, "momentum"),
    ADDED + "then adam": book(updates.adam_l2),
    ADDED + "between adam and lr": ADAMW,
    ADDED + "between lr and schedule": ADAMW_PAPER,
    "keras.SGD": keras_sgd,
    "keras.Adam": ADAMW,
    "keras.AdamW": ADAMW,
    "timm.SGDW": SGDW,
    "timm.SGDW, corrected": corrected_sgdw,
    "timm.AdamWLegacy": ADAMW,
    "timm.AdamWLegacy, corrected": book(updates.adamw_corrected, "max_lr"),
    "paper.SGDW": paper_sgdw,
    "paper.AdamW": ADAMW_PAPER,
    "big_vision.momentum_hp": scheduled_sgdw,
    "big_vision.scale_by_adam": ADAMW_PAPER,
    "tensorflow_addons.SGDW": addons_sgdw,
    "tensorflow_addons.AdamW": addons_adamw,
    "composer.DecoupledSGDW": scheduled_sgdw,
    "composer.DecoupledAdamW": ADAMW_PAPER,
}
# What is added to the mean loss; divided by N where the loss is a sum.
PENALTY = {
    "keras.regularizers.L2": 1.0,
    "mean loss, penalty with half": 0.5,
    "mean loss, penalty without half": 1.0,
    "sum loss, penalty with half": 0.5 / N,
    "sum loss, penalty without half": 1.0 / N,
    "sklearn.Ridge": 1.0 / N,  # on the sum of squared errors: a test of its own
}


@dataclasses.dataclass(frozen=True)
class Side:
    """One side of a conversion: who steps, and with which numbers."""

    who: str
    decay: float
    penalty: float
    schedule: str
    momentum: float


def sides(a, one, b, other, schedule, momentum):
    """Return both sides; a penalty is minimised by the other's optimizer."""
    penalised_by = a.optimizer or b.optimizer or "SGD"
    if penalised_by == SGD[1]:
        penalised_by = "keras.SGD"
    for name, number in ((a.name, one), (b.name, other)):
        who, decay, penalty = name.removeprefix("torch."), number, 0.0
        if name in PENALTY:
            who, decay, penalty = penalised_by, 0.0, PENALTY[name] * number
        # Rounded, since most conversions come to the same few numbers.
        yield Side(who, rounded(decay), rounded(penalty), schedule, momentum)


def rounded(number):
    return float(f"{number:.14g}")


WALKED = {}


def walk(wanted):
    """Walk the sides that nobody walked yet, all that one optimizer steps in a stack.

    A row of the stack has its own decay, penalty, schedule and momentum.
    """
    new = sorted({*wanted} - WALKED.keys(), key=lambda side: side.who)
    for who, rows in itertools.groupby(new, key=lambda side: side.who):
        rows = list(rows)
        points = rule_steps(who, rows) if who in STEP else torch_steps(who, rows)
        WALKED.update(zip(rows, torch.stack(list(points), 1), strict=True))


def column(numbers):
    """Return a number of each row, to meet all weights of the row."""
    return torch.tensor([*numbers], dtype=torch.float64)[:, None, None]


def penalised(rows):
    strength = column(row.penalty for row in rows)
    return lambda w: mean_loss(w) + (strength * w.square()).sum()


def rule_steps(who, rows):
    """Yield the weights; the numbers of a row are its own."""
    own = {"momentum": column(row.momentum for row in rows)}
    own["weight_decay"] = column(row.decay for row in rows)
    w, state, loss = START.expand(len(rows), 3, 2), None, penalised(rows)
    yield w
    for multipliers in zip(*(SCHEDULES[row.schedule] for row in rows), strict=True):
        g, lr = paths.gradient(loss, w), LR * column(multipliers)
        w, state = STEP[who](w, g, state, lr=lr, max_lr=LR, **own)
        yield w


def torch_steps(who, rows):
    """Yield the weights; each row has a group of its own in the optimizer."""
    ws, groups, loss = [START.clone() for _ in rows], [], penalised(rows)
    for row, w in zip(rows, ws, strict=True):
        more = {"momentum": row.momentum} if who == "SGD" else {}
        groups.append({"params": [w], "weight_decay": row.decay, **more})
    optimizer = getattr(torch.optim, who)(groups, lr=LR)
    yield torch.stack(ws)
    for k in range(STEPS):
        gradients = paths.gradient(loss, torch.stack(ws))
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
    return DECAY * LR / a.strength(lr=LR, n=N)


def answer(a, b, schedule, momentum):
    how = {"lr": LR, "n": N, "momentum": momentum, "schedule": SCHEDULES[schedule]}
    return convert(asked(a), a.name, b.name, **how)


def check_conversions(source):
    """Run both sides of all conversions of one API; return targets and settings."""
    a, pairs = CONVENTIONS[source], {}
    for b, setting in itertools.product(CONVENTIONS.values(), SETTINGS):
        try:
            number = answer(a, b, *setting)
        except ValueError:
            continue
        pairs[b.name, setting] = tuple(sides(a, asked(a), b, number, *setting))
    walk(itertools.chain(*pairs.values()))
    for which, pair in pairs.items():
        assert gap(pair) < TOLERANCE, which
    return pairs.keys()


@pytest.mark.parametrize("source", CONVENTIONS)
def test_every_conversion_gives_the_same_hundred_steps(source):
    # At least to itself.
    assert check_conversions(source) >= {(source, setting) for setting in SETTINGS}


@pytest.mark.parametrize("source", CONVENTIONS)
def test_without_its_decay_each_would_leave_that_path(source):
    a = CONVENTIONS[source]
    pair = tuple(sides(a, asked(a), a, 0.0, "cosine", 0.0))
    walk(pair)
    assert gap(pair) > 1e6 * TOLERANCE


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("keras.regularizers.L2", {"constant": 1.0}),
        ("torch.SGD", {"constant": 2.0}),
        ("sum loss, penalty with half", {"per_example": False}),
        ("sum loss, penalty with half", {"constant": 2.0}),
        ("torch.Adam", {"path": "weight"}),
        ("keras.Adam", {"path": "gradient"}),
        ("keras.SGD", {"path": "gradient"}),
        ("torch.AdamW", {"lr_power": 0}),
        ("paper.AdamW", {"lr_power": 1}),
        ("paper.AdamW", {"schedule_power": 0}),
        ("tensorflow_addons.SGDW", {"schedule_power": 1}),
        ("timm.AdamWLegacy, corrected", {"schedule_power": 1}),
        ("keras.SGD", {"optimizer": "SGD"}),
    ],
)
def test_a_wrong_entry_in_the_table_is_found(name, wrong, monkeypatch):
    mistaken = dataclasses.replace(CONVENTIONS[name], **wrong)
    monkeypatch.setitem(CONVENTIONS, name, mistaken)
    with pytest.raises(AssertionError):
        for source in (name, "torch.SGD", "torch.AdamW", "torch.Adam"):
            check_conversions(source)


# One of each reason: path, momentum, schedule (both ways), buffer, optimizer.
REFUSED = [
    ("torch.Adam", "torch.AdamW", "constant", 0.0, "rescales weight by weight"),
    ("sklearn.Ridge", "torch.AdamW", "constant", 0.0, "rescales weight by weight"),
    ("torch.SGD", "timm.SGDW", "constant", 0.9, "buffer repeats"),
    ("keras.SGD", "keras.regularizers.L2", "constant", 0.9, "buffer repeats"),
    ("tensorflow_addons.AdamW", "torch.AdamW", "cosine", 0.0, "runs from 20 to"),
    ("torch.AdamW", "tensorflow_addons.AdamW", "cosine", 0.0, "runs from"),
    ("torch.AdamW", "timm.AdamWLegacy, corrected", "cosine", 0.0, "every step"),
    ("timm.SGDW", "keras.SGD", "cosine", 0.9, "they part when lr changes"),
    ("torch.SGD", "torch.AdamW", "constant", 0.0, "steps like SGD"),
]


@pytest.mark.parametrize(("source", "target", "schedule", "momentum", "why"), REFUSED)
def test_where_it_refuses_no_number_would_do(source, target, schedule, momentum, why):
    a, b = CONVENTIONS[source], CONVENTIONS[target]
    with pytest.raises(ValueError, match=why):
        answer(a, b, schedule, momentum)
    centre, best = asked(b), math.inf
    for decades in (2.0, 0.2, 0.02):
        pairs = {}
        for x in torch.linspace(-decades, decades, 21).tolist():
            number = centre * 10**x
            pairs[number] = tuple(sides(a, asked(a), b, number, schedule, momentum))
        walk(itertools.chain(*pairs.values()))
        best, centre = min((gap(pair), number) for number, pair in pairs.items())
    assert best > 1e-3


def test_where_a_schedule_of_ones_and_zeros_makes_the_powers_equal_it_converts():
    how = {"lr": LR, "schedule": [0.0, 1.0, 1.0, 0.0]}
    assert convert(0.1, "timm.AdamWLegacy", "timm.AdamWLegacy, corrected", **how) == 0.1


def test_decay_outside_the_buffer_ends_where_the_refusal_says():
    how = {"schedule": "constant", "momentum": 0.9}
    with pytest.raises(ValueError, match="same place") as refusal:
        convert(DECAY, "torch.SGD", "timm.SGDW", momentum=0.9)
    end = float(re.search(r"lr ([\d.e-]+) ends", str(refusal.value))[1])
    assert end == pytest.approx(DECAY / (1 - 0.9), rel=1e-5)
    run = {"start": START, "steps": 2000, "lr": LR, "momentum": 0.9}
    ends = [
        paths.walk(rule, mean_loss, weight_decay=decay, **run)[-1]
        for rule, decay in ((updates.sgd_momentum_l2, DECAY), (updates.sgdw, end))
    ]
    assert (ends[0] - ends[1]).abs().max() < 1e-12
    with pytest.raises(ValueError, match=r"0\.3 ends"):
        convert(end, "timm.SGDW", "torch.SGD", **how | {"schedule": (1.0,)})


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
    decay = convert(DECAY, "sum loss, penalty with half", "torch.SGD", n=N)
    of_sum = problems.penalised(lambda w: N * mean_loss(w), DECAY)
    mean = {key: value for key, value in summed.items() if key == "momentum"}
    here = paths.walk(optimizer_class, of_sum, START, steps=STEPS, **summed)
    there = paths.walk(
        optimizer_class,
        mean_loss,
        START,
        steps=STEPS,
        lr=LR,
        weight_decay=decay,
        **mean,
    )
    assert (here - there).abs().max() < TOLERANCE


def test_no_decay_is_no_decay_anywhere_but_steps_still_have_to_be_alike():
    assert convert(0, "torch.Adam", "torch.AdamW") == 0
    assert convert(0, "tensorflow_addons.AdamW", "torch.AdamW", schedule=(1, 0.5)) == 0
    with pytest.raises(ValueError, match="part whatever the decay"):
        convert(0, "torch.SGD", "torch.Adam")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            (0.1, "AdamW", "torch.AdamW", {}),
            "no API 'AdamW' here. There are: torch.SGD",
        ),
        ((-1, "torch.SGD", "keras.SGD", {}), "weight_decay must be .* got -1"),
        ((math.nan, "torch.SGD", "keras.SGD", {}), "weight_decay must be .* got nan"),
        ((1, "torch.SGD", "keras.SGD", {"momentum": 1}), "momentum must .* got 1"),
        ((1, "torch.SGD", "keras.SGD", {"schedule": ()}), "schedule must be"),
        ((1, "torch.SGD", "keras.SGD", {"schedule": (0, 0)}), "schedule must be"),
        ((1, "torch.AdamW", "paper.AdamW", {}), "depends on lr, .* got None"),
        ((1, "torch.AdamW", "paper.AdamW", {"lr": 0}), "depends on lr, .* got 0"),
        ((1, "sklearn.Ridge", "torch.SGD", {}), "depends on n, .* got None"),
    ],
)
def test_a_bad_call_hears_what_was_wrong(call, says):
    *positional, named = call
    with pytest.raises(ValueError, match=says):
        convert(*positional, **named)


def test_the_formula_says_what_the_powers_mean():
    formulas = {name: CONVENTIONS[name].formula for name in CONVENTIONS}
    assert formulas["torch.Adam"] == "w - lr u(g + λ w)"
    assert formulas["keras.regularizers.L2"] == "w - lr u(g + 2 λ w)"
    assert formulas["sklearn.Ridge"] == "w - lr u(g + 2 λ/n w)"
    assert formulas["torch.AdamW"] == "(1 - lr λ) w - lr u(g)"
    assert formulas["paper.AdamW"] == "(1 - s λ) w - lr u(g)"
    assert formulas["tensorflow_addons.AdamW"] == "(1 - λ) w - lr u(g)"
    assert formulas["timm.SGDW, corrected"] == "(1 - lr s λ) w - lr u(g)"


@pytest.mark.parametrize(
    "name", [name for name in CONVENTIONS if name.startswith(("torch.", "sklearn."))]
)
def test_default_and_version_are_those_that_are_installed(name):
    owner = Ridge if name == "sklearn.Ridge" else getattr(torch.optim, name[6:])
    parameters = inspect.signature(owner).parameters
    default = parameters["alpha" if owner is Ridge else "weight_decay"].default
    assert CONVENTIONS[name].default == default
    installed = sklearn.__version__ if owner is Ridge else torch.__version__
    assert f" {installed.split('+')[0]}," in CONVENTIONS[name].source


def test_what_was_measured_is_in_the_table_with_its_version_and_default():
    rows = conventions.measured()
    run = {row["api"] for row in rows}
    assert run == {n for n in STEP if n.startswith(("optax", "keras", "timm"))} | {
        "keras.regularizers.L2", "optax.add_decayed_weights, after adam and lr",
    }  # fmt: skip
    for row in rows:
        assert (row["deviation"] < 1e-10) == row["same"]
        assert row["decay"] > 0.1
        if row["api"] in CONVENTIONS:
            convention = CONVENTIONS[row["api"]]
            assert f" {row['version']}," in convention.source
            assert float(row["default"] or 0) == convention.default
