"""The theme's icons as a font of those that the book's stylesheet names.

The fault that this mends: the theme draws a dozen icons with a script of 1.5 MB, or
with fonts of 300 KB. Its font is cut to the letters that are left in ``book.css`` and
put inside it, because a browser may refuse a page that is a file the font that is
another. Delete it when the theme's icons are small. The font is Font Awesome Free,
under the SIL Open Font License; cut, it may not bear its name, but its copyright and
licence stay inside.
"""

import base64
import io
import logging
import re
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

SOLID = "vendor/fontawesome/webfonts/fa-solid-900.ttf"
# What book.css has in place of the font.
ADDRESS = "icons.woff"
# Else it tells of every table that it cuts, and of days before its own time.
logging.getLogger("fontTools").setLevel(logging.ERROR)
# In a font's table of names: family, unique id, full name, PostScript name, ...
_NAMES = (1, 3, 4, 6, 16)


def letters(css):
    """Return the private code points in ``css``, written as letters or as escapes."""
    escaped = {int(code, 16) for code in re.findall(r"\\([ef][0-9a-f]{3})\b", css)}
    return escaped | {ord(letter) for letter in css if "\ue000" <= letter <= "\uf8ff"}


def cut(font_file, codes, name="Icons"):
    """Return the font as WOFF bytes, with the glyphs for ``codes`` and its licence."""
    font = TTFont(font_file, recalcTimestamp=False)
    options = subset.Options(name_IDs=["*"], notdef_outline=True, layout_features=[])
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=codes)
    cutter.subset(font)
    for record in font["name"].names:
        if record.nameID in _NAMES:
            record.string = name
    font.flavor = "woff"
    file = io.BytesIO()
    font.save(file)
    return file.getvalue()


def _fill_in(app, error):
    if error or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    css = (static / "book.css").read_text("utf8")
    data = base64.b64encode(cut(static / SOLID, letters(css))).decode()
    css = css.replace(f"url({ADDRESS})", f"url(data:font/woff;base64,{data})")
    (static / "book.css").write_text(css, "utf8")


def setup(app):
    """Register with Sphinx."""
    # After styles.py.
    app.connect("build-finished", _fill_in, priority=910)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
