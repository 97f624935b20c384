"""A tiny book to build, for tests that cause what can go wrong.

With ``PLAIN_STACK=1`` in the environment the book is built without our extensions, to
see which of these tests the plain stack fails.
"""

import copy
import gc
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import yaml
from bs4 import BeautifulSoup
from jinja2 import FileSystemBytecodeCache
from jinja2.sandbox import SandboxedEnvironment
from sphinx import jinja2glue
from waiting import LONG

STRICT = ("-W", "-n", "--keep-going")
PLAIN = "PLAIN_STACK" in os.environ
FRONT = """\
---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---
"""
# One process that has imported all that a build does, forked for each build.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "jupyter_book.sphinx",
        "myst_nb.sphinx_ext",
        "sphinx_book_theme",
        "furo",
        "bookpress.write.checks",
        "bookpress.write.publish",
        "sphinx.builders.html",
    ]
)
if multiprocessing.parent_process() is None:
    SCRATCH = tempfile.TemporaryDirectory()
EXTENSIONS = ["bookpress.execute.execution", "bookpress.write.outdated"]
EXTENSIONS += ["bookpress.write.checks", "bookpress.write.publish"]


class Book:
    """A book in a folder, of pages a, b, ..., with a module of its own below code/."""

    def __init__(self, folder):
        """Make a book of one page without cells."""
        self.folder, self.pages = folder, []
        self.config = {"title": "Book", "only_build_toc_files": True}
        self.config["execute"] = {"execute_notebooks": "cache", "timeout": LONG}
        self.config["execute"] |= {"raise_on_error": True, "run_in_temp": True}
        settings = {"cells_sources": ["code"], "cells_lock": ["lock.txt"]}
        settings["publish_depends"] = ["_config.yml", "press.txt"]
        settings["language"] = "en"
        self.config["sphinx"] = {"recursive_update": True, "config": settings}
        self.config["sphinx"]["extra_extensions"] = [*EXTENSIONS]
        if PLAIN:
            self.make_plain()
        self.page("index", text="# Index\n")
        self.write("lock.txt", "one==1\n")
        self.write("press.txt", "")
        (folder / "code").mkdir(exist_ok=True)

    def again(self):
        """Return the same book, to be changed without changing this one."""
        other = copy.copy(self)
        other.pages, other.config = [*self.pages], copy.deepcopy(self.config)
        return other

    def make_plain(self):
        """Take our extensions away."""
        self.config["sphinx"] = {"config": {"language": "en"}}

    def setting(self, name, value):
        """Change a setting of Sphinx."""
        self.config["sphinx"]["config"][name] = value

    def write(self, name, text):
        """Write a file, making its folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf8")

    def page(self, name, *cells, text="", front=FRONT):
        """Write a page and add it to the contents."""
        if name not in self.pages:
            self.pages.append(name)
        code = "".join(f"\n```{{code-cell}}\n{cell}\n```\n" for cell in cells)
        start = front if cells else ""
        self.write(f"{name}.md", f"{start}\n{text or f'# Page {name}'}\n{code}")

    def remove(self, name):
        """Remove a page."""
        self.pages.remove(name)
        (self.folder / f"{name}.md").unlink()

    def prepare(self, *flags):
        """Write the book's settings; return the arguments that build it."""
        root, *others = self.pages
        toc = {"format": "jb-book", "root": root}
        toc["chapters"] = [{"file": name} for name in others]
        self.write("_toc.yml", yaml.safe_dump(toc))
        self.write("_config.yml", yaml.safe_dump(self.config))
        return ["build", str(self.folder), *flags]

    def build(self, *flags, before=None):
        """Build the book; return what was said, and the exit code."""
        process, said = self.start(*flags, before=before)
        process.join()
        return Result(said.read_text("utf8"), process.exitcode)

    def start(self, *flags, before=None):
        """Start to build the book; return the process and what it says, a file.

        It calls ``before`` first.
        """
        handle, said = tempfile.mkstemp(dir=SCRATCH.name)
        os.close(handle)
        work = (said, before, self.prepare(*flags), dict(os.environ), SCRATCH.name)
        process = FORKS.Process(target=_build, args=work)
        process.start()
        return process, Path(said)

    def run(self, *flags, **how):
        """Build the book by the command that readers use."""
        script = Path(sys.executable).with_name("jupyter-book")
        command = [sys.executable, script, *self.prepare(*flags)]
        run = subprocess.run(command, text=True, capture_output=True, **how)
        return Result(run.stdout + run.stderr, run.returncode)

    def html(self, name):
        """Return the HTML of a published page."""
        return (self.folder / f"_build/html/{name}.html").read_text("utf8")

    def outputs(self, name):
        """Return what the cells of a published page show as text."""
        page = BeautifulSoup(self.html(name), "html.parser")
        return [pre.get_text().strip() for pre in page.select(".output pre")]

    def files(self):
        """Return each published file with its content."""
        html = self.folder / "_build/html"
        files = sorted(path for path in html.rglob("*") if path.is_file())
        return {f.relative_to(html).as_posix(): f.read_bytes() for f in files}


def _build(said, before, arguments, environment, templates):
    """Build in a fork: a build leaves traces in the modules of Sphinx."""
    os.environ.clear()
    os.environ.update(environment)
    file = os.open(said, os.O_WRONLY | os.O_APPEND)
    for standard in (1, 2):
        os.dup2(file, standard)
    sys.stdout.reconfigure(line_buffering=True)
    if before:
        before()
    # What a build spends on compiling templates and on collecting, for each test.
    compiled = FileSystemBytecodeCache(templates)
    jinja2glue.SandboxedEnvironment = partial(
        SandboxedEnvironment, bytecode_cache=compiled
    )
    gc.disable()
    from jupyter_book.cli.main import main

    main(arguments)


class Result:
    """What a build said, and its exit code."""

    def __init__(self, said, code):
        """Hold both."""
        self.said, self.code = re.sub(r"\x1b\[[0-9;]*m", "", said), code

    @property
    def ran(self):
        """Return the pages that ran, as the plain stack tells it too."""
        ours = re.findall(r"^\d+/\d+ (\S+): [\d.]+ s", self.said, re.M)
        return {*ours, *re.findall(r"/(\w+)\.md: Executed notebook in", self.said)}
