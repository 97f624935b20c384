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
the machine: one thread, no order by chance, one time zone and language. Of the
environment of the build kernels get, besides, what ``runner`` lists, and nothing else.
``cells_jobs``: how many pages run at once; as many as there are cores if it is 0.
"""

import os
from pathlib import Path

import nbformat
from myst_nb.core.utils import coalesce_streams
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from bookpress.execute.dependencies import Dependencies, OtherSourceError
from bookpress.execute.output_cache import Outputs
from bookpress.execute.reading import CellsFailedError, read_page, with_digest
from bookpress.execute.runner import run_all, start_warming
from bookpress.execute.warm_kernels import Warm
from bookpress.order import connect
from bookpress.settings import existing

LOG = logging.getLogger(__name__)
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
    "LC_ALL": "C.UTF-8",
}


class LostCell(SphinxDirective):
    """A cell on a page that is not a notebook, which would never run."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True

    def run(self):
        """Fail."""
        place = f"{self.env.docname}, line {self.lineno}: a cell"
        if self.env.docname in self.env.cells_reads:
            raise CellsFailedError(
                f"{place} inside another block, where it never runs. Put it outside."
            )
        raise CellsFailedError(
            f"{place}, but the page is no notebook. Copy the front matter, down to "
            "`kernelspec`, of one that is."
        )


def _dependencies(app):
    if not hasattr(app, "cells_dependencies"):
        app.cells_dependencies = Dependencies(
            app.srcdir,
            existing(app, "cells_sources"),
            lock=existing(app, "cells_lock"),
            environment=app.config.cells_environment,
        )
    return app.cells_dependencies


def warm_early(app, config):
    """Begin with the imports while Sphinx starts, if all pages will have to run."""
    folder = (
        config.nb_execution_cache_path or Path(app.outdir).parent / ".jupyter_cache"
    )
    if config.nb_execution_mode == "cache" and not Path(folder).exists():
        start_warming(config.cells_imports, config.cells_environment)


def remember(app):
    """Have a place for what pages read, kept from build to build."""
    app.cells_pages = {}
    for name in ("cells_reads", "cells_digests"):
        if not hasattr(app.env, name):
            setattr(app.env, name, {})


def changed_below(app, env, added, changed, removed):
    """Return the pages under which something changed, though they did not."""
    for docname in added | changed | removed:
        env.cells_reads.pop(docname, None)
    depends, known = _dependencies(app), env.cells_reads.keys() & env.found_docs
    return [name for name in known if not _is_as_it_was(depends, env, name)]


def _is_as_it_was(depends, env, docname):
    """Return whether all that a page depends on is as it was when it was read."""
    reads = env.cells_reads[docname]
    return depends.are(reads) and depends.digest(reads) == env.cells_digests[docname]


def run_stale(app, env, docnames):
    """Run those pages that Sphinx is about to read and whose outputs are not known."""
    pages = [page for name in docnames if (page := read_page(env, name))]
    app.cells_pages = {page.docname: page for page in pages}
    if not pages:
        return
    outputs = Outputs(env.mystnb_config.execution_cache_path)
    if outputs.set_aside:
        LOG.info("The cache of outputs is damaged. It is now %s.", outputs.set_aside)
    depends = _dependencies(app)
    try:
        found = {page.docname: outputs.fill(page.notebook, depends) for page in pages}
        stale = [page for page in pages if found[page.docname] is None]
        found |= _run(stale, outputs, app)
    finally:
        outputs.close()
    for docname, reads in found.items():
        env.cells_reads[docname] = reads
        env.cells_digests[docname] = depends.digest(reads)


def _run(pages, outputs, app):
    known = {page.docname: outputs.seconds(page.path) for page in pages}
    # Longest first; one that never ran may be the longest of all.
    pages.sort(key=lambda page: -(known[page.docname] or float("inf")))
    by_name, failures, found = {page.docname: page for page in pages}, [], {}
    depends = _dependencies(app)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
    at_once = min(app.config.cells_jobs or cores, len(pages) or 1)

    def done(job, error):
        page = by_name.pop(job.name)
        count = f"{len(pages) - len(by_name)}/{len(pages)}"
        failed = " FAILED" if error else ""
        LOG.info("%s %s: %.1f s%s", count, job.name, job.seconds, failed)
        if error:
            return failures.append(page.failure(error))
        if large := page.too_large(getattr(app.config, "checks_largest", None)):
            return failures.append(large)
        place = job.ran_in if job.folder is None else ""
        try:
            reads = depends.reads(job.noted, place, job.since, page.declared)
        except OtherSourceError as another:
            return failures.append(f"{page.docname}: {another}")
        found[page.docname] = reads
        return outputs.put(job.notebook, page.path, job.seconds, reads, depends)

    if pages:
        LOG.info("executing %d pages, %d at a time", len(pages), at_once)
        how = {
            "imports": list(app.config.cells_imports),
            "environment": app.config.cells_environment,
        }
        watched = depends.watched()
        run_all([page.job(watched) for page in pages], done, at_once=at_once, **how)
    if failures:
        raise CellsFailedError("\n\n".join(sorted(failures)))
    return found


def add_digest(app, docname, source):
    """Let myst-nb look for the outputs that belong to all that a page needs."""
    if docname in app.env.cells_reads:
        try:
            source[0] = with_digest(source[0], app.env.cells_digests[docname])
        except CellsFailedError as error:
            raise CellsFailedError(f"{docname}: {error}") from None


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
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
