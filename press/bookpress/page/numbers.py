"""Set the numbers that a cell computed, and lead from each to the cell.

The fault that this mends: myst-nb pastes a number as Python prints it, ``1.4e-05`` with
a hyphen for a minus sign, in bold, and forgets which cell it is from. Here it is set
as in print, never broken, and a link to the cell that quoted it, so that ``previews``
shows that cell beside it. Delete this file when myst-nb's roles keep the cell.

A cell quotes by calling ``quote(name=value)``. A number in a title, a link or a page
whose cell is not shown leads nowhere.
"""

import ast
import re

from docutils import nodes
from myst_nb.ext.glue.roles import PasteTextRole
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform

# 1.4e-05, and the sign of any number.
_POWER = re.compile(r"^([-−]?)(\d+(?:\.\d+)?)e([+-])0*(\d+)$")  # noqa: RUF001
_SIGN = re.compile(r"(?<![\w.])-(?=[\d.])")
# What an unbreakable space belongs behind: a relation at the end of a formula.
_RELATION = re.compile(r"(?:=|<|>|\\(?:le|ge|approx|ll|gg|sim)q?)$")


class PasteNumber(PasteTextRole):
    """The role ``glue:text``, which remembers the name of what it pastes."""

    def run(self):
        """Return the number, with its name."""
        pasted, messages = super().run()
        for node in pasted:
            node["quoted"] = self.text.partition(":")[0]
        return pasted, messages


class SetNumbers(SphinxTransform):
    """Set each pasted number as print does, and name the cell that it is from."""

    default_priority = 890  # before checks are folded

    def apply(self):
        """Set the numbers of a page; name its cells in their order."""
        home = {}
        for count, cell in enumerate(self.document.findall(_is_cell), start=1):
            code = next(iter(cell.findall(nodes.literal_block)), nodes.Text(""))
            names = quoted_by(code.astext())
            if names:
                cell["ids"].append(f"cell-{count}")
            home |= dict.fromkeys(names, f"cell-{count}")
        for number in list(self.document.findall(is_number)):
            number["cell"] = home.get(number["quoted"], "")
            number[:] = in_print(number.astext())
            keep_together(number)


class LinkNumbers(SphinxPostTransform):
    """Make each number a link to its cell, where the page has that cell."""

    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs):
        """Link the numbers of a page."""
        for number in list(self.document.findall(is_number)):
            if number["cell"] and not _is_inside(number, nodes.title, nodes.reference):
                link = nodes.reference("", "", refid=number["cell"], internal=True)
                link["classes"].append("number")
                number.replace_self(link)
                link += number


def is_number(node):
    """Return whether a node is a pasted number."""
    return isinstance(node, nodes.inline) and "quoted" in node


def quoted_by(source):
    """Return the names that a cell hands to the prose."""
    try:
        calls = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call)]
    except SyntaxError:  # a cell for IPython alone
        return []
    called = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "quote"]
    return [keyword.arg for call in called for keyword in call.keywords if keyword.arg]


def in_print(text):
    """Return the nodes of a number as print sets it: a minus sign, a power of ten."""
    if found := _POWER.match(text):
        sign, digits, below, power = found.groups()
        times = "" if digits == "1" else f"{digits}\xa0×\xa0"  # noqa: RUF001
        shown = f"{sign and '−'}{times}10"  # noqa: RUF001
        power = f"{'−' if below == '-' else ''}{power}"  # noqa: RUF001
        return [nodes.Text(shown), nodes.superscript("", power)]
    return [nodes.Text(_SIGN.sub("−", text))]  # noqa: RUF001


def keep_together(number):
    """Let no line end between a number and the formula or code that it completes."""
    place = number.parent.index(number)
    before = number.parent[max(place - 2, 0) : place]
    if len(before) == 2 and isinstance(before[0], nodes.math) and before[1] == " ":
        if _RELATION.search(before[0].astext()):
            _pair(number.parent, place - 2, [before[0], nodes.Text("\xa0"), number])
    elif before and isinstance(before[-1], nodes.literal):
        _pair(number.parent, place - 1, [before[-1], number])


def _pair(parent, place, parts):
    """Put parts, of which the last is there, into one piece that no line breaks."""
    # A browser may break beside a formula in spite of an unbreakable space.
    end = parent.index(parts[-1]) + 1
    parent[place:end] = [nodes.inline("", "", *parts, classes=["pair"])]


def _is_cell(node):
    return isinstance(node, nodes.container) and "cell_metadata" in node


def _is_inside(node, *kinds):
    while node := node.parent:
        if isinstance(node, kinds):
            return True
    return False


def setup(app):
    """Register with Sphinx."""
    app.setup_extension("myst_nb")
    app.add_role_to_domain("glue", "text", PasteNumber(), override=True)
    app.add_transform(SetNumbers)
    app.add_post_transform(LinkNumbers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
