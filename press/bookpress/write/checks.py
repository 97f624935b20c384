"""Look at a finished book before it is published.

The fault that this mends: Sphinx and myst-nb count warnings, and publish a page whose
cells never ran, that shows a traceback, a warning about fonts, or an address in memory,
which is another one in each build. A value that two cells hand to the prose by one name
is that of the last in the sentences of both. Delete it when they look at what they
made.

``checks_largest``: how many bytes a file of the book may have.
"""

import re
from collections import defaultdict
from pathlib import Path

import nbformat
from sphinx.errors import SphinxError

from bookpress.execute.execution import executed_notebook
from bookpress.order import connect

FAULTS = {
    r"Traceback \(most recent call last\)": "a traceback",
    r"findfont: |Glyph \d+ .{0,80}missing from": "a warning about fonts",
    r"\bat 0x[0-9a-fA-F]{6,}": "an address in memory",
}
MAY_FAIL = "raises-exception"


class FaultyBookError(SphinxError):
    """The book is finished and must not be published."""

    category = "The book was not published"


def faults_of_page(notebook):
    """Yield what is wrong with an executed page."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for name, numbers in quoted(code).items():
        if len(numbers) > 1:
            yield f"{name!r} is quoted more than once: cells {numbers}"
    for number, cell in enumerate(code, start=1):
        if cell.execution_count is None and cell.source.strip():
            yield f"cell {number} did not run"
        for output in cell.outputs:
            may_fail = MAY_FAIL in cell.metadata.get("tags", [])
            if output.output_type == "error" and not may_fail:
                yield f"cell {number} shows a traceback"
            for pattern, name in FAULTS.items():
                if output.output_type != "error" and re.search(pattern, shown(output)):
                    yield f"cell {number} shows {name}"


def quoted(code):
    """Return by which cells each name is handed to the prose."""
    cells = defaultdict(list)
    for number, cell in enumerate(code, start=1):
        for output in cell.outputs:
            if "scrapbook" in output.get("metadata", {}):
                cells[output.metadata["scrapbook"]["name"]].append(number)
    return cells


def shown(output):
    """Return what an output says as text, in any of its forms."""
    forms = output.get("data", {"text/plain": output.get("text", "")})
    texts = (str(text) for kind, text in forms.items() if kind.startswith("text/"))
    return "\n".join(texts)


def faults_of_files(folder, largest):
    """Yield which files are too large."""
    for file in sorted(Path(folder).rglob("*")):
        if file.is_file() and (size := file.stat().st_size) > largest:
            name = file.relative_to(folder).as_posix()
            yield f"{name} has {size:,} bytes, and may have {largest:,}"


def faults(app):
    """Yield what is wrong with the whole book."""
    for docname in sorted(app.env.cells_reads.keys() & app.env.found_docs):
        executed = executed_notebook(app, docname)
        if not executed.exists():
            yield f"{docname} was not executed"
            continue
        for fault in faults_of_page(nbformat.read(executed, as_version=4)):
            yield f"{docname}: {fault}"
    yield from faults_of_files(app.outdir, app.config.checks_largest)


def check(app, error):
    """Fail, if anything is wrong."""
    found = [] if error else list(faults(app))
    if found:
        raise FaultyBookError("\n".join(found))


def setup(app):
    """Register with Sphinx."""
    app.add_config_value("checks_largest", 2_000_000, "")
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
