"""A page with cells, as myst-nb reads it, and what its front matter says of them.

The fault that this mends: myst-nb reads a page without looking at how it begins, and
runs, or leaves out, what the front matter or ``_config.yml`` asks it to, in silence.
Here a page with cells is one that the build runs, or an error that names it. Delete it
when myst-nb refuses a page with cells that it would not run.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import yaml
from jupyter_client.kernelspec import KernelSpecManager
from myst_nb.core.config import NbParserConfig
from myst_nb.core.read import create_nb_reader
from nbformat import NotebookNode
from sphinx.errors import SphinxError

from bookpress.execute.runner import Job

FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)---[ \t]*(\n|\Z)", re.DOTALL)
UNSEEN = (
    "{}: its cells would not be run, or by nobody who looks whether what they said is "
    "still so. Take `execution_mode` out of its front matter, the page out of "
    "`exclude_patterns` below `execute` in _config.yml, and have `execute_notebooks: "
    "cache` there."
)
TOO_LARGE = (
    "{}, cell {}: shows {:,} bytes of {}, and may show {:,}. Draw fewer points, or "
    "have them drawn as pixels (`rasterized=True`)."
)


class CellsFailedError(SphinxError):
    """Some pages did not run to their end."""

    category = "The book was not built: cells failed"


@dataclass
class Page:
    """A page with cells."""

    docname: str
    path: Path
    notebook: NotebookNode
    config: NbParserConfig

    @property
    def own(self):
        """Return what its front matter says of its execution."""
        return self.notebook.metadata.get("execution", {})

    @property
    def declared(self):
        """Return the files that programs read which its cells start."""
        return [str(self.path.parent / name) for name in self.own.get("reads", [])]

    def job(self, watched):
        """Return how to run it."""
        own = self.own
        return Job(
            self.notebook,
            folder=None if self.config.execution_in_temp else str(self.path.parent),
            timeout=own.get("timeout", self.config.execution_timeout),
            allow_errors=own.get("allow_errors", self.config.execution_allow_errors),
            name=self.docname,
            watched={**watched, "programs": "reads" in own},
        )

    def failure(self, error):
        """Return where an error is, and what it says."""
        if error.index is None:
            return f"{self.docname}: the kernel did not start: {error}"
        cells = self.notebook.cells[: error.index + 1]
        number = sum(cell.cell_type == "code" for cell in cells)
        place = f"{self.docname}, cell {number}"
        if "source_map" in self.notebook.metadata:
            line = self.notebook.metadata["source_map"][error.index] + 1
            place = f"{place}, line {line}"
        return f"{place}: {error}"

    def too_large(self, largest):
        """Return which cell shows more than ``largest`` bytes, if one does."""
        code = [cell for cell in self.notebook.cells if cell.cell_type == "code"]
        for number, cell in enumerate(code, start=1):
            for output in cell.outputs:
                for form, shown in output.get("data", {}).items():
                    if largest and len(str(shown)) > largest:
                        return TOO_LARGE.format(
                            self.docname, number, len(str(shown)), form, largest
                        )
        return None


@cache
def kernels():
    """Return the names of the kernels that are installed."""
    return sorted(KernelSpecManager().find_kernel_specs())


def read_text(path, docname):
    """Return the text of a page; a mark of its byte order is no part of it."""
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CellsFailedError(f"{docname}: save it as UTF-8. {error}") from error


def read_page(env, docname):
    """Return a page if it has cells that myst-nb is to run, else ``None``."""
    path = Path(env.doc2path(docname))
    text, config = read_text(path, docname), env.mystnb_config
    reader = create_nb_reader(str(path), env.myst_config, config, text)
    if reader is None:
        return None
    notebook = reader.read(text)
    own = notebook.metadata.get(config.metadata_key, {})
    try:
        config = config.copy(**{k: own[k] for k in own if k != "output_folder"})
    except (TypeError, ValueError) as error:
        raise CellsFailedError(f"{docname}: {error}") from error
    excluded = map(PurePosixPath(path).match, config.execution_excludepatterns)
    if all(cell.cell_type != "code" for cell in notebook.cells):
        return None
    if config.execution_mode != "cache" or any(excluded):
        raise CellsFailedError(UNSEEN.format(docname))
    if "name" not in notebook.metadata.get("kernelspec", {}):
        raise CellsFailedError(f"{docname}: its front matter names no `kernelspec`.")
    if (name := notebook.metadata["kernelspec"]["name"]) not in kernels():
        there = ", ".join(kernels())
        raise CellsFailedError(
            f"{docname}: its kernel {name} is not installed, which its front matter "
            f"names. There are: {there}."
        )
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"  # the reader's are drawn by chance
    return Page(docname, path, notebook, config)


def with_digest(text, digest):
    """Return a page's source with a digest beside its kernel's name, lines unmoved."""
    if text.lstrip().startswith("{"):
        notebook = json.loads(text)
        notebook["metadata"]["kernelspec"]["digest"] = digest
        return json.dumps(notebook)
    found = FRONT_MATTER.match(text)
    if not found:
        raise CellsFailedError(
            "a page with cells must begin with its front matter, between two lines of "
            f"`---`. This one begins with {text[:40]!r}."
        )
    start, front = found.start(1), found[1]
    ((begin, end),) = (
        (value.start_mark.index, value.end_mark.index)
        for key, value in yaml.compose(front, yaml.SafeLoader).value
        if key.value == "kernelspec"
    )
    spec = {**yaml.safe_load(front)["kernelspec"], "digest": digest}
    lines = "\n" * front.count("\n", begin, end)
    return text[: start + begin] + json.dumps(spec) + lines + text[start + end :]
