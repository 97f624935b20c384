"""Bad input: what is said names the argument, its value and what it may be."""

import math
from functools import partial

import pytest
import torch

from weightdecay import (
    conventions,
    conversion,
    directions,
    figures,
    paths,
    probe,
    problems,
    sliders,
    sweep,
    theory,
    updates,
)
from weightdecay.rule import settings_of

W = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
SQUARE = torch.eye(3, dtype=torch.float64)
BOWL = problems.Quadratic(W, SQUARE)
CLASSES = problems.Logistic(SQUARE, torch.tensor([1.0, -1.0, 1.0]).double())
MANY, START = problems.regressions(2, 4, 3, noise=1.0, seed=0)
RUN = {"lr": 0.1, "weight_decay": 0.1}


def walked(update=updates.sgd_l2, loss=BOWL, start=W, **changes):
    return paths.walk(update, loss, start, **{"steps": 2, **RUN, **changes})


def swept(loss=lambda w: w.square().sum(), **changes):
    return sweep.sweep(updates.adamw, loss, W, **{**RUN, "schedule": [1, 1], **changes})


def adamw(w=W, g=W, **changes):
    return updates.adamw(w, g, **RUN | changes)


def compared(predicted, measured):
    return figures.compare({"": (predicted, measured)}, xlabel="x", ylabel="y")


# What is called, and what of the message the reader needs: name, remedy, value.
CALLS = [
    # The hyperparameters, each of them below.
    (partial(adamw, lr="0.1"), "lr must be a finite number >= 0, got '0.1'"),
    (partial(adamw, lr=None), "lr must be a finite number >= 0, got None"),
    (partial(adamw, lr=torch.tensor([0.1, -0.2, 0.3])), "got numbers from -0.2 to 0.3"),
    (partial(adamw, betas=(1.0, 0.0)), r"betas must be two .* < 1, got \(1.0, 0.0\)"),
    (partial(adamw, betas=(0.9,)), r"betas must be two numbers .*, got \(0.9,\)"),
    (partial(adamw, betas=0.9), "betas must be two numbers .*, got 0.9"),
    (partial(adamw, momentum=0.9), "adamw does not take momentum. It takes lr, .*eps"),
    (partial(adamw, w=1.0), "w must be a tensor, got 1.0: try torch.tensor"),
    (partial(adamw, g=[1.0]), r"g must be a tensor, got \[1.0\]: try torch.tensor"),
    (partial(adamw, g=W[:2]), r"g must have the shape of w, got \(2,\) for \(3,\)"),
    (partial(updates.sgdw, W, W, **RUN), "sgdw needs momentum. It takes lr, weight"),
    (partial(updates.sgd, W, W, **RUN), "weight_decay=0.1: take sgd_l2"),
    (partial(updates.muon, W, W, **RUN), r"Muon steps matrices, .*\(3,\): reshape it"),
    (partial(directions.adam_direction, W, None, eps=-1), "eps must be .*0, got -1"),
    (partial(directions.polar, W), r"polar steps matrices, .*\(3,\): reshape it"),
    (partial(directions.newton_schulz, W), r"newton_schulz steps matrices, .*\(3,\)"),
    (
        partial(directions.newton_schulz, SQUARE, steps=1.5),
        "steps .*, got 1.5",
    ),
    (
        partial(directions.newton_schulz, SQUARE, coefficients=(1, 2)),
        r"coefficients must be three finite numbers, got \(1, 2\)",
    ),
    # Walks.
    (partial(walked, steps=-1), "steps must be a whole number >= 0, got -1"),
    (partial(walked, steps=2.0), "steps must be a whole number >= 0, got 2.0"),
    (partial(walked, lr="0.1"), "lr.* given for 2 steps"),
    (partial(walked, lr=[0.1, -1]), "lr must be a finite number >= 0, got -1"),
    (partial(walked, lr=[0.1]), "lr: 1 given for 2 steps"),
    (partial(walked, start="far"), "start must be a tensor, a number.*, got 'far'"),
    (partial(walked, start=torch.tensor(1)), "start .*int64: call .double()"),
    (partial(walked, loss=3), "loss must be a function of the weights.*: 3"),
    (partial(walked, loss=[BOWL, 3]), "loss must be a function .*one for each step: "),
    (partial(walked, loss=lambda w: w), "loss must return one number.*: take a sum"),
    (partial(walked, loss=lambda w: 3.0), "loss must return one number.* got 3.0"),
    (partial(walked, update=3), "update must be a rule, with w and g .*got a int: 3"),
    (partial(walked, update=torch.optim.SGD([W])), "update must be a rule.*a SGD"),
    (partial(walked, update=lambda *_, **__: 3), "update must be a rule.*made 3"),
    (partial(walked, update=lambda a, b, c: 3), "update must be a rule.*lr"),
    (partial(walked, update=torch.optim.SGD, rho=3), "update .*keyword argument 'rho'"),
    (partial(walked, momentun=0.9), "sgd_l2 does not take momentun. It takes lr, wei"),
    (partial(swept, lr=torch.tensor([0.1, -0.1])), "lr must be .*from -0.1 to 0.1"),
    (partial(swept, loss=[BOWL]), "loss: 1 given for 2 steps"),
    (
        partial(swept, lr=torch.ones(2), weight_decay=torch.ones(3)),
        r"to one grid, got the shapes {'lr': \(2,\), 'weight_decay': \(3,\)}",
    ),
    (
        partial(sweep.movement, BOWL, W, lr=0.1, schedule=[1], betas=(2, 0)),
        r"betas must be two numbers >= 0 and < 1, got \(2, 0\)",
    ),
    (partial(sweep.best, -W, W), "x must be positive"),
    (partial(sweep.best, W.abs(), W[:2]), r"x must be .*the last axis .*\(2,\)"),
    # Problems.
    (partial(problems.penalised, BOWL, "1"), "weight_decay must be .*number, got '1'"),
    (partial(problems.penalised, BOWL, math.nan), "weight_decay must be .*, got nan"),
    (
        partial(problems.box_minimum, BOWL, W, -1, steps=1, lr=1),
        "edge must be a finite number >= 0, got -1",
    ),
    (partial(problems.Quadratic, W, SQUARE[:2]), r"hessian .*\(d, d\).*got \(2, 3\)"),
    (partial(problems.Logistic, SQUARE, W[:2]), r"y must have one .*\(2,\) and \(3, 3"),
    (partial(problems.Logistic, SQUARE, W), r"y must be -1 or 1, got \[-2.0, 1.0, 3.0"),
    (partial(BOWL.penalised_minimum, -1), "weight_decay must be .*>= 0, got -1"),
    (partial(CLASSES.penalised_minimum, -1), "weight_decay=-1"),
    (partial(CLASSES.minibatches, 9, 1, 0), "batch_size must be 1 to 3, got 9"),
    (
        partial(CLASSES.minibatches, 1, -1, 0),
        "steps must be a whole number >= 0, got -1",
    ),
    (partial(MANY.minibatches, 0, 1, 0), "batch_size must be 1 or more, got 0"),
    (partial(MANY.flow, START, 1.0, -1), "weight_decay must be .*>= 0, got -1"),
    (
        partial(problems.regressions, 0, 1, 1, 1.0, 0),
        "m must be a whole number > 0, got",
    ),
    (partial(problems.with_singular_values, [1], (2, 2), 0), "1 singular .*it takes 2"),
    # Theory.
    (partial(theory.ridge, W, W, -1), "weight_decay must be .*>= 0, got -1"),
    (partial(theory.training_error, 2, 0, 0), "wrong must be .*got 2"),
    (partial(theory.training_error, 0, 2, 0), "memorised must be .*got 2"),
    (partial(theory.training_error, 0, 0, 2), "missed must be .*got 2"),
    (partial(theory.box, W, -1), "weight_decay must be .*>= 0, got -1"),
    (partial(theory.spectral_box, SQUARE, -1), "cap must be .*>= 0, got -1"),
    (partial(theory.newton_schulz_gain, W, steps=-1), "steps must be .*, got -1"),
    (partial(theory.momentum_roots, 0.1, -1, 0.9), "weight_decay must be .*, got -1"),
    (partial(theory.momentum_decay, -1, 0.1, 1, 0.9), "k must be .*>= 0, got -1"),
    (partial(theory.adamw_mean, W, W, 1, -W), "noise must be .*from -3 to 2"),
    (partial(theory.flow_parts, -W, W), "moved must be .*from -3 to 2"),
    (partial(theory.flow_risk, W.abs(), W, 1), "decayed must be .*from -2 to 3"),
    (partial(theory.flow_risk, W**2, W**2, 0.1, -1), "start_noise must be .*got -1"),
    # Conventions and the probe.
    (partial(conversion.convert, "1", "torch.SGD", "torch.SGD"), "weight_decay .*'1'"),
    (
        partial(conversion.convert, 1, "SGD", "torch.SGD"),
        "no API 'SGD' here. There are",
    ),
    (
        partial(conversion.convert, 1, "torch.SGD", "torch.SGD", momentum=1),
        "momentum must be a number >= 0 and < 1, got 1",
    ),
    (
        partial(conversion.convert, 1, "torch.SGD", "torch.SGD", multipliers=3),
        "multipliers must be one number for each step, got 3",
    ),
    (partial(conventions.evidence, "SGD"), "no API 'SGD' here. There are: torch.SGD"),
    (partial(probe.ask, 3), "make must be an optimizer class or a function .*, got 3"),
    # Figures.
    (partial(compared, torch.sin, [1.0]), "a predicted function needs x"),
    (
        partial(sliders.Sliders, print, {"lr": [1, 2]}, {"lr": 3}, ""),
        r"shown\['lr'\] is 3, not one of \[1, 2\]",
    ),
]


@pytest.mark.parametrize(
    ("call", "message"), CALLS, ids=[f"{i}-{x[1][:24]}" for i, x in enumerate(CALLS)]
)
def test_bad_input_is_refused_by_name_value_and_remedy(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


NEGATIVE = (-1, math.nan, math.inf, "1", None)
SHARE = (1, -0.1, math.nan, "1")
FLAG = (0.9, "no", None)
OUTSIDE = {
    **dict.fromkeys(("lr", "weight_decay", "eps"), NEGATIVE),
    **dict.fromkeys(("momentum", "momentum_decay"), NEGATIVE),
    **dict.fromkeys(("alpha", "rho"), SHARE),
    **dict.fromkeys(("amsgrad", "centered", "nesterov"), FLAG),
    "max_lr": (0, *NEGATIVE),
    "dampening": (math.nan, -math.inf, "1"),
    "betas": ((1.0, 0.0), (0.9, -0.1), (0.9,), 0.9),
    "orthogonalise": (3,),
}
RULES = {  # one rule that takes it, for each of their settings
    name: rule
    for rule in vars(updates).values()
    if getattr(rule, "__module__", None) == updates.__name__
    for name in settings_of(rule)
}


@pytest.mark.parametrize("name", RULES)
def test_each_setting_of_the_rules_has_a_range_and_nothing_outside_passes(name):
    given = {n: 0.5 for n, needed in settings_of(RULES[name]).items() if needed}
    given["weight_decay"] = 0
    for value in OUTSIDE[name]:
        with pytest.raises((ValueError, TypeError), match=rf"^{name} must be .*, got"):
            RULES[name](SQUARE, SQUARE, **given | {name: value})
    elementwise = torch.full((3, 1), 0.5).double()
    if OUTSIDE[name] != FLAG and name not in ("betas", "orthogonalise"):
        RULES[name](SQUARE, SQUARE, **given | {name: elementwise})
