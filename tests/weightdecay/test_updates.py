"""The rules against PyTorch, their authors' code and closed forms, and broken."""

import math

import pytest
import torch
import twins
from faults import FAULTS, L2, RULES

from weightdecay import updates
from weightdecay.directions import polar
from weightdecay.paths import walk

TOLERANCE = 1e-12
# What a fault in the decay moves at least; far above the tolerance.
EFFECT = 1e6 * TOLERANCE
# torch.optim.Muon rounds its Newton-Schulz steps to bfloat16: 2.4e-3 was measured.
ROUNDED = {torch.optim.Muon: (3e-3, 3e-2)}
BESIDE = {*RULES} - L2 - {updates.sgd}
# What a rule wants besides lr and weight_decay.
NEEDS = {
    updates.sgd_momentum_l2: {"momentum": 0.9},
    updates.sgdw: {"momentum": 0.9},
    updates.adamw_paper: {"max_lr": 0.5},
    updates.adamw_corrected: {"max_lr": 0.5},
}


def each(rules):
    """Run a test for each rule, in the order of the module."""
    ordered = [rule for rule in RULES if rule in rules]
    return pytest.mark.parametrize("rule", ordered, ids=lambda rule: rule.__name__)


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


def test_muon_in_pytorch_is_away_from_ours_by_what_it_rounds():
    far, near = (
        max(twins.gaps(row))
        for row, (_, theirs, _) in enumerate(twins.ROWS)
        if theirs is torch.optim.Muon or twins.name(row) == "muon-DoubleMuon"
    )
    assert far > 1e-3 and near < TOLERANCE


def test_nadam_in_pytorch_rounds_to_float32_unless_that_is_not_the_default():
    torch.set_default_dtype(torch.float32)
    start = torch.ones(3, dtype=torch.float64)
    run = {"steps": 30, "lr": 0.1, "weight_decay": 0.05}
    ours, theirs = (
        walk(update, lambda w: (w - 3).square().sum(), start, **run)
        for update in (updates.nadam_l2, torch.optim.NAdam)
    )
    assert 10 * TOLERANCE < (ours - theirs).abs().max() < 1e-8


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


def settings(rule, **changes):
    decay = 0 if rule is updates.sgd else 0.1
    return {"lr": 0.1, "weight_decay": decay, **NEEDS.get(rule, {}), **changes}


def copied(state):
    return [x.clone() if isinstance(x, torch.Tensor) else x for x in state or ()]


def assert_same(state, other):
    torch.testing.assert_close(copied(state), other, rtol=0, atol=0)


SHARES = {
    updates.adamw_paper: lambda lr: lr / 0.5 * 0.1,
    updates.adamw_corrected: lambda lr: lr**2 / 0.5 * 0.1,
}


@each(BESIDE | {updates.sgd_l2})
def test_zero_gradients_leave_the_product_of_what_each_step_keeps(rule):
    lrs, share = [0.5, 0.3, 0.1, 0.0, 0.2], SHARES.get(rule, lambda lr: lr * 0.1)
    kept = math.prod(1 - share(lr) for lr in lrs)
    for exact in [{}, {"orthogonalise": polar}] if rule is updates.muon else [{}]:
        w, state = 3 * torch.ones(2, 3), None
        for lr in lrs:
            g = torch.zeros(2, 3)
            w, state = rule(w, g, state, **settings(rule, lr=lr, **exact))
        assert (w - 3 * kept).abs().max() < 1e-14
    assert kept < 0.99


def mu(step):
    return 0.9 * (1 - 0.5 * 0.96 ** (step * 0.004))


FIRST_STEPS = {
    updates.sgd_l2: lambda g: g,
    updates.sgd_momentum_l2: lambda g: g,
    updates.adam_l2: torch.sign,
    updates.nadam_l2: lambda g: (1 + mu(2) / (1 - mu(1) * mu(2)) * 0.1) * g.sign(),
    updates.radam_l2: lambda g: g,
    updates.rmsprop_l2: lambda g: 10 * g.sign(),
    updates.adagrad_l2: torch.sign,
    updates.adadelta_l2: lambda g: g * (1e-6 / (0.1 * g**2 + 1e-6)).sqrt(),
    updates.adamax_l2: torch.sign,
}


@each(L2)
def test_an_l2_rule_steps_from_the_penalty_alone_as_from_any_gradient(rule):
    w = torch.tensor([3.0, -2.0])
    plain = (updates.sgd_l2, updates.sgd_momentum_l2, updates.adadelta_l2)
    eps = {} if rule in plain else {"eps": 0}
    stepped, _ = rule(w, 0 * w, **settings(rule, **eps))
    assert (stepped - (w - 0.1 * FIRST_STEPS[rule](0.1 * w))).abs().max() < 1e-14


def test_a_cautious_step_decays_only_what_it_moves_towards_zero():
    w, g = torch.tensor([2.0, 2.0, -2.0, -2.0]), torch.tensor([1.0, -1.0, -1.0, 1.0])
    stepped, _ = updates.adamw_cautious(w, g, lr=0.1, weight_decay=0.5, eps=0)
    expected = [2 - 0.1 - 0.1, 2 + 0.1, -2 + 0.1 + 0.1, -2 - 0.1]
    assert stepped.tolist() == pytest.approx(expected, abs=1e-15)


def test_momentum_0_is_sgd_and_decay_beside_the_buffer_is_l2_without_one():
    run = {"steps": 20, "lr": 0.1, "weight_decay": 0.1, "start": torch.ones(2)}
    path = walk(updates.sgd_l2, lambda w: (w - 3).square().sum(), **run)
    for rule in (updates.sgd_momentum_l2, updates.sgdw):
        other = walk(rule, lambda w: (w - 3).square().sum(), momentum=0, **run)
        assert (other - path).abs().max() < 1e-14


def test_sgd_is_sgd_l2_without_decay():
    w, g = torch.ones(3), torch.tensor([1.0, 2.0, 3.0])
    ours, _ = updates.sgd(w, g, lr=0.1)
    assert torch.equal(ours, updates.sgd_l2(w, g, lr=0.1, weight_decay=0)[0])
    assert torch.equal(ours, w - 0.1 * g)


def test_one_step_on_the_square_ends_where_the_page_says():
    w = torch.tensor(1.0)
    step = {"lr": 0.1, "weight_decay": 0.1}
    assert updates.sgd(w, 2 * w, lr=0.1)[0].item() == pytest.approx(0.80, abs=1e-15)
    assert updates.sgd_l2(w, 2 * w, **step)[0].item() == pytest.approx(0.79, abs=1e-15)
    doubled = {"lr": 0.1, "weight_decay": 0.2}
    assert updates.sgd_l2(w, 2 * w, **doubled)[0].item() == pytest.approx(0.78)


@each(RULES)
def test_without_a_gradient_weights_and_state_stay(rule):
    assert rule(torch.ones(2, 3), None, None, **settings(rule))[1] is None
    w, state = rule(torch.ones(2, 3), torch.ones(2, 3), **settings(rule))
    before = copied(state)
    after, kept = rule(w, None, state, **settings(rule))
    assert after is w and kept is state
    assert_same(kept, before)


@each(RULES)
def test_a_rule_changes_nothing_that_it_is_given(rule):
    w, g = twins.normal(1, 2, 3), twins.normal(2, 2, 3)
    first, state = rule(w, g, **settings(rule))
    before = copied(state)
    rule(first, twins.normal(3, 2, 3), state, **settings(rule))
    assert torch.equal(w, twins.normal(1, 2, 3))
    assert torch.equal(g, twins.normal(2, 2, 3))
    # Nor does it keep what it was given: the caller may use that memory again.
    w.zero_(), g.zero_(), first.zero_()
    assert_same(state, before)


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64]
)
@each(RULES)
def test_a_rule_keeps_shape_dtype_and_device(rule, dtype):
    matrices, others = [(3, 2), (2, 3)], [(), (1,), (2, 3, 4), (0,)]
    for shape in matrices if rule is updates.muon else matrices + others:
        for device in ("cpu", "meta"):
            w, state = torch.ones(shape, dtype=dtype, device=device), None
            for _ in range(2):
                w, state = rule(w, torch.full_like(w, 2), state, **settings(rule))
            for x in (w, *copied(state)):
                if isinstance(x, torch.Tensor):
                    assert (x.shape, x.dtype, x.device.type) == (shape, dtype, device)
            assert device == "meta" or w.isfinite().all()


@each(RULES)
def test_a_walk_hands_a_rule_its_state_and_settings(rule):
    start, run = twins.normal(1, 2, 3), settings(rule)
    del run["lr"]
    path = walk(rule, lambda w: w.square().sum(), start, steps=2, lr=[0.1, 0.2], **run)
    one, state = rule(start, 2 * start, lr=0.1, **run)
    two, _ = rule(one, 2 * one, state, lr=0.2, **run)
    assert torch.equal(path, torch.stack([start, one, two]))


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
@each(RULES)
def test_a_bad_setting_is_refused_by_name_and_value(rule, value):
    for name in {"lr", "weight_decay", "max_lr"} & settings(rule).keys():
        bad = settings(rule, **{name: value})
        for g in (torch.ones(2), None):
            with pytest.raises(ValueError, match=rf"^{name} must be .*, got {value}$"):
                rule(torch.ones(2), g, **bad)


@each({updates.adamw_paper, updates.adamw_corrected})
def test_a_max_lr_of_0_is_refused(rule):
    with pytest.raises(ValueError, match="max_lr must be a finite number > 0, got 0"):
        rule(torch.ones(2), torch.ones(2), **settings(rule, max_lr=0))


def test_sgd_does_not_silently_ignore_a_decay():
    with pytest.raises(ValueError, match=r"weight_decay=0\.1"):
        updates.sgd(torch.ones(2), torch.ones(2), lr=0.1, weight_decay=0.1)


@each(RULES)
def test_a_typo_and_a_missing_lr_are_refused(rule):
    w = torch.ones(2, 2)
    with pytest.raises(TypeError, match="momentun"):
        rule(w, w, **settings(rule, momentun=0.9))
    without = settings(rule)
    del without["lr"]
    with pytest.raises(TypeError, match="lr"):
        rule(w, w, **without)
