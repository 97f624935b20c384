"""The drawing for a phone: its letters are legible, and the figure stays as it was."""

import re

import pytest

from weightdecay import figures
from weightdecay.narrow import narrowed

# Across a screen of 390 pixels, see book.css.
PIXELS = 372
LONG = [f"a label that is long {k}" for k in range(4)]


def figure_of(labels):
    curves = {label: ([1, 10, 1000], [1, 10, 1000]) for label in labels}
    return figures.compare(curves, xlabel="step", ylabel="weight", yscale="log")


def parts(figure):
    return re.split(r"</?metadata[^>]*>", figure.svg())[:2]


def test_every_letter_is_at_least_11_pixels_high():
    wide, narrow = parts(figure_of(LONG))
    assert smallest(narrow) >= 11 > smallest(wide)


def smallest(drawing):
    width = float(re.search(r'viewBox="\S+ \S+ (\S+)', drawing)[1])
    sizes = map(float, re.findall(r"font-size: ([\d.]+)px", drawing))
    return min(sizes) * PIXELS / width


@pytest.mark.parametrize(("labels", "columns"), [(LONG, 1), (["a", "b", "c"], 3)])
def test_a_legend_has_as_many_columns_as_have_room(labels, columns):
    figure = figure_of(labels)
    with narrowed(figure):
        (legend,) = figure.legends
        assert legend._ncols == columns
        assert legend.get_window_extent().width <= figure.bbox.width
        assert [x.get_text() for x in legend.get_texts()] == labels


def test_afterwards_the_figure_is_as_it_was():
    figure = figure_of(LONG)
    before = figure.pdf()
    figure.svg()
    assert figure.pdf() == before and figure.legends == []


def test_a_drawing_to_scale_gets_the_height_that_it_needs():
    figure = figure_of(["a"])
    figure.axes[0].set(yscale="linear", xlim=(0, 2), ylim=(0, 1), aspect="equal")
    with narrowed(figure):
        figure.draw_without_rendering()
        box = figure.axes[0].get_window_extent()
        assert box.width > 0.75 * figure.bbox.width
        assert figure.bbox.height < 0.75 * figure.bbox.width
