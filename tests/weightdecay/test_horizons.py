"""How far decay reaches: beside runs of PyTorch, with schedules and in 16 bits."""

import math

import pytest
import torch

from weightdecay.horizons import BITS, SCHEDULES, horizon, moved, multipliers


@pytest.mark.parametrize("schedule", [*SCHEDULES, "warm", "list"])
def test_what_is_left_is_what_adamw_leaves(schedule):
    asked = {
        "warm": lambda k: min(1.0, (k + 1) / 10),
        "list": [1.0, 0.5] * 20,
    }.get(schedule, schedule)
    w = torch.ones(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.AdamW([w], lr=0.1, weight_decay=0.3)
    factors = multipliers(asked, 40)
    w.grad = torch.zeros_like(w)
    for factor in factors:
        optimizer.param_groups[0]["lr"] = 0.1 * factor
        optimizer.step()
    told = horizon(0.1, 0.3, 40, asked)
    assert abs(told.left / w.item() - 1) < 1e-12
    assert abs(math.exp(-told.total) / w.item() - 1) < 1e-12
    assert told.share == 0.1 * max(factors) * 0.3 or schedule in SCHEDULES
    assert abs((1 - told.share) ** told.half_life - 0.5) < 1e-12


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("linear", lambda o: torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.0, 30)),
        ("cosine", lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 30)),
    ],
)
def test_the_schedules_are_torch_s(name, make):
    optimizer = torch.optim.SGD([torch.ones(1)], lr=1.0)
    schedule, found = make(optimizer), []
    for _ in range(30):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert multipliers(name, 30) == pytest.approx(found, abs=1e-12)


@pytest.mark.parametrize("dtype", BITS)
def test_the_part_that_a_share_moves_is_the_predicted_one(dtype):
    # The logarithms spread evenly over eight powers of two.
    w = 2 ** torch.linspace(-4, 4, 80001, dtype=torch.float64)
    w = w[:-1].to(getattr(torch, dtype))
    for power in (-1.2, -0.8, -0.5, -0.25, 0.3):
        share = 2.0 ** (power - BITS[dtype])
        found = (w.clone().mul_(1 - share) != w).double().mean().item()
        assert abs(found - moved(share, dtype)) < 0.02, power
    assert moved(0.0, dtype) == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lr": -1.0}, "lr must be .* got -1"),
        ({"weight_decay": math.nan}, "weight_decay must .* got nan"),
        ({"weight_decay": 20.0}, "must be below 1, got 2: a step would take all"),
        ({"steps": 0}, "steps must be"),
        ({"steps": 2.5}, "steps must be a whole number, got 2.5"),
        ({"schedule": "cosin"}, "one of constant, linear, cosine.*'cosin'"),
        ({"schedule": [1.0]}, "each of the 10 steps, got 1"),
        ({"schedule": [-1.0] * 10}, "schedule must be numbers >= 0, got -1"),
        ({"dtype": "int8"}, "dtype must be one of bfloat16.*'int8'"),
    ],
)
def test_nonsense_is_refused_by_name_and_value(change, said):
    with pytest.raises(ValueError, match=said):
        horizon(**({"lr": 0.1, "weight_decay": 0.1, "steps": 10} | change))


def test_it_says_what_a_reader_needs_and_nothing_where_nothing_decays():
    text = str(horizon(1e-3, 0.1, 10000))
    assert "6,931 such steps" in text and "0.3679 of the start" in text
    assert str(horizon(1e-3, 0.0, 10)) == "No step takes anything of a weight."
    assert horizon(1e-3, 0.0, 10).half_life == math.inf
