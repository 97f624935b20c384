"""Walking: every step, the same start, the same gradients."""

from functools import partial

import numpy as np
import pytest
import torch

from weightdecay import problems, updates
from weightdecay.paths import walk

ONE = torch.tensor(1.0, dtype=torch.float64)


def square(w):
    return w**2


@pytest.mark.parametrize("update", [updates.sgd_l2, torch.optim.SGD])
def test_a_walk_on_the_square_is_a_power_of_one_factor(update):
    path = walk(update, square, ONE, steps=50, lr=0.1, weight_decay=0.1)
    expected = 0.79 ** torch.arange(51, dtype=torch.float64)
    assert path.shape == (51,)
    assert (path - expected).abs().max() < 1e-15


@pytest.mark.parametrize("update", [updates.sgd_l2, torch.optim.SGD])
def test_lr_may_change_at_every_step(update):
    lrs = [0.1, 0.2, 0.0, 0.05]
    path = walk(update, square, ONE, steps=4, lr=lrs, weight_decay=0.5)
    factors = torch.tensor([1 - lr * 2.5 for lr in lrs], dtype=torch.float64)
    assert (path[1:] - factors.cumprod(0)).abs().max() < 1e-15


@pytest.mark.parametrize("update", [updates.sgd, torch.optim.SGD])
def test_each_step_takes_its_own_loss(update):
    losses = [lambda w: 1 * w, lambda w: 10 * w, lambda w: 100 * w]
    path = walk(update, losses, ONE, steps=3, lr=1.0, weight_decay=0)
    assert path.diff().tolist() == [-1, -10, -100]


@pytest.mark.parametrize("update", [updates.sgd_l2, torch.optim.SGD])
def test_the_start_stays_as_it_was(update):
    start = torch.ones(2, 3, requires_grad=True)
    path = walk(update, lambda w: w.sum(), start, steps=2, lr=0.1, weight_decay=0)
    assert torch.equal(start, torch.ones(2, 3)) and start.grad is None
    assert path.shape == (3, 2, 3) and not path.requires_grad
    assert torch.equal(path[0], start)


@pytest.mark.parametrize("update", [updates.sgd_l2, torch.optim.SGD])
def test_no_steps_return_the_start(update):
    path = walk(update, square, ONE, steps=0, lr=0.1, weight_decay=0)
    assert path.tolist() == [1.0]


@pytest.mark.parametrize("name", ["lr", "loss"])
def test_the_wrong_number_of_losses_or_lrs_is_refused(name):
    given = {"lr": 0.1, "loss": square, name: [square] * 2}
    with pytest.raises(ValueError, match=f"{name}: 2 given for 3 steps"):
        walk(updates.sgd, given["loss"], ONE, steps=3, lr=given["lr"])


def test_the_three_ways_to_write_decay_are_one_for_sgd_and_not_for_adam():
    losses = problems.breast_cancer().minibatches(32, steps=300, seed=1)
    penalised = [problems.penalised(loss, 0.01) for loss in losses]
    start = torch.zeros(30, dtype=torch.float64)
    decay = {"steps": 300, "lr": 0.1, "weight_decay": 0.01}
    none = {**decay, "weight_decay": 0}

    def gap(a, b):
        return (a - b).abs().max()

    argument = walk(torch.optim.SGD, losses, start, **decay)
    assert gap(argument, walk(torch.optim.SGD, penalised, start, **none)) < 1e-13
    assert gap(argument, walk(updates.sgd_decoupled, losses, start, **decay)) < 1e-13
    assert gap(argument, walk(torch.optim.SGD, losses, start, **none)) > 1e6 * 1e-13
    adam, adamw = torch.optim.Adam, torch.optim.AdamW
    in_the_loss = walk(adam, penalised, start, **none)
    assert gap(in_the_loss, walk(adam, losses, start, **decay)) < 1e-9
    assert gap(in_the_loss, walk(adamw, losses, start, **decay)) > 0.1


MATRIX = torch.arange(6.0, dtype=torch.float64).reshape(3, 2) / 4


@pytest.mark.parametrize(
    ("ours", "theirs", "both", "only_theirs"),
    [
        (updates.sgd_momentum_l2, torch.optim.SGD, {"momentum": 0.9}, {}),
        (
            updates.nadamw,
            torch.optim.NAdam,
            {"betas": (0.8, 0.9)},
            {"decoupled_weight_decay": True},
        ),
        (updates.rmsprop_l2, torch.optim.RMSprop, {"centered": True}, {}),
        (updates.muon, torch.optim.Muon, {"momentum": 0.8}, {}),
    ],
)
def test_settings_reach_the_rule_and_the_optimizer(ours, theirs, both, only_theirs):
    pulls = torch.randn(30, 3, 2, generator=torch.Generator().manual_seed(0)).double()
    slopes = [lambda w, pull=pull: (pull * w).sum() for pull in pulls]
    run = {"steps": 30, "lr": [0.06, 0.04] * 15, "weight_decay": 0.1}
    path = walk(ours, slopes, MATRIX, **run, **both)
    other = walk(theirs, slopes, MATRIX, **run, **both, **only_theirs)
    # Muon rounds to bfloat16, NAdam to float32.
    close = {torch.optim.Muon: 5e-3, torch.optim.NAdam: 1e-8}.get(theirs, 1e-12)
    assert (path - other).abs().max() < close
    needed = {"momentum": 0} if "momentum" in both else {}
    assert (path - walk(ours, slopes, MATRIX, **run, **needed)).abs().max() > 10 * close


@pytest.mark.parametrize("rule", [updates.adamw_paper, updates.adamw_corrected])
def test_max_lr_reaches_the_rule(rule):
    run = {"steps": 4, "lr": [0.1, 0.2, 0.1, 0.0], "weight_decay": 0.5}
    path = walk(rule, lambda w: 0 * w, ONE, max_lr=0.2, **run)
    # The share that a step takes: lr / max_lr weight_decay, or lr^2 / max_lr of it.
    shares = torch.tensor([0.25, 0.5, 0.25, 0.0], dtype=torch.float64)
    if rule is updates.adamw_corrected:
        shares *= torch.tensor(run["lr"], dtype=torch.float64)
    kept = (1 - shares).cumprod(0)
    assert (path[1:] - kept).abs().max() < 1e-15


def factory(params, lr, **settings):
    return torch.optim.SGD(params, lr=lr, momentum=0.9, **settings)


def of_ones_own(w, g, state=None, *, lr, weight_decay):
    return updates.sgdw(w, g, state, lr=lr, weight_decay=weight_decay, momentum=0.9)


@pytest.mark.parametrize(
    "update",
    [
        partial(updates.sgd_momentum_l2, momentum=0.9),
        partial(torch.optim.SGD, momentum=0.9),
        factory,
        partial(factory, nesterov=False),
        partial(partial(updates.sgdw, momentum=0.9), weight_decay=0.0),
        of_ones_own,
    ],
)
def test_a_partial_a_factory_and_a_rule_of_ones_own_are_walked(update):
    run = {"steps": 9, "lr": 0.1, "weight_decay": 0.0}
    theirs = walk(torch.optim.SGD, square, ONE, momentum=0.9, **run)
    assert (walk(update, square, ONE, **run) - theirs).abs().max() < 1e-15
    assert (walk(torch.optim.SGD, square, ONE, **run) - theirs).abs().max() > 0.1


@pytest.mark.parametrize("start", [[1.0, -2.0], [1, -2], np.array([1.0, -2.0])])
@pytest.mark.parametrize("update", [updates.sgd_l2, torch.optim.SGD])
def test_numbers_and_lists_start_in_float64(start, update):
    run = {"steps": 2, "lr": 0.1, "weight_decay": 0.1}
    path = walk(update, lambda w: w.square().sum(), start, **run)
    assert path.dtype == torch.float64
    assert (path[-1] - torch.tensor([1.0, -2.0]).double() * 0.79**2).abs().max() < 1e-15
    one = walk(update, square, 1.0, **run)
    assert one.shape == (3,) and one.dtype == torch.float64


NUMBERS = [0.5, np.float32(0.5), np.float64(0.5), torch.tensor(0.5), np.array(0.5)]


@pytest.mark.parametrize("lr", [*NUMBERS, NUMBERS, torch.full((5,), 0.5), (0.5,) * 5])
@pytest.mark.parametrize("update", [updates.sgd_l2, torch.optim.SGD])
def test_lr_is_a_number_of_any_kind_or_a_sequence_of_them(update, lr):
    path = walk(update, lambda w: w, 1.0, steps=5, lr=lr, weight_decay=0.0)
    assert path.diff().tolist() == [-0.5] * 5
