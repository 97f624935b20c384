"""The chapter that has everything, in Firefox: what no other test sees there."""

import os
import shutil

import firefox
import pytest
from conftest import NO_FIREFOX

CHAPTER = "book/sgd.html"
ESCAPE, RIGHT = "\ue00c", "\ue014"


@pytest.fixture(scope="module", params=["light", "dark"])
def theme(request):
    """Return the theme that the reader prefers."""
    return request.param


@pytest.fixture(scope="module")
def page(theme, http, tmp_path_factory):
    """Return the chapter, open in Firefox."""
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up(NO_FIREFOX)
    with firefox.running(program, tmp_path_factory.mktemp("profile"), theme) as page:
        page.open(http + CHAPTER)
        yield page


def test_it_loads_its_fonts_fits_and_reports_no_error(page):
    fonts = page.evaluate("document.fonts.ready.then(f => [...f].map(x => x.status))")
    assert "loaded" in fonts and "error" not in fonts
    html = "(h => h.scrollWidth - h.clientWidth)(document.documentElement)"
    assert page.evaluate(html) <= 0
    assert page.errors == []


def test_page_and_figures_have_the_theme_that_the_reader_prefers(page, theme):
    paper = brightness(page, "document.body", "backgroundColor")
    ink = brightness(page, "document.querySelector('figure svg text')", "fill")
    assert (paper > 200, ink < 100) == (theme == "light",) * 2
    assert abs(paper - ink) > 150


def brightness(page, element, property):
    colour = page.evaluate(f"getComputedStyle({element}).{property}")
    return sum(map(int, colour.removeprefix("rgb(").rstrip(")").split(","))) / 3


STATUS = "document.querySelector('.sliders [role=status]').textContent"
OUTPUT = "document.querySelector('.sliders output').value"


def move(page):
    """Move the first slider by one stop, and wait for the drawing; return it."""
    page.evaluate("document.querySelector('.sliders input').focus()")
    page.press(RIGHT)
    page.wait_for(f"{STATUS} !== ''")
    return page.evaluate(DRAWING)


# As numbers: where each marker of the second line is.
DRAWING = "[...document.querySelectorAll('.sliders use')].map(u => u.getAttribute('x'))"


def test_an_arrow_key_moves_the_drawing(page):
    before = page.evaluate(DRAWING)
    assert move(page) != before
    assert page.evaluate(OUTPUT) == "0.5"
    assert "SGD ends at" in page.evaluate(STATUS)


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_what_was_set_is_shown_again_after_reload_and_back(page, http, site, scheme):
    root = http if scheme == "http" else f"{site.as_uri()}/"
    page.open(f"{root}book/momentum.html")
    page.open(root + CHAPTER)
    page.evaluate("document.querySelector('.sliders input').value = 4")
    moved, said, value = move(page), page.evaluate(STATUS), page.evaluate(OUTPUT)
    for again in (
        page.reload,
        lambda: (page.open(f"{root}book/adam.html"), page.back()),
    ):
        again()
        page.wait_for(f"{STATUS} === {said!r}")
        assert (page.evaluate(DRAWING), page.evaluate(OUTPUT)) == (moved, value)
    page.open(http + CHAPTER)


def test_a_reference_shows_on_focus_what_it_points_to(page):
    link = "document.querySelector('.reference[href=\"#equation-sgd-l2\"]')"
    page.evaluate(f"{link}.focus({{focusVisible: true}})")
    shown = "document.querySelector('[role=tooltip]:popover-open')"
    assert "(1.4)" in page.evaluate(f"{shown}.textContent")
    assert page.evaluate(f"{shown}.getBoundingClientRect().height") > 20
    page.press(ESCAPE)
    assert page.evaluate(shown) is None
    assert page.errors == []


def test_what_is_folded_opens(page):
    page.evaluate("document.querySelector('details.hide summary').click()")
    opened = "document.querySelector('details.hide pre').checkVisibility()"
    assert page.evaluate(opened)
