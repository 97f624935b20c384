"""Every image says how large it is, so that the page does not jump as it loads.

The fault that this mends: neither Sphinx nor myst-nb writes the size of an image whose
source gives none, and docutils writes a size as a style, from which a browser learns no
proportions when the image is shrunk to the width of a phone. Delete it when one of them
does.
"""

import re
from pathlib import Path

import imagesize
from docutils import nodes

from bookpress.order import connect


def add_sizes(doctree, folder):
    """Give each image in ``doctree``, its file relative to ``folder``, its own size."""
    for image in doctree.findall(nodes.image):
        if {"width", "height", "scale"} & set(image.attributes):
            continue
        file = Path(folder, image["uri"])
        width, height = imagesize.get(file) if file.is_file() else (-1, -1)
        if width > 0 and height > 0:
            image["width"], image["height"] = str(round(width)), str(round(height))
            image["loading"] = "lazy"


def as_attributes(body):
    """Return a page's HTML with the sizes that ``add_sizes`` gave as attributes."""
    style = r'style="width: (\d+)px; height: (\d+)px;"'
    return re.sub(style, r'width="\1" height="\2"', body)


def on_pages(app, doctree, docname):
    """Give the images of a page their size."""
    # In print, an image has the size that LaTeX gives it.
    if app.builder.format == "html":
        add_sizes(doctree, app.srcdir)


def rewrite(app, pagename, templatename, context, doctree):
    """Say sizes as attributes, which a browser reads before its styles."""
    if "body" in context:
        context["body"] = as_attributes(context["body"])


def setup(app):
    """Register with Sphinx."""
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
