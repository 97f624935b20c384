"""The rules against PyTorch, their authors' code and closed forms, and broken."""

import pytest
import torch
import twins

from weightdecay import updates
from weightdecay.paths import walk

TOLERANCE = 1e-12
# What a fault in the decay moves at least; far above the tolerance.
EFFECT = 1e6 * TOLERANCE
# torch.optim.Muon rounds its Newton-Schulz steps to bfloat16: 2.4e-3 was measured.
ROUNDED = {torch.optim.Muon: (3e-3, 3e-2)}
RULES = [rule for rule in vars(updates).values() if hasattr(rule, "__wrapped__")]
ROWS = pytest.mark.parametrize("row", range(len(twins.ROWS)), ids=twins.name)


@pytest.fixture(autouse=True)
def _double_by_default():
    # torch.optim.NAdam keeps the product of its momenta in the default dtype.
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@ROWS
def test_a_rule_follows_its_twin(row):
    tolerance, _ = limits(row)
    assert all(gap < tolerance for gap in twins.gaps(row))


def limits(row):
    return ROUNDED.get(twins.ROWS[row][1], (TOLERANCE, EFFECT))


def test_every_rule_has_a_twin():
    assert {rule for rule, *_ in twins.ROWS} == {*RULES} - {updates.sgd}


def test_muon_in_pytorch_is_that_far_away_because_it_rounds():
    (row,) = (i for i, r in enumerate(twins.ROWS) if r[1] is torch.optim.Muon)
    assert max(twins.gaps(row)) > 1e-3
    # The row below it is the same class, its rounding left out.
    assert issubclass(twins.ROWS[row + 1][1], torch.optim.Muon)


def test_nadam_in_pytorch_rounds_to_float32_unless_that_is_not_the_default():
    torch.set_default_dtype(torch.float32)
    start = torch.ones(3, dtype=torch.float64)
    run = {"steps": 30, "lr": 0.1, "weight_decay": 0.05}
    ours, theirs = (
        walk(update, lambda w: (w - 3).square().sum(), start, **run)
        for update in (updates.nadam_l2, torch.optim.NAdam)
    )
    assert 10 * TOLERANCE < (ours - theirs).abs().max() < 1e-8


# What follows plants faults. Each takes a rule and returns it with one fault.


def twice(rule):
    def broken(w, g, state, *, weight_decay, **settings):
        return rule(w, g, state, weight_decay=2 * weight_decay, **settings)

    return broken


def l2_for_decay(rule):
    def broken(w, g, state, *, weight_decay, **settings):
        g = None if g is None else g + weight_decay * w
        return rule(w, g, state, weight_decay=0, **settings)

    return broken


def decay_for_l2(rule):
    def broken(w, g, state, *, lr, weight_decay, **settings):
        stepped, state = rule(w, g, state, lr=lr, weight_decay=0, **settings)
        return (w if g is None else stepped - lr * weight_decay * w), state

    return broken


def not_times_lr(rule):
    def broken(w, g, state, *, lr, weight_decay, **settings):
        return rule(w, g, state, lr=lr, weight_decay=weight_decay / lr, **settings)

    return broken


def times_the_first_lr(rule):
    def broken(w, g, state, *, lr, weight_decay, **settings):
        first, state = state or (lr, None)
        settings |= {"lr": lr, "weight_decay": weight_decay * first / lr}
        w, state = rule(w, g, state, **settings)
        return w, (first, state)

    return broken


def after_the_step(rule):
    def broken(w, g, state, *, lr, weight_decay, **settings):
        settings |= {"lr": lr}
        decayed, _ = rule(w, g, state, weight_decay=weight_decay, **settings)
        stepped, state = rule(w, g, state, weight_decay=0, **settings)
        # The share of the old weight that the rule takes, off the new one.
        share = lr * weight_decay if rule in L2 else (stepped - decayed) / w
        return (w if g is None else (1 - share) * stepped), state

    return broken


def not_in_one_dimension(rule):
    def broken(w, g, state, *, weight_decay, **settings):
        weight_decay = 0 if w.ndim <= 1 else weight_decay
        return rule(w, g, state, weight_decay=weight_decay, **settings)

    return broken


def without_a_gradient(rule):
    def broken(w, g, state, *, lr, weight_decay, **settings):
        if g is None:
            return (1 - lr * weight_decay) * w, state
        return rule(w, g, state, lr=lr, weight_decay=weight_decay, **settings)

    return broken


L2 = {rule for rule in RULES if rule.__name__.endswith("_l2")}
# Their decay is another than 1 - lr weight_decay for every weight.
SPECIAL = {updates.adamw_paper, updates.adamw_corrected, updates.adamw_cautious}
# Each fault, and for which rules it is none.
FAULTS = {
    twice: set(),
    # It is what these do; and for plain SGD the two are one.
    l2_for_decay: L2 | {updates.sgd_decoupled},
    decay_for_l2: {*RULES} - SPECIAL - L2 | {updates.sgd_l2},
    not_times_lr: set(),
    times_the_first_lr: set(),
    after_the_step: set(),
    not_in_one_dimension: {updates.muon},  # steps nothing but matrices
    without_a_gradient: set(),
}


@pytest.mark.parametrize("fault", FAULTS)
@ROWS
def test_a_rule_with_a_fault_leaves_its_twin(row, fault):
    rule = twins.ROWS[row][0]
    tolerance, effect = limits(row)
    gaps = twins.gaps(row, fault(rule))
    if rule in FAULTS[fault]:
        assert all(gap < tolerance for gap in gaps)
    else:
        assert any(gap > effect for gap in gaps)
