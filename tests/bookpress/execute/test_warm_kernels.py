"""Warm kernels, as nbclient, a Jupyter server and ``jupyter execute`` use them.

No test needs torch: what is warm here is a small module of the standard library.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from queue import Empty

import nbclient
import nbformat.v4 as nb
import psutil
import pytest
from jupyter_client import KernelManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from waiting import LONG, until

from bookpress.execute.warm_kernels import PromptManager, Warm

FORKS = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="forks on Linux only")
pytestmark = [FORKS, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(autouse=True)
def no_process_is_left_behind():
    yield
    Warm.end()
    left = [p.cmdline() for p in psutil.Process().children(recursive=True)]
    assert [
        command for command in left if "bookpress.execute.warm_process" in command
    ] == []


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """Return a function that makes a kernel known by its imports, and names it."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(threads, "1")

    def known(*imports):
        folder = tmp_path / "kernels/warm-one"
        folder.mkdir(parents=True)
        stanza = {"provisioner_name": "warm", "config": {"imports": imports}}
        argv = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": argv, "display_name": "Warm", "language": "python"}
        spec["metadata"] = {"kernel_provisioner": stanza}
        (folder / "kernel.json").write_text(json.dumps(spec))
        return "warm-one"

    return known


def notebook(*sources):
    return nb.new_notebook(cells=[nb.new_code_cell(source) for source in sources])


def shown(kernel_name, *sources, cwd=None, **settings):
    """Execute cells; return the last line's value of each as text."""
    book = notebook(*sources)
    where = {"metadata": {"path": cwd}}
    client = nbclient.NotebookClient(
        book, kernel_name=kernel_name, resources=where, **settings
    )
    client.execute()
    return [cell.outputs[-1].data["text/plain"] for cell in book.cells if cell.outputs]


def has_ended(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_for_the_end(*pids):
    until(lambda: all(has_ended(int(pid)) for pid in pids))


def test_a_kernel_starts_with_the_imports_done(kernel):
    source = "import sys; 'colorsys' in sys.modules"
    assert shown("python3", source) == ["False"]
    assert shown(kernel("colorsys"), source) == ["True"]


def test_each_kernel_has_its_process_folder_names_and_random_numbers(kernel, tmp_path):
    name, folders = kernel("random", "numpy"), [tmp_path / "a", tmp_path / "b"]
    ask = "import os, random, numpy; x = globals().get('x', 0) + 1"
    ask += "; [os.getpid(), os.getsid(0), os.getcwd(), x, random.random(),"
    ask += " numpy.random.rand()]"
    runs = []
    for folder in folders:
        folder.mkdir()
        runs.append(eval(shown(name, ask, cwd=folder)[0].replace("np.float64", "")))
    for (pid, session, cwd, x, *_), folder in zip(runs, folders, strict=True):
        assert (session, cwd, x) == (pid, str(folder), 1) and pid != os.getpid()
    assert all(runs[0][i] != runs[1][i] for i in (0, 4, 5))


def test_a_kernel_has_the_environment_it_was_started_with(kernel, monkeypatch):
    name = kernel("colorsys")
    ask = "import os; [os.environ.get('WHO'), os.getppid()]"
    seen = []
    for who in ("first", "second"):
        monkeypatch.setenv("WHO", who)
        seen += map(eval, shown(name, ask))
    assert [who for who, _ in seen] == ["first", "second"]
    # What an import read of the environment must be this kernel's too.
    assert seen[0][1] != seen[1][1]


def test_a_cell_over_its_time_is_interrupted_and_the_kernel_goes_on(kernel, tmp_path):
    name, mark = kernel(), tmp_path / "mark"
    endless = f"""
import time
try:
    open({str(mark)!r}, "w").close()
    while True: time.sleep(0.1)
except KeyboardInterrupt:
    x = "stopped"
"""

    def time_of(cell):
        """Give the endless cell a second from when it has begun."""
        return until(mark.exists) and 1 if cell.source == endless else LONG

    how = {"timeout_func": time_of, "interrupt_on_timeout": True}
    assert shown(name, endless, "x", **how, error_on_timeout=None) == ["'stopped'"]
    with pytest.raises(CellTimeoutError):
        shown(name, endless, timeout=1)


def test_a_kernel_that_is_killed_is_noticed(kernel):
    with pytest.raises(DeadKernelError):
        shown(kernel(), "import os; os.kill(os.getpid(), 9)")


def test_nobody_can_be_asked_for_input(kernel):
    with pytest.raises(CellExecutionError, match="StdinNotImplementedError"):
        shown(kernel(), "input()")


def test_what_a_cell_started_ends_with_its_kernel(kernel, tmp_path):
    start = "import os, subprocess; pid = subprocess.Popen(['sleep', '600']).pid\n"
    start += f"open({str(tmp_path / 'pid')!r}, 'w').write(str(pid)); pid"
    wait_for_the_end(shown(name := kernel(), start)[0])
    # Killed, a kernel ends nothing itself.
    with pytest.raises(DeadKernelError):
        shown(name, start, "os.kill(os.getpid(), 9)")
    wait_for_the_end((tmp_path / "pid").read_text())


def test_an_exit_handler_runs_and_the_exit_code_is_heard(kernel, tmp_path):
    manager = KernelManager(kernel_name=kernel())
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=LONG)
    mark = tmp_path / "mark"
    client.execute_interactive(
        f"import atexit; atexit.register(open, {str(mark)!r}, 'w')"
    )
    process = manager.provisioner.process
    client.stop_channels()
    manager.shutdown_kernel()
    assert mark.exists() and process.poll() == 0


def test_the_kernels_of_a_killed_program_end_with_it(kernel, tmp_path):
    pids = tmp_path / "pids"
    start = "import os, subprocess; p = subprocess.Popen(['sleep', '600'])\n"
    start += "text = f'{os.getpid()} {os.getppid()} {p.pid}'\n"
    start += f"open({str(pids)!r}, 'w').write(text)"
    program = "import nbclient, nbformat.v4 as nb; book = nb.new_notebook(cells="
    program += f"[nb.new_code_cell({start!r}), nb.new_code_cell('while True: pass')])\n"
    program += f"nbclient.NotebookClient(book, kernel_name={kernel()!r}).execute()"
    run = subprocess.Popen([sys.executable, "-c", program])
    until(lambda: pids.exists() and pids.read_text())
    run.send_signal(signal.SIGKILL)
    run.wait()
    wait_for_the_end(*pids.read_text().split())


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("import threading, time; threading.Thread(target=time.sleep, "
         "args=(600,), daemon=True).start()", "has 2 threads"),
        ("1 / 0", "ZeroDivisionError"),
        ("import os; os._exit(7)", "the warm process has ended"),
    ],
)  # fmt: skip
def test_where_it_cannot_fork_an_ordinary_kernel_starts_and_says_why(
    kernel, tmp_path, monkeypatch, caplog, module, reason
):
    (tmp_path / "unfit.py").write_text(module)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    assert shown(kernel("unfit"), "1 + 1") == ["2"]
    said = [r.getMessage() for r in caplog.records if "ordinary" in r.getMessage()]
    assert len(said) == 1 and reason in said[0]


def test_a_jupyter_server_can_interrupt_restart_and_end_a_kernel(kernel):
    async def use():
        kernels = AsyncMappingKernelManager()
        number = await kernels.start_kernel(kernel_name=kernel("colorsys"))
        manager = kernels.get_kernel(number)
        pids = [manager.provisioner.pid]
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=LONG)
        client.execute(
            "import time; print('on', flush=True)\nwhile True: time.sleep(1)"
        )
        while (await client.get_iopub_msg(timeout=LONG))["msg_type"] != "stream":
            pass
        await kernels.interrupt_kernel(number)
        answer = await client.get_shell_msg(timeout=LONG)
        assert answer["content"]["ename"] == "KeyboardInterrupt"
        client.stop_channels()
        await kernels.restart_kernel(number)
        pids.append(manager.provisioner.pid)
        assert await manager.is_alive()
        await kernels.shutdown_kernel(number)
        return pids

    pids = asyncio.run(use())
    assert pids[0] != pids[1]
    wait_for_the_end(*pids)


def test_jupyter_execute_finds_the_provisioner_by_its_name(tmp_path, kernel):
    source = "import sys; 'colorsys' in sys.modules"
    path = tmp_path / "one.ipynb"
    path.write_text(json.dumps(notebook(source)))
    env = {**os.environ, "JUPYTER_DEFAULT_PROVISIONER_NAME": "warm"}
    env |= {"WARM_IMPORTS": "colorsys", "OMP_NUM_THREADS": "1"}
    execute = Path(sys.executable).with_name("jupyter-execute")
    subprocess.run(
        [execute, "--inplace", path], env=env, check=True, capture_output=True
    )
    (cell,) = json.loads(path.read_text())["cells"]
    assert cell["outputs"][0]["data"]["text/plain"] == ["True"]


def patient(channel, unanswered):
    """Let a channel wait for a message however long; note when none came."""
    get = channel.get_msg

    async def get_msg(timeout=None):
        try:
            return await get(timeout=10)
        except Empty:
            unanswered.append(channel)
            raise

    channel.get_msg = get_msg


def test_a_prompt_client_waits_for_nothing_but_messages_and_misses_none(kernel):
    async def use():
        manager = PromptManager(kernel_name=kernel())
        await manager.start_kernel()
        client, unanswered = manager.client(), []
        client.start_channels()
        answer = await client.wait_for_ready(timeout=LONG)
        for channel in (client.shell_channel, client.iopub_channel):
            patient(channel, unanswered)
        await client.wait_for_ready(timeout=LONG)
        assert unanswered == []
        # The next message is of the next request: none is left, none is lost.
        asked, heard = client.execute("print(1)"), []
        while heard[-1:] != ["idle"]:
            message = await client.get_iopub_msg(timeout=LONG)
            assert message["parent_header"]["msg_id"] == asked
            state = message["content"].get("execution_state")
            heard.append(state or message["msg_type"])
        assert heard == ["busy", "execute_input", "stream", "idle"]
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
        return answer["language_info"]["name"]

    assert asyncio.run(use()) == "python"
