"""A finished book is looked at before it is published."""

import nbformat.v4 as nb
import pytest

from bookpress.write.checks import faults_of_files, faults_of_page

ADDRESS = "cell 1 shows an address in memory"


def page(*outputs, count=1, tags=()):
    cell = nb.new_code_cell("x", outputs=list(outputs), execution_count=count)
    cell.metadata["tags"] = list(tags)
    return nb.new_notebook(cells=[nb.new_markdown_cell("text"), cell])


def quote(name):
    about = {"scrapbook": {"name": name, "mime_prefix": "papermill/"}}
    return nb.new_output("display_data", {"papermill/text/plain": "1"}, metadata=about)


def error(traceback):
    return nb.new_output("error", ename="E", evalue="", traceback=traceback)


def said(text):
    return nb.new_output("stream", text=text)


@pytest.mark.parametrize(
    ("notebook", "fault"),
    [
        (page(count=None), "cell 1 did not run"),
        (page(error([])), "cell 1 shows a traceback"),
        (page(said("Traceback (most recent call last):")), "cell 1 shows a traceback"),
        (page(said("findfont: no Arial")), "cell 1 shows a warning about fonts"),
        (page(said("Glyph 120 (\\N{X}) missing from font(s) A.")),
         "cell 1 shows a warning about fonts"),
        (page(said("<A object at 0x7f00a1b2c3d4>")), ADDRESS),
        (page(quote("gap"), quote("gap")),
         "'gap' is quoted more than once: cells [1, 1]"),
        (page(nb.new_output("display_data", {"text/html": "at 0x7f00a1b2c3"})),
         ADDRESS),
    ],
)  # fmt: skip
def test_each_fault_is_named_with_its_cell(notebook, fault):
    assert list(faults_of_page(notebook)) == [fault]


def test_what_is_meant_is_no_fault():
    assert list(faults_of_page(page(said("0x10 at 9"), quote("a"), quote("b")))) == []
    meant = page(error(["at 0x7f00a1b2c3d4"]), tags=["raises-exception"])
    assert list(faults_of_page(meant)) == []


def test_a_name_that_two_cells_quote_fails_a_build_that_allows_warnings(published):
    quote = """from IPython.display import publish_display_data as publish
KEY = "application/papermill.record/"
about = {"scrapbook": {"name": "gap", "mime_prefix": KEY}}
publish({KEY + "text/plain": "1"}, about)"""
    published.page("a", quote, quote)
    result = published.build()
    assert result.code != 0 and "a: 'gap' is quoted more than once" in result.said


def test_files_that_are_too_large_are_named(tmp_path):
    (tmp_path / "a.html").write_bytes(b"x" * 1001)
    (tmp_path / "b.html").write_bytes(b"x" * 1000)
    assert list(faults_of_files(tmp_path, 1000)) == [
        "a.html has 1,001 bytes, and may have 1,000"
    ]


def test_a_faulty_book_is_not_published_each_time(published):
    before = published.files()
    published.page("a", "1", "object()")
    for _ in range(2):
        result = published.build()
        assert result.code != 0 and "a: cell 2 shows an address" in result.said
        assert published.files() == before
    published.page("a", "'good'")
    published.setting("checks_largest", 1000)
    result = published.build()
    assert result.code != 0 and "a.html has" in result.said
