"""Figures in a reader's hands: the sliders move them, the theme colours them."""

import pytest

CHAPTER = "book/sgd.html"


def drawing(page):
    """Return where each line and each marker of the drawing is."""
    return page.locator(".sliders svg :is(path, use)").evaluate_all(
        "all => all.map(p => ['d', 'x', 'y'].map(n => p.getAttribute(n)).join()).join()"
    )


def test_the_arrow_keys_move_the_drawing_and_say_the_value(visit, root):
    with visit(root + CHAPTER) as here:
        slider = here.page.get_by_label("weight_decay", exact=True)
        first = drawing(here.page)
        slider.press("ArrowRight")
        moved = drawing(here.page)
        assert slider.get_attribute("aria-valuetext") == "1.0"
        assert here.page.locator(".sliders output").first.inner_text() == "1.0"
        assert moved != first
        slider.press("ArrowLeft")
        assert slider.get_attribute("aria-valuetext") == "0.3"
        assert drawing(here.page) == first
        assert here.errors == []


def test_each_slider_moves_the_drawing_by_itself(visit, http):
    with visit(http + CHAPTER) as here:
        drawn = [drawing(here.page)]
        for name in ("lr", "weight_decay"):
            here.page.get_by_label(name, exact=True).press("Home")
            here.page.get_by_label(name, exact=True).press("End")
            drawn.append(drawing(here.page))
        assert len(set(drawn)) == 3


@pytest.mark.parametrize("figure", ["#fig-sgd-steps", "#fig-sgd-contours"])
def test_the_theme_switch_changes_the_colours_of_figures(visit, http, figure):
    line = f"getComputedStyle(document.querySelector('{figure} path[style*=stroke]'))"
    with visit(http + CHAPTER, color_scheme="light") as here:
        colours = []
        for theme in ("light", "dark", "light"):
            here.page.evaluate(f"document.body.dataset.theme = '{theme}'")
            colours.append(here.page.evaluate(f"{line}.stroke"))
        assert colours[0] == colours[2] != colours[1]
