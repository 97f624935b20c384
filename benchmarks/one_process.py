"""Run the cells of all chapters, one after the other, in one Python process.

No kernel is started and nothing is imported twice: what a build with one core can at
best reach, before Sphinx. ``python benchmarks/one_process.py PAGE...``
"""

import contextlib
import io
import os
import sys
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell
from myst_nb.core.config import NbParserConfig
from myst_nb.core.read import create_nb_reader
from myst_parser.config.main import MdParserConfig


def cells(page):
    """Return the code of a page's cells."""
    config = MdParserConfig(), NbParserConfig()
    text = Path(page).read_text("utf8")
    reader = create_nb_reader(page, *config, text)
    found = reader.read(text).cells if reader else []
    return [cell.source for cell in found if cell.cell_type == "code"]


def run(shell, page):
    """Run a page's cells among names of their own, and make all that they show."""
    shell.reset()
    for source in cells(page):
        with contextlib.redirect_stdout(io.StringIO()):
            shell.run_cell(source).raise_error()


def main(*pages):
    """Run ``pages``."""
    shell = InteractiveShell.instance()
    shell.display_formatter.active_types = shell.display_formatter.format_types
    # As in a kernel: figures are made when their cell has ended.
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    for page in pages:
        run(shell, page)


if __name__ == "__main__":
    main(*sys.argv[1:])
