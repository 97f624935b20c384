"""The day on which a page was last changed, from git.

The fault that this mends: Sphinx knows only the time of the build, which changes when
nothing else does. Delete it when Sphinx asks git.
"""

import subprocess
from functools import cache
from pathlib import Path

from bookpress.order import connect


def last_changed(file):
    """Return the day of the last commit that changed ``file``, such as ``2026-01-31``.

    ``None`` outside a repository, for a file in no commit, and in a shallow clone,
    where every file looks as old as the oldest commit that is there.
    """
    folder = Path(file).parent
    if _git(folder, "rev-parse", "--is-shallow-repository") != "false":
        return None
    # The author's day: it stays when a commit is moved to another branch.
    return _git(folder, "log", "-1", "--format=%as", "--", str(file)) or None


@cache
def _git(folder, *arguments):
    try:
        run = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return run.stdout.strip()


def tell(app, pagename, templatename, context, doctree):
    """Tell the page when its source was changed."""
    if doctree is not None:
        context["last_updated"] = last_changed(app.env.doc2path(pagename))


def setup(app):
    """Register with Sphinx."""
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
