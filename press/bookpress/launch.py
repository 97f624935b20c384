"""Offer to open a page's notebook on Colab and on Binder.

The fault that this mends: the theme's own buttons open a page's source, a ``.md`` file
that neither shows as a notebook. Delete this file when they open the notebook.

Both providers take notebooks of GitHub alone. They are expected on the branch that
GitHub publishes a website from, ``gh-pages``. As long as ``[project.urls] Repository``
in ``pyproject.toml`` names no repository there, nothing is offered.
"""

from urllib.parse import urlsplit

from bookpress.notebooks import project_of


def setup(app):
    """Register with Sphinx."""
    # After the theme has begun its row of buttons.
    app.connect("html-page-context", offer, priority=550)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def offer(app, pagename, templatename, context, doctree):
    """Add the buttons to a page that has a notebook."""
    repository = project_of(app).get("urls", {}).get("Repository", "")
    if "ipynb_source" not in context or "://github.com/" not in repository:
        return
    name = urlsplit(repository).path.strip("/")
    group = {"type": "group", "label": "launch-buttons", "icon": "fas fa-rocket"}
    group["tooltip"] = "Open the notebook elsewhere"
    group["buttons"] = [
        {
            "type": "link",
            "text": provider,
            "url": url,
            "tooltip": f"Open the notebook on {provider}",
            "icon": "fas fa-rocket",
            "label": f"launch-{provider.lower()}",
        }
        for provider, url in addresses(name, context["ipynb_source"]).items()
    ]
    context["header_buttons"].append(group)


def addresses(repository, notebook):
    """Return where each provider opens a notebook of the repository ``owner/name``."""
    path = f"_sources/{notebook}"
    colab = (
        f"https://colab.research.google.com/github/{repository}/blob/gh-pages/{path}"
    )
    binder = f"https://mybinder.org/v2/gh/{repository}/gh-pages?urlpath=lab/tree/{path}"
    return {"Colab": colab, "Binder": binder}
