"""Sliders: the right frame for each setting, small, and a still for print."""

import json
import re
from base64 import b64decode

import pytest

from weightdecay import figures
from weightdecay.sliders import Sliders

VALUES = {"weight_decay": [0.0, 0.1, 0.5], "lr": [1, 2]}


def draw(weight_decay, lr):
    curves = {"path": ([0, weight_decay, lr], None), "fixed": ([0, 1, 2], None)}
    settings = {"xlabel": "step", "ylabel": "weight", "ylim": (0, 2)}
    return figures.compare(curves, **settings)


@pytest.fixture(scope="module")
def sliders():
    return Sliders(draw, VALUES, shown={"weight_decay": 0.1, "lr": 2}, alt='a "path"')


@pytest.fixture(scope="module")
def frames(sliders):
    data = re.search(r'application/json">(.*?)</script>', sliders.html(), re.DOTALL)
    return json.loads(data.group(1))


def test_there_is_one_frame_for_each_combination_and_all_differ(frames):
    assert len(frames) == 6
    assert len({json.dumps(frame) for frame in frames}) == 6


def test_a_frame_holds_only_what_changes(frames):
    assert all(len(frame) == 1 for frame in frames)
    whole = len(draw(0.1, 2).svg())
    assert max(len(json.dumps(frame)) for frame in frames) < whole / 5


def test_a_frame_is_what_would_be_drawn_for_its_values(frames):
    # The last slider changes fastest: (0.1, 1) is the third combination.
    (inside,) = frames[2].values()
    (path,) = lines_of(inside)
    assert path in lines_of(draw(0.1, 1).svg())
    assert path not in lines_of(draw(0.1, 2).svg())


def lines_of(svg):
    return [" ".join(d.split()) for d in re.findall(r'\bd="(M[^"]+)"', svg)]


def test_first_and_in_print_the_chosen_frame_is_shown(sliders):
    html = sliders.html()
    assert 'value="1"\n data-values="0.0 0.1 0.5"' in html
    assert 'value="1"\n data-values="1 2"' in html
    bundle = sliders._repr_mimebundle_()
    assert b64decode(bundle["application/pdf"]).startswith(b"%PDF")
    assert bundle["image/svg+xml"] == draw(0.1, 2).svg()


def test_a_description_may_hold_any_character(sliders):
    assert 'aria-label="a &quot;path&quot;"' in sliders.html()


def test_the_same_sliders_give_the_same_bytes(sliders):
    assert sliders.html() == sliders.html()


def test_a_first_value_that_no_slider_has_is_refused():
    with pytest.raises(ValueError, match=r"shown\['lr'\] is 3, not one of \[1, 2\]"):
        Sliders(draw, VALUES, shown={"weight_decay": 0.1, "lr": 3}, alt="")


def test_its_text_holds_no_address_of_this_run(sliders):
    assert "0x" not in repr(sliders) and "'lr': [1, 2]" in repr(sliders)
