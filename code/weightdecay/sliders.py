"""Figures that a reader can drag: every frame is drawn when the cell runs.

Nothing is computed in the browser. The page holds one drawing and, for each setting of
the sliders, the parts of it that change; a script of a few lines exchanges them. It
needs no network and no library, and works in a page opened from a file, in a notebook,
and with the arrow keys.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

if TYPE_CHECKING:
    from weightdecay.figures import BookFigure

ElementTree.register_namespace("", "http://www.w3.org/2000/svg")
ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")

_PAGE = """<div class="sliders" id="{name}" role="group" aria-label="{alt}">
<div class="sliders-controls">{controls}</div>
{drawing}
<script type="application/json">{frames}</script>
<script>{script}</script>
</div>"""

_CONTROL = """<label><code>{label}</code>
<input aria-label="{label}" type="range" min="0" max="{last}" value="{shown}"
 data-values="{values}" aria-valuetext="{value}"><output>{value}</output></label>"""

_SCRIPT = """(root => {
  const frames = JSON.parse(root.querySelector("script").textContent);
  const inputs = [...root.querySelectorAll("input")];
  root.addEventListener("input", () => {
    let frame = 0;
    for (const input of inputs) {
      const value = input.dataset.values.split(" ")[input.value];
      input.nextElementSibling.value = value;
      input.setAttribute("aria-valuetext", value);
      frame = frame * (Number(input.max) + 1) + Number(input.value);
    }
    for (const [id, inner] of Object.entries(frames[frame]))
      document.getElementById(id).innerHTML = inner;
  });
})(document.getElementById("NAME"));"""


@dataclass(frozen=True)
class Sliders:
    """One figure for each combination of values, with a slider for each name.

    draw
        A function of the names in ``values`` that returns a figure of
        :mod:`weightdecay.figures`; all of them must have the same parts.
    values
        The numbers of each slider, by name.
    shown
        The value of each slider at first, and in print.
    alt
        What is to be seen, for readers who do not see it.

    Raises ``ValueError`` if a value that is to be shown is not on its slider.
    """

    draw: "Callable[..., BookFigure]" = field(repr=False)
    values: dict[str, Sequence[float]]
    shown: dict[str, float]
    alt: str

    def __post_init__(self) -> None:
        """Refuse a first value that no slider can show."""
        for name, numbers in self.values.items():
            if self.shown.get(name) not in numbers:
                raise ValueError(
                    f"shown[{name!r}] is {self.shown.get(name)}, not one of {numbers}"
                )

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> dict[str, str]:
        still = self.draw(**self.shown)._repr_mimebundle_()
        return still | {"text/html": self.html()}

    def html(self) -> str:
        """Return the sliders and the figure as one piece of a page."""
        name = f"s{sha256(repr((self.values, self.alt)).encode()).hexdigest()[:8]}"
        combinations = [
            dict(zip(self.values, numbers, strict=True))
            for numbers in itertools.product(*self.values.values())
        ]
        drawings = [
            ElementTree.fromstring(self.draw(**each).svg(name)) for each in combinations
        ]
        frames = json.dumps(list(_frames(drawings)), separators=(",", ":"))
        drawing = drawings[combinations.index(self.shown)]
        # The shape is said again: a browser may wait with what is inside, see book.css.
        shape = "aspect-ratio:{2}/{3}".format(*drawing.attrib["viewBox"].split())
        fits = f"max-width:100%;height:auto;{shape}"
        drawing.attrib |= {"aria-hidden": "true", "style": fits}
        return _PAGE.format(
            name=name,
            alt=escape(self.alt, quote=True),
            controls="".join(map(self._control, self.values)),
            drawing=_text(drawing),
            # No tag inside may end the script element around it.
            frames=frames.replace("</", r"<\/"),
            script=_SCRIPT.replace("NAME", name),
        )

    def _control(self, name: str) -> str:
        numbers, shown = self.values[name], self.shown[name]
        return _CONTROL.format(
            label=escape(name),
            last=len(numbers) - 1,
            shown=list(numbers).index(shown),
            values=" ".join(map(str, numbers)),
            value=shown,
        )


def _frames(drawings: list[Element]) -> Iterator[dict[str, str]]:
    """Yield, for each drawing, the inside of the parts in which the drawings differ."""
    names = _changing(drawings)
    if names is None:
        raise ValueError("draw must give figures that have the same parts")
    for drawing in drawings:
        parts = {part.get("id", ""): part for part in drawing.iter()}
        yield {name: "".join(map(_text, parts[name])) for name in names}


def _changing(elements: Sequence[Element]) -> list[str] | None:
    """Return the names of the smallest named parts in which drawings differ."""
    first = elements[0]
    if len({ElementTree.tostring(each) for each in elements}) == 1:
        return []
    alike = len({(e.tag, len(e), e.text, str(e.attrib)) for e in elements}) == 1
    if alike and len(first):
        below = [_changing(children) for children in zip(*elements, strict=True)]
        found = [names for names in below if names is not None]
        if len(found) == len(below):
            return [name for names in found for name in names]
    # A part without a name is exchanged with the named part around it.
    name = first.get("id")
    return [name] if name else None


def _text(element: Element) -> str:
    # Inside a page an svg element needs no declared namespaces.
    text = ElementTree.tostring(element, encoding="unicode").strip()
    return re.sub(r' xmlns(:xlink)?="[^"]*"', "", text)
