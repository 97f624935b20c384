"""One stylesheet for all pages, and in it only what some page uses.

The fault that this mends: theme and extensions link ten stylesheets, 530 KB, of which
nine tenths (Bootstrap, two thousand icons, widgets of other builders) match nothing.
Rules whose classes appear in no page and no script are left out. Delete it when the
theme's stylesheet is small.
"""

import posixpath
import re
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import Path

import tinycss2
from bs4 import BeautifulSoup

OWN = Path(__file__).with_name("book.css")
# In the order in which they overrule each other.
SHEETS = (
    "basic.css",
    "styles/pydata-sphinx-theme.css",
    "pygments.css",
    "styles/sphinx-book-theme.css",
    "togglebutton.css",
    "copybutton.css",
    "mystnb.*.css",
    "exercise.css",
    "sphinx-design.min.css",
)
# Linked by name, but of an extension that lean.py turned off.
_UNWANTED = ("sphinx-thebe.css",)
_WORD = re.compile(r"[\w-]+")
_GROUPS = ("media", "supports", "layer", "container")


def purge(css, used):
    """Return ``css`` without the rules that need a class or id outside ``used``.

    Rules for elements alone stay, and so does what stands inside ``:not()`` and the
    like. Comments go, but for those that begin with ``!``: licences.
    """
    rules = tinycss2.parse_stylesheet(css, skip_whitespace=True)
    return "".join(_purged(rules, used))


def _purged(rules, used):
    for rule in rules:
        if rule.type == "comment" and rule.value.startswith("!"):
            yield rule.serialize() + "\n"
        elif rule.type == "qualified-rule":
            yield from _purged_rule(rule, used)
        elif rule.type == "at-rule":
            yield from _purged_group(rule, used)


def _purged_rule(rule, used):
    matching = [part for part in _split(rule.prelude) if _needs(part) <= used]
    if matching and (content := tinycss2.serialize(rule.content).strip()):
        prelude = ",".join(tinycss2.serialize(part).strip() for part in matching)
        yield f"{prelude}{{{content}}}\n"


def _purged_group(rule, used):
    if rule.lower_at_keyword in _GROUPS and rule.content is not None:
        nested = tinycss2.parse_rule_list(rule.content, skip_whitespace=True)
        if inner := "".join(_purged(nested, used)):
            prelude = tinycss2.serialize(rule.prelude).strip()
            yield f"@{rule.at_keyword} {prelude}{{{inner}}}\n"
    # The theme's fonts are its icons, see icons.py.
    elif rule.lower_at_keyword not in ("charset", "import", "font-face"):
        yield rule.serialize() + "\n"


def _split(prelude):
    parts = [[]]
    for token in prelude:
        if token == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _needs(selector):
    """Classes and ids that an element must have, as far as a glance tells."""
    named = (after for dot, after in pairwise(selector) if dot == ".")
    classes = {token.value for token in named if token.type == "ident"}
    return classes | {token.value for token in selector if token.type == "hash"}


def used_names(outdir):
    """Return all classes and ids of the pages in ``outdir``, all words of scripts."""
    used, scripts = set(), set()
    for page in sorted(outdir.rglob("*.html")):
        for tag in BeautifulSoup(page.read_text("utf8"), "html.parser").find_all(True):
            used.update(tag.get_attribute_list("class"), [tag.get("id")])
            if tag.name == "script" and tag.get("src"):
                scripts.add((page.parent / tag["src"].partition("?")[0]).resolve())
            elif tag.name == "script" and tag.get("type") != "application/json":
                used.update(_WORD.findall(tag.text))
    for script in filter(Path.is_file, scripts):
        used.update(_WORD.findall(script.read_text("utf8")))
    return used


def _moved(css, folder):
    """Rewrite the addresses in a sheet that moves from ``folder`` to its parent."""

    def moved(found):
        return f"url({posixpath.normpath(posixpath.join(folder, found[2]))})"

    return re.sub(r"""url\((["']?)(?![a-z]+:|#)([^"')]+)\1\)""", moved, css)


def _bundle(app, error):
    if error or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    used, bundle = used_names(static.parent), '@charset "utf-8";\n'
    for pattern in SHEETS:
        for sheet in sorted(static.glob(pattern)):
            folder = sheet.parent.relative_to(static).as_posix()
            bundle += purge(_moved(sheet.read_text("utf8"), folder), used)
    bundle += OWN.read_text("utf8")
    (static / "book.css").write_text(bundle, "utf8")


def _link_only_the_rest(app, pagename, templatename, context, doctree):
    bundled = [f"_static/{pattern}" for pattern in SHEETS + _UNWANTED]
    context["css_files"] = [
        sheet
        for sheet in context["css_files"]
        if not any(fnmatch(str(sheet.filename), pattern) for pattern in bundled)
    ]


def setup(app):
    """Register with Sphinx."""
    app.connect("html-page-context", _link_only_the_rest, priority=900)
    # After the theme has written its colours of code.
    app.connect("build-finished", _bundle, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
