"""Watch what decay does to a model's matrices while it trains.

:func:`watch` hangs hooks on the optimizer. At every k-th step they copy the weights,
let the optimizer step, and note norms and angles.
"""

import csv
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

import torch
import torch.distributed
from torch import Tensor, nn
from torch.optim import Optimizer

from weightdecay.dynamics import rms_under_schedule
from weightdecay.extras import extra
from weightdecay.grouping import judged, unwrapped
from weightdecay.settings import POSITIVE, demand

if TYPE_CHECKING:
    from weightdecay.figures import BookFigure


@dataclass(frozen=True)
class Seen:
    """One matrix at one step: ``rms`` is that of its entries, ``angle`` in degrees.

    ``norm`` and ``rms`` are those after the step, ``angle`` is by how much it turned
    the matrix, ``share`` is lr * weight_decay of its group.
    """

    step: int
    name: str
    norm: float
    rms: float
    angle: float
    lr: float
    share: float


class Watch:
    """What was seen, in ``rows``; made by :func:`watch`. ``close`` takes it away.

    Also a context manager: ``with watch(model, optimizer) as seen: ...``.
    """

    def __init__(
        self, optimizer: Optimizer, matrices: dict[str, Tensor], every: int, to: Any
    ) -> None:
        """Hang the hooks on the optimizer."""
        self.rows: list[Seen] = []
        self.every = every
        self._matrices = matrices
        self._groups = {
            id(p): group for group in optimizer.param_groups for p in group["params"]
        }
        self._step = 0
        self._before: list[Tensor] = []
        self._writer = _writer(to)
        self._handles = [
            optimizer.register_step_pre_hook(self._copy),
            optimizer.register_step_post_hook(self._note),
        ]

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Take the hooks away and close what was written to."""
        self.close()

    def close(self) -> None:
        """Take the hooks away and close what was written to; the rows stay."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        if self._writer:
            self._writer.close()
            self._writer = None

    def plot(self, name: str | None = None) -> "BookFigure":
        """Draw a matrix's RMS over the steps, beside AdamW's on noise.

        ``name`` is that of a matrix, by default the first. The prediction is
        :func:`weightdecay.dynamics.rms_under_schedule`, with the lr that was seen.
        """
        with extra("plot"):
            from weightdecay import figures
        names = list(dict.fromkeys(row.name for row in self.rows))
        if not names:
            raise ValueError(
                f"nothing was seen yet: take at least {self.every + 1} steps, or watch "
                f"with a smaller every"
            )
        if name is None:
            name = names[0]
        if name not in names:
            raise ValueError(f"name must be one of {', '.join(names)}, got {name!r}")
        rows = [row for row in self.rows if row.name == name]
        told = self._told(rows)
        steps = torch.tensor([row.step for row in rows], dtype=torch.float64)
        figure, ax = figures.axes(xlabel="step", ylabel=f"RMS of {name}")
        seen = torch.tensor([row.rms for row in rows])
        ax.plot(steps, seen, marker="", label="seen")
        if told is not None:
            ax.plot(steps, told, "--", marker="", label="noise alone, AdamW")
        ax.legend()
        return figure

    def _told(self, rows: list[Seen]) -> Tensor | None:
        """Return AdamW's RMS at the steps that were seen, if each share is below 1."""
        rates: list[float] = []
        decays: list[float] = []
        for row in rows[1:]:
            rates += [row.lr] * self.every
            decays += [row.share / row.lr if row.lr else 0.0] * self.every
        if not rates or any(row.share >= 1 for row in rows):
            return None
        path = rms_under_schedule(rates, torch.tensor(decays), rows[0].rms)
        return path[:: self.every]

    def _copy(self, *_: Any) -> None:
        if self._step % self.every == 0:
            self._before = [p.detach().clone() for p in self._matrices.values()]

    def _note(self, *_: Any) -> None:
        if self._before:
            self._look()
            self._before = []
        self._step += 1

    def _look(self) -> None:
        after = [p.detach() for p in self._matrices.values()]
        # One transfer from the device for all numbers.
        found = torch.stack(
            [
                torch.stack(_sizes(a, b))
                for a, b in zip(after, self._before, strict=True)
            ]
        ).tolist()
        for (name, p), (norm, chord) in zip(
            self._matrices.items(), found, strict=True
        ):  # fmt: skip
            group = self._groups[id(p)]
            lr = float(group.get("lr", 1.0))
            row = Seen(
                self._step,
                name,
                norm,
                norm / math.sqrt(p.numel()),
                math.degrees(2 * math.asin(min(1.0, chord / 2))),
                lr,
                lr * float(group.get("weight_decay", 0.0)),
            )
            self.rows.append(row)
            if self._writer:
                self._writer.add(row)


def watch(
    model: nn.Module,
    optimizer: Optimizer,
    *,
    every: int = 50,
    names: Iterable[str] | None = None,
    to: Any = None,
) -> Watch:
    """Note norm, RMS, angle per step and lr * weight_decay at every k-th step.

    Returns a :class:`Watch` with the ``rows``. Of processes that train together the
    first one notes.

    every
        Between two steps that are noted, the first of all included. A noted step reads
        and copies the matrices, which costs about as much as an optimizer's step.
    names
        Which parameters, by default all matrices that the optimizer steps.
    to
        A path that ends in ``.csv``, written row by row; another path for TensorBoard;
        or anything with ``add_scalar(name, value, step)``.

    Raises ``TypeError`` or ``ValueError``, with what to do, for what these can't be.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be an nn.Module, got {type(model).__name__}")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be a torch.optim.Optimizer, got {optimizer!r}")
    demand("every", every, POSITIVE)
    if every != int(every):
        raise ValueError(f"every must be a whole number, got {every!r}")
    model = unwrapped(model)
    stepped = {id(p) for g in optimizer.param_groups for p in g["params"]}
    of_model = dict(model.named_parameters())
    if names is None:
        kinds = judged(model)
        found: dict[str, Tensor] = {
            name: p
            for name, p in of_model.items()
            if id(p) in stepped and kinds[id(p)][2]
        }
    else:
        names = list(names)
        unknown = [name for name in names if name not in of_model]
        if unknown:
            raise ValueError(
                f"names: the model has no {', '.join(unknown)}. It has "
                f"{', '.join(list(of_model)[:5])} …"
            )
        found = {
            name: of_model[name] for name in names if id(of_model[name]) in stepped
        }
    if not found:
        raise ValueError(
            "the optimizer steps no matrix of this model: was it made from another "
            "one? Or pass names=..."
        )
    bare = [name for name, p in found.items() if p.is_meta]
    if bare:
        raise ValueError(f"{bare[0]} is on the meta device and has no numbers to watch")
    if not _is_first():
        found, to = {}, None
    return Watch(optimizer, found, int(every), to)


def _sizes(after: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """Return the norm after a step, and the distance of the two directions."""
    a, b = (torch.view_as_real(x) if x.is_complex() else x for x in (after, before))
    # In 16 bits a sum of squares overflows, or loses the angle of a step.
    a, b = a.float(), b.float()
    size, size_before = a.norm(), b.norm()
    least = torch.finfo(torch.float32).tiny
    chord = (a / size.clamp_min(least) - b / size_before.clamp_min(least)).norm()
    return size, chord


def _is_first() -> bool:
    there = torch.distributed.is_available() and torch.distributed.is_initialized()
    return not there or torch.distributed.get_rank() == 0


class _Csv:
    """Writes rows to a table."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = path.open("w", encoding="utf8", newline="")
        names = [field.name for field in fields(Seen)]
        self._table = csv.DictWriter(self._file, names, lineterminator="\n")
        self._table.writeheader()

    def add(self, row: Seen) -> None:
        self._table.writerow(asdict(row))
        # What a killed run has seen is not lost.
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class _Scalars:
    """Writes rows to TensorBoard, or what has its ``add_scalar``."""

    def __init__(self, writer: Any, owns: bool) -> None:
        self._writer, self._owns = writer, owns

    def add(self, row: Seen) -> None:
        for what in ("norm", "rms", "angle", "share"):
            value = getattr(row, what)
            self._writer.add_scalar(f"{what}/{row.name}", value, row.step)

    def close(self) -> None:
        if self._owns:
            self._writer.close()


def _writer(to: Any) -> _Csv | _Scalars | None:
    if to is None:
        return None
    if hasattr(to, "add_scalar"):
        return _Scalars(to, owns=False)
    if not isinstance(to, (str, Path)):
        raise TypeError(
            f"to must be a path, or have add_scalar as a SummaryWriter has, got {to!r}"
        )
    if Path(to).suffix == ".csv":
        return _Csv(Path(to))
    with extra("tensorboard"):
        from torch.utils.tensorboard import SummaryWriter
    return _Scalars(SummaryWriter(str(to)), owns=True)
