"""How an optimizer is found, fed and walked before anything is said of it."""

import dataclasses
import random
import sys
import warnings

import numpy as np
import pytest
import torch

from weightdecay.by_hand import Penalise, Rates, Shares
from weightdecay.finding import argument_names, find_subject, said
from weightdecay.subject import (
    CHANGE,
    LONG,
    LR,
    RETURN,
    STEPS,
    WARM,
    WEIGHT_DECAY,
    scale_lr,
    seeded,
    silent,
)

SGD = torch.optim.SGD


def subject(make=SGD, shape=(3, 2), **how):
    return find_subject(make, shape, **how)


def test_the_first_gradient_and_the_one_at_the_return_are_orthogonal_to_the_weight():
    for shape in ((3, 2), (3,), (8, 3, 2, 2)):
        asked = subject(shape=shape)
        w = asked.weight()
        assert w.flatten()[0] == 1 and w.flatten()[-1] == 0.5
        assert len(set(w.flatten().tolist())) == w.numel()
        cosines = [
            (torch.tensordot(asked.gradient(k), w, w.ndim) / w.norm()).item()
            for k in range(LONG)
        ]
        orthogonal = [k for k, c in enumerate(cosines) if abs(c) < 1e-7]
        assert orthogonal == [0, RETURN]
    one = subject(shape=(1,))
    assert one.gradient(0).abs() > 0.01


def test_the_gradients_turn_and_some_penalties_turn_them():
    asked = subject()
    gradients = torch.stack([asked.gradient(k) for k in range(STEPS)])
    assert ((gradients > 0).any(0) & (gradients < 0).any(0)).any()
    turned = gradients * (gradients + WEIGHT_DECAY * asked.weight()) < 0
    assert turned.any() and not turned.all()
    assert 0.05 < gradients.abs().mean() < 0.3
    assert asked.weight(2.0).equal(2 * asked.weight())


def sgd_by_hand(
    asked, start, changes=(), places=(), lr=LR, gradient_scale=1.0, decay=0.0
):
    w, moves = start.clone(), []
    for k in range(STEPS):
        w = asked.weight(dict(places)[k]) if k in dict(places) else w
        now = lr * [x for at, x in ((0, 1.0), *changes) if at <= k][-1]
        move = -now * (gradient_scale * asked.gradient(k) + decay * w)
        w = w + move
        moves.append(move)
    return torch.stack(moves)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"changes": ((CHANGE, 0.5),)},
        {"changes": ((2, 0.5), (5, 3.0))},
        {"places": ((3, 2.0), (4, -1.0))},
        {"lr": 0.03},
        {"gradient_scale": 4.0},
    ],
)
def test_a_walk_is_what_the_optimizer_does_with_these_gradients(how):
    asked = subject()
    moves = asked.walk(0.3, size=2.0, **how)
    expected = sgd_by_hand(asked, asked.weight(2.0), decay=0.3, **how)
    assert (moves - expected).abs().max() < 1e-15
    assert asked.walk(0.3, size=2.0, **how) is moves
    again = asked.walk(0.3, size=2.0, again=1, **how)
    assert again is not moves and again.equal(moves)


def test_a_path_halves_the_lr_doubles_it_again_and_returns_once():
    asked = subject()
    path = asked.path(0.0)
    g = torch.stack([asked.gradient(k) for k in range(LONG)])
    now = [LR / 2 if CHANGE <= k < RETURN else LR for k in range(LONG)]
    rates = torch.tensor(now, dtype=torch.float64)
    assert len(path) == LONG
    assert (path + (rates[:, None, None] * g).cumsum(0)).abs().max() < 1e-12
    returned = asked.walk(0.3, places=((RETURN, 1.0),), steps=LONG)
    assert (
        returned[RETURN] + LR * (g[RETURN] + 0.3 * asked.weight())
    ).abs().max() < 1e-15
    decayed = asked.path(0.3)[RETURN] - asked.path(0.3)[RETURN - 1]
    assert (decayed - returned[RETURN]).abs().max() < 1e-12


def test_a_warm_path_begins_after_steps_from_one_weight():
    asked = subject()
    warm = asked.path(0.3, warm=True, steps=STEPS)
    assert len(warm) == STEPS - WARM
    first = -LR * (asked.gradient(WARM) + 0.3 * asked.weight())
    assert (warm[0] - first).abs().max() < 1e-15
    held = asked.held(0.3)
    assert (held[WARM] - first).abs().max() < 1e-15
    out = asked.held(0.3, away=3.0)
    assert (out[WARM] - held[WARM] + LR * 0.3 * 2 * asked.weight()).abs().max() < 1e-15
    assert out[WARM + 1].equal(held[WARM + 1])


def test_a_decay_by_hand_hears_the_rates():
    heard = []

    class Listening(Penalise):
        def __call__(self, w, g, rates, step):
            heard.append(rates)
            super().__call__(w, g, rates, step)

    asked = subject()
    by_hand = asked.path(0.0, Listening(0.3), steps=STEPS)
    assert (by_hand - asked.path(0.3, steps=STEPS)).abs().max() < 1e-15
    assert heard[CHANGE - 1] == Rates(CHANGE - 1, LR, LR, LR)
    assert heard[CHANGE] == Rates(CHANGE, LR / 2, LR, LR)
    assert heard[CHANGE + 1] == Rates(CHANGE + 1, LR / 2, LR / 2, LR)


def test_an_idle_weight_gets_no_gradient():
    heavy = subject(lambda p, **k: SGD(p, momentum=0.9, **k))
    assert heavy.idle(0.3, warm=False).abs().max() == 0
    assert heavy.idle(0.3, warm=True).abs().max() == 0
    decays = subject(lambda p, **k: torch.optim.AdamW(p, **k))
    assert decays.idle(0.3, warm=True, size=3.0).abs().max() == 0


class Remembering(torch.optim.Optimizer):
    """Decays what had a gradient once, whether or not it has one now."""

    def __init__(self, params, lr, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        """Shrink it, and go against the gradient, if there is one."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.state[p]["seen"] = True
                if self.state[p]:
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                if p.grad is not None:
                    p.sub_(group["lr"] * p.grad)


def test_an_idle_weight_had_gradients_before_if_it_is_warm():
    asked = subject(Remembering)
    assert asked.idle(0.3, warm=False).abs().max() == 0
    lost = -asked.idle(0.3, warm=True, size=3.0)
    assert lost.allclose(3 * LR * 0.3 * asked.weight().double())


def test_an_lr_that_is_a_tensor_stays_the_same_tensor():
    rate = torch.tensor(0.1)
    optimizer = torch.optim.Adam([torch.ones(1)], lr=rate, foreach=False)
    scale_lr(optimizer, 0.5)
    assert optimizer.param_groups[0]["lr"] is rate and rate == 0.05
    groups = [{"params": [torch.ones(1)], "lr": 0.4}, {"params": [torch.ones(1)]}]
    optimizer = SGD(groups, lr=0.1)
    scale_lr(optimizer, 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == [0.2, 0.05]


def test_random_numbers_are_set_and_given_back():
    draw = lambda: (random.random(), np.random.rand(), torch.rand(1).item())  # noqa: E731
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    expected = draw()
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    with seeded():
        inside = draw()
    with seeded():
        assert draw() == inside != expected
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    with seeded():
        draw()
    assert draw() == expected


def test_what_is_printed_and_warned_is_not_seen(capsys):
    with silent():
        print("out")
        print("error", file=sys.stderr)
        warnings.warn("gradient_scale", stacklevel=1)
    print("after")
    assert capsys.readouterr() == ("after\n", "")


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (SGD, {"lr": "lr", "weight_decay": "weight_decay"}),
        (torch.optim.LBFGS, {"lr": "lr"}),
        (lambda params, lr, wd: None, {"lr": "lr", "weight_decay": "wd"}),
        (lambda params, learning_rate: None, {"lr": "learning_rate"}),
        (lambda params, weight_decay: None, {"weight_decay": "weight_decay"}),
        (lambda params, **any_: None, {"lr": "lr", "weight_decay": "weight_decay"}),
        (lambda params: None, {}),
    ],
)
def test_the_names_of_lr_and_weight_decay_are_found(make, names):
    assert argument_names(make, None) == names


def test_names_can_be_given():
    def make(params, eta, lambda_=0.5):
        return SGD(params, lr=eta, weight_decay=lambda_)

    asked = subject(make, names={"lr": "eta", "weight_decay": "lambda_"})
    assert asked.decays
    assert (asked.walk(0.3) - subject().walk(0.3)).abs().max() < 1e-15
    assert (asked.walk(None) - subject().walk(0.5)).abs().max() < 1e-15


def test_without_an_lr_its_own_is_taken():
    fixed = lambda params, weight_decay: SGD(params, lr=0.4, weight_decay=weight_decay)  # noqa: E731
    assert subject(fixed).lr == 0.4
    assert subject().lr == LR and subject(lr=0.2).lr == 0.2


def only(*dtypes):
    def make(params, **settings):
        if params[0].dtype not in dtypes:
            raise TypeError("not this dtype")
        return SGD(params, **settings)

    return make


def test_a_double_is_tried_before_a_float_and_a_wanted_dtype_alone():
    assert subject().dtype == torch.float64
    assert subject(only(torch.float32)).dtype == torch.float32
    assert subject(dtype=torch.bfloat16).dtype == torch.bfloat16
    with pytest.raises(ValueError, match=r"shape \(3, 2\): TypeError: not this dtype"):
        subject(only(torch.float32), dtype=torch.float64)


def test_no_decay_may_be_a_tiny_one():
    def make(params, lr, weight_decay):
        if weight_decay == 0:
            raise ValueError("weight_decay must be above 0")
        return SGD(params, lr=lr, weight_decay=weight_decay)

    asked = subject(make)
    assert asked.off == 1e-30 and asked.decays
    assert asked.walk(asked.off).equal(subject().walk(0.0))
    assert not subject(torch.optim.Rprop).decays and subject().off == 0


def test_a_signature_that_cannot_be_read_is_taken_for_the_usual_one():
    usual = {"lr": "lr", "weight_decay": "weight_decay"}
    assert argument_names(type, None) == argument_names(3, None) == usual
    assert argument_names(type, {"lr": "rate"}) == {"lr": "rate"}


def test_where_no_lr_is_written_down_it_is_one():
    class Bare(torch.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {})

        @torch.no_grad()
        def step(self):
            for w in self.param_groups[0]["params"]:
                w.sub_(0.1 * w.grad)

    asked = find_subject(Bare)
    assert asked.lr == 1.0 and asked.names == {}


@pytest.mark.parametrize("shape", [(2,), (3, 2), (7,)])
def test_the_first_gradient_of_any_shape_is_orthogonal_to_the_weight(shape):
    asked = find_subject(torch.optim.SGD, shape)
    first, later = (asked.gradient(k) for k in (0, 3))
    assert abs((first * asked.weight()).sum()) < 1e-6
    assert abs((later * asked.weight()).sum()) > 1e-3


def test_a_step_that_rounding_loses_is_said_to_be_that():
    tiny = lambda params, lr: torch.optim.SGD(params, lr=1e-9 * lr)  # noqa: E731
    with pytest.raises(ValueError, match=r"less than 0\.0078 of a weight is lost in"):
        find_subject(tiny, dtype=torch.bfloat16)
    with pytest.raises(ValueError, match=r"its steps do not move it$"):
        find_subject(lambda params, lr: torch.optim.SGD(params, lr=0.0))


@pytest.mark.parametrize(
    "record", [Rates(0, 1.0, 1.0, 1.0), Penalise(0.1), Shares((0.1,), "before")]
)
def test_a_record_cannot_be_changed(record):
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.order = "after"


def test_a_subject_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        subject().lr = 0.2


def test_rows_of_a_sparse_gradient_are_tried_before_its_elements():
    dims = []

    class Rows(torch.optim.Optimizer):
        def __init__(self, params, lr=0.1):
            super().__init__(params, {"lr": lr})

        @torch.no_grad()
        def step(self):
            for w in self.param_groups[0]["params"]:
                if not w.grad.is_sparse:
                    raise RuntimeError
                dims.append(w.grad.sparse_dim())
                w.sub_(0.1 * w.grad.to_dense())

    subject(Rows)
    assert dims[-1] == 1


def test_an_error_is_told_in_one_short_line():
    assert said(TypeError("no\nCPU: registered at x")) == "TypeError: no"
    assert said(ValueError("a word " * 100)).endswith(" …")
    assert len(said(ValueError("a word " * 100))) < 220

    def make(params, lr):
        raise RuntimeError("a kind\n" + "a backend\n" * 99)

    with pytest.raises(ValueError, match=r"shape \(3, 2\): RuntimeError: a kind$"):
        find_subject(make)
