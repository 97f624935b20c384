"""The PDF is offered beside the pages that have its numbers, and beside no others."""

import re

import pytest
from tiny_book import EXTENSIONS, STRICT


@pytest.fixture
def printed(book):
    """Return a book whose PDF lies where TeX would have written it."""
    book.config["sphinx"]["extra_extensions"] = [*EXTENSIONS, "bookpress.downloads.pdf"]
    book.config["latex"] = {"latex_documents": {"targetname": "book.tex"}}
    book.write("code/mod.py", "X = 'old'\n")
    book.page("a", "import mod; print(mod.X)")
    return compiled(book)


def compiled(book):
    """Write what TeX reads, and a PDF beside it."""
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


def test_an_edit_takes_the_link_out_of_pages_that_are_not_written_again(printed):
    sphinx = printed.config["sphinx"]
    ours = [*sphinx.pop("extra_extensions"), "bookpress.site.look"]
    stack = ["myst_nb", "jupyter_book", "sphinx_external_toc"]
    sphinx["recursive_update"] = False
    sphinx["config"] |= {"html_theme": "furo", "html_theme_options": {}}
    sphinx["config"]["extensions"] = [*stack, *ours]
    compiled(printed)
    assert offered(printed) == b"%PDF of old"
    linked = printed.files()["a.html"]
    assert linked.count(b'href="book.pdf"') == 2
    text = (printed.folder / "index.md").read_text("utf8")
    printed.page("index", text=f"{text}\nOne word more.\n")
    result = printed.build(*STRICT)
    assert result.code == 0, result.said
    written = {*re.findall(r"writing output\.\.\. \[ *\d+%\] (\w+)", result.said)}
    assert written == {"index"}
    pages = printed.files()
    assert "book.pdf" not in pages
    assert [n for n in pages if n.endswith(".html") and b"book.pdf" in pages[n]] == []
    # Nothing else is lost, and the link comes back with the PDF.
    compiled(printed)
    assert offered(printed) == b"%PDF of old"
    assert printed.files()["a.html"] == linked
