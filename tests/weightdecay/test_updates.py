"""The rules against PyTorch, against closed forms, and against themselves broken."""

import pytest
import torch

from weightdecay import updates

TOLERANCE = 1e-12
# What the decay moves, in the same runs; far above the tolerance.
EFFECT = 1e6 * TOLERANCE
SETTINGS = {"lr": 0.1, "weight_decay": 0.05}
RULES = [updates.sgd, updates.sgd_l2, updates.sgd_decoupled]
TWINS = [
    (updates.sgd_l2, torch.optim.SGD),
    (updates.sgd_decoupled, torch.optim.SGD),
]


def gradients(steps=300, shape=(3, 4), seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(steps, *shape, generator=generator, dtype=torch.float64)


def follow(rule, settings):
    w, state = torch.ones(3, 4, dtype=torch.float64), None
    for g in gradients():
        w, state = rule(w, g, state, **settings)
    return w


def follow_torch(optimizer_class, settings, foreach):
    w = torch.ones(3, 4, dtype=torch.float64, requires_grad=True)
    optimizer = optimizer_class([w], foreach=foreach, **settings)
    for w.grad in gradients():
        optimizer.step()
    return w.detach()


@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize(("ours", "theirs"), TWINS)
def test_rule_follows_its_twin_in_pytorch(ours, theirs, foreach):
    gap = follow(ours, SETTINGS) - follow_torch(theirs, SETTINGS, foreach)
    assert gap.abs().max() < TOLERANCE


@pytest.mark.parametrize(("ours", "theirs"), TWINS)
def test_without_its_decay_the_rule_would_leave_its_twin(ours, theirs):
    gap = follow(ours, {**SETTINGS, "weight_decay": 0}) - follow(ours, SETTINGS)
    assert gap.abs().max() > EFFECT


def test_sgd_is_sgd_l2_without_decay_and_follows_pytorch():
    settings = {"lr": 0.1, "weight_decay": 0}
    expected = follow_torch(torch.optim.SGD, settings, foreach=False)
    assert (follow(updates.sgd, settings) - expected).abs().max() < TOLERANCE
    assert (follow(updates.sgd_l2, settings) - expected).abs().max() < TOLERANCE


def test_one_step_on_the_square_ends_where_the_page_says():
    w = torch.tensor(1.0, dtype=torch.float64)
    step = {"lr": 0.1, "weight_decay": 0.1}
    assert updates.sgd(w, 2 * w, lr=0.1)[0].item() == pytest.approx(0.80, abs=1e-15)
    assert updates.sgd_l2(w, 2 * w, **step)[0].item() == pytest.approx(0.79, abs=1e-15)
    doubled = {"lr": 0.1, "weight_decay": 0.2}
    assert updates.sgd_l2(w, 2 * w, **doubled)[0].item() == pytest.approx(0.78)


@pytest.mark.parametrize("rule", [updates.sgd_l2, updates.sgd_decoupled])
def test_with_no_gradient_a_step_keeps_one_minus_lr_times_weight_decay(rule):
    w = torch.tensor([3.0, -2.0], dtype=torch.float64)
    stepped, _ = rule(w, 0 * w, lr=0.5, weight_decay=0.3)
    assert (stepped - (1 - 0.5 * 0.3) * w).abs().max() < 1e-15


@pytest.mark.parametrize("shape", [(), (1,), (2, 3, 4), (0,)])
@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64]
)
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_keeps_shape_and_dtype_and_changes_nothing(rule, dtype, shape):
    w, g = torch.ones(shape, dtype=dtype), torch.full(shape, 2.0, dtype=dtype)
    decay = 0 if rule is updates.sgd else 0.1
    stepped, state = rule(w, g, lr=0.1, weight_decay=decay)
    assert (stepped.shape, stepped.dtype, state) == (w.shape, w.dtype, None)
    assert torch.equal(w, torch.ones(shape, dtype=dtype))
    assert torch.equal(g, torch.full(shape, 2.0, dtype=dtype))


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["lr", "weight_decay"])
@pytest.mark.parametrize("rule", RULES)
def test_a_bad_setting_is_refused_by_name_and_value(rule, name, value):
    settings = {**SETTINGS, name: value}
    with pytest.raises(ValueError, match=rf"^{name} must be .*, got {value}$"):
        rule(torch.ones(2), torch.ones(2), **settings)


def test_sgd_does_not_silently_ignore_a_decay():
    with pytest.raises(ValueError, match=r"weight_decay=0\.1"):
        updates.sgd(torch.ones(2), torch.ones(2), lr=0.1, weight_decay=0.1)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_wants_its_lr(rule):
    with pytest.raises(TypeError, match="lr"):
        rule(torch.ones(2), torch.ones(2), weight_decay=0)
