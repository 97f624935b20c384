"""What the book's own files say: ``_config.yml`` of files, ``pyproject.toml`` of it.

The fault that this mends: a file that is misspelt in ``_config.yml`` is one that never
changes. Delete ``existing`` when Sphinx knows which settings name files.
"""

import tomllib
from difflib import get_close_matches
from pathlib import Path

from sphinx.errors import ConfigError


def existing(app, setting):
    """Return the paths that a setting names in the book's folder, all of them there."""
    home = Path(app.srcdir)
    for name in app.config[setting]:
        if not (home / name).exists():
            beside = [path.name for path in (home / name).parent.glob("*")]
            near = get_close_matches(Path(name).name, beside, 1)
            meant = f" Is {near[0]!r} meant?" if near else ""
            raise ConfigError(f"`{setting}` names {name!r}, which is not there.{meant}")
    return [home / name for name in app.config[setting]]


def project_of(app):
    """Return what ``pyproject.toml`` says of the project."""
    pyproject = Path(app.srcdir, "pyproject.toml").read_text("utf8")
    return tomllib.loads(pyproject)["project"]
