"""A figure once more, for a phone: the same lines and labels in less width.

On a screen of 390 pixels a drawing of 6.4 inches is shrunk to half its size, letters
and all. This one is drawn for that width, so that its letters are as large as a page's
small print.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from weightdecay.extras import extra

with extra("plot"):
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

# In inches, of 72 points. At 372 pixels ten points are 14 pixels, and eight are 11.
WIDTH, BODY, LABELS, ROW = 3.7, 2.9, 0.75, 0.24


@contextmanager
def narrowed(figure: Figure) -> Iterator[None]:
    """Give a figure the width of a phone, as long as the context lasts.

    Its legends stand above it, in as many columns as have room.
    """
    size = figure.get_size_inches().copy()
    legends = [legend for ax in figure.axes if (legend := ax.get_legend())]
    figure.set_size_inches(WIDTH, BODY)
    above = [_above(figure, legend) for legend in legends]
    lines = sum(lines for _, lines in above)
    height = rows(figure) * max(map(_height, figure.axes))
    figure.set_size_inches(WIDTH, height + lines * ROW)
    # Once for the ticks that fit this size: the layout then has room for their labels.
    figure.draw_without_rendering()
    try:
        yield
    finally:
        for (new, _), old in zip(above, legends, strict=True):
            new.remove()
            old.set(visible=True, in_layout=True)
        figure.set_size_inches(*size)


def rows(figure: Figure) -> int:
    """Return how many axes of a figure lie below each other, in any part of it."""
    places = [spec for ax in figure.axes if (spec := ax.get_subplotspec())]
    return max((place.get_gridspec().nrows for place in places), default=1)


def _height(ax: Axes) -> float:
    """Return how high axes of this width should be; those to scale are given."""
    if ax.get_aspect() == "auto":
        return BODY
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    return (WIDTH - LABELS) * (high - low) / (right - left) + LABELS


def _above(figure: Figure, legend: Legend) -> tuple[Legend, int]:
    """Put a copy of a legend above the figure; return it and its number of rows."""
    handles = [handle for handle in legend.legend_handles if handle]
    legend.set(visible=False, in_layout=False)
    labels = [text.get_text() for text in legend.get_texts()]
    look: dict[str, Any] = {"loc": "outside upper left", "borderaxespad": 0}
    look |= {"handlelength": 1.8, "columnspacing": 1.2, "borderpad": 0.25}
    for columns in range(len(labels), 0, -1):
        new = figure.legend(handles, labels, ncols=columns, **look)
        if columns == 1 or new.get_window_extent().width <= figure.bbox.width:
            break
        new.remove()
    return new, -(-len(labels) // columns)
