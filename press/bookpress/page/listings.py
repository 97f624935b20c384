"""Show code without what it says to tools.

The fault that this mends: Sphinx shows the lines of a file as they are, with comments
that only a formatter or a linter reads. Delete this file when it can leave them out, as
it leaves out the flags of doctests.
"""

import re

from docutils import nodes
from sphinx.transforms import SphinxTransform

_TO_TOOLS = re.compile(
    r"[ \t]*# (?:fmt: (?:skip|on|off)|noqa\b.*|type: ignore\b.*)$", re.M
)


class WithoutToolComments(SphinxTransform):
    """Leave out what tools are told, where a page shows lines of a file."""

    default_priority = 400

    def apply(self):
        """Rewrite the listings of a page."""
        for listing in self.document.findall(nodes.literal_block):
            if "source" in listing:
                bare = _TO_TOOLS.sub("", listing.astext())
                listing.rawsource = bare
                listing[:] = [nodes.Text(bare)]


def setup(app):
    """Register with Sphinx."""
    app.add_transform(WithoutToolComments)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
