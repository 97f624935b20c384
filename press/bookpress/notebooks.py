"""Offer each chapter with cells as an executed notebook that runs alone.

The fault that this mends: the builder offers only a page's source, with directives and
roles that no notebook shows. Delete this file when myst-nb writes a notebook with its
roles resolved.

The text comes from the resolved page, the cells with their outputs from myst-nb. Cells
that the page leaves out (set-up) are kept, folded, right after the code cell before
them; checks are kept where they stand, open. A solution with cells is a heading, folded
in JupyterLab, up to the next one. A first cell says what to install when the book's
package is missing.
"""

import tomllib
from itertools import takewhile
from pathlib import Path

import nbformat

from bookpress import folds
from bookpress.markdown import Fold, Numbers, blocks, captions, portable
from bookpress.on_demand import without_late_drawings

# What only the book can show: values for the prose, and the figures for print.
_FOR_THE_BOOK = ("application/papermill.record/", "application/pdf")


def setup(app):
    """Register with Sphinx."""
    app.connect("doctree-resolved", write_notebook)
    app.connect("html-page-context", offer_notebook, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_notebook(app, doctree, docname):
    """Write the notebook of a page that has cells, beside the page's source."""
    executed = _executed(app, docname)
    if app.builder.name == "html" and executed.exists():
        notebook = nbformat.read(executed, as_version=4)
        page = app.config.html_baseurl + app.builder.get_target_uri(docname)
        notebook.cells = _cells(
            portable(doctree, page),
            notebook.cells,
            Numbers.of(app.env, docname),
            _setup(project_of(app)),
        )
        nbformat.validate(notebook)
        target = Path(app.outdir, "_sources", f"{docname}.ipynb")
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)


def offer_notebook(app, pagename, templatename, context, doctree):
    """Name the notebook among the forms of a page."""
    if _executed(app, pagename).exists():
        form = ("Notebook", f"_sources/{pagename}.ipynb")
        context.setdefault("forms", []).append(form)


def _executed(app, docname):
    # Where myst-nb leaves what it executed.
    return Path(app.outdir).parent / "jupyter_execute" / f"{docname}.ipynb"


def project_of(app):
    """Return what ``pyproject.toml`` says of the project."""
    pyproject = Path(app.srcdir, "pyproject.toml").read_text("utf8")
    return tomllib.loads(pyproject)["project"]


def _setup(project):
    """Return the cell that a notebook needs when it is alone."""
    name, address = project["name"], project.get("urls", {}).get("Repository")
    # The extra that brings what chapters import beside the package, if there is one.
    extra = "[book]" if "book" in project.get("optional-dependencies", {}) else ""
    if address:
        missing = f'%pip install "{name}{extra} @ git+{address}"'
    else:
        missing = (
            "raise ModuleNotFoundError(\n"
            f'        "{name} is missing: run `pip install .{extra}` in its folder"\n'
            "    )"
        )
    return (
        "import importlib.util\n\n"
        f'if importlib.util.find_spec("{name}") is None:\n    {missing}'
    )


def _cells(doctree, executed, numbers, setup_cell):
    """Return the cells of the notebook: text from the page, code as it was executed."""
    cells, text, after = [], [], 0
    for block in _flat(blocks(doctree, numbers)):
        if isinstance(block, str | nbformat.NotebookNode):
            text.append(block)
            continue
        shown = block["cell_index"]
        cells += _between(executed[after:shown], text)
        cells.append(_code_cell(_without_merged(executed[shown])))
        cells += map(nbformat.v4.new_markdown_cell, captions(block, numbers))
        text, after = [], shown + 1
    cells += _between(executed[after:], text)
    first_code = next(i for i, cell in enumerate(cells) if cell.cell_type == "code")
    cells.insert(first_code, nbformat.v4.new_code_cell(setup_cell))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return cells


def _flat(found):
    """Yield blocks, and in place of a fold its title, as a cell, and what it holds."""
    for block in found:
        if isinstance(block, Fold):
            yield _folded_heading(f"{'#' * block.level} {block.title}")
            yield from _flat(block.blocks)
        else:
            yield block


def _folded_heading(text):
    cell = nbformat.v4.new_markdown_cell(text)
    cell.metadata["jp-MarkdownHeadingCollapsed"] = True
    return cell


def _between(executed, text):
    """Return what stands between two shown cells: text, and code left out there."""
    adjoining = list(takewhile(lambda cell: cell.cell_type == "code", executed))
    later = [cell for cell in executed[len(adjoining) :] if cell.cell_type == "code"]
    return [*map(_code_cell, adjoining), *_text_cells(text), *map(_code_cell, later)]


def _text_cells(text):
    """Yield cells of text; a heading begins one, or what it folds would end late."""
    waiting = []
    for part in [*text, None]:
        if waiting and (not isinstance(part, str) or part.startswith("#")):
            yield nbformat.v4.new_markdown_cell("\n\n".join(waiting))
            waiting = []
        if isinstance(part, str):
            waiting.append(part)
        elif part is not None:
            yield part


def _code_cell(executed):
    """Return a cell as it was executed, without what only the book can show."""
    cell = nbformat.v4.new_code_cell(
        executed.source, execution_count=executed.execution_count
    )
    cell.outputs = [o for o in map(_without_extras, executed.outputs) if o]
    if tags := executed.metadata.get("tags"):
        cell.metadata["tags"] = tags
        if folds.TAG not in tags:
            cell.metadata["jupyter"] = {"source_hidden": True}
    return cell


def _without_merged(executed):
    """Return a shown cell without what myst-nb has merged into its first streams.

    It appends the text of each later piece of a stream to the first piece, in place,
    and leaves the later ones where they were.
    """
    seen, kept = set(), []
    for output in executed.outputs:
        if output.output_type != "stream" or output.name not in seen:
            kept.append(output)
        seen.add(output.get("name"))
    return nbformat.from_dict({**executed, "outputs": kept})


def _without_extras(output):
    if "data" not in output:
        return output
    data = {
        kind: without_late_drawings(x) if isinstance(x, str) else x
        for kind, x in output.data.items()
        if not kind.startswith(_FOR_THE_BOOK)
    }
    return nbformat.from_dict({**output, "data": data}) if data else None
