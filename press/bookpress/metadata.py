"""What a search engine, a messenger or a reference manager reads of a page.

The fault that this mends: Sphinx writes the description of a page and nothing more. The
tags themselves are in ``look/templates/page.html``: Open Graph's, and those that
reference managers read. Delete it when the theme writes them.
"""

from docutils import nodes


def description(doctree):
    """Return the description in a page's front matter, or an empty text."""
    for tag in doctree.findall(nodes.meta):
        if tag.get("name") == "description":
            return tag["content"]
    return ""


def _add(app, pagename, templatename, context, doctree):
    context["author"] = app.config.author
    if doctree is not None:
        context["description"] = description(doctree)
        context["pagetitle"] = app.env.titles[pagename].astext()


def setup(app):
    """Register with Sphinx."""
    app.connect("html-page-context", _add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
