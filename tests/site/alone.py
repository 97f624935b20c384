"""Which notebooks have run alone as they are now, so that they need not run again.

A notebook that is opened in an empty folder takes as long as its page takes to build,
and all of them took a sixth of the tests' time. ``alone.json`` holds a digest of each
one's cells and of all that they depend on: what they import, the pinned packages,
Python's version. The tests run those for which it has another. After a change run
``make alone``: it runs them all, and writes the file.
"""

import hashlib
import json
import pickle
from pathlib import Path

ROOT = Path(__file__).parents[2]
RECORD = Path(__file__).with_name("alone.json")
PASSED = ROOT / "_build/alone"


def digest(page, notebook):
    """Return the digest of a notebook's cells and of what they depend on."""
    read = (ROOT / "_build/.doctrees/environment.pickle").read_bytes()
    environment = pickle.loads(read)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    of = [environment.cells_digests[f"book/{page}"], *cells]
    return hashlib.sha256(json.dumps(of).encode()).hexdigest()


def has_run(page, known):
    """Return whether the notebook with this digest has run alone."""
    record = json.loads(RECORD.read_text("utf8")) if RECORD.exists() else {}
    return record.get(page) == known


def note(page, known):
    """Note that the notebook with this digest has run alone."""
    PASSED.mkdir(exist_ok=True)
    PASSED.joinpath(page).write_text(known, "utf8")


if __name__ == "__main__":
    passed = {path.name: path.read_text("utf8") for path in sorted(PASSED.iterdir())}
    RECORD.write_text(json.dumps(passed, indent=1) + "\n", "utf8")
