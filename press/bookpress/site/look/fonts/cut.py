"""Cut the fonts of the pages out of the packages that they come from.

Run it in this folder, in an environment with fontTools and brotli, after
``npm pack @fontsource-variable/source-serif-4@5.3.1
@fontsource-variable/source-code-pro@5.3.1`` and unpacking both: the two arguments are
the folders of the packages. The letters are those of English, of the names in the
references, and the signs of typography; what is missing comes from the formulas' own
fonts, and then looks as it does there. The text face keeps one axis, its weight; titles
have thinner strokes, which are a cut of their own.
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

MARKS = "\xa0äöüéèçñ–—‘’“”…−×"  # noqa: RUF001
TITLES = [*range(0x20, 0x7F), *map(ord, MARKS)]
LETTERS = [*TITLES, *map(ord, "§°±²³·¶½")]
GREEK = [*range(0x3B1, 0x3CA), *map(ord, "ΓΔΘΛΣΦΨΩ")]
SERIF, CODE = (Path(folder, "files") for folder in sys.argv[1:])
WEIGHTS = {"opsz": 16, "wght": (400, 600)}
STYLES = {
    "text": (SERIF, "serif-4-latin-opsz-normal", WEIGHTS, LETTERS),
    "italic": (SERIF, "serif-4-latin-opsz-italic", {"opsz": 16, "wght": 400}, LETTERS),
    "titles": (SERIF, "serif-4-latin-opsz-normal", {"opsz": 48, "wght": 400}, TITLES),
    "code": (CODE, "code-pro-latin-wght-normal", {"wght": (400, 600)}, LETTERS),
    "code-greek": (CODE, "code-pro-greek-wght-normal", {"wght": (400, 600)}, GREEK),
}  # fmt: skip
FEATURES = ["kern", "liga", "lnum", "tnum", "mark", "mkmk", "ccmp"]

for name, (folder, file, axes, letters) in STYLES.items():
    font = TTFont(folder / f"source-{file}.woff2", recalcTimestamp=False)
    options = subset.Options(layout_features=FEATURES, name_IDs=["*"])
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=letters)
    cutter.subset(font)
    font = instancer.instantiateVariableFont(font, axes)
    # Cut, it may not bear its name; its copyright and licence stay inside.
    for record in font["name"].names:
        if record.nameID in (1, 3, 4, 6, 16):
            record.string = f"Book {name}"
    font.flavor = "woff2"
    font.save(f"{name}.woff2")
    print(f"{name}: {Path(f'{name}.woff2').stat().st_size / 1000:.1f} KB")
