"""Offer to open a page's notebook on Colab and on Binder.

The fault that this mends: no theme opens a notebook that is not the page's source.
Delete this file when one does.

Both providers take notebooks of GitHub alone. They are expected on the branch that
GitHub publishes a website from, ``gh-pages``. As long as ``[project.urls] Repository``
in ``pyproject.toml`` names no repository there, nothing is offered.
"""

from urllib.parse import urlsplit

from bookpress.order import connect
from bookpress.settings import project_of


def setup(app):
    """Register with Sphinx."""
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def offer(app, pagename, templatename, context, doctree):
    """Name what opens the notebook of a page that has one among the page's forms."""
    repository = project_of(app).get("urls", {}).get("Repository", "")
    notebook = f"_sources/{pagename}.ipynb"
    forms = context.get("forms", [])
    if ("Notebook", notebook) in forms and "://github.com/" in repository:
        name = urlsplit(repository).path.strip("/")
        forms += addresses(name, notebook).items()


def addresses(repository, notebook):
    """Return where each provider opens a notebook of the repository ``owner/name``."""
    colab = f"https://colab.research.google.com/github/{repository}/blob/gh-pages/{notebook}"
    binder = (
        f"https://mybinder.org/v2/gh/{repository}/gh-pages?urlpath=lab/tree/{notebook}"
    )
    return {"Colab": colab, "Binder": binder}
