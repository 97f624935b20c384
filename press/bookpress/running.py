"""Run notebooks side by side, each in a warm kernel of its own.

The fault that this mends: nbclient runs one notebook, waits a fifth of a second for a
kernel that is ready and a tenth for one that ended, and of a failure it doesn't say in
which cell. Delete it when nbclient runs several.
"""

import asyncio
import contextlib
import logging
import os
import re
import sys
from dataclasses import dataclass
from functools import cache
from tempfile import TemporaryDirectory
from time import perf_counter

from jupyter_client.provisioning import KernelProvisionerFactory
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from bookpress.warm_kernels import PromptManager, Warm

LOG = logging.getLogger(__name__)
NO_HISTORY = "--HistoryManager.hist_file=:memory:"
# Files, where there are such sockets: a port can be taken by somebody else meanwhile.
TRANSPORT = "tcp" if os.name == "nt" else "ipc"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Job:
    """A notebook to run: in which folder (none: a fresh one), and how."""

    notebook: NotebookNode
    folder: str | None = None
    timeout: int | None = None
    allow_errors: bool = False
    name: str = ""
    seconds: float = 0  # that its cells took, once it ran


class CellError(Exception):
    """A cell that did not run to its end; ``index`` is its place in the notebook."""

    def __init__(self, error, index=None):
        """Say in plain text what went wrong."""
        said = "\n" + error.traceback if isinstance(error, CellExecutionError) else ""
        if isinstance(error, DeadKernelError):
            error = "the kernel died"
        elif isinstance(error, CellTimeoutError):
            error = "the cell took longer than it may"
        elif isinstance(error, CellExecutionError):
            error = f"{error.ename}: {error.evalue}"
        super().__init__(ANSI.sub("", f"{error}{said}"))
        self.index = index


def start_warming(imports, environment):
    """Let the imports begin; the first kernels will be forked when they are done."""
    if hasattr(os, "pidfd_open"):
        Warm.up(sys.executable, {**os.environ, **environment}, imports)


def run_all(jobs, done, **how):
    """Run ``jobs`` in their order, calling ``done(job, error)`` after each.

    ``at_once``: how many at a time; ``imports``, ``environment``: for all kernels.
    """
    try:
        asyncio.run(_run_all(jobs, done, **how))
    finally:
        Warm.let_go()


async def _run_all(jobs, done, at_once, **how):
    turn, ending = asyncio.Semaphore(at_once), []

    async def run_one(job, manager):
        async with turn:
            error = None
            try:
                await _run(job, manager, how["environment"])
            except CellError as failed:
                error = failed
            # The next one need not wait until this kernel is gone.
            ending.append(asyncio.create_task(_stop(manager)))
            done(job, error)

    with TemporaryDirectory() as folder:
        managers = [
            _manager(job, f"{folder}/{number}.json", how["imports"])
            for number, job in enumerate(jobs)
        ]
        await asyncio.gather(*map(run_one, jobs, managers))
        await asyncio.gather(*ending)


def _manager(job, connection_file, imports):
    manager = PromptManager(
        kernel_name=job.notebook.metadata["kernelspec"]["name"],
        transport=TRANSPORT,
        connection_file=connection_file,
    )
    warm = {"provisioner_name": "warm", "config": {"imports": imports}}
    metadata = {"kernel_provisioner": warm, **manager.kernel_spec.metadata}
    manager.kernel_spec.metadata = metadata
    if not KernelProvisionerFactory.instance().is_provisioner_available(
        manager.kernel_spec
    ):
        metadata.pop("kernel_provisioner")
        _say_once(
            "Ordinary kernels start, not warm ones: `pip install -e press` is missing."
        )
    return manager


@cache
def _say_once(text):
    LOG.warning(text)


async def _run(job, manager, environment):
    client = NotebookClient(
        job.notebook,
        km=manager,
        timeout=job.timeout,
        allow_errors=job.allow_errors,
        record_timing=False,  # it would stand in the cells, which the cache looks at
        # What is printed arrives in pieces, and myst-nb starts a line with each.
        coalesce_streams=True,
    )
    index, started = None, perf_counter()
    fresh = TemporaryDirectory(ignore_cleanup_errors=True)
    with contextlib.nullcontext(job.folder) if job.folder else fresh as folder:
        try:
            await _start(client, manager, os.path.abspath(folder), environment)
            started = perf_counter()
            for index, cell in enumerate(job.notebook.cells):
                count = client.code_cells_executed + 1
                await client.async_execute_cell(cell, index, execution_count=count)
            client.set_widgets_metadata()
        except Exception as error:
            raise CellError(error, index) from error
        finally:
            job.seconds = perf_counter() - started
            if client.kc:
                client.kc.stop_channels()


async def _start(client, manager, folder, environment):
    env = {**os.environ, **environment}
    await manager.start_kernel(cwd=folder, env=env, extra_arguments=[NO_HISTORY])
    client.kc = manager.client()
    client.kc.start_channels(hb=False)
    answer = await client.kc.wait_for_ready()
    client.kc.allow_stdin = False
    client.nb.metadata["language_info"] = answer["language_info"]


async def _stop(manager):
    # A kernel that is gone already, or never came, is what we want.
    with contextlib.suppress(Exception):
        await manager.shutdown_kernel(now=True)
