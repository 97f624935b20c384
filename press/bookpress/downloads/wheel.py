"""Give away the book's own package, which its notebooks import.

The fault that this mends: a notebook that was downloaded alone stops at its first
import, and the package may be in no index. Here the site has its wheel, built with the
pages. Delete this file when the package is published where pip finds it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bookpress.downloads.notebooks import wheel_of
from bookpress.order import connect
from bookpress.settings import project_of
from bookpress.write.publish import digest_of_files

# The first moment that an archive can note. With it the same code is the same wheel.
_EPOCH = "315532800"


def setup(app):
    """Register with Sphinx."""
    if "cells_sources" not in app.config:  # the setting of the execution, if it is on
        app.add_config_value("cells_sources", [], "env")
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def offer(app, pagename, templatename, context, doctree):
    """Name the wheel to the pages that have a notebook."""
    if any(name == "Notebook" for name, _ in context.get("forms", ())):
        project = project_of(app)
        context["package"] = (project["name"], wheel_of(project))


def write(app, error):
    """Put the wheel beside the pages; it is built again only if its files changed."""
    if error or app.builder.name != "html":
        return
    home, name = Path(app.srcdir), wheel_of(project_of(app))
    sources = ["pyproject.toml", "README.md", "LICENSE", *app.config.cells_sources]
    depends = filter(Path.exists, (home / source for source in sources))
    kept = Path(app.doctreedir, "wheels", digest_of_files([*depends]), name)
    if not kept.exists():
        shutil.rmtree(kept.parent.parent, ignore_errors=True)
        build(home, sources, kept.parent)
    shutil.copy(kept, app.outdir)


def build(home, sources, folder):
    """Build the wheel from a copy, because building leaves files behind."""
    with TemporaryDirectory() as copy:
        for source in filter(Path.exists, (home / name for name in sources)):
            place = Path(copy, source.name)
            if source.is_dir():
                unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
                shutil.copytree(source, place, ignore=unwanted)
            else:
                shutil.copy(source, place)
        options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
        command = [sys.executable, "-m", "pip", "wheel", *options]
        subprocess.run(
            [*command, "--wheel-dir", folder, copy],
            check=True,
            env=os.environ | {"SOURCE_DATE_EPOCH": _EPOCH},
        )
