"""The site holds no file that none of its pages needs.

The fault that this mends: themes and extensions copy 7 MB into ``_static``, among them
source maps, translations, logos of other services, and what styles.py and lean.py
replaced. A file stays when its name stands in a page, or in a style or script that
stays. Delete it when the theme copies what it uses.
"""

import re
from pathlib import Path

_LICENCES = ("LICENSE", "OFL")


def unneeded(outdir):
    """Return the files in ``_static`` that no page needs, not even through others."""
    files = {file for file in (outdir / "_static").rglob("*") if file.is_file()}
    files -= {file for file in files if file.stem in _LICENCES}
    pages = [page for page in outdir.rglob("*.html") if page not in files]
    # A source map's name stands in its script, but only a developer's tools ask for it.
    left = {file for file in files if file.suffix != ".map"}
    while pages:
        named = set().union(*map(_names, pages))
        found = {file for file in left if file.name in named}
        left -= found
        pages = [file for file in found if file.suffix in (".css", ".js")]
    return left | {file for file in files if file.suffix == ".map"}


def _names(file):
    return set(re.findall(r"[\w.@-]+\.\w+", file.read_text("utf8")))


def _remove(app, error):
    if error or app.builder.format != "html":
        return
    for file in unneeded(Path(app.outdir)):
        file.unlink()
    folders = sorted(Path(app.outdir, "_static").rglob("*/"), reverse=True)
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def setup(app):
    """Register with Sphinx."""
    # After everything that writes.
    app.connect("build-finished", _remove, priority=990)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
