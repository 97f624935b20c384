"""The PDF is offered beside the pages that have its numbers, and beside no others."""

import pytest
from tiny_book import EXTENSIONS, STRICT


@pytest.fixture
def printed(book):
    """Return a book whose PDF lies where TeX would have written it."""
    book.config["sphinx"]["extra_extensions"] = [*EXTENSIONS, "bookpress.downloads.pdf"]
    book.config["latex"] = {"latex_documents": {"targetname": "book.tex"}}
    book.write("code/mod.py", "X = 'old'\n")
    book.page("a", "import mod; print(mod.X)")
    result = book.build("--builder", "latex", *STRICT)
    assert result.code == 0, result.said
    book.write("_build/latex/book.pdf", "%PDF of old")
    return book


def offered(book):
    """Build the pages; return the PDF beside them, or nothing."""
    result = book.build(*STRICT)
    assert result.code == 0, result.said
    return book.files().get("book.pdf")


def test_it_is_offered_until_something_changes(printed):
    assert offered(printed) == b"%PDF of old"
    assert offered(printed) == b"%PDF of old"
    printed.write("code/mod.py", "X = 'new'\n")
    assert offered(printed) is None
    assert printed.outputs("a") == ["new"]


def test_words_that_change_are_a_change_too(printed):
    assert offered(printed) == b"%PDF of old"
    printed.page("index", text="# Another title\n")
    assert offered(printed) is None


def test_another_pdf_of_the_same_book_takes_its_place(printed):
    assert offered(printed) == b"%PDF of old"
    printed.write("_build/latex/book.pdf", "%PDF compiled again")
    assert offered(printed) == b"%PDF compiled again"
