"""The cells of a notebook: in order, with what the page leaves out, and able to run."""

import tomllib
from types import SimpleNamespace

import nbformat.v4 as nb
import pytest
from docutils import nodes
from myst_nb.core.utils import coalesce_streams

from bookpress.downloads import notebooks
from bookpress.downloads.markdown import Numbers


def page(*parts):
    """Return a doctree: a string is a paragraph, a number the cell of that index."""
    made = [
        nodes.paragraph("", part)
        if isinstance(part, str)
        else nodes.container("", nb_element="cell_code", cell_index=part)
        for part in parts
    ]
    return nodes.container("", *made)


def written(doctree, executed):
    cells = notebooks._cells(doctree, executed, Numbers(), "set up")
    return [cell.source for cell in cells]


def test_left_out_cells_follow_the_cell_that_they_check():
    code, text = nb.new_code_cell, nb.new_markdown_cell
    executed = [
        text("Title"), code("import"), text("Intro"), code("shown"), code("check"),
        text("After"), code("later"),
    ]  # fmt: skip
    sources = written(page("Title", "Intro", 3, "After"), executed)
    assert sources == [
        "Title\n\nIntro", "set up", "import", "shown", "check", "After", "later",
    ]  # fmt: skip


def test_a_solution_keeps_its_cells_below_a_folded_heading():
    cell = nodes.container("", nb_element="cell_code", cell_index=1)
    before, after = nodes.paragraph("", "Try:"), nodes.paragraph("", "So.")
    body = nodes.section("", before, cell, after)
    solution = nodes.admonition("", nodes.title("", "Solution"), body)
    exercise = nodes.admonition("", nodes.title("", "Exercise"), classes=["exercise"])
    doctree = nodes.container("", *page(0), solution, exercise)
    executed = [nb.new_code_cell(text) for text in ("shown", "tried", "check")]
    made = notebooks._cells(doctree, executed, Numbers(), "set up")
    assert [cell.source for cell in made] == [
        "set up", "shown", "## Solution", "Try:", "tried", "check", "So.", "# Exercise",
    ]  # fmt: skip
    assert made[2].metadata["jp-MarkdownHeadingCollapsed"] is True


@pytest.mark.parametrize("tag", ["remove-cell", "checks", "hide-input"])
def test_what_the_page_folds_or_leaves_out_is_folded(tag):
    tagged = nb.new_code_cell("# it holds", metadata={"tags": [tag]})
    folded = notebooks._code_cell(tagged)
    assert folded.metadata["jupyter"] == {"source_hidden": True}
    assert folded.source == "# it holds"
    assert "jupyter" not in notebooks._code_cell(nb.new_code_cell("x")).metadata


def test_a_notebook_leads_to_notebooks_and_to_text_where_there_is_none(tmp_path):
    app = SimpleNamespace(outdir=tmp_path / "html")
    (tmp_path / "jupyter_execute").mkdir()
    (tmp_path / "jupyter_execute/a.ipynb").touch()
    assert notebooks._suffix(app, "a") == ".ipynb"
    assert notebooks._suffix(app, "b") == ".md"


def test_cell_names_do_not_change_from_build_to_build():
    executed = [nb.new_code_cell("a"), nb.new_code_cell("b")]
    first, second = (
        [c.id for c in notebooks._cells(page(0, 1), executed, Numbers(), "")]
        for _ in range(2)
    )
    assert first == second == ["cell-0", "cell-1", "cell-2"]


def test_outputs_stay_without_what_only_the_book_can_show():
    figure = {"image/svg+xml": "<svg/>", "application/pdf": "JVB"}
    outputs = [
        nb.new_output("display_data", {"application/papermill.record/text/plain": "1"}),
        nb.new_output("execute_result", figure, execution_count=1),
        nb.new_output("stream", text="printed"),
    ]
    cell = notebooks._code_cell(nb.new_code_cell("x", outputs=outputs))
    assert [o.get("data", o.get("text")) for o in cell.outputs] == [
        {"image/svg+xml": "<svg/>"},
        "printed",
    ]


def test_what_a_shown_cell_printed_in_pieces_stands_there_once():
    pieces = [nb.new_output("stream", text=x) for x in ("a\n", "b\n", "a\n")]
    shown = nb.new_code_cell("x", outputs=pieces)
    coalesce_streams(shown.outputs)  # as the page does, in place
    (cell,) = notebooks._cells(page(0), [shown], Numbers(), "")[1:]
    assert [o.text for o in cell.outputs] == ["a\nb\na\n"]


def test_what_a_hidden_cell_printed_in_pieces_is_kept_whole():
    pieces = [nb.new_output("stream", text=x) for x in ("a\n", "b\n", "a\n")]
    hidden = nb.new_code_cell("x", outputs=pieces)
    *_, cell = notebooks._cells(page(0), [nb.new_code_cell("y"), hidden], Numbers(), "")
    assert "".join(o.text for o in cell.outputs) == "a\nb\na\n"


PROJECT = 'name = "b"\nversion = "1.0"\n'
EXTRA = "[optional-dependencies]\nbook = []\n"
REPOSITORY = 'urls = {Repository = "https://x.org/b"}\n'
WHEEL = "b-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("more", "site", "expected"),
    [
        (REPOSITORY, "", '%pip install --quiet "b @ git+https://x.org/b"'),
        (REPOSITORY, "https://y.org/", f'"b @ https://y.org/{WHEEL}"'),
        (EXTRA, "https://y.org/", f'"b[book] @ https://y.org/{WHEEL}"'),
        (EXTRA, "", '%pip install --quiet "{wheels[-1]}[book]"'),
        ("", "", f"Put beside this notebook: {{wanted}}.|{WHEEL}"),
    ],
)
def test_the_first_cell_brings_a_missing_package(more, site, expected):
    cell = notebooks._setup(tomllib.loads(PROJECT + more), site)
    assert all(part in cell for part in expected.split("|"))
    assert 'find_spec("b") is None' in cell
    compile(cell.replace("%pip", "0 #"), "cell", "exec")
