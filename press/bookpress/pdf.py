"""Offer the PDF on each page, as long as it has the pages' numbers.

The fault that this mends: Sphinx's builders know nothing of each other, so that no page
can lead to the PDF, and an old one would stay beside new pages. Delete this file when
Sphinx builds both at once.

Both are written from what was read and executed once. The PDF is offered if that is
what is read now; after any change it is gone until it is built again. See ``publish``,
which notes from what each builder has written.
"""

import hashlib
import shutil
from pathlib import Path


def setup(app):
    """Register with Sphinx."""
    app.connect("html-page-context", offer, priority=450)
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def current(app):
    """Return the file, if it was written from what is read now."""
    if app.builder.name != "html":
        return None
    _, source, *_ = app.config.latex_documents[0]
    tex = Path(app.publication.place.parent, "latex", source)
    read, *_ = app.publication.editions.get("latex") or [None]
    is_current = read == getattr(app.env, "published_edition", "")
    file = tex.with_suffix(".pdf")
    return file if is_current and file.is_file() else None


def edition(app):
    """Return what tells one PDF from another; nothing where there is none."""
    file = current(app)
    return [hashlib.sha256(file.read_bytes()).hexdigest()] if file else []


def offer(app, pagename, templatename, context, doctree):
    """Name the PDF among the forms of a page."""
    if doctree is not None and (file := current(app)):
        context.setdefault("forms", []).append(("PDF", file.name))


def copy(app, error):
    """Put it beside the pages."""
    if not error and (file := current(app)):
        shutil.copy(file, app.outdir)
