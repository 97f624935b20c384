"""What the results of a page's cells depend on, and whether that is as it was.

The fault that this mends: jupyter-cache looks at the cells alone, and serves the old
numbers when a module or a file changed that the cells read; and nobody looks whether a
cell imports the book's own modules or another copy of them. Delete it when
jupyter-cache knows what a notebook read.

A page depends on what its cells opened and listed when they last ran, as ``recorder``
noted it: below the book's folder all, also what was not there; elsewhere what is
neither Python's own nor the system's. Besides, all pages depend on Python's version,
the files of ``cells_lock`` and the environment of the kernels, which is a list.
"""

import hashlib
import json
import os
import platform
import sys
import sysconfig
from pathlib import Path

PRESS = Path(__file__).parent.parent  # of which the warm process is
MISSING = "missing"
MOVING = "changed while the cells ran"
# Where files are that come with the system: they are as those that are pinned.
SYSTEM = ("/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sys", "/usr")

PRELOADED = (
    "`cells_imports` loads {}, a file of this book, before the cells run: a change in "
    "it would not be seen. Take it off that list."
)


class OtherSourceError(Exception):
    """The cells ran code that is not the one beside them."""


class Dependencies:
    """What pages of a book depend on, as it is now."""

    def __init__(self, home, roots, lock=(), environment=None):
        """Look at the book in ``home``, with its own modules below ``roots``."""
        self.home = os.path.abspath(home)
        self.own = {name: path for root in roots for name, path in modules(root)}
        python = f"{platform.python_implementation()} {platform.python_version()}"
        locked = [digest_of_file(Path(self.home, file)) for file in lock]
        path = os.environ.get("PYTHONPATH")
        self.common = digest([python, environment, locked, path])
        cached = {os.path.expanduser("~/.cache"), os.path.expanduser("~/.config")}
        of_python = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}
        self.foreign = {*SYSTEM, *cached, *map(os.path.abspath, of_python)} - {"/"}
        self.built = os.path.join(self.home, "_build")

    def watched(self):
        """Return what the recorder has to know of the book."""
        return {"home": self.home, "names": sorted(self.own)}

    def reads(self, noted, folder, since, declared=()):
        """Return a page's dependencies with their digests.

        ``noted``: what the recorder noted; ``folder``: where the cells ran, if nothing
        in there matters; ``since``: when, in ns; ``declared``: files that a program
        reads. Raises ``OtherSourceError``.
        """
        names = [*declared]
        for kind, *module, path in noted:
            if kind == "module":
                self.refuse_another(*module, path)
            name = path + os.sep * (kind == "listed")
            if self.matters(name, folder, since):
                if kind == "preloaded":
                    if _is_below(path, PRESS):
                        continue
                    raise OtherSourceError(PRELOADED.format(path))
                names.append(name)
        found = sorted({self.short(name) for name in names})
        return {name: self.state(name, since) for name in found}

    def refuse_another(self, name, path):
        """Fail if a module of the book's own was imported from elsewhere."""
        ours = self.own[name.partition(".")[0]]
        inside = ours.parent if ours.name == "__init__.py" else ours
        if not _is_below(os.path.realpath(path), os.path.realpath(inside)):
            raise OtherSourceError(
                f"the cells imported {name} from {path}, not from {inside}. Take the "
                "other copy away (pip uninstall), and install the book's own in place: "
                "pip install --no-deps --no-build-isolation -e ."
            )

    def matters(self, name, folder, since):
        """Return whether the results depend on a file or folder, by its whole name."""
        if not name.strip(os.sep) or (folder and _is_below(name, folder)):
            return False
        if any(_is_below(name, place) for place in self.foreign):
            # The book itself may lie there, but not what is installed in it.
            inside = [p for p in self.foreign if _is_below(p, self.home)]
            is_ours = _is_below(name, self.home)
            if not is_ours or any(_is_below(name, place) for place in inside):
                return False
        if _is_below(name, self.home):
            return not _is_below(name, self.built)
        try:  # Elsewhere, what a run has made for itself is no dependency.
            return os.stat(name).st_ctime_ns < since
        except OSError:
            return False

    def short(self, name):
        """Return a name that is the same wherever the book lies."""
        ends = os.sep if name.endswith(os.sep) else ""
        path = os.path.relpath(os.path.join(self.home, name), self.home)
        return path.replace(os.sep, "/") + ends.replace(os.sep, "/")

    def state(self, name, since=None):
        """Return the digest of a dependency, now."""
        path = Path(self.home, name)
        if since and path.is_file() and path.stat().st_mtime_ns >= since:
            return MOVING
        of = digest_of_folder if name.endswith("/") else digest_of_file
        return of(path)

    def are(self, reads):
        """Return whether all that a page read is as it was."""
        return all(self.state(name) == known for name, known in reads.items())

    def digest(self, reads):
        """Return one digest of all that a page depends on."""
        return digest([self.common, sorted(reads.items())])


def modules(root):
    """Yield the name and the file of what can be imported from a folder."""
    for path in sorted(Path(root).glob("*.py")):
        yield path.stem, path
    for path in sorted(Path(root).glob("*/__init__.py")):
        yield path.parent.name, path


def digest_of_folder(folder):
    """Return a digest of which files lie in a folder, but for Python's and pip's."""
    try:
        names = {*os.listdir(folder)} - {"__pycache__"}
        return digest(sorted(x for x in names if not x.endswith(".egg-info")))
    except OSError:
        return MISSING


def digest_of_file(file):
    """Return a digest of a file; a file that is missing has one too."""
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError:
        return MISSING


def digest(of):
    """Return a digest of anything that JSON can say."""
    return hashlib.sha256(json.dumps(of).encode()).hexdigest()


def _is_below(name, folder):
    name, folder = os.fspath(name), os.fspath(folder)
    return name == folder or name.startswith(folder.rstrip(os.sep) + os.sep)
