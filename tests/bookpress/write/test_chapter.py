"""A new chapter has what it needs, and nothing is overwritten."""

import re
from pathlib import Path

import jupytext
import pytest
import yaml

from bookpress.write.chapter import CannotBeginError, begin

ROOT = Path(__file__).parents[3]
TOC = """root: index
parts:
  - caption: Story
    chapters:
      - file: book/a
  - caption: Appendix
    numbered: true
    chapters:
      - file: book/last  # stays in the appendix
"""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "book/_template").mkdir(parents=True)
    (tmp_path / "_toc.yml").write_text(TOC)
    template = tmp_path / "book/_template/chapter.md"
    template.write_text("# {title}\n\n$$ x $$ ({name}-rule)\n")
    return {"template": template, "toc": tmp_path / "_toc.yml"}


def test_a_chapter_is_written_and_stands_last_in_its_part(place):
    chapter = begin("why_so", **place, part="Story")
    assert chapter.read_text() == "# Why so\n\n$$ x $$ (why_so-rule)\n"
    toc = place["toc"].read_text()
    story, appendix = (
        [entry["file"] for entry in part["chapters"]]
        for part in yaml.safe_load(toc)["parts"]
    )
    assert story == ["book/a", "book/why_so"] and appendix == ["book/last"]
    assert "# stays in the appendix" in toc
    begin("later", **place)
    assert place["toc"].read_text().endswith("appendix\n      - file: book/later\n")


def test_a_part_that_is_not_there_writes_nothing(place):
    with pytest.raises(CannotBeginError, match="no part 'Nowhere'"):
        begin("why", **place, part="Nowhere")
    assert place["toc"].read_text() == TOC
    assert not place["template"].parents[1].joinpath("why.md").exists()


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


TEMPLATE = ROOT / "book/_template/chapter.md"


def test_the_cells_of_this_book_s_template_run_and_give_what_its_prose_quotes():
    names = {"__name__": "__main__"}
    for cell in jupytext.read(TEMPLATE).cells:
        if cell.cell_type == "code":
            exec(cell.source, names)
    read = set(re.findall(r"{glue:text}`(\w+)", TEMPLATE.read_text("utf8")))
    assert read - {"steps"} <= names.keys() and len(read) == 4
