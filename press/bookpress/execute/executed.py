"""Say when each page ran, in the order of the book and by its title.

The fault that this mends: myst-nb's table has files, sorted by their names, and two
columns that say the same of each. Delete this file when it has the titles of pages in
the order of their contents.
"""

from datetime import UTC, datetime

from docutils import nodes
from myst_nb.ext.execution_tables import ExecutionStatsNode
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.transforms.post_transforms import SphinxPostTransform

from bookpress.downloads.markdown_pages import in_order

COLUMNS = ("Page", "Ran (UTC)", "Seconds")


class ExecutionTable(SphinxPostTransform):
    """Replace what ``nb-exec-table`` left by a table."""

    default_priority = 7  # myst-nb replaces it at 8

    def run(self, **kwargs):
        """Replace it, if the page has one."""
        for node in list(self.document.findall(ExecutionStatsNode)):
            node.replace_self(self._table())

    def _table(self):
        data = NbMetadataCollector.get_doc_data(self.env)
        ran = {page: data[page].get("exec_data") for page in data}
        pages = in_order(self.env, self.env.config.root_doc)
        rows = [self._row(page, ran[page]) for page in pages if ran.get(page)]
        heads = [nodes.Text(name) for name in COLUMNS]
        group = nodes.tgroup("", cols=len(COLUMNS))
        group += [nodes.colspec(colwidth=width) for width in (55, 30, 15)]
        group += [nodes.thead("", row(heads)), nodes.tbody("", *rows)]
        return nodes.table("", group)

    def _row(self, page, run):
        to = self.app.builder.get_relative_uri(self.env.docname, page)
        title = self.env.titles[page].astext()
        link = nodes.reference("", title, refuri=to, internal=True)
        began, seconds = run["mtime"], run["runtime"]
        # A build that is to be repeated has neither.
        day = began and datetime.fromtimestamp(began, UTC).strftime(
            "%d %b %Y, %H:%M"
        ).replace(" ", "\xa0")
        texts = (day or "", "" if seconds is None else f"{seconds:.1f}")
        return row([link, *map(nodes.Text, texts)])


def row(cells):
    """Return a row of a table."""
    entries = [nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells]
    return nodes.row("", *entries)


def setup(app):
    """Register with Sphinx."""
    app.add_post_transform(ExecutionTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
