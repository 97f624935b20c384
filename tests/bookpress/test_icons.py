"""The icon font: the letters that are asked for, and the licence."""

import io
from pathlib import Path

import pydata_sphinx_theme
from fontTools.ttLib import TTFont

from bookpress import icons

THEME = Path(pydata_sphinx_theme.__file__).parent
SOLID = THEME / "theme/pydata_sphinx_theme/static" / icons.SOLID


def test_letters_are_found_as_such_and_as_escapes():
    assert icons.letters('"\\f0c9" "\uf185" "a" "\\2014"') == {0xF0C9, 0xF185}


def test_the_font_has_these_letters_its_licence_and_another_name():
    font = TTFont(io.BytesIO(icons.cut(SOLID, {0xF0C9})))
    assert set(font.getBestCmap()) == {0xF0C9}
    assert font["name"].getDebugName(4) == "Icons"
    assert "Font Awesome" in font["name"].getDebugName(0)


def test_the_same_letters_give_the_same_bytes():
    assert icons.cut(SOLID, {0xF0C9, 0xF185}) == icons.cut(SOLID, {0xF185, 0xF0C9})
