"""Load what a page may need later when it is needed, from a folder of files too.

The fault that this mends: what stands in a page is loaded with the page, and what does
not can't be fetched by a page that was opened from a file. So a page with sliders or
with drawings for two widths is as heavy as all that it might show. Delete it when
browsers let a page fetch the files beside it.

An element ``script`` or ``metadata`` of the class ``late`` is emptied. Its text goes to
a script of its own, named by ``data-src``, which hands it over as the property ``late``
of the script element that loads it. The drawings for narrow screens, which stand in the
``metadata`` of wide ones, are put in their place by ``narrow.js``.
"""

import json
import re
from hashlib import sha256
from pathlib import Path

from bookpress.order import connect

_LATE = re.compile(
    r'(?P<start><(?P<tag>script|metadata)\b[^>]*class="late\b[^>]*)>'
    r"(?P<text>.*?)</(?P=tag)>",
    re.DOTALL,
)
_NARROW = 'class="late narrow"'


def with_late_parts(body, write):
    """Return HTML without its late parts; ``write`` keeps a text, gives its address."""

    def emptied(part):
        address = write(part["text"])
        return f'{part["start"]} data-src="{address}"></{part["tag"]}>'

    return _LATE.sub(emptied, with_shapes(body))


def with_shapes(body):
    """Return HTML in which a wide drawing knows the shape of that for narrow screens.

    It is the first style of the drawing, so that its place is kept until that comes.
    """
    done = ""
    for part in re.split(rf"(?=<metadata {_NARROW}>)", body):
        shape = re.match(
            rf'<metadata {_NARROW}>.*?viewBox="\S+ \S+ (\S+) (\S+)"', part, re.S
        )
        if shape:
            before, wide, after = done.rpartition("<svg ")
            styled = after.replace(
                'style="', f'style="--narrow: {shape[1]} / {shape[2]}; ', 1
            )
            done = before + wide + styled
        done += part
    return done


def handing_over(text):
    """Return the script that hands a text to the element that loads it."""
    return f"document.currentScript.late={json.dumps(text, ensure_ascii=False)}"


def without_late_drawings(text):
    """Return an output without what is only for narrow screens: the page's part."""
    return re.sub(rf"<metadata {_NARROW}>.*?</metadata>", "", text, flags=re.DOTALL)


def take_out(app, pagename, templatename, context, doctree):
    """Take out of a page what is loaded when it is needed."""
    if app.builder.name != "html" or 'class="late' not in context.get("body", ""):
        return

    def write(text):
        name = f"_static/late/{sha256(text.encode()).hexdigest()[:12]}.js"
        target = Path(app.outdir, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(handing_over(text), "utf8")
        return context["pathto"](name, resource=True)

    body = with_late_parts(context["body"], write)
    if _NARROW in body:
        script = context["pathto"]("_static/narrow.js", resource=True)
        body += f'<script defer src="{script}"></script>'
    context["body"] = body


def setup(app):
    """Register with Sphinx."""
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
