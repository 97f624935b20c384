"""Put SVG figures into the page itself, so that they follow its theme.

The fault that this mends: myst-nb shows an SVG through an ``img`` element, where the
page's styles can't reach it; in a dark page it is a white card, and its text can be
neither searched nor copied. Delete this file when myst-nb can write SVG in place.
"""

import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform


class InlineSvg(SphinxPostTransform):
    """Replace each SVG image of a page by the drawing, its description with it."""

    # After myst-nb has chosen which form of an output this builder shows.
    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs):
        """Replace the images of one page."""
        for image in list(self.document.findall(nodes.image)):
            if image["uri"].endswith(".svg"):
                svg = Path(self.app.srcdir, image["uri"]).read_text("utf8")
                image.replace_self(nodes.raw("", described(svg, image), format="html"))


def described(svg, image):
    """Return an SVG element that a screen reader announces as one image."""
    label = escape(image.get("alt", ""), quote=True)
    # Said again as a style: a browser may wait with what is inside, and not ask it.
    width, height = re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', svg).groups()
    shape = f"aspect-ratio: {width} / {height}"
    fits = f'style="max-width: 100%; height: auto; {shape}"'
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}" {fits}', 1)


def setup(app):
    """Register with Sphinx."""
    app.add_post_transform(InlineSvg)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
