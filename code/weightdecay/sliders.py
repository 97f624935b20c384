"""Figures that a reader can drag: every stop is a run, made when the cell runs.

Nothing is computed in the browser. The page holds one drawing and, for each setting of
the sliders, where its lines lie; a short script moves them. It needs no network and no
library, and works in a page opened from a file, in a notebook, and with the arrow keys.
"""

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from weightdecay.figures import BookFigure

Setting: TypeAlias = dict[str, float]
SCRIPT = Path(__file__).with_name("sliders.js")
# Where a page has no sheet for it, what is only to be heard is not seen either.
_HEARD = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)"

_PAGE = """<div class="sliders" id="{name}" role="group" aria-label="Sliders">
<div class="sliders-controls">{controls}</div>
{drawing}
<p role="status" style="{heard}"></p>
<script type="application/json" class="late">{data}</script>
<script>{script}</script>
</div>"""

_CONTROL = """<label><code>{label}</code>
<input name="{label}" aria-label="{label}" type="range" max="{last}" value="{shown}"
 autocomplete="off" data-values="{values}" aria-valuetext="{label} {value}">
<output>{value}</output></label>"""


@dataclass(frozen=True)
class Sliders:
    """One figure for each combination of values, with a slider for each name.

    draw
        A function of the names in ``values`` that returns a figure of
        :mod:`weightdecay.figures`; they may differ only in where their lines lie.
    values
        The numbers of each slider, by name.
    shown
        The value of each slider at first.
    alt
        What is to be seen, for readers who do not see it.
    say
        A function of the names in ``values`` that returns a sentence: what a reader
        who does not see the figure hears when it has moved.
    printed
        The settings that print shows side by side, at most four; by default some from
        end to end, with ``shown`` among them.

    Raises ``ValueError`` if a value that is to be shown is not on its slider.
    """

    draw: "Callable[..., BookFigure]" = field(repr=False)
    values: dict[str, Sequence[float]]
    shown: Setting
    alt: str
    say: Callable[..., str] | None = field(default=None, repr=False)
    printed: Sequence[Setting] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse a first or a printed value that no slider can show."""
        for setting in [self.shown, *(self.printed or [])]:
            for name, numbers in self.values.items():
                if setting.get(name) not in numbers:
                    raise ValueError(
                        f"shown[{name!r}] is {setting.get(name)}, not one of {numbers}"
                    )

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> dict[str, str]:
        return self.print()._repr_mimebundle_() | {"text/html": self.html()}

    def print(self) -> "BookFigure":
        """Return the figure for print: some settings side by side, each named."""
        from weightdecay import figures

        settings = self.printed or self._some()
        titles = [
            ", ".join(f"{name}={_short(x)}" for name, x in each.items())
            for each in settings
        ]
        return figures.panels([partial(self.draw, **each) for each in settings], titles)

    def html(self) -> str:
        """Return the sliders and the figure as one piece of a page."""
        from weightdecay.moving import moving, name_lines

        name = f"s{sha256(repr((self.values, self.alt)).encode()).hexdigest()[:8]}"
        lines = moving(self.draw(**each) for each in self._all())
        figure = self.draw(**self.shown)
        name_lines(figure, [line["line"] for line in lines])
        data = {"lines": lines, "says": self._says()}
        return _PAGE.format(
            name=name,
            controls="".join(map(self._control, self.values)),
            drawing=_described(figure.svg(name), self.alt),
            heard=_HEARD,
            # No tag inside may end the script element around it.
            data=json.dumps(data, separators=(",", ":")).replace("</", r"<\/"),
            script=SCRIPT.read_text("utf8").replace("NAME", name),
        )

    def _all(self) -> list[Setting]:
        combinations = itertools.product(*self.values.values())
        return [dict(zip(self.values, each, strict=True)) for each in combinations]

    def _some(self) -> list[Setting]:
        """Return up to four settings: of one slider its stops, of two their ends."""
        count = 4 if len(self.values) == 1 else 2
        kept = {
            name: _spread(numbers, self.shown[name], count if i < 2 else 1)
            for i, (name, numbers) in enumerate(self.values.items())
        }
        return [
            dict(zip(kept, x, strict=True)) for x in itertools.product(*kept.values())
        ]

    def _says(self) -> list[str]:
        return [self.say(**each) if self.say else "" for each in self._all()]

    def _control(self, name: str) -> str:
        numbers, shown = self.values[name], self.shown[name]
        return _CONTROL.format(
            label=escape(name),
            last=len(numbers) - 1,
            shown=list(numbers).index(shown),
            values=" ".join(map(_short, numbers)),
            value=_short(shown),
        )


def _spread(numbers: Sequence[float], shown: float, count: int) -> list[float]:
    """Return ``count`` of the numbers from end to end, one of them ``shown``."""
    last, place = len(numbers) - 1, list(numbers).index(shown)
    steps = max(1, min(count, len(numbers)) - 1)
    spread = [round(i * last / steps) for i in range(steps + 1)]
    spread[min(range(len(spread)), key=lambda i: abs(spread[i] - place))] = place
    return [numbers[i] for i in spread] if count > 1 else [shown]


def _short(number: float) -> str:
    return f"{number:.3g}"


def _described(svg: str, alt: str) -> str:
    """Return a drawing that a screen reader announces as one image."""
    _, _, width, height = svg.split('viewBox="')[1].split('"')[0].split()
    # The shape is said again: a browser may wait with what is inside, see book.css.
    fits = f"max-width:100%;height:auto;aspect-ratio:{width}/{height}"
    label = escape(alt, quote=True)
    return svg.replace(
        "<svg", f'<svg role="img" aria-label="{label}" style="{fits}"', 1
    )
