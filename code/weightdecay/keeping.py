"""The table of a sweep as it grows, in memory and in a file to go on from."""

import json
import os
import platform
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from weightdecay.extras import extra
from weightdecay.training import Point, Row, Task

if TYPE_CHECKING:
    from pandas import DataFrame

# The key of the description in the file's metadata.
SWEEP = b"sweep"


class Kept:
    """The rows of a sweep; with a path, in a Parquet file that is always whole."""

    def __init__(
        self, path: str | Path | None, points: Sequence[Point], about: dict[str, Any]
    ) -> None:
        """Take up what the file has.

        Raises ``ValueError`` if it is of another sweep, and says what differs.
        """
        self.path, self.about = Path(path) if path else None, about
        self.place = {point: i for i, point in enumerate(points)}
        self.rows: list[Row] = []
        if self.path and self.path.exists():
            self.rows = self._read(self.path)
        elif self.path:
            # Where nothing can be written, before hours were spent.
            self._write(self.path)
        self.done = {_point(row) for row in self.rows}

    def has(self, lot: Sequence[Point]) -> bool:
        """Return whether these networks are trained already."""
        return {*lot} <= self.done

    def add(self, rows: list[Row]) -> None:
        """Add what came out, to the file too."""
        self.rows += rows
        if self.path:
            self._write(self.path)

    def table(self) -> "DataFrame":
        """Return the rows in the order of the grid, then of the steps."""
        with extra("sweep"):
            import pandas as pd
        rows = sorted(self.rows, key=lambda r: (self.place[_point(r)], r["step"]))
        columns = ["lr", "weight_decay", "seed", "step", "diverged"]
        table = pd.DataFrame(rows, columns=None if rows else columns)
        return table.astype({"diverged": "Int64"})

    def _read(self, path: Path) -> list[Row]:
        with extra("sweep"):
            from pyarrow import ArrowException, parquet
        try:
            found = parquet.read_table(path)
        except (ArrowException, OSError) as error:
            raise ValueError(
                f"{path} can't be read as a Parquet file ({error}): give another path, "
                f"or delete it"
            ) from error
        about = json.loads((found.schema.metadata or {}).get(SWEEP, b"{}"))
        names = sorted({*about, *self.about})
        differ = [n for n in names if about.get(n) != self.about.get(n)]
        if differ:
            was = "; ".join(
                f"{n} was {_short(about.get(n))}, now {_short(self.about.get(n))}"
                for n in differ
            )
            raise ValueError(
                f"{path} holds another sweep: {was}. Give another path, or delete it"
            )
        rows: list[Row] = found.to_pylist()
        return rows

    def _write(self, path: Path) -> None:
        with extra("sweep"):
            import pyarrow
            from pyarrow import parquet
        table = pyarrow.Table.from_pandas(self.table(), preserve_index=False)
        metadata = {**(table.schema.metadata or {}), SWEEP: json.dumps(self.about)}
        part = path.with_name(f".{path.name}.part")
        parquet.write_table(table.replace_schema_metadata(metadata), part)
        os.replace(part, path)


def _point(row: Row) -> Point:
    return row["lr"], row["weight_decay"], row["seed"]


def description(task: Task, points: Sequence[Point], at_once: int) -> dict[str, Any]:
    """Return what decides every digit of a sweep, as JSON has it."""
    network = task.network(points[0][2])
    shapes = {name: [*w.shape] for name, w in network.named_parameters()}
    about = {
        "network": repr(network),
        "weights": shapes,
        "first_weights": digest(*network.parameters()),
        "data": digest(*(x for _, *pair in task.data.sets() for x in pair)),
        "optimizer": name_of(task.optimizer),
        "settings": {name: str(x) for name, x in task.settings.items()},
        "objective": name_of(task.objective),
        "decayed": [name for name in shapes if task.decayed(name)],
        "lr": sorted({lr for lr, _, _ in points}),
        "weight_decay": sorted({decay for _, decay, _ in points}),
        "seed": sorted({seed for _, _, seed in points}),
        "steps": len(task.schedule),
        "schedule": digest(torch.tensor(task.schedule, dtype=torch.float64)),
        "batch_size": task.batch_size,
        "every": task.every,
        "batch_seed": task.batch_seed,
        "dropout_seed": task.dropout_seed,
        "at_once": at_once,
        "device": task.data.x.device.type,
        "machine": platform.machine(),
        "torch": torch.__version__,
    }
    read: dict[str, Any] = json.loads(json.dumps(about))
    return read


def digest(*tensors: Tensor) -> str:
    """Return a digest of tensors, their shapes and dtypes."""
    found = sha256()
    for x in tensors:
        found.update(f"{x.dtype} {[*x.shape]}".encode())
        found.update(x.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()[:16]


def name_of(function: Callable[..., Any]) -> str:
    """Return where a function or a class is defined, and its name."""
    named = getattr(function, "func", function)  # of a partial, what it is of
    given = getattr(function, "keywords", {})
    name = f"{named.__module__}.{getattr(named, '__qualname__', named)}"
    return f"{name} {given}" if given else name


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:57]}..."
