"""Call a page by its short name inside a sentence.

The fault that this mends: MyST fills the link ``[](page.md)`` with the page's title. A
title that is a claim makes no sense in the middle of another sentence. Here the link
shows the ``short_title`` from the page's front matter, in italics, as titles are. The
role ``{doc}`` shows the whole title. Delete this file when MyST uses ``short_title``,
as its other builder does.
"""

from docutils import nodes
from docutils.utils.smartquotes import smartyPants
from sphinx.addnodes import pending_xref
from sphinx.transforms.post_transforms import SphinxPostTransform


class ShortNames(SphinxPostTransform):
    """Give a link to a page that has no text of its own the page's short name."""

    default_priority = 8  # MyST fills them at 9

    def run(self, **_):
        """Fill the links of a page."""
        for link in self.document.findall(is_bare):
            name = self.env.metadata.get(link["reftarget"], {}).get("short_title")
            if name:
                link["refexplicit"] = True
                shown = nodes.emphasis("", smartyPants(name))
                link[:] = [nodes.inline("", "", shown)]


def is_bare(node):
    """Return whether a node is a link to a whole page without a text."""
    is_link = isinstance(node, pending_xref) and node["reftype"] == "myst"
    return is_link and not (node["refexplicit"] or node.get("reftargetid"))


def setup(app):
    """Register with Sphinx."""
    app.add_post_transform(ShortNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
