"""Say at a chapter's end how to cite it, and let readers mend it or report a problem.

The fault that this mends: Sphinx has no citation of a page, and wants the repository's
address in a second place. Authors, version and date come from ``CITATION.cff``,
addresses from ``[project.urls]`` of ``pyproject.toml``; while these are absent, no link
is shown. Delete this file when the theme reads both.

A chapter is a page with a kernel, but for the first page, which is the book's own, and
those that the config value ``citing_exclude`` names.
"""

import re
from html import escape
from pathlib import Path

import yaml
from docutils import nodes

from bookpress.order import connect
from bookpress.settings import project_of

# TeX's own characters, in BibTeX.
_SPECIAL = {each: f"\\{each}" for each in "&%$#_{}"} | {
    "\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"
}  # fmt: skip

_BLOCK = """<details class="citing"><summary>Cite this chapter</summary>
<p>{sentence}</p>
<div class="highlight-bibtex notranslate">{bibtex}</div></details>
"""


def setup(app):
    """Register with Sphinx."""
    app.add_config_value("citing_exclude", [], "html")
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def offer_links(app, pagename, templatename, context, doctree):
    """Name where a page is edited, and where a problem is told, if that is known."""
    repository = project_of(app).get("urls", {}).get("Repository")
    if repository and doctree is not None:
        home = repository.removesuffix("/").removesuffix(".git")
        source = Path(app.env.doc2path(pagename)).relative_to(app.srcdir).as_posix()
        context.setdefault("forms", []).extend(
            [
                ("Edit it", f"{home}/edit/main/{source}"),
                ("Report a problem", f"{home}/issues/new?title={source}"),
            ]
        )


def add_citation(app, pagename, templatename, context, doctree):
    """Add the citation to the end of a chapter."""
    is_left_out = pagename in (app.config.root_doc, *app.config.citing_exclude)
    if "kernelspec" in app.env.metadata.get(pagename, {}) and not is_left_out:
        book = yaml.safe_load(Path(app.srcdir, "CITATION.cff").read_text("utf8"))
        title = app.env.titles[pagename]
        urls = project_of(app).get("urls", {})
        url = address(urls, app.builder.get_target_uri(pagename))
        entry = bibtex(book, title, url, name=pagename.rpartition("/")[2])
        context["body"] += _BLOCK.format(
            sentence=sentence(book, title.astext(), url),
            bibtex=app.builder.highlighter.highlight_block(entry, "bibtex"),
        )


def address(urls, page):
    """Return a chapter's address: its own, or else the repository's, or nothing."""
    if site := urls.get("Documentation"):
        return f"{site.removesuffix('/')}/{page}"
    return urls.get("Repository", "")


def sentence(book, title, url):
    """Return the citation in words, as HTML."""
    *others, last = map(" ".join, map(_names, book["authors"]))
    authors = " and ".join([*filter(None, [", ".join(others)]), last])
    year, version = str(book["date-released"])[:4], book["version"]
    title = title if title[-1] in ".?!" else f"{title}."
    said = escape(f"{authors} ({year}). {title}")
    whole = f"In <em>{escape(book['title'])}</em>, version {version}."
    link = f' <a href="{escape(url)}">{escape(url)}</a>' if url else ""
    return f"{said} {whole}{link}"


def bibtex(book, title, url, name):
    """Return the citation as an entry of a BibTeX file; ``title`` is a node."""
    year = str(book["date-released"])[:4]
    fields = {
        "author": " and ".join(map(_author, book["authors"])),
        # Twice, so that no style changes its capitals.
        "title": f"{{{_plain(title)}}}",
        "booktitle": f"{{{_escaped(book['title'])}}}",
        "year": year,
        "note": f"Version {book['version']}",
        "url": url,
    }
    lines = [f"  {key:9} = {{{value}}}," for key, value in fields.items() if value]
    key = re.sub(r"\W+", "_", f"{book['title']} {year} {name}").lower()
    return "\n".join([f"@incollection{{{key},", *lines, "}"])


def _names(author):
    # A person, or a group.
    parts = [author.get("given-names"), author.get("family-names"), author.get("name")]
    return [part for part in parts if part]


def _author(author):
    first, *family = map(_escaped, _names(author))
    return f"{family[0]}, {first}" if family else f"{{{first}}}"


def _plain(node):
    """Return the text of a title, its formulas as TeX."""
    if isinstance(node, nodes.math):
        return f"${node.astext()}$"
    if isinstance(node, nodes.Text):
        return _escaped(node)
    return "".join(map(_plain, node.children))


def _escaped(text):
    return "".join(_SPECIAL.get(each, each) for each in text)
