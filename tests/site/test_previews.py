"""A reader points at a reference, by mouse or keyboard, and sees what it points to."""

import itertools
from contextlib import contextmanager
from datetime import datetime

import pytest

PAGE = "book/sgd.html"
EQUATION = ".reference[href='#equation-sgd-l2']"
FIGURE = ".reference[href='#fig-sgd-steps']"
EXERCISE = ".reference[href='#ex-sign-kink']"
WORK = ".reference[href^='bibliography.html#']:has-text('Hoerl')"
OPEN = "[role=tooltip]:popover-open"
EXPECTED = {
    EQUATION: ["w \\leftarrow w - \\eta\\, (g + \\lambda w)", "(1.4)"],
    FIGURE: ["Fig. 1.1", "On this axis equal distances"],
    WORK: ["Ridge regression", "Technometrics"],
}


LONG = 10_000  # milliseconds of the page's clock, in which all that it waits for comes


@pytest.fixture
def reader(visit, http):
    """Return a function that opens the page, whose clock the test then moves."""

    @contextmanager
    def opened(**settings):
        with visit(http + PAGE, **settings) as here:
            here.page.clock.install()
            here.page.clock.pause_at(datetime(2100, 1, 1))
            yield here

    return opened


def link_to(page, link, place="center"):
    """Return the first such link in the text, scrolled to a place of the window."""
    found = page.locator(f"article {link}").first
    found.evaluate("(link, block) => link.scrollIntoView({block})", place)
    return found


def point_at(page, link):
    """Rest the mouse on a link; return what is then shown."""
    link_to(page, link).hover()
    page.locator(OPEN).wait_for()
    return page.locator(OPEN)


def test_pointing_at_a_reference_shows_what_it_points_to(visit, root):
    with visit(root + PAGE) as here:
        here.unfold()
        for link, expected in EXPECTED.items():
            shown = " ".join(point_at(here.page, link).text_content().split())
            assert all(part in shown for part in expected)
            here.page.keyboard.press("Escape")
        assert here.errors == [] and here.strangers() == []


def test_an_exercise_is_shown_too(visit, http):
    with visit(f"{http}book/sign_and_spectral.html") as here:
        assert "Exercise 6.4" in point_at(here.page, EXERCISE).text_content()


def test_what_is_shown_is_drawn_and_repeats_no_name(visit, http):
    with visit(http + PAGE) as here:
        shown = point_at(here.page, FIGURE)
        assert shown.locator("svg").bounding_box()["height"] > 100
        assert shown.locator("[id]").count() == 0


def test_it_opens_when_the_mouse_has_rested_for_a_moment(reader):
    with reader() as here:
        link_to(here.page, EQUATION).hover()
        here.page.clock.run_for(140)
        assert here.page.locator(OPEN).count() == 0
        here.page.clock.run_for(20)
        assert here.page.locator(OPEN).count() == 1


def test_a_mouse_on_its_way_opens_nothing(reader):
    with reader() as here:
        link_to(here.page, EQUATION).hover()
        here.page.clock.run_for(140)
        here.page.mouse.move(5, 5)
        for _ in range(LONG // 100):
            here.page.clock.run_for(100)
            assert here.page.locator(OPEN).count() == 0


def test_a_mouse_button_opens_nothing(visit, http):
    with visit(http + PAGE) as here:
        pressed = "link => link.focus({focusVisible: false})"
        link_to(here.page, EQUATION).evaluate(pressed)
        assert here.page.locator(OPEN).count() == 0


def test_the_mouse_may_go_onto_it_and_closes_it_by_leaving(reader):
    with reader() as here:
        link_to(here.page, WORK).hover()
        here.page.clock.run_for(LONG)
        here.page.locator(OPEN).locator("a").hover()
        here.page.clock.run_for(LONG)
        assert here.page.locator(OPEN).is_visible()
        here.page.mouse.move(5, 5)
        here.page.clock.run_for(LONG)
        assert here.page.locator(OPEN).count() == 0


def test_the_keyboard_opens_it_tells_the_reader_and_escape_closes_it(visit, root):
    with visit(root + PAGE) as here:
        link = link_to(here.page, WORK)
        assert "Ridge" in link.get_attribute("title")
        focus_by_keyboard(here.page, link)
        shown = here.page.locator(OPEN)
        assert "Ridge" in shown.text_content()
        assert link.get_attribute("aria-describedby") == shown.get_attribute("id")
        assert link.get_attribute("title") is None
        here.page.keyboard.press("Escape")
        assert shown.count() == 0 and link.get_attribute("aria-describedby") is None
        assert link.evaluate("link => link === document.activeElement")


def focus_by_keyboard(page, link):
    page.keyboard.press("Shift")
    link.evaluate("link => { link.blur(); link.focus({focusVisible: true}); }")


def test_going_on_with_the_keyboard_closes_it(visit, http):
    with visit(http + PAGE) as here:
        focus_by_keyboard(here.page, link_to(here.page, EQUATION))
        assert here.page.locator(OPEN).is_visible()
        here.page.keyboard.press("Tab")
        assert "(1.4)" not in here.page.locator(OPEN).all_text_contents()


@pytest.mark.parametrize("width", [390, 1280])
def test_it_stays_in_the_window_beside_its_link(visit, http, width):
    with visit(http + PAGE, viewport={"width": width, "height": 600}) as here:
        here.unfold()
        if width == 390:
            here.fit_figures()
        for link, place in itertools.product(EXPECTED, ["start", "center", "end"]):
            found = link_to(here.page, link, place)
            focus_by_keyboard(here.page, found)
            shown, around = here.page.locator(OPEN).bounding_box(), found.bounding_box()
            assert shown["x"] >= 0 and shown["x"] + shown["width"] <= width
            assert shown["y"] >= 0 and bottom(shown) <= 600
            assert bottom(shown) <= around["y"] or shown["y"] >= bottom(around)
            assert here.overhang() <= 0


def bottom(box):
    return box["y"] + box["height"]


def test_a_tap_follows_the_link_to_another_page(visit, http):
    with visit(http + PAGE, has_touch=True) as here:
        link_to(here.page, WORK).tap()
        here.page.wait_for_url("**/bibliography.html#*")


def test_a_tap_follows_the_link_and_opens_nothing(reader):
    with reader(has_touch=True) as here:
        link_to(here.page, EQUATION).tap()
        here.page.wait_for_url("**#equation-sgd-l2")
        here.page.clock.run_for(LONG)
        assert here.page.locator(OPEN).count() == 0


def test_a_finger_that_rests_on_it_opens_nothing(reader):
    with reader(has_touch=True) as here:
        box = link_to(here.page, EQUATION).bounding_box()
        finger = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        touch = {"type": "touchStart", "touchPoints": [finger]}
        chromium = here.page.context.new_cdp_session(here.page)
        chromium.send("Input.dispatchTouchEvent", touch)
        here.page.clock.run_for(LONG)
        assert here.page.locator(OPEN).count() == 0


def test_a_click_follows_the_link_and_closes_it(reader):
    with reader() as here:
        link = link_to(here.page, EQUATION)
        link.hover()
        here.page.clock.run_for(LONG)
        assert here.page.locator(OPEN).is_visible()
        link.click()
        here.page.wait_for_url("**#equation-sgd-l2")
        here.page.clock.run_for(LONG)
        assert here.page.locator(OPEN).count() == 0


def test_a_click_elsewhere_closes_what_the_keyboard_opened(reader):
    with reader() as here:
        focus_by_keyboard(here.page, link_to(here.page, EQUATION))
        here.page.locator("article h1").hover()
        here.page.clock.run_for(LONG)
        assert here.page.locator(OPEN).is_visible()
        here.page.locator("article h1").click()
        assert here.page.locator(OPEN).count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_bars_nobody(visit, http, theme):
    with visit(http + PAGE, color_scheme=theme) as here:
        here.unfold()
        here.thin_out(formulas="no-such")
        for link in EXPECTED:
            focus_by_keyboard(here.page, link_to(here.page, link))
            assert here.barriers(OPEN) == []


def test_a_page_without_references_loads_no_script_for_them(visit, http):
    with visit(f"{http}book/notation.html") as here:
        assert not [url for url in here.requests if "previews" in url]
