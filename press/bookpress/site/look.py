"""How pages look, and what they load: the theme's sheet, the book's own after it.

The fault that this mends: Sphinx and each extension give every page their own sheets
and scripts, most of which the book's sheet replaces, and none is deferred. The theme
offers a page's source, but no other form of it. Delete it when pages load by need.

The folder ``look`` has the sheet, the fonts, the scripts and the templates. What a page
can become, its notebook or plain text, is in ``context["forms"]``, which the template
shows: pairs of a name and an address.
"""

from fnmatch import fnmatch
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from bookpress.order import connect

LOOK = Path(__file__).with_name("look")
# What the book's sheet says in fewer words, and what moves a search that is not used.
REPLACED = (
    "_static/pygments.css",
    "_static/mystnb.*.css",
    "_static/exercise.css",
    "_static/styles/furo-extensions.css",
    "_static/copybutton.css",
    "_static/doctools.js",
    "_static/sphinx_highlight.js",
)
# What the first screen of a page is set in; of one with formulas, also.
FACES = tuple(f"fonts/{name}.woff2" for name in ("text", "italic", "titles", "code"))
FORMULAS = tuple(f"katex/fonts/KaTeX_{x}.woff" for x in ("Main-Regular", "Math-Italic"))


def setup(app):
    """Register with Sphinx."""
    # Jupyter Book sets it for an extension that the book does not load.
    app.add_config_value("comments_config", {}, "")
    app.add_post_transform(NamedOnce)
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class NamedOnce(SphinxPostTransform):
    """Take their names off the boxes that the theme puts round tables and formulas."""

    formats = ("html",)
    default_priority = 501  # the theme has 500

    def run(self, **kwargs):
        """Leave each name on what is in the box."""
        for box in self.document.findall(nodes.container):
            if {"table-wrapper", "math-wrapper"} & set(box["classes"]):
                box["ids"] = []


def use_folder(app, config):
    """Let Sphinx find the templates, and copy what pages load."""
    config.templates_path.insert(0, str(LOOK / "templates"))
    config.html_static_path.append(str(LOOK / "static"))


def use_sheet(app):
    """Load the book's sheet and script after all others."""
    if app.builder.format == "html":
        app.add_css_file("book.css", priority=900)
        app.add_js_file("page.js", priority=900)


def load_what_is_used(app, pagename, templatename, context, doctree):
    """Leave out what is replaced, and let no script hold up the page."""
    for kind in ("css_files", "script_files"):
        context[kind] = [x for x in context[kind] if not is_replaced(x)]
    for script in context["script_files"]:
        if script.filename:
            script.attributes.setdefault("defer", "defer")
    context["faces"] = [
        context["pathto"](f"_static/{face}", resource=True)
        for face in FACES
        + (FORMULAS if 'class="katex' in context.get("body", "") else ())
    ]
    # The theme's template has a viewport already.
    metatags = context.get("metatags", "").splitlines()
    context["metatags"] = "\n".join(x for x in metatags if "viewport" not in x)


def is_replaced(file):
    """Say whether a sheet or script is one that no page loads."""
    return any(fnmatch(str(file.filename), pattern) for pattern in REPLACED)
