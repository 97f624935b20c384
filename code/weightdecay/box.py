"""The book's picture: AdamW ends in the box that its decay makes, Adam does not.

Two weights whose loss couples them, and for each ``weight_decay`` on the slider the
paths of ``torch.optim.AdamW`` and ``torch.optim.Adam`` from zero, beside the points
that are known before they run.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor

from weightdecay import figures, paths, problems
from weightdecay.sliders import Sliders

LOSS = problems.Quadratic(
    torch.tensor([2.0, 1.0], dtype=torch.float64),
    torch.tensor([[1.0, 0.6], [0.6, 1.0]], dtype=torch.float64),
)
START = torch.zeros(2, dtype=torch.float64)
# At 0.5 the wall just touches the minimum, and nothing presses.
DECAYS = (
    *(0.3, 0.35, 0.4, 0.45, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9, 0.95),
    *(1.0, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.25, 2.5, 3.0),
)  # fmt: skip
SHOWN, PRINTED = 0.6, (0.3, 0.6, 1.0, 3.0)
ALT = (
    "Paths of AdamW and Adam on level lines and the box. AdamW ends on the wall, at "
    "the minimum in the box; Adam with its penalty ends between zero and the minimum "
    "of the loss."
)
_STEPS = 250
_LR = [0.1 * (1 - k / _STEPS) for k in range(_STEPS)]
_SEEN = [*range(0, 40, 3), *range(40, _STEPS + 1, 15)]
_CORNERS = torch.tensor([[1, 1], [-1, 1], [-1, -1], [1, -1], [1, 1]])


@cache
def walks(weight_decay: float) -> dict[str, Tensor]:
    """Return the path of each optimizer by its name: tensors of shape (251, 2).

    The learning rate falls from 0.1 to zero, both ``betas`` are 0.9.
    """
    run: dict[str, Any] = {"steps": _STEPS, "lr": _LR, "weight_decay": weight_decay}
    walk = paths.walk
    return {
        rule.__name__: walk(rule, LOSS, START, betas=(0.9, 0.9), **run)
        for rule in (torch.optim.AdamW, torch.optim.Adam)
    }


@cache
def ends(weight_decay: float) -> dict[str, Tensor]:
    """Return where each of the two must end, by its name: tensors of shape (2,)."""
    held = problems.box_minimum(LOSS, START, 1 / weight_decay, steps=80, lr=0.6)
    penalised = LOSS.penalised_minimum(weight_decay)
    return {"minimum in the box": held, "penalised minimum": penalised}


def draw(weight_decay: float) -> figures.BookFigure:
    """Draw the paths, the box and the predicted ends on the level lines of the loss."""
    return figures.contours(
        LOSS,
        {name: path[_SEEN] for name, path in walks(weight_decay).items()},
        xlim=(-0.4, 2.6),
        ylim=(-0.4, 2.1),
        curve=("box", _CORNERS / weight_decay),
        points=ends(weight_decay),
        markers="x+",
    )


def say(weight_decay: float) -> str:
    """Return where the two end, as a sentence."""
    adamw, adam = (path[-1].tolist() for path in walks(weight_decay).values())
    where = "AdamW ends at {:.2f}, {:.2f}; Adam at {:.2f}, {:.2f}."
    return where.format(*adamw, *adam)


def sliders() -> Sliders:
    """Return the picture with a slider for ``weight_decay``."""
    return Sliders(
        draw,
        values={"weight_decay": DECAYS},
        shown={"weight_decay": SHOWN},
        say=say,
        printed=[{"weight_decay": each} for each in PRINTED],
        alt=ALT,
    )
