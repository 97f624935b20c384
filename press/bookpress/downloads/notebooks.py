"""Offer each chapter with cells as an executed notebook that runs alone.

The fault that this mends: the builder offers only a page's source, with directives and
roles that no notebook shows. Delete this file when myst-nb writes a notebook with its
roles resolved.

The text comes from the resolved page, the cells with their outputs from myst-nb. Cells
that the page leaves out (set-up) are kept. They, checks and what the page folds are
folded: JupyterLab, from version 4 on, shows the first line of such a cell, which in
checks says what they check. A solution with cells is a heading, folded in JupyterLab,
up to the next one. A first cell installs the book's package where it is missing.
"""

from functools import partial
from pathlib import Path

import nbformat

from bookpress.downloads.editions import portable, put_back, read_executed
from bookpress.downloads.markdown import Fold, Numbers, blocks, captions
from bookpress.execute.execution import executed_notebook
from bookpress.order import connect
from bookpress.page.on_demand import without_late_drawings
from bookpress.settings import project_of

# What only the book can show: values for the prose, and the figures for print.
_FOR_THE_BOOK = ("application/papermill.record/", "application/pdf")


def setup(app):
    """Register with Sphinx."""
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_notebook(app, doctree, docname):
    """Write the notebook of a page that has cells, beside the page's source."""
    notebook = read_executed(app, docname) if app.builder.name == "html" else None
    if notebook:
        page = app.config.html_baseurl + app.builder.get_target_uri(docname)
        notebook.cells = _cells(
            portable(doctree, page, partial(_suffix, app)),
            notebook.cells,
            Numbers.of(app.env, docname),
            _setup(project_of(app), app.config.html_baseurl),
        )
        nbformat.validate(notebook)
        target = Path(app.outdir, "_sources", f"{docname}.ipynb")
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)


def offer_notebook(app, pagename, templatename, context, doctree):
    """Name the notebook among the forms of a page."""
    if _suffix(app, pagename) == ".ipynb":
        form = ("Notebook", f"_sources/{pagename}.ipynb")
        context.setdefault("forms", []).append(form)


def _suffix(app, docname):
    """Return the ending of the file to go on with: a page without cells is text."""
    return ".ipynb" if executed_notebook(app, docname).exists() else ".md"


def wheel_of(project):
    """Return the name of the package's wheel."""
    return f"{project['name']}-{project['version']}-py3-none-any.whl"


def _setup(project, site):
    """Return the cell that a notebook needs when it is alone.

    It installs the package, where that is missing, from the website or the repository;
    without an address of either, from the wheel that lies beside the notebook.
    """
    name, repository = project["name"], project.get("urls", {}).get("Repository")
    # The extra that brings what chapters import beside the package, if there is one.
    extra = "[book]" if "book" in project.get("optional-dependencies", {}) else ""
    begin = (
        f"# Installs {name}, the book's package, where it is missing.\n"
        "import importlib.util\nimport pathlib\n\n"
        f'if importlib.util.find_spec("{name}") is None:\n'
    )
    if site or repository:
        where = f"{site}{wheel_of(project)}" if site else f"git+{repository}"
        install = f'    %pip install --quiet "{name}{extra} @ {where}"'
        return begin.replace("import pathlib\n", "") + install
    return begin + (
        f'    wheels = sorted(pathlib.Path().glob("{name}-*.whl"))\n'
        "    if not wheels:\n"
        f'        wanted = "{wheel_of(project)}, which the page offers too"\n'
        '        raise ModuleNotFoundError(f"Put beside this notebook: {wanted}.")\n'
        f'    %pip install --quiet "{{wheels[-1]}}{extra}"'
    )


def _cells(doctree, executed, numbers, setup_cell):
    """Return the cells of the notebook: text from the page, code as it was executed."""
    put_back(doctree, executed)
    cells, text = [], []
    for block in _flat(blocks(doctree, numbers)):
        if isinstance(block, str | nbformat.NotebookNode):
            text.append(block)
            continue
        cells += [*_text_cells(text), _code_cell(_whole(block, executed))]
        cells += map(nbformat.v4.new_markdown_cell, captions(block, numbers))
        text = []
    cells += _text_cells(text)
    first_code = next(i for i, cell in enumerate(cells) if cell.cell_type == "code")
    cells.insert(first_code, nbformat.v4.new_code_cell(setup_cell))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return cells


def _whole(block, executed):
    """Return the cell of a block as it was executed, each output once."""
    cell = executed[block["cell_index"]]
    return cell if "left_out" in block else _without_merged(cell)


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
