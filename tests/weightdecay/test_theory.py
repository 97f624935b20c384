"""What the formulas predict, against closed forms and against walks."""

import pytest
import torch

from weightdecay import theory
from weightdecay.paths import walk


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("decay", [0.001, 0.02, 0.5, 8.0])
@pytest.mark.parametrize("momentum", [0.5, 0.9])
def test_decay_in_the_buffer_follows_the_roots_swinging_or_not(
    decay, momentum, nesterov
):  # fmt: skip
    settings = {"lr": 0.1, "weight_decay": decay, "momentum": momentum}
    one = torch.ones((), dtype=torch.float64)
    flat = lambda w: 0 * w  # noqa: E731
    path = walk(torch.optim.SGD, flat, one, steps=80, nesterov=nesterov, **settings)
    predicted = theory.momentum_decay(torch.arange(81), nesterov=nesterov, **settings)
    assert (path - predicted).abs().max() < 1e-12
    other = theory.momentum_decay(torch.arange(81), nesterov=not nesterov, **settings)
    assert (path - other).abs().max() > 1e-6


def test_the_roots_turn_complex_where_the_formula_says():
    real, swinging = (
        theory.momentum_roots(lr=1, weight_decay=x * (1 - 0.9**0.5) ** 2, momentum=0.9)
        for x in (0.999, 1.001)
    )
    assert real[0] > real[1] and real[0] * real[1] == pytest.approx(0.9, rel=1e-14)
    assert [abs(z) for z in swinging] == pytest.approx([0.9**0.5] * 2, rel=1e-14)
    assert all(isinstance(z, complex) for z in swinging)


def test_the_larger_root_is_the_factor_of_a_step():
    settings = {"lr": 0.1, "weight_decay": 0.01, "momentum": 0.9}
    larger = theory.momentum_roots(**settings)[0]
    assert larger == pytest.approx(theory.momentum_factor(**settings), rel=1e-14)


def test_equal_roots_are_refused_with_advice():
    with pytest.raises(ValueError, match=r"equal for momentum=0.25: change one"):
        theory.momentum_decay(3, lr=1, weight_decay=0.25, momentum=0.25)
