"""What is seen of an optimizer, and what is guessed: each on one that is known."""

import dataclasses

import pytest
import torch

from weightdecay.evidence import (
    default,
    hidden,
    missing_gradients,
    remembers,
    rescales,
    shift_left,
)
from weightdecay.finding import find_subject
from weightdecay.guesses import (
    laws,
    penalties,
    responses,
    share,
    shares,
    shrinkings,
    simple,
)
from weightdecay.subject import WEIGHT_DECAY

OPTIM = torch.optim


def subject(make, **own):
    return find_subject(lambda params, **given: make(params, **{**own, **given}))


HEAVY = {"momentum": 0.9}


class Own(OPTIM.Optimizer):
    """An optimizer whose step is ``rule(w, state, lr, weight_decay)``."""

    def __init__(self, params, lr=0.1, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):  # noqa: D102
        (group,) = self.param_groups
        for w in group["params"]:
            if w.grad is not None:
                self.rule(w, self.state[w], group["lr"], group["weight_decay"])


def own(rule):
    return find_subject(type("Own", (Own,), {"rule": staticmethod(rule)}))


@pytest.mark.parametrize(
    ("make", "own_settings", "later", "size"),
    [
        (OPTIM.SGD, {}, False, False),
        (OPTIM.SGD, HEAVY, True, False),
        (OPTIM.Adam, {}, True, True),
        (OPTIM.AdamW, {}, False, False),
        (OPTIM.RMSprop, {}, True, True),
    ],
)
def test_what_remembers_and_what_rescales(make, own_settings, later, size):
    asked = subject(make, **own_settings)
    assert (remembers(asked), rescales(asked)) == (later, size)


@pytest.mark.parametrize(
    ("make", "own_settings", "found"),
    [
        (OPTIM.SGD, {}, 0.0),
        (OPTIM.AdamW, {}, 0.01),
        (OPTIM.Adam, {"weight_decay": 0.1}, 0.1),
        (OPTIM.LBFGS, {}, None),
    ],
)
def test_the_default_is_found_by_walking(make, own_settings, found):
    assert default(subject(make, **own_settings)) == found


def test_a_default_that_its_groups_do_not_name_is_found_too():
    def make(params, lr, weight_decay=0.05):
        return OPTIM.AdamW(params, lr=lr, weight_decay=3 * weight_decay)

    assert default(find_subject(make)) == pytest.approx(0.05, rel=1e-3)
    needed = lambda params, lr, weight_decay: OPTIM.SGD(params, lr, 0, 0, weight_decay)  # noqa: E731
    assert default(find_subject(needed)) is None


def averaged(w, state, lr, weight_decay):
    z = state.setdefault("z", w.clone())
    z.sub_(lr * w.grad)
    w.mul_(0.9).add_(0.1 * z)


def synced(w, state, lr, weight_decay):
    slow = state.setdefault("slow", w.clone())
    state["k"] = state.get("k", 0) + 1
    w.sub_(lr * w.grad)
    if state["k"] in (4, 12, 16):
        slow.add_(0.5 * (w - slow))
        w.copy_(slow)


def test_what_is_left_of_a_shift_says_what_a_remembered_weight_takes_back():
    assert shift_left(subject(OPTIM.SGD)) == 1
    assert shift_left(subject(OPTIM.Adam)) == 1
    # Thirteen steps after the shift, or one sync halfway to a copy, which has it then.
    assert shift_left(own(averaged)) == pytest.approx(0.9**13, rel=1e-9)
    assert shift_left(own(synced)) == pytest.approx(0.5, rel=1e-9)


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (lambda w, s, lr, d: w.sub_(lr * w.grad), 0.0),
        (lambda w, s, lr, d: w.mul_(1 - 0.2 * lr).sub_(lr * w.grad), 0.2),
        (lambda w, s, lr, d: w.mul_(1 - 1e-5 * lr).sub_(lr * w.grad), 1e-5),
        (lambda w, s, lr, d: w.sub_(lr * w.grad * w.norm()), None),
        (lambda w, s, lr, d: w.copy_((w.float() - lr * w.grad.float()).double()), 0.0),
    ],
)
def test_a_decay_that_nobody_asked_for_is_found(rule, found):
    value = hidden(own(rule))
    assert value == (found and pytest.approx(found, rel=1e-4))


def test_a_decay_that_is_little_above_rounding_is_found():
    def rule(w, state, lr, weight_decay):
        w.mul_(1 - 2e-5).sub_(lr * w.grad)

    made = type("Own", (Own,), {"rule": staticmethod(rule)})
    lost = hidden(find_subject(made, dtype=torch.float32))
    assert lost == pytest.approx(2e-4, rel=0.05)


def test_a_gradient_of_none_or_zero_is_tried():
    sgd = missing_gradients(subject(OPTIM.SGD))
    assert sgd == {
        "decays_none": False, "decays_none_later": False,
        "first_zero_keeps": pytest.approx(0.97), "errors": (),
    }  # fmt: skip
    assert missing_gradients(subject(OPTIM.Adam))["first_zero_keeps"] == pytest.approx(
        0.9, rel=1e-6
    )
    fails = missing_gradients(
        own(lambda w, s, lr, d: w.sub_(lr * w.grad / w.grad.norm()))
    )
    assert fails["first_zero_keeps"] is None
    assert fails["errors"] == ("a gradient of zero gives NaN",)

    def strict(w, s, lr, d):
        assert w.grad.any()
        w.sub_(lr * w.grad)

    assert missing_gradients(own(strict))["errors"] == (
        "a gradient of zero raises AssertionError",
    )


def first_laws(asked, order="before"):
    return [(law.form, law.times, law.lr_power, law.base_lr_power, law.order)
            for law in laws(asked, order)]  # fmt: skip


def test_the_law_of_a_share_is_read_off_its_settings():
    usual = ("1 - {x}", 1.0, 1, 0)
    assert first_laws(subject(OPTIM.AdamW)) == [(*usual, "before")]
    assert first_laws(subject(OPTIM.AdamW), "beside") == [(*usual, "beside")]
    assert first_laws(subject(OPTIM.AdamW), "after") == []
    assert first_laws(subject(OPTIM.Adam)) == []
    exponential = own(lambda w, s, lr, d: w.mul_(torch.tensor(-2 * lr * d).exp()).sub_(
        lr * w.grad))  # fmt: skip
    assert first_laws(exponential) == [("exp(-{x})", 2.0, 1, 0, "before")]
    squared = own(lambda w, s, lr, d: w.mul_(1 - lr * d**2).sub_(lr * w.grad))
    assert first_laws(squared) == []
    vast = own(lambda w, s, lr, d: w.mul_(1 - 15 * lr * d).sub_(lr * w.grad))
    vast = dataclasses.replace(vast, weight_decay=1.0)
    assert first_laws(vast) == [("1 - {x}", 15.0, 1, 0, "before")]
    bent = own(lambda w, s, lr, d: w.mul_(1 - 90 * lr * min(d, 0.2)).sub_(lr * w.grad))
    assert first_laws(dataclasses.replace(bent, weight_decay=1.0)) == []
    growing = own(lambda w, s, lr, d: w.mul_(1 + lr * d).sub_(lr * w.grad))
    assert first_laws(growing) == [("1 - {x}", -1.0, 1, 0, "before")]


def test_a_share_that_changes_from_step_to_step_gives_two_laws():
    def every_other(w, state, lr, weight_decay):
        k = state["k"] = state.get("k", -1) + 1
        w.mul_(1 - (1 + k % 2) * lr * weight_decay).sub_(lr * w.grad)

    asked = own(every_other)
    assert [law[1] for law in first_laws(asked)] == [1.0, 2.0]
    assert [law.times for law in laws(asked, "before", 3.0)] == [1.0]


def test_the_usual_law_is_tried_even_if_no_share_is_seen():
    tried = list(shrinkings(subject(OPTIM.Adam)))
    assert [(t.law.order, t.law.lag, t.first_beside) for t in tried] == [
        ("before", 0, False), ("after", 0, False), ("before", 0, True),
        ("before", 1, False), ("after", 1, False), ("before", 1, True),
    ]  # fmt: skip
    assert {t.weight_decay for t in tried} == {WEIGHT_DECAY}
    assert {t.law.times for t in tried} == {1.0}


@pytest.mark.parametrize("times", [3.0, 7.25, -2.0, 0.1])
@pytest.mark.parametrize("make", [OPTIM.Adam, OPTIM.SGD])
def test_any_multiple_of_a_penalty_is_guessed(make, times):
    def penalised(params, lr, weight_decay):
        optimizer = make(params, lr=lr)

        def add(*_):
            for w in params:
                w.grad.add_(times * weight_decay * w.detach())

        optimizer.register_step_pre_hook(add)
        return optimizer

    guesses = list(penalties(find_subject(penalised), warm=False))
    assert any(guess == pytest.approx(times, rel=1e-3) for guess in guesses)


def behind_a_sign(w, state, lr, weight_decay):
    b = state.setdefault("b", torch.zeros_like(w))
    b.mul_(0.9).add_(w.grad.sign() + weight_decay * w)
    w.sub_(lr * b)


def test_a_decay_with_one_response_is_predicted_from_it():
    law = responses(own(behind_a_sign))
    assert (law.form, law.times, law.lr_power) == ("1 - {x}", 1.0, 1)
    assert responses(subject(OPTIM.Adam)) is None


def test_the_shares_of_a_decay_without_a_law_are_found_step_by_step():
    def fading(w, state, lr, weight_decay):
        k = state["k"] = state.get("k", 0) + 1
        w.mul_(1 - lr * weight_decay / k).sub_(lr * w.grad)

    found = shares(own(fading), "before")
    assert found == pytest.approx([0.03 / k for k in range(1, 14)])
    assert shares(own(fading), "after") == ()
    assert shares(subject(OPTIM.Adam), "before") == ()


def test_a_share_is_one_for_all_elements_or_none():
    asked = subject(OPTIM.SGD)
    base = torch.tensor([1.0, 2.0, -3.0]).double()
    assert share(asked, -0.25 * base, base) == pytest.approx(0.25)
    assert share(asked, torch.tensor([1.0, 2.0, 3.0]).double(), base) == 0
    assert share(asked, base, 0 * base) == 0


@pytest.mark.parametrize(
    ("x", "rounded"),
    [
        (0.99996, 1.0),
        (0.3333333, 0.3333),
        (2.0, 2.0),
        (-0.1001, -0.1001),
        (9.994, 9.994),
    ],
)
def test_a_number_is_rounded_to_two_digits_where_that_is_the_same(x, rounded):
    assert simple(x) == rounded
