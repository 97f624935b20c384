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

    Its first legend stands above it and the others above their axes, in as many
    columns as have room.
    """
    size = figure.get_size_inches().copy()
    legends = legends_of(figure)
    figure.set_size_inches(WIDTH, BODY)
    above = [
        fitted(old, None if ax is figure.axes[0] else ax, figure) for ax, old in legends
    ]
    lines = sum(lines for _, lines in above)
    height = rows(figure) * max(map(_height, figure.axes))
    figure.set_size_inches(WIDTH, height + lines * ROW)
    # Once for the ticks that fit this size: the layout then has room for their labels.
    figure.draw_without_rendering()
    try:
        yield
    finally:
        for (new, _), (ax, old) in zip(above, legends, strict=True):
            new.remove()
            ax.legend_ = old
            old.set(visible=True, in_layout=True)
        figure.set_size_inches(*size)


def legends_of(figure: Figure) -> list[tuple[Axes, Legend]]:
    """Return the axes that have a legend, with it."""
    return [(ax, legend) for ax in figure.axes if (legend := ax.get_legend())]


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


def fitted(
    legend: Legend, ax: Axes | None, figure: Figure
) -> tuple[Legend, int]:  # fmt: skip
    """Put a copy of a legend above its axes, or above the figure if there are none.

    In as many columns as have room there. Return it and its number of rows.
    """
    width = figure.bbox.width if ax is None else ax.bbox.width
    handles = [handle for handle in legend.legend_handles if handle]
    legend.set(visible=False, in_layout=False)
    labels = [text.get_text() for text in legend.get_texts()]
    look: dict[str, Any] = {"borderaxespad": 0.3 if ax else 0, "borderpad": 0.25}
    look |= {"handlelength": 1.8, "columnspacing": 1.2}
    for columns in range(len(labels), 0, -1):
        if ax is None:
            look |= {"loc": "outside upper left", "ncols": columns}
            new = figure.legend(handles, labels, **look)
        else:
            look |= {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": columns}
            new = ax.legend(handles, labels, **look)
        if columns == 1 or new.get_window_extent().width <= width:
            break
        new.remove()
    return new, -(-len(labels) // columns)
