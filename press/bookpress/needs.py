"""What the results of a page's cells depend on, as one digest.

The fault that this mends: jupyter-cache looks at the cells alone, and serves the old
numbers when a module changed that the cells import. Delete it when jupyter-cache sees
imports and data.

A page needs the modules of the book's own source folders that its cells import,
directly or not, and the files that lie in those modules' packages or that a text in a
cell or module names. What can't be followed (``importlib``, code that is no Python)
needs every module. A file whose name is put together while a cell runs is not seen:
name it, or the folder that it is in, as one text.
"""

import ast
import hashlib
import json
import os
import platform
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from IPython.core.inputtransformer2 import TransformerManager

EVERYTHING = "*"
BY_HAND = {"importlib", "__import__", "runpy", "exec", "eval"}
LONGEST_NAME = 200  # characters of a file's name


class Needs(NamedTuple):
    """The names that code imports, and the texts in it that may name files."""

    modules: frozenset
    texts: frozenset

    @classmethod
    def of_cells(cls, sources):
        """Return the needs of a page's cells, IPython's own syntax included."""
        python = TransformerManager().transform_cell
        return cls.of("\n".join(python(source) for source in sources))

    @classmethod
    def of(cls, source, package=""):
        """Return the needs of Python code that stands in ``package``."""
        try:
            nodes = list(ast.walk(ast.parse(source)))
        except SyntaxError:
            return cls(frozenset({EVERYTHING}), frozenset())
        names = {name for node in nodes for name in _imported(node, package)}
        texts = {
            node.value
            for node in nodes
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        files = {text for text in texts if 0 < len(text) < LONGEST_NAME}
        return cls(frozenset(names), frozenset(files))


def _imported(node, package):
    """Yield the dotted names that a piece of code may import."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) + 1 - node.level]
        base = ".".join([*above, node.module or ""] if node.level else [node.module])
        yield base.strip(".")
        for alias in node.names:
            yield f"{base.strip('.')}.{alias.name}"
    elif isinstance(node, ast.Name) and node.id in BY_HAND:
        yield EVERYTHING


class Sources:
    """The book's own modules and files, as they are now."""

    def __init__(self, roots, always=(), settings=None):
        """Look below ``roots``; all pages need the files ``always`` and the rest."""
        self.roots = [Path(root).resolve() for root in roots]
        python = f"{platform.python_implementation()} {platform.python_version()}"
        self.common = [python, settings, [self.content(file) for file in always]]
        self._needs, self._reached = {}, {}

    @cached_property
    def modules(self):
        """Return the path of each module, by its dotted name."""
        found = {}
        for root in self.roots:
            for path in sorted(root.rglob("*.py")):
                parts = path.relative_to(root).with_suffix("").parts
                parts = parts[:-1] if parts[-1] == "__init__" else parts
                found[".".join(parts)] = path
        return found

    def digest(self, needs, folder):
        """Return the digest of all that a page in ``folder`` needs."""
        files = set(self.named(needs.texts, Path(folder)))
        for name in self.reached(needs):
            path = self.modules[name]
            files |= {path, *self.beside(path)}
            files |= set(self.named(self.needs(name).texts, path.parent))
        # Where the book lies doesn't matter.
        content = sorted([os.path.relpath(f, folder), self.content(f)] for f in files)
        return hashlib.sha256(json.dumps([self.common, content]).encode()).hexdigest()

    def reached(self, needs):
        """Return the modules that ``needs`` bring in, directly or not."""
        left, seen = [needs], set()
        while left:
            modules, texts = left.pop()
            # A text may be the name of a module too: %load_ext, -m.
            names = modules | (texts & self.modules.keys())
            new = set().union(*map(self.meant, names)) - seen
            seen |= new
            left += map(self.needs, new)
        return seen

    def meant(self, name):
        """Return the modules that importing a dotted name runs."""
        package, _, last = name.rpartition(".")
        if last == EVERYTHING:
            below = f"{package}." if package else ""
            return {m for m in self.modules if m.startswith(below)} | self.meant(
                package
            )
        parts = name.split(".")
        above = {".".join(parts[: i + 1]) for i in range(len(parts))}
        return above & self.modules.keys()

    def needs(self, module):
        """Return what a module needs."""
        if module not in self._needs:
            path = self.modules[module]
            is_package = path.name == "__init__.py"
            package = module if is_package else module.rpartition(".")[0]
            self._needs[module] = Needs.of(path.read_text("utf8"), package)
        return self._needs[module]

    def beside(self, module):
        """Return the data files in a module's package."""
        if module.parent in self.roots:
            return []
        inside = [p for p in module.parent.rglob("*") if p.is_file()]
        return [p for p in inside if p.suffix not in (".py", ".pyc")]

    def named(self, texts, folder):
        """Yield the files that texts name, and those in the folders that they name."""
        for text in texts:
            try:
                path = (folder / text).resolve()
                if path.is_file():
                    yield path
                elif path.is_dir() and folder.resolve() in path.parents:
                    yield from (p for p in path.rglob("*") if p.is_file())
            except (OSError, ValueError):
                continue  # no name that a file can have

    def content(self, file):
        """Return a digest of a file; a file that is missing has one too."""
        file = Path(file)
        if not file.is_file():
            return "missing"
        return hashlib.sha256(file.read_bytes()).hexdigest()
