"""Offer each page as plain Markdown, and list the pages in ``llms.txt``.

The fault that this mends: the builder offers a page's source, in which every number is
a role and every equation has lost its number. Here both are filled in, for people and
programs that read text. Code that the page leaves out is there, for it has the imports,
and a figure is its caption and what its author says is to be seen. Delete this file
when Sphinx can write such Markdown beside its HTML. The form of ``llms.txt`` is that of
llmstxt.org.
"""

from pathlib import Path

from bookpress.downloads.editions import in_text, portable, put_back, read_executed
from bookpress.downloads.markdown import Fold, Numbers, blocks, folded
from bookpress.order import connect
from bookpress.page.folds import Folded


def setup(app):
    """Register with Sphinx, and with it who notes what each page is about."""
    app.setup_extension("bookpress.site.metadata")
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def keep_sources(app):
    """Leave the place of the sources to this file."""
    app.builder.copysource = False


def write_page(app, doctree, docname):
    """Write one page as Markdown, in place of its source."""
    if app.builder.name == "html":
        numbers = Numbers.of(app.env, docname)
        text = _text(blocks(_complete(app, doctree, docname), numbers), numbers)
        target = Path(app.outdir, "_sources", f"{docname}.md")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"{text}\n", "utf8")


def _complete(app, doctree, docname):
    """Return a page with the code that it leaves out, and its tables as Markdown."""
    page = app.config.html_baseurl + app.builder.get_target_uri(docname)
    copy = portable(doctree, page, lambda _: ".md")
    if notebook := read_executed(app, docname):
        put_back(copy, notebook.cells)
        in_text(copy, notebook.cells)
    return copy


def offer_page(app, pagename, templatename, context, doctree):
    """Name the text among the forms of a page."""
    if doctree is not None:
        form = ("Markdown", f"_sources/{pagename}.md")
        context.setdefault("forms", []).append(form)


def _text(found, numbers):
    return "\n\n".join(_plain(block, numbers) for block in found)


def _plain(block, numbers):
    """Return a block as text: a fold and a cell of checks inside what folds them."""
    if isinstance(block, str):
        return block
    if isinstance(block, Fold):
        return folded(block.title, _text(block.blocks, numbers))
    cell = _text(blocks(block, numbers), numbers)
    checks = next(block.findall(Folded), None)
    return cell if checks is None else folded(checks["title"], cell)


def write_list(app, error):
    """Write ``llms.txt``: every page with its description, in the book's order."""
    if error or app.builder.name != "html":
        return
    root, site = app.config.root_doc, app.config.html_baseurl
    pages = [page for page in in_order(app.env, root) if page != root]
    said = {page: app.env.metadata[page]["description"] for page in [root, *pages]}
    lines = [f"# {app.config.project}", f"> {said[root]}", "## Pages"]
    lines.append(
        "\n".join(
            f"- [{app.env.titles[page].astext()}]({site}_sources/{page}.md): {about}"
            for page, about in said.items()
        )
    )
    Path(app.outdir, "llms.txt").write_text("\n\n".join(lines) + "\n", "utf8")


def in_order(env, page):
    """Yield a page and those below it, as the contents have them."""
    yield page
    for below in env.toctree_includes.get(page, ()):
        yield from in_order(env, below)
