"""Find any word, formula, number or name of the book, in the section that has it.

The fault that this mends: Sphinx's search knows pages and no sections, cuts
``torch.optim.SGD`` and ``weight_decay`` into pieces, has each formula three times and
no Greek letter, and shows no sentence where pages can't be fetched: from a folder of
files. Delete this file when Sphinx's search finds what its tests look for.

Every page loads ``find.js``. What else searching needs is loaded when a reader begins:
the scripts in ``look/static/search``, MiniSearch (the folder ``minisearch`` says where
it is from), and what this file writes when all pages are written: each section's text.
It is a script, since nothing else can be read from a folder of files.
"""

import json
import shutil
from dataclasses import astuple
from pathlib import Path

from bookpress.execute.dependencies import digest, digest_of_file
from bookpress.order import connect
from bookpress.site import linear
from bookpress.site import sections as reading
from bookpress.site.sections import sections

# A page that is as it was is not read again, unless these read it otherwise.
_READERS = [digest_of_file(module.__file__) for module in (linear, reading)]
_LIBRARY = Path(__file__).with_name("minisearch")
# What only Sphinx's own search uses.
_NEEDLESS = ("searchtools.js", "language_data.js", "doctools.js", "sphinx_highlight.js")


def setup(app):
    """Register with Sphinx."""
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def take_over(app):
    """Keep Sphinx from making its index, and load the script."""
    if app.builder.name == "html":
        app.builder.search = False
        app.add_js_file("find.js", priority=910)


def search_page(app):
    """Return the page that shows what was found for a form or a link."""
    return [("search", {"title": "Search"}, "search.html")]


def write(app, error):
    """Write what is searched, beside the library that searches it."""
    if error or app.builder.name != "html":
        return
    static = Path(app.outdir, "_static")
    for name in _NEEDLESS:
        (static / name).unlink(missing_ok=True)
    folder = static / "search"
    folder.mkdir(exist_ok=True)
    shutil.copy(_LIBRARY / "minisearch.min.js", folder)
    shutil.copy(_LIBRARY / "LICENSE", folder)
    (folder / "book.js").write_text(_book(app), "utf8")


def _book(app):
    """Return the script that hands over all pages and their sections."""
    pages, lines, kept = [], [], Path(app.doctreedir, "sections.json")
    before, now = _read(kept), {}
    for count, name in enumerate(sorted(app.env.found_docs)):
        pages.append([app.builder.get_target_uri(name), _short_name(app.env, name)])
        html = Path(app.builder.get_outfilename(name)).read_text("utf8")
        key = digest([html, *_READERS])
        now[key] = before.get(key) or [astuple(each) for each in sections(html)]
        lines += [_json([count, *each]) for each in now[key]]
    kept.write_text(_json(now), "utf8")
    whole = ",\n".join(lines)
    return f"BookSearch.receive({{pages: {_json(pages)}, sections: [\n{whole}\n]}});\n"


def _read(kept):
    """Return what an earlier build kept, if it was not killed while it did."""
    try:
        return json.loads(kept.read_text("utf8"))
    except (OSError, ValueError):
        return {}


def _short_name(env, page):
    name = env.metadata.get(page, {}).get("short_title")
    return name or env.titles[page].astext()


def _json(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
