"""Two pages at the root: one leads to the first chapter, one meets who is lost.

The fault that this mends: sphinx-external-toc writes an ``index.html`` that is no
valid page, and no ``404.html``. A host shows that in place of any page that is missing,
at any depth, so its links start at the site's root. Delete it when Jupyter Book has
both.
"""

from pathlib import Path
from urllib.parse import urlsplit

from bookpress.downloads.markdown_pages import in_order
from bookpress.order import connect


def write(app, error):
    """Write the pages that lead into the book."""
    if error or app.builder.name != "html":
        return
    builder, config = app.builder, app.config
    context = {
        "language": config.language,
        "title": config.project,
        "icon": Path(config.html_favicon or "").name,
        "first": builder.get_target_uri(config.root_doc),
        "root": urlsplit(config.html_baseurl).path,
        "pages": {
            builder.get_target_uri(page): app.env.titles[page].astext()
            for page in in_order(app.env, config.root_doc)
        },
    }
    for name in ("index.html", "404.html"):
        page = builder.templates.render(f"root/{name}", context)
        Path(app.outdir, name).write_text(page, "utf8")


def setup(app):
    """Register with Sphinx."""
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
