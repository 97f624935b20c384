"""What :mod:`weightdecay.reporting` finds: as text, as dicts, and in a notebook."""

from dataclasses import asdict, dataclass, field
from html import escape
from textwrap import indent, wrap
from typing import Any

from weightdecay.answers import Answer
from weightdecay.horizons import Horizon

SHOWN = 3


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: its ``kind``, the group, what, and how to mend it."""

    kind: str
    group: int | None
    what: str
    mend: str

    def __str__(self) -> str:
        """Return it as one text."""
        where = "" if self.group is None else f"Group {self.group}: "
        return f"{where}{self.what} {self.mend}"


@dataclass(frozen=True)
class Part:
    """What decay does to one group of the optimizer.

    ``share`` is the largest that a step takes of a weight; it and ``horizon`` are
    ``None`` where there is no such number. ``follows_not`` says that lr changes and the
    share does not. ``rms`` and ``angle`` (in degrees), ``None`` where there is no
    formula, are those of a matrix before a normalisation at the largest lr, ``rms_end``
    is that after the schedule. ``normalised`` names the matrices for which this was
    seen to hold.
    """

    number: int
    names: tuple[str, ...]
    numbers: int
    dtypes: tuple[str, ...]
    weight_decay: float
    lr: float
    answer: Answer | None
    refusal: str = ""
    share: float | None = None
    horizon: Horizon | None = None
    follows_not: bool = False
    epochs: float | None = None
    rms: float | None = None
    rms_end: float | None = None
    angle: float | None = None
    normalised: tuple[str, ...] | None = None

    def lines(self) -> list[tuple[str, str]]:
        """Return what there is to say, each with a label."""
        kinds = " and ".join(self.dtypes)
        lines = [("Parameters", f"{self.numbers:,} numbers, {kinds}: {self._listed()}")]
        lines.append(("lr, weight_decay", f"{self.lr:g}, {self.weight_decay:g}"))
        if not self.weight_decay:
            return [*lines, ("Decay", "none is asked for")]
        if self.answer:
            lines.append(("Decay", self.answer.brief()))
        else:
            lines.append(("Decay", f"could not be asked: {self.refusal}"))
        if self.horizon:
            lines += self._reach(self.horizon)
        if self.angle is not None:
            lines.append(("In equilibrium", self._rest()))
        return lines

    def _listed(self) -> str:
        more = len(self.names) - SHOWN
        shown = ", ".join(self.names[:SHOWN])
        return f"{shown} and {more} more" if more > 0 else shown

    def _reach(self, told: Horizon) -> list[tuple[str, str]]:
        if not told.share:
            return [("A step takes", "nothing")]
        epochs = "" if self.epochs is None else f", {self.epochs:.3g} epochs"
        part = told.half_life / told.steps
        return [
            ("A step takes", f"{told.share:.3g} of a weight, at the largest lr"),
            (
                "Half-life",
                f"{told.half_life:,.0f} steps, {part:.3g} of the run{epochs}",
            ),
            (
                "Left at the end",
                f"{told.left:.4g} of the start (total {told.total:.3g})",
            ),
        ]

    def _rest(self) -> str:
        angle = f"{self.angle:.3g} degrees a step"
        if self.rms is not None:
            angle = f"RMS {self.rms:.3g}, {angle}"
            if self.rms_end is not None:
                angle += f"; RMS {self.rms_end:.3g} at the end of the schedule"
        if self.normalised is None:
            return f"{angle}, for a matrix before a normalisation (pass inputs=...)"
        if not self.normalised:
            return "none: no matrix here is before a normalisation"
        more = len(self.normalised) - SHOWN
        shown = ", ".join(self.normalised[:SHOWN])
        return f"{angle}: {shown}" + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class Report:
    """What decay will do in a run; ``print`` it, or show it in a notebook.

    ``parts`` has one entry for each group of the optimizer, ``faults`` what is wrong
    and how to mend it.
    """

    steps: int
    parts: tuple[Part, ...]
    faults: tuple[Fault, ...] = field(default=())

    def __str__(self) -> str:
        """Return it as text."""
        blocks = []
        for part in self.parts:
            lines = part.lines()
            width = max(len(label) for label, _ in lines)
            rows = []
            for label, words in lines:
                first, *rest = wrap(words, 86 - width) or [""]
                rows.append(f"  {label:{width}}  {first}")
                rows += [" " * (width + 4) + line for line in rest]
            blocks.append("\n".join([f"Group {part.number}", *rows]))
        blocks.append(self._wrong())
        return "\n\n".join(blocks)

    def _wrong(self) -> str:
        if not self.faults:
            return "Nothing is wrong."
        lines = ["To mend"]
        for fault in self.faults:
            first, *rest = wrap(str(fault), 84)
            lines.append(
                "\n".join([f"  - {first}", *(indent(r, "    ") for r in rest)])
            )
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return it as dicts, lists, numbers and texts."""
        return asdict(self)

    def _repr_html_(self) -> str:
        tables = []
        for part in self.parts:
            rows = "".join(
                f"<tr><th scope='row'>{escape(label)}</th><td>{escape(words)}</td></tr>"
                for label, words in part.lines()
            )
            tables.append(
                f"<table><caption>Group {part.number}</caption>{rows}</table>"
            )
        items = "".join(f"<li>{escape(str(fault))}</li>" for fault in self.faults)
        wrong = (
            f"<p>To mend:</p><ul>{items}</ul>" if items else "<p>Nothing is wrong.</p>"
        )
        return "".join(tables) + wrong
