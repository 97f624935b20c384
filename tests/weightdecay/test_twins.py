"""Each rule has its twin in PyTorch, and a fault in its decay would be seen."""

import faults
import pytest

from weightdecay import twins, updates

TWINS = {rule: (make, more) for rule, make, more in twins.TWINS}
DECAYING = [rule for rule in TWINS if rule not in (updates.sgd, updates.lion)]
NAMED = {"ids": lambda rule: rule.__name__}


def test_each_rule_is_in_the_table_once():
    assert len(twins.TWINS) == len(TWINS) and TWINS.keys() == set(faults.RULES)


APART = [rule for rule in TWINS if rule not in (updates.lion, updates.muon)]


@pytest.mark.parametrize("rule", APART, **NAMED)
def test_a_rule_and_its_twin_are_a_rounding_apart(rule):
    # PyTorch keeps a product of NAdam in 32 bits.
    assert twins.gap(rule)[0] < (1e-8 if "nadam" in rule.__name__ else 1e-14)


@pytest.mark.parametrize("rule", DECAYING, **NAMED)
def test_twice_the_decay_is_far_from_the_twin(rule, monkeypatch):
    double = faults.twice(rule)
    monkeypatch.setattr(twins, "TWINS", [(double, *TWINS[rule])])
    gap, effect = twins.gap(double)
    assert gap > effect / 10 > 1e-6


def test_the_cautious_twin_is_not_adamw(monkeypatch):
    monkeypatch.setattr(
        twins, "TWINS", [(updates.adamw, *TWINS[updates.adamw_cautious])]
    )
    assert twins.gap(updates.adamw)[0] > 1e-3


def test_lion_has_no_twin_and_what_is_no_rule_is_refused():
    assert twins.gap(updates.lion)[0] is None
    with pytest.raises(KeyError):
        twins.gap(len)
