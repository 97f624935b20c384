"""Figures in a reader's hands: the sliders move them, the theme colours them."""

import gzip

import pytest

CHAPTERS = [
    f"book/{name}.html"
    for name in ("sgd", "momentum", "adamw_minimises", "lr_coupling")
]
CHAPTER = CHAPTERS[0]
EACH = pytest.mark.parametrize("chapter", CHAPTERS)
PHONE = {"viewport": {"width": 390, "height": 844}}
STATUS = ".sliders [role=status]"


def drawing(page):
    """Return where each line and each marker of the drawing is."""
    return page.locator(".sliders svg :is(path, use)").evaluate_all(
        "all => all.map(p => ['d', 'x', 'y'].map(n => p.getAttribute(n)).join()).join()"
    )


def press(page, name, key):
    """Press a key on a slider and wait until the drawing has followed."""
    said = page.locator(STATUS).text_content()
    page.get_by_label(name, exact=True).press(key)
    page.wait_for_function(
        "([where, said]) => document.querySelector(where).textContent !== said",
        arg=[STATUS, said],
    )


def late(here):
    """Return the scripts of data that were loaded."""
    return [url for url in here.requests if "/_static/late/" in url]


def test_the_arrow_keys_move_the_drawing_and_say_the_value(visit, root):
    with visit(root + CHAPTER) as here:
        slider = here.page.get_by_label("weight_decay", exact=True)
        press(here.page, "weight_decay", "ArrowLeft")
        first = drawing(here.page)
        press(here.page, "weight_decay", "ArrowRight")
        press(here.page, "weight_decay", "ArrowRight")
        assert slider.get_attribute("aria-valuetext") == "weight_decay 0.5"
        assert here.page.locator(".sliders output").first.inner_text() == "0.5"
        assert drawing(here.page) != first
        press(here.page, "weight_decay", "ArrowLeft")
        press(here.page, "weight_decay", "ArrowLeft")
        assert slider.get_attribute("aria-valuetext") == "weight_decay 0.2"
        assert drawing(here.page) == first
        assert here.errors == []


def test_each_slider_moves_the_drawing_by_itself(visit, http):
    with visit(http + CHAPTER) as here:
        drawn = [drawing(here.page)]
        for name in ("lr", "weight_decay"):
            press(here.page, name, "Home")
            drawn.append(drawing(here.page))
        assert len(set(drawn)) == 3


@EACH
def test_who_hears_the_page_hears_where_the_runs_end(visit, http, chapter):
    with visit(http + chapter) as here:
        name = here.page.locator(".sliders input").first.get_attribute("name")
        press(here.page, name, "Home")
        here.page.locator(STATUS).wait_for(state="attached")
        first = here.page.locator(STATUS).text_content()
        press(here.page, name, "End")
        assert first != here.page.locator(STATUS).text_content() != ""
        assert here.page.locator(STATUS).bounding_box()["width"] <= 1
        assert here.page.locator(".sliders svg[role=img]").get_attribute("aria-label")


@EACH
def test_there_are_at_least_20_stops_or_8_by_8(visit, http, chapter):
    with visit(http + chapter) as here:
        ends = here.page.locator(".sliders input").evaluate_all(
            "all => all.map(i => +i.max)"
        )
        assert ends == [7, 7] or (len(ends) == 1 and ends[0] >= 19)


@EACH
def test_the_data_are_loaded_when_the_slider_is_first_touched(visit, root, chapter):
    with visit(root + chapter) as here:
        assert late(here) == []
        with here.page.expect_response(lambda r: "/late/" in r.url) as caught:
            here.page.locator(".sliders input").first.focus()
        assert len(gzip.compress(caught.value.body())) < 60_000
        assert late(here) == [caught.value.url]
        here.page.locator(".sliders input").first.press("ArrowRight")
        assert len(late(here)) == 1 and here.errors == []


@pytest.mark.parametrize("way", ["reload", "back"])
def test_what_was_set_is_shown_again(visit, root, way):
    with visit(root + CHAPTER) as here:
        press(here.page, "weight_decay", "End")
        set_to, said = drawing(here.page), here.page.locator(STATUS).text_content()
        if way == "reload":
            here.page.reload()
        else:
            here.page.goto(root + CHAPTERS[1])
            here.page.go_back()
        here.page.wait_for_function(
            "([where, said]) => document.querySelector(where).textContent === said",
            arg=[STATUS, said],
        )
        assert drawing(here.page) == set_to
        assert here.page.locator(".sliders output").first.inner_text() == "1.2"
        assert here.errors == []


@EACH
def test_on_a_phone_the_sliders_move_the_drawing_for_it(visit, root, chapter):
    with visit(root + chapter, **PHONE) as here:
        here.page.locator(".sliders").scroll_into_view_if_needed()
        narrow = here.page.locator(".sliders svg:not(:has(> metadata))")
        narrow.wait_for()
        before = drawing(here.page)
        name = here.page.locator(".sliders input").first.get_attribute("name")
        press(here.page, name, "Home")
        assert drawing(here.page) != before and narrow.count() == 1
        box = here.page.locator(".sliders input").first.bounding_box()
        assert box["height"] >= 24 and box["width"] > 150
        assert here.errors == []


@pytest.mark.parametrize("figure", ["#fig-sgd-steps", "#fig-sgd-contours"])
def test_the_theme_switch_changes_the_colours_of_figures(visit, http, figure):
    line = f"getComputedStyle(document.querySelector('{figure} path[style*=stroke]'))"
    with visit(http + CHAPTER, color_scheme="light") as here:
        colours = []
        for theme in ("light", "dark", "light"):
            here.page.evaluate(f"document.body.dataset.theme = '{theme}'")
            colours.append(here.page.evaluate(f"{line}.stroke"))
        assert colours[0] == colours[2] != colours[1]
