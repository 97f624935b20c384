"""Figures on a phone: drawn for it, loaded only there, and legible."""

import pytest
from visits import PAGES

PHONE = {"viewport": {"width": 390, "height": 844}}
EACH = pytest.mark.parametrize("page", PAGES)
NARROW, WIDE = "figure svg:not(:has(> metadata))", "figure svg:has(> metadata.narrow)"

# In pixels, as a browser shows them: parts of a text have sizes of their own.
_SIZES = """all => all.flatMap(svg => {
  const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  return [...svg.querySelectorAll("text, tspan")].filter(t => t.textContent.trim())
    .map(t => [scale * parseFloat(getComputedStyle(t).fontSize), t.textContent]);
})"""
# Texts that lie on one another: each with what it lies on.
_OVERLAPS = """all => all.flatMap(svg => {
  const boxes = [...svg.querySelectorAll("text")].map(t => [t.textContent, t.getBoundingClientRect()]);
  const inside = svg.getBoundingClientRect();
  const cut = boxes.filter(([, b]) => b.left < inside.left - 1 || b.right > inside.right + 1);
  const on = ([s, a], [t, b]) => a.left < b.right - 1 && b.left < a.right - 1
    && a.top < b.bottom - 3 && b.top < a.bottom - 3;
  return [...cut.map(([s]) => [s]), ...boxes.flatMap((a, i) =>
    boxes.slice(i + 1).filter(b => on(a, b)).map(b => [a[0], b[0]]))];
})"""


def come_near(page):
    """Scroll through the page until each figure has the drawing for a phone."""
    for figure in page.locator("figure svg, .sliders svg").all():
        figure.scroll_into_view_if_needed()
    page.wait_for_function(f"!document.querySelector('{WIDE}')")


@EACH
def test_on_a_phone_every_letter_of_a_figure_has_at_least_11_pixels(visit, root, page):
    with visit(root + page, **PHONE) as here:
        here.unfold()
        come_near(here.page)
        sizes = here.page.locator(NARROW).evaluate_all(_SIZES)
        assert [each for each in sizes if each[0] < 11] == []
        assert here.overhang() <= 0 and here.errors == []


@EACH
@pytest.mark.parametrize("width", [360, 390, 1280])
def test_no_label_lies_on_another_or_is_cut(visit, http, page, width):
    with visit(http + page, viewport={"width": width, "height": 844}) as here:
        here.unfold()
        if width < 544:
            come_near(here.page)
        drawings = here.page.locator("figure svg")
        assert drawings.evaluate_all(_OVERLAPS) == []


@EACH
def test_on_a_wide_screen_nothing_for_narrow_ones_is_loaded(visit, http, page):
    with visit(http + page) as here:
        assert not [url for url in here.requests if "/_static/late/" in url]
        assert here.page.locator(NARROW).count() == 0


def test_a_drawing_for_a_phone_says_what_the_wide_one_says(visit, http):
    with visit(f"{http}book/sgd.html") as here:
        look = "all => all.map(s => [s.getAttribute('role'), s.getAttribute('aria-label')])"
        said = here.page.locator("figure svg").evaluate_all(look)
        here.page.set_viewport_size(PHONE["viewport"])
        come_near(here.page)
        assert here.page.locator("figure svg").evaluate_all(look) == said
        # And turned on its side, the phone shows the wide one again.
        here.page.set_viewport_size({"width": 844, "height": 390})
        here.page.wait_for_function(
            "!document.querySelector('figure svg:not(:has(> metadata))')"
        )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_drawing_for_a_phone_follows_the_theme(visit, http, theme):
    with visit(f"{http}book/sgd.html", color_scheme=theme, **PHONE) as here:
        come_near(here.page)
        fill = here.page.locator(NARROW).first.evaluate(
            "s => getComputedStyle(s.querySelector('text')).fill"
        )
        red = int(fill.removeprefix("rgb(").split(",")[0])
        assert (red < 100) == (theme == "light")
