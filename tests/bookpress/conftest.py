"""What the tests of several extensions use."""

import os
import shutil

import pytest
from tiny_book import STRICT, Book


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Return a new book, whose modules can be imported."""
    code = str(tmp_path / "book/code")
    monkeypatch.setenv("PYTHONPATH", code, prepend=os.pathsep)
    return Book(tmp_path / "book")


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Return a book that is built once, and a copy of its folder."""
    folder = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder / "book/code"), prepend=os.pathsep)
        book = Book(folder / "book")
        book.write("code/mod.py", "X = 'old'\n")
        book.page("a", "import mod; mod.X")
        book.page("b", text="# Old name")
        assert book.build(*STRICT).code == 0
    shutil.copytree(book.folder, folder / "copy")
    return book, folder / "copy"


@pytest.fixture
def published(built, monkeypatch):
    """Return a book that was built: page a shows a module's 'old', b has no cells."""
    first, copy = built
    monkeypatch.setenv("PYTHONPATH", str(first.folder / "code"), prepend=os.pathsep)
    shutil.rmtree(first.folder)
    shutil.copytree(copy, first.folder)
    return first.again()
