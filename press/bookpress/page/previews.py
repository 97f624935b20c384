"""Show what a reference points to beside the reference, on hover and on focus.

The fault that this mends: a reference is a number and a link, so a reader who wonders
what (2.4) says has to leave the sentence, for a citation even the page. Here the
equation, figure or entry itself is shown where the reader is. Delete this file when the
theme shows previews that need no network.

What stands on the same page is copied by the script in the browser. What stands on
another page can't be fetched from a folder of files: a copy comes with each page that
refers to it. A page without such references loads nothing.
"""

import posixpath
import re
from functools import cache
from html import escape
from pathlib import Path

from bs4 import BeautifulSoup

from bookpress.execute.dependencies import digest
from bookpress.order import connect

# What can be shown: not a section or a page.
SHOWN = "div.math, figure, table, .admonition, .citation, .cell"
# In characters. What is larger is left to the link.
LARGEST = 60_000

_UNWANTED = ".headerlink, script, label, button, input"
_LINK = re.compile(r'<a class="reference internal"[^>]* href="([^"#]*)#([^"]+)"')
_MARK = "<!-- previews {} -->"
_BEFORE = re.compile(r"(<!-- previews \w* -->).*\1", re.DOTALL)
_BLOCK = """{mark}{copies}
<script defer src="{static}/previews.js" data-shown="{shown}"></script>
{mark}"""


def setup(app):
    """Register with Sphinx."""
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def add_previews(app, error):
    """Add to each page what its references need."""
    if error or app.builder.name != "html":
        return
    files = {
        app.builder.get_target_uri(name): Path(app.builder.get_outfilename(name))
        for name in app.env.found_docs
    }
    # Without what an earlier build has added, where pages are not published elsewhere.
    pages = {
        page: _BEFORE.sub("", file.read_text("utf8")) for page, file in files.items()
    }
    publication = getattr(app, "publication", None)
    place = publication.place if publication else Path(app.outdir)
    for page, text in pages.items():
        if elements := referred(page, pages):
            mark = _MARK.format(digest(elements))
            # To copy takes longer than to see that the same was copied.
            copied = _published(place / page, mark)
            copied = copied or block(page, elements, mark)
            whole = text.replace("</body>", f"{copied}</body>")
            files[page].write_text(whole, "utf8")


def _published(page, mark):
    """Return what the page that is published has copied, if it is the same."""
    text = page.read_text("utf8") if page.exists() else ""
    found = re.search(f"{re.escape(mark)}.*{re.escape(mark)}", text, re.DOTALL)
    return found[0] if found else ""


def referred(page, pages):
    """Return what ``page`` refers to and can be shown; ``pages`` maps their HTML.

    A list of the link's path and name and of the element, as HTML.
    """
    found = [
        (path, name, shown(pages.get(_joined(page, path), ""), name))
        for path, name in dict.fromkeys(_LINK.findall(pages[page]))
    ]
    return [each for each in found if each[2]]


def block(page, elements, mark=""):
    """Return what ``page`` needs for ``elements``, or nothing."""
    copies, is_needed = "", False
    for path, name, element in elements:
        copy = portable(element, _joined(page, path), page) if path else ""
        if 0 < len(copy) <= LARGEST:
            link = escape(f"{path}#{name}", quote=True)
            copies += f'\n<template data-preview="{link}">{copy}</template>'
        is_needed |= not path
    if not copies and not is_needed:
        return ""
    static = posixpath.relpath("_static", posixpath.dirname(page) or ".")
    return _BLOCK.format(mark=mark, copies=copies, static=static, shown=SHOWN)


def shown(html, name):
    """Return the element of that name if it can be shown, else nothing."""
    at = html.find(f' id="{name}"')
    start = html.rfind("<", 0, at)
    opening = html[start : html.find(">", at) + 1].replace(f' id="{name}"', "")
    if at < 0 or not _can_be_shown(opening):
        return ""
    kind, depth = re.match(r"<(\w+)", opening)[1], 0
    for tag in re.compile(rf"<(/?){kind}\b[^<>]*>").finditer(html, start):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return html[start : tag.end()]
    return ""


@cache
def _can_be_shown(opening):
    """Return whether an element can be shown; without a name, many begin alike."""
    return bool(BeautifulSoup(opening, "html.parser").find().css.match(SHOWN))


def portable(element, there, page):
    """Return a copy of an element of page ``there`` that can stand in ``page``."""
    soup = BeautifulSoup(element, "html.parser")
    for part in soup.select(_UNWANTED):
        part.decompose()
    for key, part in [(k, p) for k in ("href", "src") for p in soup.select(f"[{k}]")]:
        part[key] = _moved(part[key], there, page)
    # An item of a list, where there is none around it.
    del soup.contents[0]["role"]
    # Only a drawing refers to its own parts by name; they must differ from the page's.
    copy, prefix = str(soup), re.sub(r"\W+", "-", there)
    if soup.svg:
        return re.sub(r'(\bid="|url\(#|xlink:href="#)', rf"\g<1>{prefix}-", copy)
    return re.sub(r' id="[^"]*"', "", copy)


def _moved(address, there, page):
    if re.match(r"\w+:", address):
        return address
    path, mark, name = address.partition("#")
    target = _joined(there, path)
    moved = posixpath.relpath(target, posixpath.dirname(page) or ".")
    return f"{moved}{mark}{name}"


def _joined(page, path):
    """Return the address, from the root, of a ``path`` that stands in ``page``."""
    where = posixpath.dirname(page)
    return posixpath.normpath(posixpath.join(where, path)) if path else page
