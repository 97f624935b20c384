"""The figures of the book: lines for the predicted, markers for the measured."""

import functools
import io
import itertools
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from hashlib import sha256
from pathlib import Path
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

import torch
from torch import Tensor

from weightdecay.extras import extra
from weightdecay.narrow import fitted, legends_of, narrowed, rows
from weightdecay.paths import Loss

with extra("plot"):
    import matplotlib.style
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# More points than this in one line become an image inside the drawing.
DENSE = 2000
Numbers: TypeAlias = Sequence[float] | Tensor
P = ParamSpec("P")
T = TypeVar("T")
# Where figures are drawn now, if in parts of another one.
_PLACES: ContextVar[Iterator[Figure] | None] = ContextVar("places", default=None)
STYLE = Path(__file__).with_name("style.mplstyle")


class BookFigure(Figure):
    """A figure that shows itself as SVG on a page, as PDF in print, else as PNG.

    A notebook that its reader has not trusted yet shows no SVG, which may hold scripts.

    It needs neither pyplot nor a backend: a cell that ends in one shows it. Each
    colour of the SVG can be replaced by the page: ``#0072b2`` is written as
    ``var(--figure-0072b2, #0072b2)``, so a dark theme sets ``--figure-0072b2``.
    """

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> dict[str, str]:
        png = b64encode(self._saved("png", {"Software": None}, dpi=144)).decode()
        svg, pdf = self.svg(), self.pdf()
        return {"image/svg+xml": svg, "image/png": png, "application/pdf": pdf}

    def pdf(self) -> str:
        """Return the figure for print, as base64."""
        file = self._saved("pdf", {"CreationDate": None}, transparent=True)
        return b64encode(file).decode()

    def svg(self, name: str | None = None) -> str:
        """Return the figure as one ``svg`` element, ready to stand inside a page.

        ``name`` begins the names of its parts; by default each figure has its own. In
        a ``metadata`` element, which nobody shows, it holds the drawing for a phone.
        """
        wide = self._drawing()
        name = name or f"f{sha256(wide.encode()).hexdigest()[:8]}"
        with matplotlib.style.context(STYLE), narrowed(self):
            narrow = _named(self._drawing(), f"{name}n")
        inside = f'<metadata class="late narrow">{narrow}</metadata></svg>'
        return _named(wide, name).replace("</svg>", inside)

    def _drawing(self) -> str:
        svg = self._saved("svg", {"Date": None}, transparent=True).decode()
        svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
        # A style of its own would hold for the page, which is then laid out anew.
        svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
        svg = svg.replace("<svg", '<svg stroke-linejoin="round"', 1)
        svg = re.sub(r"(: ?)#([0-9a-f]{6})", r"\1var(--figure-\2, #\2)", svg)
        # An exponent is as legible as the smallest label: 8 in place of 7 points.
        svg = svg.replace("font-size: 7px", "font-size: 8px")
        svg = re.sub(r' (?:d|x|y|transform)="[^"]*"', _rounded, svg)
        # Their own names change with the last bit of a place.
        for number, clip in enumerate(re.findall(r'<clipPath id="(\w+)"', svg)):
            svg = svg.replace(clip, f"clip_{number}")
        return svg[svg.index("<svg") :].strip()

    def _saved(self, file_format: str, metadata: dict[str, None], **how: Any) -> bytes:
        # Without a date in the metadata the same figure gives the same bytes.
        file = io.BytesIO()
        # Drawn by a cell, out of the style: a frame would be white in the dark.
        for legend in filter(None, (ax.get_legend() for ax in self.axes)):
            legend.set_frame_on(False)
        with matplotlib.style.context(STYLE):
            self.savefig(file, format=file_format, metadata=metadata, **how)
        return file.getvalue()


def _rounded(attribute: re.Match[str]) -> str:
    # A hundredth of a point is less than can be seen.
    number = re.compile(r"-?\d+\.\d+")
    short = number.sub(
        lambda x: f"{float(x[0]):.2f}".rstrip("0").rstrip("."), attribute[0]
    )
    return " ".join(["", *short.split()])


def _named(svg: str, name: str) -> str:
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)


def in_style(draw: Callable[P, T]) -> Callable[P, T]:
    """Make a function draw in the book's style."""

    @functools.wraps(draw)
    def styled(*args: P.args, **settings: P.kwargs) -> T:
        with matplotlib.style.context(STYLE):
            return draw(*args, **settings)

    return styled


@in_style
def axes(*, xlabel: str, ylabel: str, **settings: Any) -> tuple[BookFigure, Axes]:
    """Return a new figure in the book's style and its axes, both of them named.

    ``settings`` are properties of the axes, such as ``yscale="log"``.
    """
    figure = _new_figure()
    return figure, figure.subplots(
        subplot_kw={"xlabel": xlabel, "ylabel": ylabel, **settings}
    )


@in_style
def stacked(*looks: dict[str, Any]) -> tuple[BookFigure, list[Axes]]:
    """Return a new figure in the book's style and axes in it, one below the other.

    ``looks`` are the properties of each: ``xlabel``, ``ylabel`` and others.
    """
    figure = _new_figure()
    if isinstance(figure, BookFigure):
        figure.set_size_inches(6.4, 2.7 * len(looks))
    below = list(figure.subplots(len(looks), 1, squeeze=False)[:, 0])
    for ax, look in zip(below, looks, strict=True):
        ax.set(**look)
    return figure, below


def _new_figure() -> BookFigure:
    places = _PLACES.get()
    # A place in a figure draws as the figure does.
    return BookFigure() if places is None else cast(BookFigure, next(places))


@in_style
def panels(draws: Sequence[Callable[[], Figure]], titles: Sequence[str]) -> BookFigure:
    """Return one figure of up to four, each drawn by a function and named by a title.

    Each function makes one figure by what this module has. They have one legend, that
    of the first, above all; axes that stand below others keep their own.
    """
    columns = min(2, len(draws))
    lines = -(-len(draws) // columns)
    figure, tops = BookFigure(), []
    places = figure.subfigures(lines, columns, squeeze=False).ravel()
    held = _PLACES.set(iter(places))
    try:
        for draw, title in zip(draws, titles, strict=True):
            tops.append(draw().axes[0])
            # A panel may be too narrow for a line of several settings.
            tops[-1].set_title(title.replace(", ", "\n"), fontsize="medium", loc="left")
    finally:
        _PLACES.reset(held)
    figure.set_size_inches(6.4, 2.6 * lines * rows(figure) + 0.3)
    _one_legend(figure, tops)
    return figure


def _one_legend(figure: Figure, tops: Sequence[Axes]) -> None:
    legends = legends_of(figure)
    for ax, legend in legends:
        if ax in tops:
            legend.remove()
        else:
            fitted(legend, ax, figure)
    for _, legend in legends[:1]:
        labels = [text.get_text() for text in legend.get_texts()]
        where: dict[str, Any] = {"loc": "outside upper left", "ncols": 2}
        handles = [handle for handle in legend.legend_handles if handle]
        figure.legend(handles, labels, **where)


@in_style
def compare(
    curves: dict[str, tuple[Numbers | Callable[[Tensor], Tensor] | None, Any]],
    *,
    xlabel: str,
    ylabel: str,
    x: Numbers | None = None,
    markers: int | None = 20,
    **settings: Any,
) -> BookFigure:
    """Draw each prediction as a line and what was measured as markers on it.

    ``curves`` maps a label to ``(predicted, measured)``. What was measured is a
    sequence of numbers, what was predicted another one or a function of ``x``, drawn
    smoothly; ``None`` in place of either leaves it out. ``x`` defaults to 0, 1, 2 and
    so on, and about ``markers`` of the measured points are drawn, all of them if it
    is ``None``. Further settings are properties of the axes. Returns the figure.
    """
    figure, ax = axes(xlabel=xlabel, ylabel=ylabel, **settings)
    for label, (predicted, measured) in curves.items():
        # An empty plot takes the next colour, line style and marker of the cycle.
        (entry,) = ax.plot([], [], label=label)
        if predicted is None:
            entry.set_linestyle("none")
        elif callable(predicted):
            smooth = _between(x)
            _draw_like(entry, predicted(smooth), smooth, marker="none")
        else:
            _draw_like(entry, predicted, x, marker="none")
        if measured is None:
            entry.set_marker("none")
        else:
            every = max(1, len(measured) // (markers or len(measured)))
            _draw_like(entry, measured, x, linestyle="none", markevery=every)
    _legend(ax)
    return figure


def _between(x: Numbers | None) -> Tensor:
    if x is None:
        raise ValueError("a predicted function needs x, the numbers to draw it between")
    return torch.linspace(float(min(x)), float(max(x)), 400, dtype=torch.float64)


def _draw_like(entry: Line2D, y: Numbers, x: Numbers | None, **settings: Any) -> None:
    # As drawings so many marks would outweigh the rest of the page.
    settings["rasterized"] = len(y) > DENSE and settings.get("markevery", 1) == 1
    look = {k: entry.properties()[k] for k in ("color", "linestyle", "marker")}
    cast(Axes, entry.axes).plot(range(len(y)) if x is None else x, y, **look | settings)


@in_style
def contours(
    loss: Loss,
    paths: dict[str, Tensor],
    *,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    curve: tuple[str, Tensor] | None = None,
    points: Mapping[str, Sequence[float] | Tensor] | None = None,
    markers: str = "x",
) -> BookFigure:
    """Draw paths of two weights over the level lines of their loss.

    ``paths`` maps a label to a tensor of shape (steps + 1, 2), as ``walk`` returns
    it. ``curve``, a label and a tensor of shape (n, 2), is drawn as one thin line;
    ``points`` maps a label to one predicted pair, drawn as a cross; they take the
    ``markers`` in turn. Returns the figure.
    """
    figure, ax = axes(xlabel="$w_1$", ylabel="$w_2$", xlim=xlim, ylim=ylim)
    ax.set_aspect("equal")
    if isinstance(figure, BookFigure):
        figure.set_size_inches(6.4, 5.0)
    _level_lines(ax, loss, xlim, ylim)
    for label, path in paths.items():
        every = max(1, len(path) // 80)
        ax.plot(*path.T, label=label, markevery=every, markersize=4, zorder=3)
    cross: dict[str, Any] = {"color": "black", "linestyle": "none"}
    cross |= {"markersize": 9, "markeredgewidth": 2}
    if curve is not None:
        thin: dict[str, Any] = {"color": "black", "linewidth": 0.9, "linestyle": "-"}
        ax.plot(*curve[1].T, label=curve[0], zorder=2, marker="", **thin)
    marks = itertools.cycle(markers)
    for label, point in (points or {}).items():
        ax.plot(*point, label=label, zorder=4, marker=next(marks), **cross)
    _legend(ax)
    return figure


def _level_lines(
    ax: Axes,
    loss: Loss,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    points: int = 120,
) -> None:
    w1, w2 = torch.linspace(*xlim, points), torch.linspace(*ylim, points)
    grid = torch.cartesian_prod(w1.double(), w2.double())
    heights = torch.func.vmap(loss)(grid).reshape(points, points).T
    levels = heights.max() * torch.linspace(0.05, 1, 10) ** 2
    ax.contour(w1, w2, heights, levels=levels, colors="0.75", linewidths=0.8)


def _legend(ax: Axes) -> None:
    # Above the axes, where it can lie over no curve.
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.3)
