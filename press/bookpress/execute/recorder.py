"""Notes in a page's kernel what its cells open, list and import, as it happens.

Its text is run in the kernel before the first cell, by ``runner``; what it notes is
understood by ``dependencies``. It is an audit hook (PEP 578): Python calls it before a
file is opened, by whatever name and in whatever way. It does not see what is opened in
C, nor what another program opens: to start one is an error, unless the page says which
files it reads.

The fault that this mends: nobody knows from a cell's text what it opens, and a build
that guesses shows an old number. Delete it when Jupyter's kernels tell what they read.
"""

import importlib.util
import json
import os
import sys

STARTING = {
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "pty.spawn",
    "subprocess.Popen",
}
REFUSED = (
    "a cell starts a program ({}), and nobody sees what that reads. Do it in Python, "
    "or say in the page's front matter which files it reads: "
    "`execution: {{reads: [data.csv]}}`, an empty list if none."
)
_FINDER = "<frozen importlib._bootstrap_external>"


class Recorder:
    """What was noted so far, each thing once."""

    def __init__(self, file, home, names, programs):
        """Note into ``file``, a line each; ``names`` are the book's own modules.

        ``home`` is the book's folder, ``programs`` whether cells may start some.
        """
        self.file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.names, self.programs = set(names), programs
        self.noted, self.written = set(), set()
        for _, path in loaded():
            if path.startswith(home + os.sep):
                self.note("preloaded", path)

    def note(self, *what):
        """Write down what was not yet."""
        if what not in self.noted:
            self.noted.add(what)
            os.write(self.file, (json.dumps(what) + "\n").encode())

    def hear(self, event, arguments):
        """Be told by Python what is about to happen."""
        if event == "open":
            self.opened(*arguments)
        elif event in ("os.listdir", "os.scandir"):
            # Not where the import system looks for modules.
            if sys._getframe(1).f_code.co_filename != _FINDER:
                self.note("listed", name_of(arguments[0] or "."))
        elif event == "import" and arguments[1]:  # a module in C
            self.note("opened", name_of(arguments[1]))
        elif event == "sqlite3.connect" and arguments[0] != ":memory:":
            self.note("opened", name_of(arguments[0]))
        elif event in STARTING and not self.programs:
            raise RuntimeError(REFUSED.format(event))

    def opened(self, path, mode, flags):
        """Note a file that is opened to be read, and was not written here before."""
        name = name_of(path)
        if flags & os.O_WRONLY or (flags & os.O_CREAT and not os.path.exists(name)):
            self.written.add(name)
        elif name and name not in self.written:
            self.note("opened", source(name))

    def end(self):
        """Note from where the book's own modules were imported."""
        for name, path in loaded():
            if name.partition(".")[0] in self.names:
                self.note("module", name, path)


def loaded():
    """Yield the name and the file of each module that is imported."""
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        # Some name a file that there is not, such as torch's of operators made in C.
        if isinstance(path, str) and os.path.exists(path):
            yield name, os.path.abspath(path)


def name_of(path):
    """Return a file's whole name, or an empty one for a number of an open file."""
    return "" if isinstance(path, int) else os.path.abspath(os.fsdecode(path))


def source(name):
    """Return the source of compiled code, and any other name as it is."""
    if not name.endswith(".pyc"):
        return name
    try:
        return importlib.util.source_from_cache(name)
    except ValueError:
        return name


def start(**how):
    """Begin to note."""
    recorder = Recorder(**how)
    sys.addaudithook(recorder.hear)
    return recorder
