"""What moves between figures that are otherwise alike: the points of their lines.

A point is kept as two numbers, 0 and 0 in the lower left corner of its axes and 4096
in the upper right, so that one list serves a drawing of any size. A list is written as
letters: each number as its difference from the one two places before, in the form of
the base 64 VLQ of source maps, with 63 added to each digit to make it a letter.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from weightdecay.extras import extra

with extra("plot"):
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

SIDE = 4096
# What lies further outside is drawn in its direction, at this many sides of the axes.
FAR = 1000
Moving: TypeAlias = list[dict[str, Any]]
_LOOKS = "color linestyle linewidth marker markersize markevery visible label zorder"


def moving(figures: Iterable[Figure]) -> Moving:
    """Return the lines that differ between figures: where, and how in each of them.

    Each is a dictionary: ``line`` is its number among the lines of the figure,
    ``every`` its ``markevery``, ``ways`` its different lists of points as letters, and
    ``frames`` which of them each figure has. Raises ``ValueError`` if anything else
    differs between the figures.
    """
    seen = [(_still(figure), list(map(_letters, _lines(figure)))) for figure in figures]
    still, written = zip(*seen, strict=True)
    if any(each != still[0] for each in still):
        raise ValueError("draw must give figures that differ only in where lines lie")
    every = [look["markevery"] or 1 for ax in still[0] for look in ax["looks"]]
    columns = enumerate(zip(*written, strict=True))
    return [
        {"line": number, "every": every[number], **_ways(column)}
        for number, column in columns
        if len(set(column)) > 1
    ]


def name_lines(figure: Figure, numbers: Iterable[int]) -> None:
    """Name these lines of a figure in its drawing: ``line-0`` and so on."""
    lines = _lines(figure)
    for number in numbers:
        lines[number].set_gid(f"line-{number}")


def _lines(figure: Figure) -> list[Line2D]:
    return [line for ax in figure.axes for line in ax.lines]


def _ways(column: Sequence[str]) -> dict[str, Any]:
    ways = list(dict.fromkeys(column))
    return {"ways": ways, "frames": [ways.index(each) for each in column]}


def _still(figure: Figure) -> list[dict[str, Any]]:
    """Return what must be alike in all figures: axes, words, and how lines look."""
    return [
        {
            "axes": [ax.get_xlim(), ax.get_ylim(), ax.get_xscale(), ax.get_yscale()],
            "words": [text.get_text() for text in _texts(ax)],
            "looks": [_look(line) for line in ax.lines],
            "patches": list(map(str, ax.patches)),
            "paths": [
                np.asarray(path.vertices).tolist()
                for each in ax.collections
                for path in each.get_paths()
            ],
        }
        for ax in figure.axes
    ]


def _texts(ax: Axes) -> list[Text]:
    # Not those of the ticks, which to make takes as long as to draw.
    legend = ax.get_legend()
    inside = legend.get_texts() if legend else []
    return [ax.xaxis.label, ax.yaxis.label, ax.title, *ax.texts, *inside]


def _look(line: Line2D) -> dict[str, Any]:
    look = {name: getattr(line, f"get_{name}")() for name in _LOOKS.split()}
    if not isinstance(look["markevery"], int | None):
        raise ValueError(f"markevery is {look['markevery']}, not a number or None")
    return look


def _letters(line: Line2D) -> str:
    """Return the points of a line, as a part of its axes, in letters."""
    assert line.axes is not None
    place = line.get_transform() - line.axes.transAxes
    points = place.transform(line.get_xydata()) - 0.5
    if not np.isfinite(points).all():
        raise ValueError(f"{line.get_label()} has a point that is nowhere")
    reach = np.abs(points).max(axis=1, keepdims=True, initial=FAR)
    whole = np.rint((points * FAR / reach + 0.5) * SIDE).astype(int)
    steps = np.diff(whole, axis=0, prepend=0).ravel()
    return "".join(_letters_of(int(step)) for step in steps)


def _letters_of(number: int) -> str:
    rest, letters = abs(number) << 1 | (number < 0), ""
    while True:
        rest, digit = rest >> 5, rest & 31
        letters += chr(63 + digit + 32 * (rest > 0))
        if rest == 0:
            return letters
