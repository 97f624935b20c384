"""A listing has the code, and not what it says to tools."""

from bs4 import BeautifulSoup

CODE = """\
def halve(
    w, *,
):  # fmt: skip
    return w / 2  # noqa: RUF005  # type: ignore[no-any-return]
# fmt: kept, this is prose
"""


def test_a_listing_leaves_out_what_only_tools_read(book):
    book.config["sphinx"]["extra_extensions"].append("bookpress.page.listings")
    book.write("code/mod.py", CODE)
    said = "# Page\n\n```{literalinclude} code/mod.py\n```\n\n"
    book.page("a", text=said + "```python\nx # fmt: skip\n```\n")
    assert book.build().code == 0
    page = BeautifulSoup(book.html("a"), "html.parser")
    shown, other = (block.get_text() for block in page.select("pre"))
    assert shown.splitlines() == [
        "def halve(",
        "    w, *,",
        "):",
        "    return w / 2",
        "# fmt: kept, this is prose",
    ]
    assert other.strip() == "x # fmt: skip"
