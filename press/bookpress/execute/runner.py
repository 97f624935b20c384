"""Run notebooks side by side, each in a warm kernel of its own.

The fault that this mends: nbclient runs one notebook, waits a fifth of a second for a
kernel that is ready and a tenth for one that ended, and of a failure it doesn't say in
which cell. Delete it when nbclient runs several.
"""

import asyncio
import contextlib
import json
import logging
import os
import re
import shutil
import sys
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from time import perf_counter

import psutil
from jupyter_client.provisioning import KernelProvisionerFactory
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from bookpress.execute.warm_kernels import PromptManager, Warm

LOG = logging.getLogger(__name__)
NO_HISTORY = "--HistoryManager.hist_file=:memory:"
LONGEST_SOCKET = 90  # characters of a name to which that of a socket is added
# What a kernel has of the environment, besides what the book says: what Python and the
# libraries need to find their files.
PASSED = re.compile(
    "PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TEMP|TMP|VIRTUAL_ENV|LD_LIBRARY_PATH|"
    "SYSTEMROOT|SYSTEMDRIVE|COMSPEC|PATHEXT|APPDATA|LOCALAPPDATA|USERPROFILE|WINDIR|"
    "SOURCE_DATE_EPOCH|(PYTHON|XDG_|CONDA|JUPYTER_|IPYTHON|MPL|COVERAGE_)[A-Z_]*"
)
PREFIX = "bookpress-"  # of temporary folders, before the number of who made it
RECORDER = Path(__file__).with_name("recorder.py")
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Job:
    """A notebook to run: in which folder (none: a fresh one), and how."""

    notebook: NotebookNode
    folder: str | None = None
    timeout: int | None = None
    allow_errors: bool = False
    name: str = ""
    watched: dict | None = None  # what the recorder is told, if the cells' reads matter
    # Once it ran: how long its cells took, when it began, where, and what was noted.
    seconds: float = 0
    since: int = 0
    ran_in: str = ""
    noted: list = field(default_factory=list)


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
        Warm.get_or_start(sys.executable, whole(environment), imports)


def whole(environment):
    """Return the environment of a kernel, of which a book names a part."""
    passed = {k: v for k, v in os.environ.items() if PASSED.fullmatch(k.upper())}
    return {**passed, **environment}


def run_all(jobs, done, **how):
    """Run ``jobs`` in their order, calling ``done(job, error)`` after each.

    ``at_once``: how many at a time; ``imports``, ``environment``: for all kernels.
    """
    try:
        asyncio.run(_run_all(jobs, done, **how))
    finally:
        Warm.release()


def _temporary():
    """Return a temporary folder; first those go that a killed build has left."""
    for old in Path(gettempdir()).glob(f"{PREFIX}*-*"):
        if not psutil.pid_exists(int(old.name.split("-")[1])):
            shutil.rmtree(old, ignore_errors=True)
    prefix = f"{PREFIX}{os.getpid()}-"
    return TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)


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

    with _temporary() as folder:
        managers = [
            _manager(job, f"{folder}/{number}.json", how["imports"])
            for number, job in enumerate(jobs)
        ]
        await asyncio.gather(*map(run_one, jobs, managers))
        await asyncio.gather(*ending)


def _manager(job, connection_file, imports):
    manager = PromptManager(
        kernel_name=job.notebook.metadata["kernelspec"]["name"],
        transport=transport(connection_file),
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


def transport(file):
    """Return how to speak with the kernel: by files if there are such sockets there.

    A port can be taken by somebody else meanwhile.
    """
    return "tcp" if os.name == "nt" or len(file) > LONGEST_SOCKET else "ipc"


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
    fresh = _temporary()
    with contextlib.nullcontext(job.folder) if job.folder else fresh as folder:
        try:
            await _start(client, manager, os.path.abspath(folder), environment)
            job.since, job.ran_in = time.time_ns(), os.path.realpath(folder)
            await _record(client.kc, job)
            started = perf_counter()
            for index, cell in enumerate(job.notebook.cells):
                count = client.code_cells_executed + 1
                await client.async_execute_cell(cell, index, execution_count=count)
            client.set_widgets_metadata()
            await _recorded(client.kc, job)
        except Exception as error:
            raise CellError(error, index) from error
        finally:
            job.seconds = perf_counter() - started
            if client.kc:
                client.kc.stop_channels()


async def _record(client, job):
    """Have all noted, from now on, that the kernel opens."""
    if job.watched is not None:
        how = {**job.watched, "file": _noted_in(client)}
        start = "types.ModuleType('_recorder')"
        await _silently(
            client,
            f"import sys, types\nsys.modules['_recorder'] = {start}\n"
            f"exec(compile({RECORDER.read_text('utf8')!r}, 'recorder.py', 'exec'), "
            "vars(sys.modules['_recorder']))\n"
            f"_recorder = sys.modules['_recorder'].start(**{how!r})\n"
            "sys.modules['_recorder'].now = _recorder\ndel _recorder, sys, types",
        )


async def _recorded(client, job):
    """Take what was noted."""
    if job.watched is not None:
        await _silently(client, "__import__('sys').modules['_recorder'].now.end()")
        lines = Path(_noted_in(client)).read_text("utf8").splitlines()
        job.noted = [json.loads(line) for line in lines]


def _noted_in(client):
    return f"{client.connection_file}.noted"


async def _silently(client, code):
    asked, reply = client.execute(code, silent=True, store_history=False), None
    while not reply or reply["parent_header"].get("msg_id") != asked:
        reply = await client.get_shell_msg(timeout=60)
    if reply["content"]["status"] == "error":
        raise RuntimeError("\n".join(reply["content"]["traceback"]))


async def _start(client, manager, folder, environment):
    env = whole(environment)
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
