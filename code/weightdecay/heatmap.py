"""A sweep over lr and weight_decay as a map: one call from its table to a figure."""

from typing import TYPE_CHECKING, Any

from weightdecay.extras import extra
from weightdecay.figures import BookFigure, axes, in_style

with extra("plot"):
    from matplotlib.colors import LogNorm

if TYPE_CHECKING:
    from pandas import DataFrame


@in_style
def heat_map(table: "DataFrame", value: str = "val_loss") -> BookFigure:
    """Draw a column of a sweep's table over lr and weight_decay, its mean over seeds.

    table
        What ``sweep.train`` returned; the last measurement of each network is drawn.
    value
        Its column; the ring is where its mean is least.

    A cross stands in place of a mean where one of the seeds diverged. Raises
    ``ValueError`` for a column that the table has not, and if none is left to draw.
    """
    if value not in table:
        raise ValueError(f"the table has no {value!r}: it has {', '.join(table)}")
    last = table[table["step"] == table["step"].max()]
    seeds = last.groupby(["weight_decay", "lr"])[value]
    means = seeds.mean().unstack()
    # Its error is finite though nothing is left of it: a guess.
    diverged = last["diverged"].notna().groupby([last["weight_decay"], last["lr"]])
    finite = means[~diverged.any().unstack()]
    if finite.isna().all(axis=None):
        raise ValueError(f"a seed diverged at every point: no mean of {value} is left")
    decay, lr = finite.stack().idxmin()
    figure, ax = axes(xlabel="lr", ylabel="weight_decay")
    norm = LogNorm() if (finite.min(axis=None) > 0) else None
    places = ax.pcolormesh(finite, norm=norm, cmap="cividis", edgecolors="face")
    ax.set_xticks([i + 0.5 for i in range(len(means.columns))], map(_short, means))
    ax.set_yticks([i + 0.5 for i in range(len(means))], map(_short, means.index))
    ax.grid(visible=False)
    for y, x in zip(*finite.isna().to_numpy().nonzero(), strict=True):
        ax.plot(x + 0.5, y + 0.5, marker="x", color="black", linestyle="none")
    best = means.columns.get_loc(lr) + 0.5, means.index.get_loc(decay) + 0.5
    where = f"lr {_short(lr)}, weight_decay {_short(decay)}"
    said = f"least: {finite.loc[decay, lr]:.3g} at {where}"
    ring: dict[str, Any] = {
        "markerfacecolor": "none",
        "markersize": 11,
        "markeredgewidth": 2,
    }
    ax.plot(*best, "o", color="white", **ring)
    figure.colorbar(places, ax=ax, label=value)
    ax.set_title(said, loc="left", fontsize="medium")
    return figure


def _short(x: float) -> str:
    return f"{x:.2g}"
