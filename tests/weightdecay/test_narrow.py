"""The drawing for a phone: its letters are legible, and the figure stays as it was."""

import io
import re

import pytest
import torch
from matplotlib.legend import Legend

from weightdecay import figures, problems
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


def test_long_labels_of_ticks_leave_room_for_the_name_of_the_axis():
    bowl = problems.Quadratic(
        torch.ones(2).double(), torch.tensor([0.1, 1.0]).double().diag()
    )
    still = torch.zeros(9, 2).double()
    window = {"xlim": (-0.1, 1.3), "ylim": (-0.1, 1.8)}
    figure = figures.contours(bowl, {"path": still}, **window)
    figure.pdf()
    with narrowed(figure):
        figure.savefig(io.BytesIO(), format="svg")
        assert figure.axes[0].yaxis.label.get_window_extent().x0 > -2


def two_legends(labels=("a curve", "its points", "the truth")):
    figure, axes = figures.stacked({"xlabel": "x", "ylabel": "y"}, {"xlabel": "t"})
    for ax, names in zip(axes, (["told", "seen"], labels), strict=True):
        for name in names:
            ax.plot([1, 2], label=name)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    return figure


def boxes(figure):
    """Return the place of each legend that is seen, and of what it must not meet."""
    figure.draw_without_rendering()
    legends = [x for x in figure.findobj(Legend) if x.get_visible()]
    texts = [ax.xaxis.get_tightbbox() for ax in figure.axes]
    places = sorted((x.get_window_extent() for x in legends), key=lambda x: -x.y0)
    return places, texts


@pytest.mark.parametrize("labels", [("a", "b"), LONG])
def test_a_legend_of_lower_axes_stands_between_them_and_those_above(labels):
    figure = two_legends(labels)
    with narrowed(figure):
        (first, second), axes = boxes(figure)
        assert not first.overlaps(second)
        assert not any(second.overlaps(label) for label in axes)
        assert first.y0 > axes[0].y1 and axes[0].y0 > second.y1 > axes[1].y1
        assert second.x1 < figure.bbox.x1 or len(labels) > 2
    assert len(boxes(figure)[0]) == 2


def test_in_print_lower_axes_keep_their_legend_and_the_upper_share_one():
    figure = figures.panels([two_legends] * 2, ["left", "right"])
    places, axes = boxes(figure)
    assert len(places) == 3
    for k, place in enumerate(places):
        assert not any(place.overlaps(x) for x in places[:k] + axes)
    texts = [x.get_text() for x in figure.findobj(Legend)[0].get_texts()]
    assert texts in (["told", "seen"], ["a curve", "its points", "the truth"])
