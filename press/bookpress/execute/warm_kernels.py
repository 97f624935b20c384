"""Kernels that start with their heavy imports done.

The fault that this mends: every Jupyter kernel imports everything again. With torch and
matplotlib that takes four seconds a chapter. Here kernels are forked from one warm
process, ``warm_process``, that has imported them once. Each is a process of its own,
with its own working folder and environment. Delete this file when jupyter_client can
fork kernels.

To use it, under JupyterLab, nbclient or ``jupyter execute``, name the provisioner
``warm`` in a kernel's ``kernel.json``::

    "metadata": {"kernel_provisioner": {
        "provisioner_name": "warm", "config": {"imports": ["torch"]}}}

or for all kernels of a program by two environment variables,
``JUPYTER_DEFAULT_PROVISIONER_NAME=warm`` and ``WARM_IMPORTS="torch numpy"``.

One program has one warm process at a time; kernels that ask for other imports or
another environment get a new one. Where forking is not possible (not on Linux; a module
that starts threads; another language) an ordinary kernel starts, and the log says why.
"""

import asyncio
import json
import os
import pathlib
import signal
import socket
import subprocess
import weakref
from queue import Empty

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner
from traitlets import List, Type, Unicode, default

# What JupyterLab sets anew for each kernel, and no import reads.
OWN = ("JPY_SESSION_NAME", "JPY_PARENT_PID")
LAUNCHER = ["-m", "ipykernel_launcher"]
ALIVE = weakref.WeakSet()  # the forks that somebody still holds


class CannotForkError(Exception):
    """Says why a kernel can't be forked."""


class ForkedKernel:
    """A forked kernel, with those methods of ``Popen`` that a provisioner uses."""

    stdin = stdout = stderr = None

    def __init__(self, pid, lifeline):
        """Hold on to kernel ``pid``; it lives no longer than its lifeline is open."""
        self.pid, self.lifeline, self.code = pid, lifeline, None
        ALIVE.add(self)

    def poll(self):
        """Return the exit code, or ``None`` while the kernel runs."""
        return self._hear(socket.MSG_DONTWAIT)

    def wait(self):
        """Return the exit code once there is one."""
        return self._hear(0)

    def _hear(self, flags):
        if self.code is None:
            try:
                message = self.lifeline.recv(1024, flags)
            except BlockingIOError:
                return None
            except ConnectionError:
                message = b""
            # Without a message the warm process died, and its kernels with it.
            ended = json.loads(message) if message else {"exit": -signal.SIGKILL}
            self.code = ended["exit"]
            self.lifeline.close()
        return self.code

    def send_signal(self, number):
        """Send a signal to the kernel and to all that it started."""
        if self.poll() is None:
            self.lifeline.send(bytes([number]))

    def kill(self):
        """Kill the kernel."""
        self.send_signal(signal.SIGKILL)

    def terminate(self):
        """Ask the kernel to end."""
        self.send_signal(signal.SIGTERM)


class Warm:
    """The warm process for one Python, one environment and one list of imports."""

    now, old = None, ()

    def __init__(self, wanted):
        """Start the process; the first kernels wait until it is warm."""
        python, env, imports = self.wanted = wanted
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # -P: what lies in the working folder is no module.
        command = [
            python,
            "-P",
            "-m",
            "bookpress.execute.warm_process",
            str(theirs.fileno()),
        ]
        with theirs:
            self.process = subprocess.Popen(
                [*command, *imports],
                env=env,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # it ends by its socket, not by Ctrl-C
            )

    @classmethod
    def get_or_start(cls, python, env, imports):
        """Return the warm process that fits, a new one if there is none."""
        env = {name: value for name, value in env.items() if name not in OWN}
        wanted = (python, env, list(imports))
        if cls.now and not (cls.now.wanted == wanted and cls.now.is_alive()):
            cls.now.release()
        if cls.now is None:
            cls.now = cls(wanted)
        return cls.now

    def is_alive(self):
        """Return whether it can be asked, also by a fork of who started it."""
        try:
            return bool(self.control.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except ConnectionError:
            return False

    async def fork(self, **request):
        """Return a kernel for ``request``; its keys are those of ``become_kernel``."""
        lifeline, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        lifeline.setblocking(False)
        try:
            with theirs:
                message = [json.dumps(request).encode()]
                socket.send_fds(self.control, message, [theirs.fileno()])
            answer = await asyncio.get_running_loop().sock_recv(lifeline, 1024)
        except OSError:
            answer = b""
        answer = json.loads(answer or b'{"refused": "the warm process has ended"}')
        if "pid" not in answer:
            lifeline.close()
            reason = f"it ended at once, with {answer.get('exit')}"
            raise CannotForkError(answer.get("refused", reason))
        lifeline.setblocking(True)
        return ForkedKernel(answer["pid"], lifeline)

    @classmethod
    def release(cls):
        """Ask for no more kernels; the process ends when its last one does."""
        if cls.now is not None:
            cls.now.control.close()
            cls.old = [*cls.old, cls.now.process]
            cls.now = None
        cls.old = [process for process in cls.old if process.poll() is None]

    @classmethod
    def end(cls):
        """Kill all kernels and wait for the end of all warm processes."""
        cls.release()
        for fork in ALIVE:
            fork.kill()
        for process in cls.old:
            process.wait()


class WarmProvisioner(LocalProvisioner):
    """Forks a kernel from the warm process, or starts an ordinary one."""

    imports = List(Unicode(), help="Modules that the warm process imports.").tag(
        config=True
    )

    @default("imports")
    def _imports_of_the_environment(self):
        return os.environ.get("WARM_IMPORTS", "").split()

    async def launch_kernel(self, cmd, **kwargs):
        """Launch a kernel and return how to connect to it."""
        try:
            self.process = await self._forked(cmd, **kwargs)
        except CannotForkError as error:
            self.log.warning("An ordinary kernel starts, not a warm one: %s.", error)
            return await super().launch_kernel(cmd, **kwargs)
        # No pgid: signals go over the lifeline, which knows whether the kernel lives.
        self.pid, self.pgid, self.cwd = self.process.pid, None, kwargs.get("cwd")
        return self.connection_info

    async def _forked(self, cmd, env, cwd=None, **_):
        python, *launcher = cmd[:3]
        if not hasattr(os, "pidfd_open"):
            raise CannotForkError("forking needs Linux 5.3 or newer")
        if launcher != LAUNCHER:
            raise CannotForkError("it isn't started by ipykernel_launcher")
        warm = Warm.get_or_start(python, env, self.imports)
        cwd = os.fspath(cwd or pathlib.Path.cwd())
        return await warm.fork(arguments=cmd[3:], cwd=cwd, env=env)


class PromptClient(AsyncKernelClient):
    """A client that is ready as soon as its kernel is.

    jupyter_client's own waits a fifth of a second to see whether more messages come.
    """

    async def wait_for_ready(self, timeout=60):
        """Wait until the kernel was heard on both channels; return its answer."""
        async with asyncio.timeout(timeout):
            while True:
                asked = self.kernel_info()
                reply = await self._answer(self.shell_channel, asked, "language_info")
                if reply and await self._answer(self.iopub_channel, asked, "idle"):
                    return reply
                if not await self._async_is_alive():
                    raise RuntimeError("the kernel died before it was ready")

    async def _answer(self, channel, asked, expected):
        """Return the answer that holds a word; ``None`` if it was missed."""
        try:
            while True:
                message = await channel.get_msg(timeout=1)
                content = message["content"]
                to_us = message["parent_header"].get("msg_id") == asked
                if to_us and (expected in content or expected in content.values()):
                    return content
        except Empty:
            return None


class PromptManager(AsyncKernelManager):
    """A manager whose clients don't wait for nothing."""

    client_factory = Type(PromptClient)
