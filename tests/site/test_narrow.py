"""Figures on a phone: drawn for it, loaded only there, and legible."""

import pytest
from visits import CHAPTER, PHONE

NARROW = "figure svg:not(:has(> metadata))"

# In pixels, as a browser shows them: parts of a text have sizes of their own.
_SIZES = """all => all.flatMap(svg => {
  const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  return [...svg.querySelectorAll("text, tspan")].filter(t => t.textContent.trim())
    .map(t => [scale * parseFloat(getComputedStyle(t).fontSize), t.textContent]);
})"""
# Texts that are cut, or lie on one another. A letter fills two fifths of its line or
# more, so that of each box this much is left in the middle. Formulas come in parts.
_OVERLAPS = """all => all.flatMap(svg => {
  const box = (part, text) => {
    const { left, right, top, bottom, width, height } = part.getBoundingClientRect();
    const air = 0.3 * Math.min(width, height), name = part.textContent;
    return { name, text, left: left + air, right: right - air,
      top: top + air, bottom: bottom - air };
  };
  const parts = [...svg.querySelectorAll("text")].flatMap(text => {
    const inner = [...text.querySelectorAll("tspan")];
    return (inner.length ? inner : [text]).map(part => box(part, text));
  });
  const edge = svg.getBoundingClientRect();
  const cut = parts.filter(t => t.left < edge.left || t.right > edge.right
    || t.top < edge.top || t.bottom > edge.bottom);
  const on = (a, b) => a.text !== b.text && a.left < b.right && b.left < a.right
    && a.top < b.bottom && b.top < a.bottom;
  return [...cut.map(t => [t.name]), ...parts.flatMap((a, i) =>
    parts.slice(i + 1).filter(b => on(a, b)).map(b => [a.name, b.name]))];
})"""


@CHAPTER
def test_on_a_phone_every_letter_of_a_figure_has_at_least_11_pixels(phone):
    sizes = phone.page.locator(NARROW).evaluate_all(_SIZES)
    assert [each for each in sizes if each[0] < 11] == []
    assert phone.errors == []


@CHAPTER
def test_from_a_folder_of_files_it_is_whole_at_a_desk_and_on_a_phone(visit, site, page):
    with visit(f"{site.as_uri()}/{page}") as here:
        here.unfold()
        assert here.page.locator(NARROW).count() == 0
        here.page.set_viewport_size(PHONE["viewport"])
        here.fit_figures()
        sizes = here.page.locator(NARROW).evaluate_all(_SIZES)
        assert [each for each in sizes if each[0] < 11] == []
        assert here.overhang() <= 0
        assert here.errors == [] and here.strangers() == []


@CHAPTER
def test_on_a_phone_a_cell_says_its_column_as_it_is_read(phone):
    cells = phone.page.locator("[data-label]")
    said = cells.evaluate_all("all => all.map(cell => cell.dataset.label)")
    assert [each for each in said if {"\\", "$"} & {*each}] == []


@CHAPTER
def test_at_a_desk_no_label_lies_on_another_or_is_cut(desk):
    assert desk.page.locator("figure svg").evaluate_all(_OVERLAPS) == []
    assert desk.page.locator(NARROW).count() == 0


@CHAPTER
@pytest.mark.parametrize("width", [360, 390])
def test_on_a_phone_no_label_lies_on_another_or_is_cut(phone, width):
    phone.page.set_viewport_size(PHONE["viewport"] | {"width": width})
    found = phone.page.locator("figure svg").evaluate_all(_OVERLAPS)
    phone.page.set_viewport_size(PHONE["viewport"])
    assert found == []


def test_a_drawing_for_a_phone_says_what_the_wide_one_says(visit, http):
    with visit(f"{http}book/sgd.html") as here:
        look = "all => all.map(s => [s.role, s.ariaLabel])"
        said = here.page.locator("figure svg").evaluate_all(look)
        here.page.set_viewport_size(PHONE["viewport"])
        here.fit_figures()
        assert here.page.locator("figure svg").evaluate_all(look) == said
        # And turned on its side, the phone shows the wide one again.
        here.page.set_viewport_size({"width": 844, "height": 390})
        here.page.wait_for_function(
            "!document.querySelector('figure svg:not(:has(> metadata))')"
        )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_drawing_for_a_phone_follows_the_theme(visit, http, theme):
    with visit(f"{http}book/sgd.html", color_scheme=theme, **PHONE) as here:
        here.fit_figures()
        fill = here.page.locator(NARROW).first.evaluate(
            "s => getComputedStyle(s.querySelector('text')).fill"
        )
        red = int(fill.removeprefix("rgb(").split(",")[0])
        assert (red < 100) == (theme == "light")
