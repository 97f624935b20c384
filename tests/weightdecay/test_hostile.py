"""The probe tells the truth of optimizers that lead it astray, or refuses them."""

import random
import re
from collections import Counter

import numpy as np
import pytest
import torch
from hostile import CASES

from weightdecay import probe


def differs(found, expected):
    """Return whether an answer's field is none of the values that would be true."""
    if isinstance(expected, set):
        return all(differs(found, one) for one in expected)
    if isinstance(expected, re.Pattern):
        return not any(expected.search(text) for text in found)
    if isinstance(expected, float):
        return found != pytest.approx(expected, rel=1e-3, abs=1e-6)
    return found != expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_said_of_it_is_true(case, capsys):
    try:
        answer = probe.ask(case.make, **case.ask)
    except ValueError as refusal:
        assert case.refused and re.search(case.refused, str(refusal)), str(refusal)
        return
    assert case.expected, f"not refused: {answer}"
    found = {name: getattr(answer, name) for name in case.expected}
    wrong = {n: x for n, x in found.items() if differs(x, case.expected[n])}
    assert not wrong, (wrong, str(answer))
    assert capsys.readouterr().out == ""


def test_each_kind_has_traps_and_a_control():
    traps = Counter(case.kind for case in CASES if not case.control)
    controls = {case.kind for case in CASES if case.control}
    assert controls == set(traps) and min(traps.values()) >= 3
    names = Counter(case.name for case in CASES)
    assert max(names.values()) == 1


# The more that has to be tried, the more are made; it was 110 for each ask.
@pytest.mark.parametrize(
    ("name", "most"),
    [("1-adamw", 50), ("10-adam_maximising", 60), ("8-schedule_free", 80)],
)
def test_few_optimizers_are_made_for_each_shape(name, most):
    (case,) = [case for case in CASES if case.name == name]
    made = Counter()

    def make(params, lr, weight_decay=0.07):
        made[params[0].shape] += 1
        return case.make(params, lr=lr, weight_decay=weight_decay)

    probe.ask(make)
    assert max(made.values()) < most, made


def test_the_draws_of_others_are_what_they_would_have_been():
    def draws():
        return random.random(), np.random.random(), torch.rand(()).item()

    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    wanted = draws()
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
    (case,) = [case for case in CASES if case.name == "2-draws"]
    probe.ask(case.make)
    assert draws() == wanted
