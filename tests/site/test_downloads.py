"""The notebooks that a reader downloads: plain, filled in, and able to run alone."""

import re
from pathlib import Path

import nbclient
import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup

BOOK = Path(__file__).parents[2] / "book"
SETTINGS = yaml.safe_load(BOOK.with_name("_config.yml").read_text("utf8"))
MACROS = SETTINGS["sphinx"]["config"]["book_macros"]
WITH_CELLS = [
    p.stem for p in sorted(BOOK.glob("*.md")) if "{code-cell}" in p.read_text()
]
CHAPTER = pytest.mark.parametrize("chapter", WITH_CELLS)


@pytest.fixture
def notebook(site, chapter):
    html = (site / f"book/{chapter}.html").read_text("utf8")
    (link,) = BeautifulSoup(html, "html.parser").select(
        "a.btn-download-notebook-button"
    )
    return nbformat.read(site / "book" / link["href"], as_version=4)


def text(notebook):
    return "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")


@CHAPTER
def test_no_role_and_no_directive_is_left(notebook):
    assert re.findall(r"{[\w:-]+}`|^[:`]{3,}{|^\(\w+\)=", text(notebook), re.M) == []
    assert "glue" not in text(notebook)


@CHAPTER
def test_its_formulas_are_plain_tex(notebook):
    assert not MACROS.keys() & set(re.findall(r"\\[a-zA-Z]+", text(notebook)))


@CHAPTER
def test_it_runs_alone_in_an_empty_folder(notebook, tmp_path):
    before = [cell.get("outputs") for cell in notebook.cells]
    where = {"metadata": {"path": tmp_path}}
    nbclient.NotebookClient(notebook, resources=where, timeout=120).execute()
    assert list(tmp_path.iterdir()) == []
    again = [c.get("outputs") for c in notebook.cells]
    assert printed(before) == printed(again)


def printed(cells):
    # What a cell prints arrives in pieces, cut where the kernel's clock has it, and
    # myst-nb strips the blank lines at the cuts: lines with a text are compared.
    texts = ["".join(o.text for o in outs or [] if "text" in o) for outs in cells]
    return [[line for line in text.splitlines() if line.strip()] for text in texts]


@pytest.mark.parametrize("chapter", ["sgd"])
def test_its_numbers_are_filled_in(notebook):
    assert "after 50 steps it is 53% as large" in text(notebook)
    assert r"\tag{1.4}" in text(notebook) and "Exercise 1.1" in text(notebook)
    assert "0.800000011920929" in str(notebook.cells)


@pytest.mark.parametrize("chapter", ["sgd"])
def test_the_page_shows_the_digits_of_the_first_example(site, chapter):
    html = (site / f"book/{chapter}.html").read_text("utf8")
    assert "0.800000011920929" in html and "0.7900000214576721" in html


@pytest.mark.parametrize("page", sorted(path.stem for path in BOOK.glob("*.md")))
def test_each_page_is_offered_as_plain_markdown(site, page):
    html = (site / f"book/{page}.html").read_text("utf8")
    (link,) = BeautifulSoup(html, "html.parser").select("a.btn-download-source-button")
    markdown = (site / "book" / link["href"]).read_text("utf8")
    assert markdown.startswith("# ") and "glue" not in markdown
    assert not MACROS.keys() & set(re.findall(r"\\[a-zA-Z]+", markdown))
    assert re.findall(r"{[\w:-]+}`|^[:`]{3,}{|^\(\w+\)=", markdown, re.M) == []
