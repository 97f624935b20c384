"""The site gives away the package that its notebooks import."""

import os
import zipfile

from tiny_book import EXTENSIONS, STRICT

PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "mod"
version = "1.0"
[tool.setuptools]
package-dir = {"" = "code"}
py-modules = ["mod"]
"""
WHEEL = "mod-1.0-py3-none-any.whl"


def build(book):
    result = book.build(*STRICT)
    assert result.code == 0, result.said
    return book.files()[WHEEL]


def test_it_is_the_package_and_the_same_as_long_as_the_code_is(book):
    added = [*EXTENSIONS, "bookpress.downloads.notebooks", "bookpress.downloads.wheel"]
    book.config["sphinx"]["extra_extensions"] = added
    book.write("pyproject.toml", PROJECT)
    book.write("code/mod.py", "X = 'old'\n")
    book.page("a", "import mod; mod.X")
    first = build(book)
    with zipfile.ZipFile(book.folder / "_build/html" / WHEEL) as file:
        assert file.read("mod.py") == b"X = 'old'\n"
    left = {p.name for p in book.folder.iterdir()}
    assert not left & {"build", "dist"} and not list(book.folder.rglob("*.egg-info"))

    os.utime(book.folder / "code/mod.py", (2e9, 2e9))
    book.page("b", text="# Another page")
    (kept,) = book.folder.glob(f"_build/.doctrees/wheels/*/{WHEEL}")
    kept.unlink()  # so that it is built once more
    assert build(book) == first

    book.write("code/mod.py", "X = 'new'\n")
    assert build(book) != first
