"""The figures of the book: what was predicted as a line, what was measured as markers."""

import io
from base64 import b64encode
from pathlib import Path

import matplotlib.style
import torch
from matplotlib.figure import Figure

STYLE = Path(__file__).with_name("style.mplstyle")


class BookFigure(Figure):
    """A figure that shows itself as SVG on a page and as PDF in print.

    It needs neither pyplot nor a backend: a cell that ends in one shows it.
    """

    def _repr_mimebundle_(self, include=None, exclude=None):
        # Without a date the same figure gives the same bytes.
        svg = self._saved("svg", {"Date": None}).decode()
        pdf = b64encode(self._saved("pdf", {"CreationDate": None})).decode()
        return {"image/svg+xml": svg, "application/pdf": pdf}

    def _saved(self, file_format, metadata):
        file = io.BytesIO()
        with matplotlib.style.context(STYLE):
            self.savefig(file, format=file_format, metadata=metadata)
        return file.getvalue()


def axes(*, xlabel, ylabel, **settings):
    """Return a new figure in the book's style and its axes, both of them named.

    ``settings`` are properties of the axes, such as ``yscale="log"``.
    """
    with matplotlib.style.context(STYLE):
        figure = BookFigure()
        return figure, figure.subplots(
            subplot_kw={"xlabel": xlabel, "ylabel": ylabel, **settings}
        )


def compare(curves, *, xlabel, ylabel, x=None, markers=20, **settings):
    """Draw each prediction as a line and what was measured as markers on it.

    ``curves`` maps a label to ``(predicted, measured)``, two sequences of numbers of
    one length; ``None`` in place of either leaves it out. ``x`` defaults to 0, 1, 2, ...
    and about ``markers`` of the measured points are drawn. Further settings are
    properties of the axes. Returns the figure.
    """
    figure, ax = axes(xlabel=xlabel, ylabel=ylabel, **settings)
    with matplotlib.style.context(STYLE):
        for label, (predicted, measured) in curves.items():
            _compare_one(ax, label, predicted, measured, x, markers)
    _legend(ax)
    return figure


def _compare_one(ax, label, predicted, measured, x, markers):
    length = len(measured if predicted is None else predicted)
    x = range(length) if x is None else x
    (line,) = ax.plot([], [], label=label)
    if predicted is None:
        line.set_linestyle("none")
    else:
        ax.plot(x, predicted, color=line.get_color(), ls=line.get_linestyle(), marker="")
    if measured is None:
        line.set_marker("none")
        return
    every = max(1, length // markers)
    style = {"color": line.get_color(), "marker": line.get_marker(), "ls": "none"}
    ax.plot(x[::every], measured[::every], **style)


def contours(loss, paths, *, xlim, ylim, curve=None, points=None):
    """Draw paths of two weights over the level lines of their loss.

    ``paths`` maps a label to a tensor of shape (steps + 1, 2), as :func:`walk` returns
    it. ``curve``, a label and a tensor of shape (n, 2), is drawn as one thin line;
    ``points`` maps a label to one predicted pair, drawn as a cross. Returns the figure.
    """
    figure, ax = axes(xlabel="$w_1$", ylabel="$w_2$", xlim=xlim, ylim=ylim)
    ax.set_aspect("equal")
    figure.set_size_inches(6.4, 5.0)
    _level_lines(ax, loss, xlim, ylim)
    with matplotlib.style.context(STYLE):
        for label, path in paths.items():
            ax.plot(*path.T, label=label, markersize=3.5, linewidth=1.0, zorder=3)
    if curve is not None:
        label, line = curve
        ax.plot(*line.T, color="black", linewidth=1.2, label=label, zorder=2)
    for label, point in (points or {}).items():
        style = {"color": "black", "marker": "x", "markersize": 9, "ls": "none"}
        ax.plot(*point, **style, mew=2, zorder=4, label=label)
    _legend(ax)
    return figure


def _level_lines(ax, loss, xlim, ylim, points=120):
    w1, w2 = torch.linspace(*xlim, points), torch.linspace(*ylim, points)
    grid = torch.cartesian_prod(w1.double(), w2.double())
    heights = torch.func.vmap(loss)(grid).reshape(points, points).T
    levels = heights.max() * torch.linspace(0.05, 1, 10) ** 2
    ax.contour(w1, w2, heights, levels=levels, colors="0.75", linewidths=0.8)


def _legend(ax):
    # Above the axes, where it can lie over no curve.
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.3)
