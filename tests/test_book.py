"""The chapters: what they promise the reader, checked on their source."""

import ast
import re
import shutil
import statistics
from collections import Counter
from pathlib import Path

import jupytext
import nbclient
import pages
import pytest

import weightdecay
from weightdecay import twins

ROOT = Path(__file__).parent.parent
CHAPTERS = sorted(ROOT.glob("book/*.md"))
NOTEBOOKS = [c for c in CHAPTERS if "{code-cell}" in c.read_text("utf8")]
IDS = {"ids": lambda path: path.stem}
EXECUTED = pytest.mark.parametrize("chapter", NOTEBOOKS, **IDS)
WRITTEN = pytest.mark.parametrize("chapter", CHAPTERS, **IDS)

# Numbers that name a thing and measure nothing.
NAMES = ("32-bit", "64-bit", "CC BY 4.0")
TYPED = r"(?<![A-Za-z_\d])(?:\d+[.,]\d+|\d+\s*%|\d+e-?\d+|\d{2,})"


def cells(chapter):
    """Return the code cells of a chapter."""
    return [c for c in jupytext.read(chapter).cells if c.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


def execute(notebook, folder):
    return nbclient.NotebookClient(
        notebook, resources={"metadata": {"path": folder}}, timeout=120
    ).execute()


def until(code, notebook):
    """Return a notebook up to the cell that has some code: what follows takes long."""
    last = max(i for i, c in enumerate(notebook.cells) if code in c.source)
    assert notebook.cells[last].cell_type == "code"
    notebook.cells = notebook.cells[: last + 1]
    return notebook


def quoted(notebook):
    """Return what the cells of an executed notebook gave to the prose."""
    outputs = [o for c in notebook.cells for o in c.get("outputs", [])]
    glued = [o for o in outputs if "scrapbook" in o.get("metadata", {})]
    key = "application/papermill.record/text/plain"
    return {o.metadata["scrapbook"]["name"]: o.data[key] for o in glued}


def prose(chapter):
    """Return what the reader reads as text, without cells, roles and addresses."""
    text = pages.read(chapter) + "\n\n".join(
        pages.SOLUTION.findall(pages.body(chapter))
    )
    text = pages.CELL.sub("", text)
    for pattern in (r"{[\w:]+}`[^`]*`", r"\]\([^)]*\)", r"^:\w+: .*"):
        text = re.sub(pattern, "", text, flags=re.M)
    for name in NAMES:
        text = text.replace(name, "")
    return text


def typed(text):
    """Return the numbers in a text that a cell could have computed, in its code too."""
    return re.findall(TYPED, text)


@WRITTEN
def test_no_number_that_a_cell_could_compute_is_typed(chapter):
    text = prose(chapter)
    assert typed(re.sub(r"`[^`]*`", "", text)) == [], "quote it: {glue:text}`name:.1f`"
    in_code = [code for code in re.findall(r"`([^`\n]+)`", text) if typed(code)]
    assert in_code == [], "quote it: `lr=`{glue:text}`lr:.1f`"


def test_a_typed_number_would_be_found(tmp_path):
    page = tmp_path / "page.md"
    for typed, found in {"0.5": r"0\.5", "`lr=0.25`": "lr=0.25"}.items():
        page.write_text(f"# A\n\nThe gap is {typed}, by {{glue:text}}`gap:.1f`.\n")
        with pytest.raises(AssertionError, match=found):
            test_no_number_that_a_cell_could_compute_is_typed(page)
    page.write_text("# A\n\n`float64`, `sgd_l2`, `lr=`{glue:text}`lr:.2f`.\n")
    test_no_number_that_a_cell_could_compute_is_typed(page)


@WRITTEN
def test_every_quoted_name_is_quoted_by_a_cell_and_every_quote_is_read(chapter):
    text = chapter.read_text("utf8")
    read = set(re.findall(r"{glue:text}`(\w+)", text))
    calls = [
        node
        for cell in cells(chapter)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "quote"
    ]
    assert read == {keyword.arg for call in calls for keyword in call.keywords}


@WRITTEN
def test_a_title_means_the_same_in_capitals(chapter):
    # The PDF writes it so, and a capital lambda is another symbol.
    (title,) = re.findall(r"^# .*", chapter.read_text("utf8").split("```")[0], re.M)
    assert re.findall(r"[α-ω$]", title) == []  # noqa: RUF001


def lines(cell):
    return len([line for line in cell.source.splitlines() if line.strip()])


@EXECUTED
def test_cells_are_short_enough_to_read(chapter):
    shown = [cell for cell in pages.cells(chapter) if not cell.tags]
    assert max((lines(cell) for cell in shown), default=0) <= 15
    assert statistics.median([lines(c) for c in shown if c.is_open] or [0]) <= 6
    openable = [c for c in cells(chapter) if "remove-cell" not in tags(c)]
    wide = [x for c in openable for x in c.source.splitlines() if len(x) > 72]
    assert wide == []


@WRITTEN
def test_code_that_a_page_includes_is_as_narrow_as_a_cell(chapter):
    included = r"```{literalinclude} (\S+)\n:pyobject: (\S+)"
    for file, name in re.findall(included, pages.body(chapter)):
        source = (chapter.parent / file).read_text("utf8")
        node = ast.parse(source)
        for part in name.split("."):
            node = next(n for n in node.body if getattr(n, "name", "") == part)
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        shown = source.splitlines()[first - 1 : node.end_lineno]
        wide = [x for x in shown if len(x) - node.col_offset > 72]
        assert wide == [], f"{file}, {name}"


@EXECUTED
def test_every_figure_has_a_name_a_caption_and_a_description(chapter):
    for cell in cells(chapter):
        if "figures." in cell.source.splitlines()[-1] or "figure" in str(cell.metadata):
            settings = cell.metadata["mystnb"]
            assert settings["figure"]["name"].startswith(f"fig-{chapter.stem}")
            assert settings["figure"]["caption"].strip()
            source = cell.source
            if source.splitlines()[-1] == "box.sliders()":
                source = (ROOT / "code/weightdecay/box.py").read_text("utf8")
            assert "alt=" in source or len(settings["image"]["alt"]) > 40


@WRITTEN
def test_every_chapter_is_in_the_table_of_contents_and_describes_itself(chapter):
    parts = [page for part in pages.contents().values() for page in part]
    assert chapter in [ROOT / "book/index.md", *parts]
    assert len(pages.front(chapter)["myst"]["html_meta"]["description"]) > 30


@WRITTEN
def test_a_page_has_a_short_name_by_which_others_call_it(chapter):
    assert 0 < len(pages.front(chapter)["short_title"]) <= 20


@WRITTEN
def test_a_sentence_calls_a_chapter_neither_by_its_title_nor_by_a_number(chapter):
    text = pages.body(chapter)
    titles = {re.search(r"^# (.*)", pages.body(p), re.M)[1] for p in CHAPTERS}
    long = {title for title in titles if len(title) > 20 and f"[{title}]" in text}
    assert long == set(), "let the link be empty: [](page.md)"
    assert "{doc}`" not in text or chapter.stem == "index", "it shows the whole title"
    by_number = r"\b(?:[Cc]hapter|[Ss]ection|[Ff]ig(?:ure)?\.?|[Ee]quation|Eq\.) \d"
    assert re.findall(by_number, prose(chapter)) == [], "let a reference number it"


def test_symbols_stand_by_the_chapter_that_brings_them_in_the_book_s_order():
    names = list(pages.sections(ROOT / "book/notation.md"))
    order = [page for part in pages.contents().values() for page in part]
    short = [pages.front(page)["short_title"] for page in order]
    assert names == [name for name in short if name in names] and len(names) > 5


def test_a_symbol_has_one_meaning():
    text = (ROOT / "book/notation.md").read_text("utf8")
    rows = re.findall(r"^\* - (\$.*)", text, re.M)
    symbols = [symbol for row in rows for symbol in re.findall(r"\$([^$]+)\$", row)]
    twice = [symbol for symbol, count in Counter(symbols).items() if count > 1]
    assert len(symbols) > 50 and twice == []


def test_every_rule_stands_in_the_appendix():
    page = (ROOT / "book/rules.md").read_text("utf8")
    for rule, twin, _ in twins.TWINS:
        name = rule.__name__
        assert page.count(f":pyobject: {name}\n") == 1, name
        assert twin is None or f"{{glue:text}}`{name}:" in page, name


def test_a_page_with_cells_says_that_it_is_a_notebook():
    # Without a kernel in its front matter a page is not executed.
    for chapter in NOTEBOOKS:
        assert "kernelspec" in jupytext.read(chapter).metadata, chapter


def broken(tmp_path, file, old, new):
    """Copy the package and break one line of it; return the copy's source root."""
    copy = tmp_path / "weightdecay"
    shutil.copytree(Path(weightdecay.__file__).parent, copy)
    source = (copy / file).read_text("utf8")
    assert old in source
    (copy / file).write_text(source.replace(old, new), "utf8")
    return tmp_path


def test_the_sgd_chapter_fails_when_its_rule_loses_the_decay(tmp_path, monkeypatch):
    path = broken(tmp_path, "updates.py", "lr * (g + weight_decay * w)", "lr * g")
    monkeypatch.setenv("PYTHONPATH", str(path))
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="AssertionError"):
        execute(jupytext.read(ROOT / "book/sgd.md"), tmp_path)


def test_the_sgd_chapter_speaks_of_the_steps_that_its_cell_takes(tmp_path):
    chapter = (ROOT / "book/sgd.md").read_text("utf8")
    before, after = '{"steps": 50, "lr": 0.1, "weight_decay": 0.1}', '"steps": 70'
    assert "{glue:text}`steps` steps" in chapter
    changed = chapter.replace(before, before.replace('"steps": 50', after))
    assert changed != chapter
    notebook = until("share=theirs", jupytext.reads(changed, fmt="md:myst"))
    now = quoted(execute(notebook, tmp_path))
    assert now["steps"] == "70"
    # The share that is left depends on them: 0.79 ** 70 / 0.8 ** 70.
    assert float(now["share"]) == pytest.approx((0.79 / 0.8) ** 70, rel=1e-9)


def test_the_first_example_prints_its_three_lines(tmp_path):
    chapter = until("After step with weight decay", jupytext.read(ROOT / "book/sgd.md"))
    notebook = execute(chapter, tmp_path)
    outputs = [o for c in notebook.cells for o in c.get("outputs", [])]
    printed = "".join(o.text for o in outputs if o.output_type == "stream")
    assert printed.splitlines()[:3] == [
        "Initial weight: 1.0",
        "After step without weight decay: 0.800000011920929",
        "After step with weight decay: 0.7900000214576721",
    ]
