"""Hand to print what only the page has: classes, and where works and functions stand.

The fault that this mends: Sphinx writes an environment for a container that has a
class, and none for a paragraph; it moves all cited works behind the last page, so that
the page with their heading is empty; its index names the page before a function that
begins a new one; it keeps a table of thirty rows on one page; and it goes on with a
long line of an output below the first column. Delete this file when it does none of
these. How print looks is in ``latex/book.sty``.
"""

import re
from textwrap import wrap

from docutils import nodes
from sphinx import addnodes
from sphinx.builders.latex.nodes import thebibliography
from sphinx.transforms.post_transforms import SphinxPostTransform

# The sentence below a title, and what stands above an answer: see ``opening``.
_SET_OFF = {"dek", "label"}
_COLUMNS = 84  # of the text's width, where an output's line ends
_LONG = 12  # rows of a table that are too many to be kept together
_NARROWEST, _WIDEST = 10, 40  # letters in a column, for its share of the line


def folded(line):
    """Return a printed line that goes on below its second column, if it has two."""
    if len(line) <= _COLUMNS:
        return line
    start = re.match(r"\s*(\S+ )*\S* {2,}", line)
    deep = " " * (start.end() if start else 0)
    parts = wrap(line, _COLUMNS, subsequent_indent=deep, break_on_hyphens=False)
    return "\n".join(parts)


class SetOff(SphinxPostTransform):
    """Put a paragraph that has a class into a container that has it."""

    formats = ("latex",)
    default_priority = 700

    def run(self, **_):
        """Wrap the paragraphs of the book."""
        for paragraph in list(self.document.findall(nodes.paragraph)):
            if _SET_OFF & set(paragraph["classes"]):
                box = nodes.container(classes=paragraph["classes"])
                paragraph.replace_self(box)
                box += paragraph


class WorksInPlace(SphinxPostTransform):
    """Bring the works back to the page that they are from, below what it says."""

    formats = ("latex",)
    default_priority = 751  # Sphinx has moved them at 750

    def run(self, **_):
        """Move the list of works."""
        for works in list(self.document.findall(thebibliography)):
            home = works[0]["docname"]
            for page in self.document.findall(addnodes.start_of_file):
                if page["docname"] == home:
                    works.parent.remove(works)
                    next(page.findall(nodes.section)).append(works)


class IndexedInPlace(SphinxPostTransform):
    """Let the index name the page of a function's description, not the one before."""

    formats = ("latex",)
    default_priority = 700

    def run(self, **_):
        """Move each entry from above a description into it."""
        for entry in list(self.document.findall(addnodes.index)):
            described = entry.next_node(siblings=True, descend=False)
            if isinstance(described, addnodes.desc) and described[-1].children:
                entry.parent.remove(entry)
                # Within the paragraph: before one, the line's end after it is a space.
                first = described[-1][0]
                home = first if isinstance(first, nodes.paragraph) else described[-1]
                home.insert(0, entry)


class LongOutputs(SphinxPostTransform):
    """Go on below the second column where a printed line is wider than the text."""

    formats = ("latex",)
    default_priority = 700

    def run(self, **_):
        """Break the lines of what cells printed."""
        for block in list(self.document.findall(nodes.literal_block)):
            if "cell_output" in block.parent.get("classes", []):
                text = "\n".join(map(folded, block.astext().split("\n")))
                block.rawsource, block[:] = text, [nodes.Text(text)]


class LongTables(SphinxPostTransform):
    """Let a table of many rows go on over the page, its columns as wide as their words.

    Sphinx breaks a table from the thirtieth row on, and then wraps no cell.
    """

    formats = ("latex",)
    default_priority = 700

    def run(self, **_):
        """Give each such table its class, and its columns their share of the line."""
        for table in self.document.findall(nodes.table):
            rows = list(table.findall(nodes.row))
            columns = list(table.findall(nodes.colspec))
            if len(rows) > _LONG and "longtable" not in table["classes"]:
                table["classes"] += ["longtable", "colwidths-given"]
                for k, column in enumerate(columns):
                    widest = max(len(row[k].astext()) for row in rows)
                    column["colwidth"] = min(max(widest, _NARROWEST), _WIDEST)


def setup(app):
    """Register with Sphinx."""
    app.add_post_transform(SetOff)
    app.add_post_transform(WorksInPlace)
    app.add_post_transform(IndexedInPlace)
    app.add_post_transform(LongOutputs)
    app.add_post_transform(LongTables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
