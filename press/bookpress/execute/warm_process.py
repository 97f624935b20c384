"""One process with the heavy imports done, which forks a kernel at each request.

Started by ``warm_kernels``, whose docstring says why, and deleted with it. It runs as
``python -m bookpress.execute.warm_process FD MODULE...``; requests come over the socket
FD, each with a second socket, the kernel's lifeline. The kernel's number, once it
listens, and its exit code go out on it, and signals for the kernel come in. When nobody
holds its other end any more, the kernel is killed with all that it started.

The process ends when its last kernel has, once nobody can ask for another. Then it ends
what a kernel started and detached from itself, which has come to this process.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
from contextlib import suppress
from functools import partial

import psutil

# What a kernel imports before its first cell. Not matplotlib_inline.backend_inline:
# imported here, no figure would be shown.
KERNEL = (
    "ipykernel.kernelapp",
    "ipykernel.debugger",
    "IPython.core.debugger",
    "IPython.extensions.storemagic",
    "sqlite3",
    "tornado.platform.asyncio",
)
PR_SET_CHILD_SUBREAPER = 36  # of linux/prctl.h
LONGEST = 1 << 20  # bytes of a request, most of them its environment


def warm_up(modules):
    """Import ``modules``; return why forking is not safe then, or an empty text."""
    # As a kernel does before its first import of matplotlib.
    inline = "module://matplotlib_inline.backend_inline"
    os.environ.setdefault("MPLBACKEND", inline)
    # Else importing a kernel's debugger prints four lines about frozen modules.
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    for name in (*KERNEL, *modules):
        try:
            importlib.import_module(name)
        except Exception as error:
            return f"importing {name} failed: {error!r}"
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:
        return f"after its imports the warm process has {threads} threads, not one"
    # The collector would write into every object, and copy each page for each kernel.
    gc.collect()
    gc.freeze()
    return ""


class ForkServer:
    """The kernels that were forked and are not yet done."""

    def __init__(self, control, refusal):
        """Wait on the socket ``control``; refuse all requests if there is a reason."""
        self.control, self.refusal = control, refusal
        self.waiting = selectors.DefaultSelector()
        self.waiting.register(control, selectors.EVENT_READ, self.answer)

    def serve(self):
        """Return the request in each kernel, and ``None`` when there is no more."""
        while self.waiting.get_map():
            for key, _ in self.waiting.select():
                if request := key.data():
                    return request
        return None

    def answer(self):
        """Fork for one request; return it in the fork."""
        message, (lifeline, *_), *_ = self.receive()
        if not message:
            self.waiting.unregister(self.control)
        elif self.refusal:
            tell(lifeline, refused=self.refusal)
            os.close(lifeline)
        elif pid := os.fork():
            self.watch(pid, lifeline)
        else:
            self.forget()
            return {**json.loads(message), "lifeline": lifeline}
        return None

    def receive(self):
        """Return a message and its files; no message when nobody is left."""
        try:
            message, files, *_ = socket.recv_fds(self.control, LONGEST, 1)
        except ConnectionError:
            message, files = b"", []
        return message, files or [None]

    def watch(self, pid, lifeline):
        """Wait for the end of a kernel and for signals to it."""
        done = os.pidfd_open(pid)
        end = partial(self.end, pid, lifeline, done)
        self.waiting.register(done, selectors.EVENT_READ, end)
        pass_on = partial(self.pass_on, pid, lifeline)
        self.waiting.register(lifeline, selectors.EVENT_READ, pass_on)

    def pass_on(self, pid, lifeline):
        """Send a kernel the signals that came for it, or kill it if it is alone."""
        try:
            signals = os.read(lifeline, 16)
        except ConnectionError:
            signals = b""
        for number in signals or [signal.SIGKILL]:
            to_group(pid, number)
        if not signals:
            self.waiting.unregister(lifeline)

    def end(self, pid, lifeline, done):
        """Tell the exit code of a kernel that ended, and kill what it left behind."""
        to_group(pid, signal.SIGKILL)  # before the number is free for another
        _, status = os.waitpid(pid, 0)
        tell(lifeline, exit=os.waitstatus_to_exitcode(status))
        for file in (done, lifeline):
            if file in self.waiting.get_map():
                self.waiting.unregister(file)
            os.close(file)

    def forget(self):
        """Close, in a fork, what belongs to the others."""
        for key in list(self.waiting.get_map().values()):
            if key.fileobj is not self.control:
                os.close(key.fd)
        self.control.close()
        self.waiting.close()


def tell(lifeline, **message):
    """Send a message to whoever asked for a kernel, if it is still there."""
    # A closed lifeline is none of our business: pass_on will hear of it.
    with suppress(OSError):
        os.write(lifeline, json.dumps(message).encode())


def to_group(pid, number):
    """Send a signal to a kernel and all that it started."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        # It has not made its group yet, or nobody is left.
        os.kill(pid, number)


def become_kernel(arguments, cwd, env, lifeline):
    """Be the kernel that ``python -m ipykernel_launcher ARGUMENTS`` would be."""
    warm = os.getppid()
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    forget_randomness()
    from ipykernel.kernelapp import IPKernelApp

    sys.argv = ["ipykernel_launcher", *arguments]
    # Should the warm process die, no kernel stays behind.
    watched = f"--IPKernelApp.parent_handle={warm}"
    kernel = IPKernelApp.instance()
    kernel.initialize([*arguments, watched])
    # Not before it listens: who calls too early waits a while to call again.
    tell(lifeline, pid=os.getpid())
    os.close(lifeline)
    kernel.start()


def end_orphans():
    """Kill what kernels left behind in a group of its own."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def forget_randomness():
    """Let kernels draw different numbers where they don't ask for the same ones."""
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()


def main(file, *modules):
    """Fork kernels until nobody can ask for one."""
    control = socket.socket(fileno=int(file))
    control.set_inheritable(False)
    # Who started this process tells it to end by closing the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    request = ForkServer(control, warm_up(modules)).serve()
    if request:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        become_kernel(**request)
        # What a kernel does when it ends, without taking down each module.
        atexit._run_exitfuncs()
    else:
        end_orphans()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
