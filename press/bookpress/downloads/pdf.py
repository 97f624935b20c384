"""Offer the PDF on each page, as long as it has the pages' numbers.

The fault that this mends: Sphinx's builders know nothing of each other, so that no page
can lead to the PDF, and an old one would stay beside new pages. Delete this file when
Sphinx builds both at once.

Both are written from the same sources and the same executed cells. Beside the TeX lies
a digest of these; as long as it is that of the pages, the PDF is offered. After any
change it is gone from them until it is built again. To write all pages anew for that
would take long: each is written with the link, and loses it when it is published.
"""

import hashlib
import re
import shutil
from functools import cache
from pathlib import Path

from bookpress.execute.execution import executed_notebook
from bookpress.order import connect

DIGEST = "read.sha256"


def setup(app):
    """Register with Sphinx."""
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def digest(app):
    """Return the digest of all that the pages were read from."""
    env, seen = app.env, hashlib.sha256(app.publication.press.encode())
    for page in sorted(env.found_docs):
        files = [Path(app.srcdir, name) for name in env.dependencies[page]]
        files += [env.doc2path(page), executed_notebook(app, page)]
        for file in sorted(filter(Path.is_file, map(Path, files))):
            seen.update(file.read_bytes())
    return seen.hexdigest()


@cache
def current(app):
    """Return the PDF, if it was written from what the pages are written from.

    They are read when it is first asked for, and then no more.
    """
    if not _is_offering(app):
        return None
    file = Path(app.publication.place.parent, "latex", _name(app))
    written = file.with_name(DIGEST)
    is_there = file.is_file() and written.is_file()
    return file if is_there and written.read_text("utf8") == digest(app) else None


def _is_offering(app):
    # A draft is no edition, and has none.
    return app.builder.name == "html" and hasattr(app, "publication")


def _name(app):
    _, source, *_ = app.config.latex_documents[0]
    return Path(source).with_suffix(".pdf").name


def edition(app):
    """Return what tells one PDF from another; nothing where there is none."""
    file = current(app)
    return [hashlib.sha256(file.read_bytes()).hexdigest()] if file else []


def offer(app, pagename, templatename, context, doctree):
    """Name the PDF among the forms of a page."""
    if doctree is not None and _is_offering(app):
        context.setdefault("forms", []).append(("PDF", _name(app)))


def finish(app, error):
    """Note beside the TeX what it is from; put the PDF beside the pages.

    If there is none, take the link to it out of them.
    """
    if error or not hasattr(app, "publication"):
        return
    if app.builder.name == "latex":
        Path(app.outdir, DIGEST).write_text(digest(app), "utf8")
    elif file := current(app):
        shutil.copy(file, app.outdir)
    elif _is_offering(app):
        name = re.escape(_name(app))
        link = re.compile(rf'\s*<li><a download href="[^"]*{name}">PDF</a></li>')
        for page in Path(app.outdir).rglob("*.html"):
            page.write_text(link.sub("", page.read_text("utf8")), "utf8")
