"""A new chapter has what it needs, and nothing is overwritten."""

from pathlib import Path

import jupytext
import pytest
import yaml

from bookpress.chapter import CannotBeginError, begin

ROOT = Path(__file__).parents[2]
TOC = "root: index\nchapters:\n  - file: book/a\n  - file: book/last  # stays last\n"


@pytest.fixture
def place(tmp_path):
    (tmp_path / "book/_template").mkdir(parents=True)
    (tmp_path / "_toc.yml").write_text(TOC)
    template = tmp_path / "book/_template/chapter.md"
    template.write_text("# {title}\n\n$$ x $$ ({name}-rule)\n")
    return {"template": template, "toc": tmp_path / "_toc.yml"}


def test_a_chapter_is_written_and_stands_in_the_contents_where_it_should(place):
    chapter = begin("why_so", **place, before="book/last")
    assert chapter.read_text() == "# Why so\n\n$$ x $$ (why_so-rule)\n"
    toc = place["toc"].read_text()
    files = [entry["file"] for entry in yaml.safe_load(toc)["chapters"]]
    assert files == ["book/a", "book/why_so", "book/last"] and "# stays last" in toc
    begin("later", **place)
    assert place["toc"].read_text().endswith("# stays last\n  - file: book/later\n")


@pytest.mark.parametrize("name", ["Why", "1_why", "../why", "why.md", ""])
def test_a_name_that_is_none_writes_nothing(place, name):
    with pytest.raises(CannotBeginError, match="by its question"):
        begin(name, **place)
    assert place["toc"].read_text() == TOC


def test_a_chapter_that_exists_is_not_overwritten(place):
    begin("why", **place)
    before = place["toc"].read_text()
    with pytest.raises(CannotBeginError, match="exists already"):
        begin("why", **place)
    assert place["toc"].read_text() == before


def test_the_cells_of_this_book_s_template_run_and_give_what_its_prose_quotes():
    template = ROOT / "book/_template/chapter.md"
    names = {"__name__": "__main__"}
    for cell in jupytext.read(template).cells:
        if cell.cell_type == "code":
            exec(cell.source, names)
    assert names["gap"] < 1e-6 and "{glue:text}`gap:" in template.read_text("utf8")
