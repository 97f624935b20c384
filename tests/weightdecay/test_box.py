"""The book's picture: each path ends where it must, at every stop of its slider."""

import re

import pytest
import torch

from weightdecay import box


@pytest.mark.parametrize("weight_decay", box.DECAYS)
def test_both_paths_end_on_their_crosses(weight_decay):
    walked, foreseen = box.walks(weight_decay), box.ends(weight_decay)
    for path, end in zip(walked.values(), foreseen.values(), strict=True):
        assert (path[-1] - end).abs().max() < 1e-2
    adamw, adam = walked["AdamW"][-1], walked["Adam"][-1]
    assert (adamw - adam).abs().max() > 0.05


def test_the_box_holds_adamw_and_not_adam():
    inside = [box.walks(x)["AdamW"][-1].abs().max() * x for x in box.DECAYS]
    assert max(inside) < 1 + 1e-3 and inside[-1] == pytest.approx(1, abs=1e-6)
    free = box.walks(box.DECAYS[0])["AdamW"][-1] - box.LOSS.minimum
    assert free.abs().max() < 1e-3


def test_it_says_where_the_two_end():
    said = box.say(0.6)
    adamw, adam = re.fullmatch("AdamW ends at (.*); Adam at (.*)[.]", said).groups()
    # On the wall w = 1/0.6 the best v is 1 + 0.6 (2 - w). Adam's end solves
    # 1.6 w + 0.6 v = 2.6 and 0.6 w + 1.6 v = 2.2.
    assert numbers(adamw) == pytest.approx([1 / 0.6, 1.2], abs=1e-2)
    assert numbers(adam) == pytest.approx([2.84 / 2.2, 1.96 / 2.2], abs=1e-2)


def numbers(said):
    assert re.fullmatch(r"\d[.]\d\d, \d[.]\d\d", said)
    return [float(number) for number in said.split(", ")]


def test_what_is_shown_and_printed_is_on_the_slider():
    sliders = box.sliders()
    assert len(box.DECAYS) >= 20 and sliders.shown == {"weight_decay": 0.6}
    assert {each["weight_decay"] for each in sliders.printed} <= {*box.DECAYS}
    assert torch.equal(box.walks(0.3)["AdamW"][0], box.START)
