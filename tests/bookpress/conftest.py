"""What the tests of several extensions use."""

import os

import pytest
from tiny_book import Book


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Return a new book, whose modules can be imported."""
    code = str(tmp_path / "book/code")
    monkeypatch.setenv("PYTHONPATH", code, prepend=os.pathsep)
    return Book(tmp_path / "book")
