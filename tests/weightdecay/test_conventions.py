"""The table of conventions: what it says is what the probe hears and torch has."""

import dataclasses
import functools
import inspect
import math
import re
import sys

import apis
import pytest
import sklearn
import torch
from sklearn.linear_model import Ridge

from weightdecay import answers, conventions, probe
from weightdecay.conventions import CONVENTIONS, Convention, look_up


@functools.cache
def heard(make, momentum):
    """Ask for the decay of a step with that momentum, or of an optimizer of torch."""
    if inspect.isclass(make):
        more = {"momentum": momentum} if make is torch.optim.SGD else {}
        return probe.ask(lambda params, **given: make(params, **given, **more))
    if isinstance(make, float):
        return probe.ask(apis.minimiser(make, momentum))
    return probe.ask(apis.optimizer(make, momentum))


def made_from(name):
    """Return the optimizer of torch, the step or the price of a penalty."""
    if name in apis.STEP:
        return apis.STEP[name]
    return apis.PENALTY.get(name) or getattr(torch.optim, name.removeprefix("torch."))


def moves_like_sgd(convention):
    return convention.optimizer in (None, *conventions.SGD)


# An optimizer does not know of how many losses it got the sum.
@pytest.mark.parametrize("name", [n for n in CONVENTIONS if CONVENTIONS[n].per != "n"])
def test_the_table_says_what_the_probe_hears(name):
    convention = CONVENTIONS[name]
    said = heard(made_from(name), 0.9 if moves_like_sgd(convention) else 0.0)
    per = {None: 1, "√steps": apis.STEPS**0.5}[convention.per]
    assert said.place == convention.place
    assert said.times == pytest.approx(convention.times / per, rel=1e-6)
    if convention.place == "weight":
        law = (convention.lr_power, convention.base_lr_power, convention.order)
        assert (said.lr_power, said.base_lr_power, said.order) == law


@pytest.mark.parametrize(
    "name", ["torch.SGD", "timm.SGDW", "keras.SGD", "mean loss, penalty with half"]
)
def test_without_momentum_the_probe_says_that_the_two_places_are_one(name):
    said = heard(made_from(name), 0.0)
    assert (said.place, said.times) == ("either", 1)


def test_the_paper_keeps_what_the_probe_writes():
    said = heard(apis.STEP["paper.AdamW"], 0.0)
    assert said.kept == "1 - base_lr^-1 * lr * weight_decay"
    paper = CONVENTIONS["paper.AdamW"]
    law = {x: getattr(paper, x) for x in ("times", "lr_power", "base_lr_power")}
    assert answers.Answer("weight", **law).kept == said.kept


def test_the_formula_says_what_the_powers_mean():
    formulas = {name: CONVENTIONS[name].formula for name in CONVENTIONS}
    assert formulas["torch.Adam"] == "w - lr u(g + λ w)"
    assert formulas["keras.regularizers.L2"] == "w - lr u(g + 2 λ w)"
    assert formulas["sklearn.Ridge"] == "w - lr u(g + 2 λ/n w)"
    assert formulas["torch.AdamW"] == "(1 - lr λ) w - lr u(g)"
    assert formulas["paper.AdamW"] == "(1 - s λ) w - lr u(g)"
    assert formulas["paper.AdamW, normalised"] == "(1 - s λ/√steps) w - lr u(g)"
    assert formulas["tensorflow_addons.AdamW"] == "(1 - λ) w - lr u(g)"
    assert formulas["timm.SGDW, corrected"] == "(1 - lr s λ) w - lr u(g)"
    assert formulas["bitsandbytes.AdamW8bit"] == "(1 - lr λ) (w - lr u(g))"


@pytest.mark.parametrize(
    ("law", "share"),
    [
        ((1, 0), "lr λ"), ((1, -1), "s λ"), ((0, 0), "λ"), ((2, -1), "lr s λ"),
        ((2, 0), "lr^2 λ"), ((2, -2), "s^2 λ"), ((1, -2), "s base_lr^-1 λ"),
        ((0, 1), "base_lr λ"), ((1, 1), "lr base_lr λ"), ((3, -2), "lr s^2 λ"),
    ],
)  # fmt: skip
def test_the_share_is_written_with_the_multiplier_where_it_can_be(law, share):
    own = Convention("own", "Adam", "weight", lr_power=law[0], base_lr_power=law[1])
    assert own.share == share
    # And what is written is the strength: lr 0.3, base_lr 2, s 0.15.
    values = {"lr": 0.3, "base_lr": 2.0, "s": 0.15, "λ": 1.0}
    factors = [x.partition("^") for x in share.split()]
    product = math.prod(values[x] ** int(power or 1) for x, _, power in factors)
    assert own.strength(lr=0.3, base_lr=2.0) == pytest.approx(product)


def test_the_strength_divides_by_what_the_convention_says():
    known = {"lr": 0.1, "base_lr": 0.1, "n": 4, "steps": 25}
    own = Convention("own", "Adam", "weight", times=3.0)
    strengths = [
        dataclasses.replace(own, per=per).strength(**known) for per in conventions.PER
    ]
    assert strengths == pytest.approx([0.3, 0.075, 0.06])
    assert own.strength(lr=0.1, base_lr=7.0) == pytest.approx(0.3)
    # One example and one step, unless told otherwise.
    alone = [dataclasses.replace(own, per=per) for per in conventions.PER]
    strengths = [each.strength(lr=0.1, base_lr=7.0) for each in alone]
    assert strengths == pytest.approx(len(alone) * [0.3])


def test_a_convention_can_not_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        CONVENTIONS["torch.AdamW"].times = 2.0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"place": "either"}, 'place must be "gradient" or "weight", got \'either\''),
        ({"order": "beside"}, 'order must be "before" or "after", got \'beside\''),
        ({"per": "N"}, 'per must be None or "n" or "√steps", got \'N\''),
        ({"times": 0}, "times must be a finite number > 0, got 0"),
        ({"times": -1.0}, "times must be a finite number > 0, got -1.0"),
        ({"times": math.inf}, "times must be a finite number > 0, got inf"),
        ({"lr_power": -1}, "lr_power must be a whole number >= 0, got -1"),
        ({"lr_power": 0.5}, "lr_power must be a whole number >= 0, got 0.5"),
        ({"base_lr_power": 0.5}, "base_lr_power must be a whole number, got 0.5"),
        ({"place": "gradient", "lr_power": 0}, r"through the gradient: .* got \(0, 0"),
        ({"place": "gradient", "base_lr_power": 1}, r"through the gradient: .* \(1, 1"),
        ({"place": "gradient", "order": "after"}, "through the gradient: .* 'after'"),
        ({"optimizer": None}, "optimizer must be the name of one .*, got None"),
    ],
)
def test_a_convention_that_cannot_be_is_refused(wrong, says):
    own = {"name": "own", "optimizer": "Adam", "place": "weight"}
    assert Convention(**own, lr_power=0, base_lr_power=-3).default is None
    with pytest.raises(ValueError, match=says):
        Convention(**own | wrong)


def test_a_convention_of_your_own_needs_only_a_name_an_optimizer_and_a_place():
    own = Convention("own", "Adam", "weight")
    torchs = CONVENTIONS["torch.AdamW"]
    renamed = dataclasses.replace(torchs, name="own", default=None, source="your own")
    assert own == renamed
    assert Convention("own", None, "gradient").formula == "w - lr u(g + λ w)"


def test_a_typo_hears_the_nearest_names_first():
    with pytest.raises(ValueError, match=r"no API 'torch\.AdmaW' here") as refusal:
        look_up("torch.AdmaW")
    named = str(refusal.value).split("There are: ")[1].split("; ")
    assert named[0] == "torch.AdamW" and len(named) == 6
    assert named[5].startswith(f"and {len(CONVENTIONS) - 5} more in ")
    with pytest.raises(ValueError, match=r"There are: torch.SGD; .*keras.SGD"):
        look_up("sgd")
    assert look_up("torch.SGD") is CONVENTIONS["torch.SGD"]
    own = Convention("torch.AdmaW", "Adam", "weight")
    assert look_up(own) is own


@pytest.mark.parametrize("wrong", [3, None, torch.optim.AdamW])
def test_what_is_no_name_of_an_api_is_refused(wrong):
    with pytest.raises(TypeError, match="must be a name in CONVENTIONS or a Conv"):
        look_up(wrong)


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


def test_each_row_names_a_version_or_a_commit_and_a_file():
    for name, convention in CONVENTIONS.items():
        assert convention.name == name
        where = r"\d.*, .*\.(py|jl)\b|ICLR 2019, (Algorithm|Appendix)|^its gradient$"
        assert re.search(where, convention.source), name


def test_what_was_measured_is_in_the_table_with_its_version_and_default():
    rows = conventions.measured()
    run = {row["api"] for row in rows}
    packages = ("optax", "keras", "timm")
    assert run == {n for n in apis.STEP if n.startswith(packages)} | {
        "keras.regularizers.L2", "optax.add_decayed_weights, after adam and lr",
    }  # fmt: skip
    for row in rows:
        assert (row["deviation"] < 1e-10) == row["same"]
        assert row["decay"] > 0.1
        if row["api"] in CONVENTIONS:
            convention = CONVENTIONS[row["api"]]
            assert f" {row['version']}," in convention.source
            assert float(row["default"] or 0) == convention.default


def test_what_was_left_starts_from_one_and_falls():
    runs = conventions.measured_left()
    assert len(runs) == 4
    for run in runs.values():
        assert (run["lr"], run["weight_decay"] > 0) == (0.01, True)
        left = [run["left"][k] for k in sorted(run["left"])]
        assert left == sorted(left, reverse=True) and left[0] < 1
        assert run["version"][0].isdigit()


def test_a_strength_names_its_rates():
    with pytest.raises(TypeError, match="positional"):
        CONVENTIONS["torch.AdamW"].strength(0.1, 0.1)


def test_the_largest_number_is_a_factor_and_two_powers_of_lr_are_written_out():
    api = Convention("mine", optimizer="SGD", place="weight", lr_power=1,
                     base_lr_power=1, times=sys.float_info.max)  # fmt: skip
    assert api.share.endswith("lr base_lr λ")


def test_an_unknown_name_is_answered_with_five_that_are_near():
    with pytest.raises(ValueError, match="There are") as refused:
        look_up("torch.adam_w")
    assert str(refused.value).partition("There are: ")[2].count("; ") == 5
