"""Put the fonts of formulas beside the pages, cut to the letters that these show.

The fault that this mends: KaTeX's twenty fonts have the letters of all mathematics, of
which a book shows a hundred, and no builder copies or cuts them. Delete it with
``mathematics``.
"""

import html
import io
import logging
import re
import shutil
from pathlib import Path

from bookpress.execute.dependencies import digest, digest_of_file
from bookpress.order import connect

_KATEX = Path(__file__).with_name("katex")
# In a font's table of names: family, unique id, full name, PostScript name, ...
_NAMES = (1, 3, 4, 6, 16)
_THIS = digest_of_file(__file__)
# What style sheets put into the text.
_SIGNS = "✓→"
# A formula for the eye: it ends where as many elements have ended as have begun.
_FORMULA = '<span class="katex-html"'
_EDGE = re.compile(r"<(/?)span\b[^>]*>")
_TAG = re.compile(r"<[^>]*>")
# Else it tells of every table that it cuts, and of days before its own time.
logging.getLogger("fontTools").setLevel(logging.ERROR)


def copy_styles(app, env):
    """Put what the pages load among the static files: one style sheet, and fonts."""
    if app.builder.format == "html":
        target = Path(app.outdir, "_static", "katex")
        shutil.copytree(_KATEX / "fonts", target / "fonts", dirs_exist_ok=True)
        shutil.copy(_KATEX / "LICENSE", target)
        shutil.copy(_KATEX / "katex.min.css", target / "katex.css")


def cut_fonts(app, error):
    """Leave in the fonts the letters that some formula shows, or some text has.

    The text's own face may lack a letter, which is then taken from here.
    """
    if error or app.builder.format != "html":
        return
    letters = {*_SIGNS}
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text("utf8")
        letters.update(*map(_letters, {*formulas(text)}))
        letters.update(letter for letter in _letters(text) if letter > "\xff")
    # Kept, for the letters seldom change.
    kept = Path(app.doctreedir, "fonts", digest([sorted(letters), _THIS]))
    for font in Path(app.outdir, "_static", "katex", "fonts").glob("*.woff"):
        whole = kept / font.name
        if not whole.exists():
            kept.mkdir(parents=True, exist_ok=True)
            part = whole.with_suffix(".part")
            part.write_bytes(cut(font, map(ord, letters)))
            part.rename(whole)  # a build that is killed leaves no part of a font
        shutil.copy(whole, font)


def formulas(text):
    """Yield the formulas of a page, each as its HTML for the eye."""
    start = text.find(_FORMULA)
    while start >= 0:
        depth = 0
        for edge in _EDGE.finditer(text, start):
            depth += -1 if edge[1] else 1
            if depth == 0:
                break
        yield text[start : edge.end()]
        start = text.find(_FORMULA, edge.end())


def _letters(text):
    return {*html.unescape(_TAG.sub("", text))}


def cut(font_file, codes):
    """Return a font as WOFF bytes, with the glyphs for ``codes`` and its licence."""
    # Slow to import, and seldom needed: letters change less often than words.
    from fontTools import subset
    from fontTools.ttLib import TTFont

    font = TTFont(font_file, recalcTimestamp=False)
    options = subset.Options(name_IDs=["*"], notdef_outline=True)
    options.layout_features, options.hinting = [], False
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=codes)
    cutter.subset(font)
    for record in font["name"].names:
        if record.nameID in _NAMES:
            record.string = "Formulas"
    font.flavor = "woff"
    file = io.BytesIO()
    font.save(file)
    return file.getvalue()


def setup(app):
    """Register with Sphinx."""
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
