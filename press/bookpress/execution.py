"""Execute the pages that changed, all at once, before Sphinx reads them.

The fault that this mends: myst-nb runs one page after the other, each in a kernel that
imports everything anew; it doesn't see that a module changed under a page; and of a
failure it names the page alone. Here all stale pages run side by side in kernels that
are warm, the longest first, and myst-nb finds the outputs in its cache. Delete it when
myst-nb runs pages in parallel and knows what they depend on.

Settings, in ``sphinx: config:`` (``execute_notebooks`` must be ``cache``):

``cells_imports``: modules that are loaded once, for all pages; none of the book's own.
``cells_sources``: the folders of the book's own modules.
``cells_lock``: files on which all pages depend, such as the list of pinned packages.
``cells_environment``: variables for all kernels. By default what makes digits depend on
the machine: one thread, no order by chance, one time zone and language.
``cells_jobs``: how many pages run at once; as many as there are cores if it is 0.
"""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import nbformat
import yaml
from myst_nb.core.config import NbParserConfig
from myst_nb.core.read import create_nb_reader
from myst_nb.core.utils import coalesce_streams
from nbformat import NotebookNode
from sphinx.errors import SphinxError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from bookpress.needs import Needs, Sources
from bookpress.outputs import Outputs
from bookpress.running import Job, run_all, start_warming
from bookpress.warm_kernels import Warm

LOG = logging.getLogger(__name__)
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
    "LC_ALL": "C.UTF-8",
}
FRONT_MATTER = re.compile(r"\A---\n(.*?\n)---\s*\n", re.DOTALL)


class CellsFailedError(SphinxError):
    """Some pages did not run to their end."""

    category = "The book was not built: cells failed"


class LostCell(SphinxDirective):
    """A cell on a page that is not a notebook, which would never run."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True

    def run(self):
        """Fail."""
        raise CellsFailedError(
            f"{self.env.docname}, line {self.lineno}: a cell, but the page is no "
            "notebook. Copy the front matter, down to `kernelspec`, of one that is."
        )


@dataclass
class Page:
    """A page with cells."""

    docname: str
    path: Path
    notebook: NotebookNode
    config: NbParserConfig
    needs: Needs

    def job(self):
        """Return how to run it."""
        own = self.notebook.metadata.get("execution", {})
        return Job(
            self.notebook,
            folder=None if self.config.execution_in_temp else str(self.path.parent),
            timeout=own.get("timeout", self.config.execution_timeout),
            allow_errors=own.get("allow_errors", self.config.execution_allow_errors),
            name=self.docname,
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


def read_page(env, docname):
    """Return a page if it has cells that myst-nb is to run, else ``None``."""
    path = Path(env.doc2path(docname))
    text, config = path.read_text("utf8"), env.mystnb_config
    reader = create_nb_reader(str(path), env.myst_config, config, text)
    if reader is None:
        return None
    notebook = reader.read(text)
    own = notebook.metadata.get(config.metadata_key, {})
    config = config.copy(**{k: own[k] for k in own if k != "output_folder"})
    excluded = map(PurePosixPath(path).match, config.execution_excludepatterns)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    if not sources or config.execution_mode != "cache" or any(excluded):
        return None
    if "name" not in notebook.metadata.get("kernelspec", {}):
        raise CellsFailedError(f"{docname}: its front matter names no `kernelspec`.")
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"  # the reader's are drawn by chance
    return Page(docname, path, notebook, config, Needs.of_cells(sources))


def with_digest(text, digest):
    """Return a page's source with a digest beside its kernel's name, lines unmoved."""
    if text.startswith("{"):
        notebook = json.loads(text)
        notebook["metadata"]["kernelspec"]["digest"] = digest
        return json.dumps(notebook)
    start, front = FRONT_MATTER.match(text).start(1), FRONT_MATTER.match(text)[1]
    ((begin, end),) = (
        (value.start_mark.index, value.end_mark.index)
        for key, value in yaml.compose(front, yaml.SafeLoader).value
        if key.value == "kernelspec"
    )
    spec = {**yaml.safe_load(front)["kernelspec"], "digest": digest}
    lines = "\n" * front.count("\n", begin, end)
    return text[: start + begin] + json.dumps(spec) + lines + text[start + end :]


def _sources(app):
    if not hasattr(app, "cells_sources"):
        home, config = Path(app.srcdir), app.config
        app.cells_sources = Sources(
            [home / folder for folder in config.cells_sources],
            always=[home / file for file in config.cells_lock],
            settings=config.cells_environment,
        )
    return app.cells_sources


def _digest(app, docname):
    folder = Path(app.env.doc2path(docname)).parent
    return _sources(app).digest(app.env.cells_needs[docname], folder)


def warm_early(app, config):
    """Begin with the imports while Sphinx starts, if all pages will have to run."""
    folder = (
        config.nb_execution_cache_path or Path(app.outdir).parent / ".jupyter_cache"
    )
    if config.nb_execution_mode == "cache" and not Path(folder).exists():
        start_warming(config.cells_imports, config.cells_environment)


def remember(app):
    """Have a place for what pages need, kept from build to build."""
    app.cells_pages = {}
    for name in ("cells_needs", "cells_digests"):
        if not hasattr(app.env, name):
            setattr(app.env, name, {})


def changed_below(app, env, added, changed, removed):
    """Return the pages under which something changed, though they did not."""
    for docname in added | changed | removed:
        env.cells_needs.pop(docname, None)
    known = env.cells_needs.keys() & env.found_docs
    return [name for name in known if _digest(app, name) != env.cells_digests[name]]


def run_stale(app, env, docnames):
    """Run those pages that Sphinx is about to read and whose outputs are not known."""
    pages = [page for name in docnames if (page := read_page(env, name))]
    for page in pages:
        env.cells_needs[page.docname] = page.needs
        digest = env.cells_digests[page.docname] = _digest(app, page.docname)
        page.notebook.metadata["kernelspec"]["digest"] = digest
    app.cells_pages = {page.docname: page for page in pages}
    if not pages:
        return
    outputs = Outputs(env.mystnb_config.execution_cache_path)
    if outputs.set_aside:
        LOG.info("The cache of outputs is damaged. It is now %s.", outputs.set_aside)
    try:
        _run([page for page in pages if not outputs.fill(page.notebook)], outputs, app)
    finally:
        outputs.close()


def _run(pages, outputs, app):
    known = {page.docname: outputs.seconds(page.path) for page in pages}
    # Longest first; one that never ran may be the longest of all.
    pages.sort(key=lambda page: -(known[page.docname] or float("inf")))
    by_name, failures = {page.docname: page for page in pages}, []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
    at_once = min(app.config.cells_jobs or cores, len(pages) or 1)

    def done(job, error):
        page = by_name.pop(job.name)
        count = f"{len(pages) - len(by_name)}/{len(pages)}"
        failed = " FAILED" if error else ""
        LOG.info("%s %s: %.1f s%s", count, job.name, job.seconds, failed)
        if error:
            failures.append(page.failure(error))
        else:
            outputs.put(job.notebook, page.path, job.seconds)

    if pages:
        LOG.info("executing %d pages, %d at a time", len(pages), at_once)
        how = {
            "imports": list(app.config.cells_imports),
            "environment": app.config.cells_environment,
        }
        run_all([page.job() for page in pages], done, at_once=at_once, **how)
    if failures:
        raise CellsFailedError("\n\n".join(sorted(failures)))


def add_digest(app, docname, source):
    """Let myst-nb look for the outputs that belong to all that a page needs."""
    if docname in app.env.cells_needs:
        source[0] = with_digest(source[0], app.env.cells_digests[docname])


def write_notebook(app, doctree):
    """Write the page as it was executed, without the digest.

    What myst-nb wrote has no outputs when they are from its cache.
    """
    docname = app.env.docname
    if docname in app.cells_pages:
        app.env.metadata[docname]["kernelspec"].pop("digest", None)
        notebook = app.cells_pages[docname].notebook
        notebook.metadata["kernelspec"].pop("digest", None)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                # What it prints arrives in pieces, and where they end is chance.
                cell.outputs = coalesce_streams(cell.outputs)
        nbformat.write(notebook, executed_notebook(app, docname))


def executed_notebook(app, docname):
    """Return where myst-nb leaves what it executed."""
    return Path(app.outdir).parent / "jupyter_execute" / f"{docname}.ipynb"


def forget(app, env, docname):
    """Remove what was executed of a page that is removed, or will be read again."""
    executed_notebook(app, docname).unlink(missing_ok=True)


def end(app, error):
    """Leave no process behind."""
    Warm.end()


def setup(app):
    """Register with Sphinx."""
    app.add_config_value("cells_imports", [], "")
    app.add_config_value("cells_sources", [], "env")
    app.add_config_value("cells_lock", [], "env")
    app.add_config_value("cells_environment", ENVIRONMENT, "env")
    app.add_config_value("cells_jobs", 0, "")
    app.add_directive("code-cell", LostCell, override=True)
    app.connect("config-inited", warm_early)
    app.connect("builder-inited", remember)
    app.connect("env-get-outdated", changed_below)
    app.connect("env-before-read-docs", run_stale)
    # Before other extensions change what they are given.
    app.connect("source-read", add_digest, priority=100)
    app.connect("doctree-read", write_notebook)
    app.connect("env-purge-doc", forget)
    app.connect("build-finished", end)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
