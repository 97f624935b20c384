"""The probe tells the truth of optimizers that lead it astray, or refuses them."""

import re
from collections import Counter

import pytest
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
