"""What a search engine, a messenger or a reference manager reads of a page.

The fault that this mends: Sphinx writes the description of a page and nothing more. The
tags themselves are in ``look/templates/page.html``: Open Graph's, and those that
reference managers read. Delete it when the theme writes them. Where the site has an
address, a messenger shows the first figure of the first page; it takes whole addresses
alone.
"""

from base64 import b64decode
from pathlib import Path

from docutils import nodes

from bookpress.downloads.editions import read_executed
from bookpress.order import connect

PICTURE = "first-figure.png"


def description(doctree):
    """Return the description in a page's front matter, or an empty text."""
    for tag in doctree.findall(nodes.meta):
        if tag.get("name") == "description":
            return tag["content"]
    return ""


def note(app, doctree):
    """Note the description with what else the front matter says of a page."""
    app.env.metadata[app.env.docname]["description"] = description(doctree)


def first_figure(notebook):
    """Return the first figure of an executed page as the bytes of a PNG, or nothing."""
    for cell in notebook.cells if notebook else ():
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                return b64decode(output.data["image/png"])
    return b""


def write(app, error):
    """Write the picture that messengers show."""
    if not error and app.builder.name == "html" and app.config.html_baseurl:
        figure = first_figure(read_executed(app, app.config.root_doc))
        if figure:
            Path(app.outdir, PICTURE).write_bytes(figure)


def add(app, pagename, templatename, context, doctree):
    """Add to a page what others show of it."""
    context["author"] = app.config.author
    if doctree is not None:
        context["description"] = app.env.metadata[pagename]["description"]
        context["pagetitle"] = app.env.titles[pagename].astext()
        site = app.config.html_baseurl
        if site and first_figure(read_executed(app, app.config.root_doc)):
            context["picture"] = site + PICTURE


def setup(app):
    """Register with Sphinx."""
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
