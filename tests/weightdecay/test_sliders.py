"""Sliders: the right frame for each setting, small, and some side by side for print."""

import gzip
import json
import re
from base64 import b64decode

import pytest
import torch
from bs4 import BeautifulSoup
from letters import points_of

from weightdecay import figures
from weightdecay.sliders import Sliders

VALUES = {"weight_decay": [0.0, 0.1, 0.5], "lr": [1, 2]}
SHOWN = {"weight_decay": 0.1, "lr": 2}


def draw(weight_decay, lr):
    curves = {"path": ([0, weight_decay, lr], None), "fixed": ([0, 1, 2], None)}
    settings = {"xlabel": "step", "ylabel": "weight", "ylim": (0, 2)}
    return figures.compare(curves, **settings)


def say(weight_decay, lr):
    return f"It ends </at> {weight_decay + lr}."


@pytest.fixture(scope="module")
def sliders():
    return Sliders(draw, VALUES, shown=SHOWN, alt='a "path"', say=say)


@pytest.fixture(scope="module")
def html(sliders):
    return sliders.html()


@pytest.fixture(scope="module")
def data(html):
    return data_of(html)


def data_of(html):
    found = re.search(r'class="late">(.*?)</script>', html, re.DOTALL)
    return json.loads(found.group(1))


def test_a_frame_holds_the_points_of_the_line_that_moves(data):
    (path,) = data["lines"]
    # The last slider changes fastest: (0.1, 1) is the third combination.
    letters = path["ways"][path["frames"][2]]
    heights = [y for _, y in points_of(letters)]
    assert heights == pytest.approx([0, 0.05, 0.5], abs=1e-3)
    assert len(path["ways"]) == len(path["frames"]) == 6


def test_the_line_that_moves_has_the_name_by_which_the_script_finds_it(html, data):
    (path,) = data["lines"]
    wide, narrow, _ = re.split(r"</?metadata", html)
    for drawing in (wide, narrow):
        assert len(re.findall(rf'id="\w+-line-{path["line"]}"', drawing)) == 1


def test_each_frame_says_its_sentence(data):
    assert data["says"][2] == "It ends </at> 1.1." and len(data["says"]) == 6


def test_first_the_chosen_frame_is_shown(html):
    decay, lr = BeautifulSoup(html, "html.parser").select("input[type=range]")
    assert (decay["value"], decay["data-values"]) == ("1", "0 0.1 0.5")
    assert (lr["value"], lr["data-values"]) == ("1", "1 2")
    assert [x["aria-valuetext"] for x in (decay, lr)] == ["weight_decay 0.1", "lr 2"]
    # Else a browser may keep a slider's place, but not the frame.
    assert decay["autocomplete"] == lr["autocomplete"] == "off"
    path = re.search(r'-line-\d"[^>]*>\s*<path d="([^"]+)"', html)[1]
    assert path in draw(**SHOWN).svg() and path not in draw(0.5, 2).svg()


def test_print_and_the_picture_show_some_frames_each_with_its_name(sliders):
    bundle = sliders._repr_mimebundle_()
    assert b64decode(bundle["application/pdf"]).startswith(b"%PDF")
    titles = [ax.get_title(loc="left") for ax in sliders.print().axes]
    assert "weight_decay=0.1\nlr=2" in titles and len(set(titles)) == 4
    named = {line for title in titles for line in title.splitlines()}
    assert all(f">{line}</text>" in bundle["image/svg+xml"] for line in named)


def test_print_shows_the_settings_that_were_chosen_and_one_legend():
    chosen = [{"weight_decay": x, "lr": 1} for x in (0.0, 0.5)]
    figure = Sliders(draw, VALUES, shown=SHOWN, alt="", printed=chosen).print()
    moved = [ax.lines[1].get_ydata()[1] for ax in figure.axes]
    assert moved == [0.0, 0.5]
    assert [ax.get_legend() for ax in figure.axes] == [None, None]
    assert len(figure.legends) == 1


def test_of_one_slider_print_shows_stops_from_end_to_end():
    one = {"weight_decay": [x / 10 for x in range(10)]}
    draw_one = lambda weight_decay: draw(weight_decay, 1)  # noqa: E731
    figure = Sliders(draw_one, one, shown={"weight_decay": 0.4}, alt="").print()
    titles = [ax.get_title(loc="left").partition("=")[2] for ax in figure.axes]
    assert titles == ["0", "0.4", "0.6", "0.9"]


def test_a_description_may_hold_any_character(html):
    assert 'role="img" aria-label="a &quot;path&quot;"' in html
    assert "</at>" not in html


def test_the_same_sliders_give_the_same_bytes(sliders, html):
    assert sliders.html() == html


def test_64_frames_weigh_less_than_60_kilobytes():
    k = torch.arange(200).double()
    look = {"xlabel": "step", "ylabel": "weight", "ylim": (0, 1.1)}
    fall = lambda weight_decay, lr: figures.compare(  # noqa: E731
        {"path": (None, (1 - lr * weight_decay) ** k)}, **look
    )
    tenths = [x / 10 for x in range(8)]
    values = {"weight_decay": tenths, "lr": tenths}
    shown = {"weight_decay": 0.1, "lr": 0.0}
    html = Sliders(fall, values, shown=shown, alt="").html()
    assert len(data_of(html)["lines"][0]["frames"]) == 64
    assert len(gzip.compress(html.encode())) < 60_000


@pytest.mark.parametrize("where", ["shown", "printed"])
def test_a_value_that_no_slider_has_is_refused(where):
    wrong = {"weight_decay": 0.1, "lr": 3}
    settings = {"shown": SHOWN} | {where: wrong if where == "shown" else [wrong]}
    with pytest.raises(ValueError, match=r"shown\['lr'\] is 3, not one of \[1, 2\]"):
        Sliders(draw, VALUES, alt="", **settings)


def test_its_text_holds_no_address_of_this_run(sliders):
    assert "0x" not in repr(sliders) and "'lr': [1, 2]" in repr(sliders)
