"""Fold checks and solutions, so that readers can open them, and find what is inside.

The fault that this mends: myst-nb hides such a cell from readers altogether, or folds
it under words that are the same for all cells; sphinx-exercise folds a solution by a
script, so that who looks for words in the page does not find those inside. Delete this
file when a tag can fold a cell under words of its own, and a solution is a ``details``.

A cell with the tag ``checks`` is one line, *Checks*, and what the comment says that it
begins with; it opens to the cell. The PDF has no such cells.
"""

from html import escape

from docutils import nodes
from docutils.utils.smartquotes import smartyPants
from sphinx.transforms import SphinxTransform
from sphinx_exercise.nodes import is_solution_node

from bookpress.order import connect

TAG, SOLUTION, TITLE = "checks", "solution", "Checks"


class Folded(nodes.General, nodes.Element):
    """What is folded below its ``title``."""


class FoldChecks(SphinxTransform):
    """Fold what a cell of checks shows."""

    default_priority = 900

    def apply(self):
        """Put it below a title."""
        for cell in list(self.document.findall(is_check)):
            title = title_of(cell.astext())
            cell[:] = [Folded("", *cell.children, title=title, classes=[TAG])]


def is_check(node):
    """Return whether a node is a cell that checks."""
    is_cell = isinstance(node, nodes.container) and "cell_metadata" in node
    return is_cell and TAG in node["cell_metadata"].get("tags", [])


def title_of(source):
    """Return the title of a cell, to which its first line adds if it is a comment."""
    first = source.lstrip().partition("\n")[0]
    return (
        f"{TITLE}: {smartyPants(first.lstrip('# '))}"
        if first.startswith("#")
        else TITLE
    )


def leave_out(app, doctree, docname):
    """Leave the checks out of what is printed."""
    if app.builder.format == "latex":
        for cell in list(doctree.findall(is_check)):
            cell.parent.remove(cell)


def fold_solutions(app, doctree, docname):
    """Fold the solutions of a page; print has them open."""
    for solution in list(filter(is_solution_node, doctree.findall())):
        if app.builder.format == "html":
            title, *inside = solution.children
            fold = Folded("", *inside, title=title.astext(), classes=[SOLUTION])
            fold["ids"] = solution["ids"]
            solution.replace_self(fold)


def visit(writer, node):
    """Begin what is folded."""
    start = writer.starttag(node, "details")
    writer.body.append(f"{start}<summary>{escape(node['title'])}</summary>\n")


def depart(writer, node):
    """End it."""
    writer.body.append("</details>\n")


def setup(app):
    """Register with Sphinx."""
    app.add_node(Folded, html=(visit, depart))
    app.add_transform(FoldChecks)
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
