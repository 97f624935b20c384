"""The probe: right for PyTorch's optimizers, and for deliberately wrong ones."""

import dataclasses
import functools
import math

import pytest
import torch

from weightdecay import probe, updates
from weightdecay.by_hand import Penalise
from weightdecay.finding import find_subject
from weightdecay.subject import LR, WEIGHT_DECAY

OPTIM = torch.optim
ask = functools.cache(probe.ask)


def with_settings(optimizer, **settings):
    return lambda params, **given: optimizer(params, **given, **settings)


# Read from PyTorch's source: where weight_decay enters, and what the answer must say.
GRADIENT = {"place": "gradient", "default": 0.0, "hidden": 0.0}
ADAPTIVE = {**GRADIENT, "remembers": True, "rescales": True}
MOMENTUM = {**GRADIENT, "remembers": True, "rescales": False}
WEIGHT = {"place": "weight", "kept": "1 - lr * weight_decay", "order": "before"}
DECOUPLED = {"decoupled_weight_decay": True}
KEPT = {"kept": WEIGHT["kept"]}
NONE = {"place": "none", "takes": False, "default": None}
TORCH = {
    # grad.add(param, alpha=weight_decay) first, then all the rest.
    "Adadelta": (OPTIM.Adadelta, ADAPTIVE),
    "Adagrad": (OPTIM.Adagrad, ADAPTIVE),
    "Adam": (OPTIM.Adam, ADAPTIVE),
    "Adam, amsgrad": (with_settings(OPTIM.Adam, amsgrad=True), ADAPTIVE),
    "Adamax": (OPTIM.Adamax, ADAPTIVE),
    "NAdam": (OPTIM.NAdam, ADAPTIVE),
    "RAdam": (OPTIM.RAdam, ADAPTIVE),
    "RMSprop": (OPTIM.RMSprop, ADAPTIVE),
    "RMSprop, centered": (with_settings(OPTIM.RMSprop, centered=True), ADAPTIVE),
    "RMSprop, momentum": (with_settings(OPTIM.RMSprop, momentum=0.9), ADAPTIVE),
    "SGD, momentum": (with_settings(OPTIM.SGD, momentum=0.9), MOMENTUM),
    "SGD, dampening": (
        with_settings(OPTIM.SGD, momentum=0.9, dampening=0.5),
        MOMENTUM,
    ),
    "SGD, Nesterov": (with_settings(OPTIM.SGD, momentum=0.9, nesterov=True), MOMENTUM),
    # No buffer: the penalty is decay. (ASGD takes up a new lr one step late, and
    # multiplies the weight by 1 - lambd * lr, with lambd=1e-4, whatever weight_decay.)
    "SGD": (OPTIM.SGD, {"place": "either", **KEPT, "default": 0.0}),
    "ASGD": (
        OPTIM.ASGD,
        {"place": "either", "lag": 1, "default": 0.0, "hidden": 1e-4}
        | {"kept": "1 - previous_lr * weight_decay"},
    ),
    # param.mul_(1 - lr * weight_decay) first.
    "AdamW": (OPTIM.AdamW, {**WEIGHT, "default": 0.01}),
    "Adam, decoupled": (
        with_settings(OPTIM.Adam, **DECOUPLED),
        {**WEIGHT, "default": 0},
    ),
    "NAdam, decoupled": (with_settings(OPTIM.NAdam, **DECOUPLED), WEIGHT),
    "RAdam, decoupled": (with_settings(OPTIM.RAdam, **DECOUPLED), WEIGHT),
    "Muon": (OPTIM.Muon, {**WEIGHT, "default": 0.1, "vectors": "refused"}),
    # The size of its step is measured on the weight before the decay.
    "Adafactor": (OPTIM.Adafactor, {**WEIGHT, "order": "beside", "hidden": None}),
    # They have no weight_decay.
    "LBFGS": (OPTIM.LBFGS, NONE),
    "Rprop": (OPTIM.Rprop, NONE),
    "SparseAdam": (OPTIM.SparseAdam, NONE),
}


def check(answer, expected):
    for name, value in expected.items():
        found = getattr(answer, name)
        same = isinstance(value, float) and found == pytest.approx(value, rel=1e-3)
        assert same or found == value, (name, str(answer))


@pytest.mark.parametrize("name", TORCH)
def test_what_pytorchs_source_says_is_found_by_asking(name):
    make, expected = TORCH[name]
    alike = {"vectors": "alike", "at_first": True, "decays_none": False}
    check(ask(make), alike | expected)


def test_every_optimizer_of_torch_is_in_the_table():
    found = {
        name
        for name, value in vars(OPTIM).items()
        if isinstance(value, type) and issubclass(value, OPTIM.Optimizer)
    }
    assert found - {"Optimizer"} == {name.split(",")[0] for name in TORCH}


class Own(OPTIM.Optimizer):
    """An optimizer whose step is Adam's and whose decay is in ``rule``."""

    def __init__(self, params, lr, weight_decay=0.07):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "base": lr})

    @torch.no_grad()
    def step(self):  # noqa: D102
        for group in self.param_groups:
            for w in group["params"]:
                self.rule(w, **{k: group[k] for k in ("lr", "weight_decay", "base")})

    def adam(self, w, g, lr):  # noqa: D102
        if g is not None:
            undecayed = {"lr": lr, "weight_decay": 0}
            new, state = updates.adamw(w, g, self.state[w].get("all"), **undecayed)
            self.state[w]["all"] = state
            w.copy_(new)

    def shrink(self, w, share):  # noqa: D102
        if w.grad is not None:
            w.mul_(1 - share)


def own(rule):
    """Make an optimizer class of a rule."""
    return type("Own", (Own,), {"rule": rule})


def shrinking(share):
    """Make an optimizer that decays before the step by a share of its own."""

    def rule(self, w, **now):
        if w.grad is not None:
            w.mul_(1 - share(w, **now))
        self.adam(w, w.grad, now["lr"])

    return own(rule)


def penalised(direction):
    """Make an optimizer that steps along a direction made of g and weight_decay * w."""

    def rule(self, w, lr, weight_decay, base):
        if w.grad is not None:
            w.sub_(lr * direction(self, w, w.grad, weight_decay * w))

    return own(rule)


def after(self, w, lr, weight_decay, base):
    self.adam(w, w.grad, lr)
    self.shrink(w, lr * weight_decay)


def implicit(self, w, lr, weight_decay, base):
    self.adam(w, w.grad, lr)
    self.shrink(w, 1 - 1 / (1 + lr * weight_decay))


def cautious(self, w, lr, weight_decay, base):
    old = w.clone()
    self.adam(w, w.grad, lr)
    if w.grad is not None:
        w.sub_(lr * weight_decay * old * ((w - old) * old <= 0))


def none_too(self, w, lr, weight_decay, base):
    w.mul_(1 - lr * weight_decay)
    self.adam(w, w.grad, lr)


def remembered(self, w, g, penalty):
    state = self.state[w]
    state["b"] = 0.9 * state.get("b", 0) + g.sign() + penalty
    return state["b"]


def at_a_tenth_step(self, w, lr, weight_decay, base):
    self.state[w]["k"] = self.state[w].get("k", 0) + 1
    self.shrink(w, lr * weight_decay * (self.state[w]["k"] % 10 == 9))
    self.adam(w, w.grad, lr)


def late(self, w, lr, weight_decay, base):
    self.state[w]["k"] = self.state[w].get("k", 0) + 1
    self.shrink(w, lr * weight_decay * (self.state[w]["k"] > 5))
    self.adam(w, w.grad, lr)


WRONG = {
    "right": (shrinking(lambda w, lr, weight_decay, base: lr * weight_decay), {}),
    "2 lambda": (
        shrinking(lambda w, lr, weight_decay, base: 2 * lr * weight_decay),
        {"kept": "1 - 2 * lr * weight_decay"},
    ),
    "decays twice": (
        shrinking(lambda w, lr, weight_decay, base: 1 - (1 - lr * weight_decay) ** 2),
        {"kept": "(1 - lr * weight_decay)^2"},
    ),
    "not times lr": (
        shrinking(lambda w, lr, weight_decay, base: weight_decay),
        {"kept": "1 - weight_decay", "lr_power": 0, "base_lr_power": 0},
    ),
    "times the first lr": (
        shrinking(lambda w, lr, weight_decay, base: base * weight_decay),
        {"kept": "1 - base_lr * weight_decay", "lr_power": 0, "base_lr_power": 1},
    ),
    "times the schedule alone": (
        shrinking(lambda w, lr, weight_decay, base: lr / base * weight_decay),
        {"kept": "1 - base_lr^-1 * lr * weight_decay"},
    ),
    "times lr squared over the first": (
        shrinking(lambda w, lr, weight_decay, base: lr**2 / base * weight_decay),
        {"kept": "1 - base_lr^-1 * lr^2 * weight_decay"},
    ),
    "exponential": (
        shrinking(lambda w, lr, weight_decay, base: 1 - math.exp(-lr * weight_decay)),
        {"kept": "exp(-lr * weight_decay)"},
    ),
    "implicit": (
        own(implicit),
        {"kept": "1 / (1 + lr * weight_decay)", "order": "after"},
    ),
    "after the step": (own(after), {"order": "after"}),
    "cautious": (own(cautious), {"order": "cautious"}),
    "no vectors": (
        shrinking(lambda w, lr, weight_decay, base: lr * weight_decay * (w.ndim > 1)),
        {"vectors": "not decayed"},
    ),
    "half for vectors": (
        shrinking(
            lambda w, lr, weight_decay, base: lr * weight_decay * min(1, w.ndim / 2)
        ),
        {"vectors": "otherwise"},
    ),
    "None too": (own(none_too), {"decays_none": True}),
    "late": (own(late), {"at_first": False}),
    "ignored, and another in its place": (
        shrinking(lambda w, lr, weight_decay, base: 0.02 * lr),
        {"place": "none", "takes": True, "default": None, "hidden": 0.02},
    ),
    "by the gradient's size": (
        shrinking(lambda w, lr, weight_decay, base: lr * weight_decay * w.grad.norm()),
        {"place": "varying", "rescales": True, "kept": None},
    ),
    "at every tenth step": (own(at_a_tenth_step), {"place": "varying", "kept": None}),
    "as a norm times a sign": (
        penalised(lambda self, w, g, penalty: g + penalty.norm() * penalty.sign()),
        {"place": "other"},
    ),
    "2 lambda in the gradient": (
        penalised(lambda self, w, g, penalty: g + 2 * penalty),
        {"place": "either", "kept": "1 - 2 * lr * weight_decay"},
    ),
    "before a sign": (
        penalised(lambda self, w, g, penalty: (g + penalty).sign()),
        {"place": "gradient", "remembers": False, "rescales": True},
    ),
    "behind a sign": (penalised(lambda self, w, g, penalty: g.sign() + penalty), {}),
    "behind a sign, before momentum": (
        penalised(remembered),
        {"place": "memory", "remembers": True, "rescales": False, **KEPT},
    ),
}
RIGHT = {**WEIGHT, "vectors": "alike", "at_first": True, "decays_none": False}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_optimizer_is_found_out(name):
    make, differs = WRONG[name]
    expected = {**RIGHT, "default": 0.07, "hidden": 0.0} | differs
    elsewhere = expected["place"] != "weight" and "kept" not in differs
    check(ask(make), expected | ({"kept": None} if elsewhere else {}))


def test_each_wrong_optimizer_gets_another_answer_than_the_right_one():
    right = ask(WRONG["right"][0])
    for name, (make, differs) in WRONG.items():
        assert (ask(make) == right) == (not differs), name


def test_the_answer_is_shown_line_by_line_and_as_one_sentence():
    answer = ask(OPTIM.AdamW)
    assert str(answer).splitlines() == [
        "Decay                     shrinks the weight before it moves",
        "A step keeps              1 - lr * weight_decay",
        "A first gradient of zero  leaves 0.97 of 1",
        "A gradient of None        leaves it alone",
        "A vector                  decays alike",
        "The default               is 0.01",
        "Asked                     with (3, 2) and (3,), float64, lr 0.1, "
        "weight_decay 0.3",
    ]
    assert answer.sentence() == (
        "Decay shrinks the weight before it moves; a step keeps 1 - lr * weight_decay; "
        "a first gradient of zero leaves 0.97 of 1; a gradient of None leaves it "
        "alone; a vector decays alike; the default is 0.01."
    )


@pytest.mark.parametrize(
    "make", [item[0] for item in (*TORCH.values(), *WRONG.values())]
)
def test_every_answer_is_a_sentence_and_labelled_lines(make):
    answer = ask(make)
    text = answer.sentence()
    assert text[0].isupper() and text.endswith(".") and ". " not in text
    labels = [line.partition("  ")[0] for line in str(answer).splitlines()]
    assert labels[0] == "Decay" and labels[-1] == "Asked"
    assert len(set(labels)) == len(labels)


def test_a_function_without_default_is_asked_all_the_same():
    def make(params, lr, weight_decay):
        return OPTIM.AdamW(params, lr=lr, weight_decay=weight_decay)

    check(ask(make), {**WEIGHT, "default": None})


def test_a_decay_that_the_function_sets_itself_is_found():
    def make(params, lr, weight_decay):
        return OPTIM.AdamW(params, lr=lr)

    check(ask(make), {"place": "none", "takes": True, "hidden": 0.01})
    check(probe.ask(lambda params, lr: OPTIM.AdamW(params, lr=lr)), {"hidden": 0.01})
    # Adam's penalty is no share of the weight, and nothing switches it off.
    penalised = with_settings(OPTIM.Adam, weight_decay=0.1)
    check(probe.ask(lambda params, lr: penalised(params, lr=lr)), {"hidden": None})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda params, lr: None, "AttributeError"),
        (lambda model: model.parameters(), "no attribute 'parameters'"),
        (penalised(lambda self, w, g, penalty: 0 * g), "its steps do not move it"),
        (penalised(lambda self, w, g, penalty: g / 0), "its steps give NaN"),
    ],
)
def test_what_cannot_be_stepped_is_refused_with_the_reason(make, said):
    with pytest.raises(ValueError, match=rf"can't be asked.*shape \(3, 2\): .*{said}"):
        probe.ask(make)


def test_asking_draws_no_random_number():
    torch.manual_seed(0)
    first = torch.rand(1)
    torch.manual_seed(0)
    probe.ask(OPTIM.SGD)
    assert torch.rand(1) == first


def test_the_names_are_not_looked_at():
    renamed = type("Adam", (OPTIM.AdamW,), {"__doc__": "Through the gradient."})
    assert probe.ask(renamed) == probe.ask(OPTIM.AdamW)


def test_a_penalty_has_to_follow_weight_decay_and_no_lr_of_construction():
    def penalising(amount):
        def make(params, lr, weight_decay):
            optimizer = OPTIM.SGD(params, lr=lr)

            def add(*_):
                for w in params:
                    w.grad.add_(amount(weight_decay, lr) * w.detach())

            optimizer.register_step_pre_hook(add)
            return optimizer

        return find_subject(make)

    hand = Penalise(WEIGHT_DECAY)
    for amount, follows in (
        (lambda d, lr: d, True),
        (lambda d, lr: d**2 / WEIGHT_DECAY, False),
        (lambda d, lr: d * lr / LR, False),
    ):
        assert probe._scales(penalising(amount), hand) is follows


def test_the_form_is_not_what_is_left_of_a_zero_gradient_if_they_differ_a_little():
    asked = find_subject(OPTIM.AdamW)
    left = lambda x: probe.Answer("weight", first_zero_keeps=x)  # noqa: E731
    assert probe._formula_keeps(asked, left(0.97)) is None
    assert probe._formula_keeps(asked, left(0.97 + 1e-5)) is None
    assert probe._formula_keeps(asked, left(0.97 + 3e-4)) == pytest.approx(0.97)
    all_of_it = dataclasses.replace(asked, weight_decay=1 / LR)
    assert probe._formula_keeps(all_of_it, left(0.0)) is None


def test_decay_by_hand_is_tried_from_the_whole_weight_too():
    hands = probe._by_hand(probe.Answer("weight"), find_subject(OPTIM.AdamW))
    assert [hand.first_beside for hand in hands] == [False, True]
    assert probe._by_hand(probe.Answer("other"), find_subject(OPTIM.AdamW)) == []


def test_a_decay_that_gives_nan_is_refused_and_says_so():
    def make(params, lr, weight_decay):
        return OPTIM.SGD(params, lr=lr, weight_decay=1e200 * weight_decay)

    with pytest.raises(ValueError, match=r"its steps give NaN with weight_decay=0\.3"):
        probe.ask(make)


def test_a_decay_far_above_rounding_is_seen_however_small_it_is():
    # A hundred-billionth of the weight per step; rounding is ten thousand times less.
    answer = probe.ask(OPTIM.AdamW, lr=1e-6, weight_decay=1e-5)
    assert answer.place == "weight" and answer.kept == WEIGHT["kept"]
