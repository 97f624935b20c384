"""Tables that a cell makes, with a field to look for rows where a table is long.

Nothing is fetched and no library is used: the whole table is in the page, and a script
of a few lines shows the rows that have the words. No more than ``SHOWN`` are laid out
at once, since thousands of cells make a phone slow: without the script these are the
first. In print a table of hundreds of rows is replaced by a short one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape

SHOWN = 60
_PAGE = """<div class="listing" id="{name}">
<p hidden><label>Rows with <input type="search"></label> <output></output></p>
<div class="table-wrapper"><table class="docutils">
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody></table></div>
<template><table><tbody>
{rest}
</tbody></table></template>
<script>{script}</script>
</div>"""

_SCRIPT = """(root => {
  const body = root.querySelector("tbody");
  const rest = root.querySelector("template").content.querySelectorAll("tr");
  const most = body.rows.length, rows = [...body.rows, ...rest];
  const texts = rows.map(row => row.textContent.toLowerCase());
  const input = root.querySelector("input"), output = root.querySelector("output");
  const look = () => {
    const words = input.value.toLowerCase().split(/\\s+/);
    const found = rows.filter((_, k) => words.every(word => texts[k].includes(word)));
    body.replaceChildren(...found.slice(0, most));
    const cut = found.length > most ? "; here are the first " + most : "";
    output.value = found.length + " of " + rows.length + cut;
  };
  input.addEventListener("input", look);
  root.querySelector("p").hidden = false;
  look();
})(document.getElementById("NAME"));"""


@dataclass(frozen=True)
class Listing:
    """Rows below their columns; a cell that ends in one shows it.

    columns, rows
        The names of the columns and, for each row, as many texts. What stands between
        backticks is code.
    printed
        The table that print shows in place of this one. If there is one, the page has a
        field to look for rows.

    Raises ``ValueError`` if a row has more or fewer texts than there are columns.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    printed: "Listing | None" = None

    def __post_init__(self) -> None:
        """Refuse rows of another length."""
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{len(self.columns)} texts are needed, got {row!r}")

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> dict[str, str]:
        short = (self.printed or self).markdown()
        shown = {"text/markdown": short, "text/plain": short}
        return shown | ({"text/html": self.html()} if self.printed else {})

    def markdown(self) -> str:
        """Return the table in Markdown."""
        rule = ["---"] * len(self.columns)
        lines = [self.columns, rule, *self.rows]
        cells = [[text.replace("|", "\\|") for text in line] for line in lines]
        return "\n".join(f"| {' | '.join(line)} |" for line in cells)

    def html(self) -> str:
        """Return the table and the field as one piece of a page."""
        name = f"l{sha256(self.markdown().encode()).hexdigest()[:8]}"
        return _PAGE.format(
            name=name,
            head="".join(f'<th scope="col">{_marked(x)}</th>' for x in self.columns),
            body="\n".join(map(self._row, self.rows[:SHOWN])),
            rest="\n".join(map(self._row, self.rows[SHOWN:])),
            script=_SCRIPT.replace("NAME", name),
        )

    def _row(self, texts: Sequence[str]) -> str:
        # On a phone a cell stands alone, and says its column.
        pairs = zip(self.columns, texts, strict=True)
        cells = (
            f'<td data-label="{escape(name)}">{_marked(text)}</td>'
            for name, text in pairs
        )
        return f"<tr>{''.join(cells)}</tr>"


def _marked(text: str) -> str:
    return re.sub("`([^`]*)`", r"<code>\1</code>", escape(text, quote=False))
