"""Pages load no script that they do not use, and none from another host.

The fault that this mends: Jupyter Book gives every page the scripts of all its
extensions, some twice: thebe with its address on a CDN, tabs, toggles, copy buttons;
and the theme loads the search index everywhere and half a megabyte of icons. Scripts
are left out here, the theme's own in ``templates/``. Delete it when the theme loads
scripts by need.
"""

import re
from pathlib import Path

TEMPLATES = Path(__file__).with_name("templates")

_NEVER = "(?!)"
# What a script's name or text holds -> what the text of a page holds that needs it.
_NEEDED_BY = {
    r"clipboard\.min|copybutton": r"<pre",
    r"togglebutton|toggleHint|toggleOpen": r'class="[^"]*\b(?:toggle|dropdown)\b',
    r"design-tabs": r'class="[^"]*\bsd-tab',
    # Code runs where the reader has Python, not on a stranger's server.
    r"thebe|THEBE": _NEVER,
    # Settings for a switch between versions and a search that this book has not.
    r"DOCUMENTATION_OPTIONS\.(?:pagename|search_as_you_type)": _NEVER,
}


def is_needed(script, body):
    """Say whether a page with this ``body`` needs ``script``, a name or a text."""
    needs = [need for name, need in _NEEDED_BY.items() if re.search(name, script)]
    return all(re.search(need, body) for need in needs)


def _leave_out(app, pagename, templatename, context, doctree):
    body, kept = context.get("body", ""), {}
    for script in context["script_files"]:
        text = f"{script.filename or ''} {script.attributes.get('body', '')}"
        if is_needed(text, body):
            kept[text] = _deferred(script)
    context["script_files"] = list(kept.values())
    # The template has a viewport already.
    metatags = context.get("metatags", "")
    context["metatags"] = re.sub(r'<meta name="viewport"[^>]*>\n?', "", metatags)


def _deferred(script):
    if script.filename:
        script.attributes.setdefault("defer", "defer")
    return script


def _use_templates(app, config):
    config.templates_path.insert(0, str(TEMPLATES))


def _disconnect_thebe(app, config):
    # A default of Jupyter Book that no setting turns off.
    for listeners in app.events.listeners.values():
        for listener in list(listeners):
            if listener.handler.__module__.partition(".")[0] == "sphinx_thebe":
                app.disconnect(listener.id)


def setup(app):
    """Register with Sphinx."""
    app.connect("config-inited", _use_templates)
    app.connect("config-inited", _disconnect_thebe)
    app.connect("html-page-context", _leave_out, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
