"""A page with an answer, a takeaway, checks and a solution, in all its forms."""

import nbformat
import pytest
from bs4 import BeautifulSoup
from tiny_book import EXTENSIONS, FRONT, STRICT, Book

NEW = [
    "sphinx_exercise",
    "bookpress.page.opening",
    "bookpress.page.folds",
    "bookpress.page.names",
]
NEW += [
    "bookpress.page.numbers",
    "bookpress.downloads.notebooks",
    "bookpress.downloads.markdown_pages",
]
TEXT = """\
# Decay halves it

Two stories are one, as [](b.md) says.

```{answer}
It keeps {glue:text}`kept:.1f` of $w$.

You need *sums*.
```

```{code-cell}
:tags: [checks]

# the half is a half
kept = 0.5
assert kept < 1
QUOTE
```

```{takeaway}
A step keeps {glue:text}`kept:.1f` of $w$.
```

## Exercises

```{exercise}
:label: ex-a
How much?
```

```{solution-start} ex-a
:class: dropdown
```

Look:

```{code-cell}
kept / 2
```

So a quarter.

```{solution-end}
```

```{exercise}
:label: ex-b
Why?
```
"""
QUOTE = """\
from IPython.display import publish_display_data as publish
KEY = "application/papermill.record/"
ABOUT = {"scrapbook": {"name": "kept", "mime_prefix": KEY}}
quote = lambda kept: publish({KEY + "text/plain": repr(kept)}, ABOUT)
quote(kept=kept)"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a page as HTML, its notebook and its Markdown."""
    book = Book(tmp_path_factory.mktemp("book"))
    book.config["sphinx"]["extra_extensions"] = [*EXTENSIONS, *NEW]
    book.write("pyproject.toml", '[project]\nname = "torch"\nversion = "1"\n')
    short = FRONT.replace("jupytext:", "short_title: The half\njupytext:", 1)
    book.page("a")
    book.write("a.md", short + TEXT.replace("QUOTE", QUOTE))
    book.page("b")
    book.write("b.md", "---\nshort_title: Sums\n---\n# Sums add up\n")
    result = book.build(*STRICT)
    assert result.code == 0, result.said
    sources = book.folder / "_build/html/_sources"
    notebook = nbformat.read(sources / "a.ipynb", as_version=4)
    html = BeautifulSoup(book.html("a"), "html.parser").article
    return html, notebook.cells, (sources / "a.md").read_text("utf8")


def test_the_page_has_what_it_is_styled_by(made):
    page, _, _ = made
    said = {name: page.select_one(f".{name}").get_text(" ", strip=True)
            for name in ("dek", "label", "needs", "takeaway strong")}  # fmt: skip
    assert said == {
        "dek": "Two stories are one, as Sums says.",
        "label": "The answer",
        "needs": "You need sums .",
        "takeaway strong": r"A step keeps 0.5 of \(w\) .",
    }
    assert page.select_one("h1 ~ .dek ~ .answer .needs")


def test_a_link_shows_the_short_name_of_its_page(made):
    page, _, text = made
    assert page.select_one("a[href='b.html'] em").text == "Sums"
    assert "as [*Sums*](b.md) says" in text


def test_checks_are_folded_and_say_what_they_check(made):
    page, _, _ = made
    checks = page.select_one("details.checks")
    assert checks.summary.text == "Checks: the half is a half"
    assert "assert kept < 1" in checks.text and not checks.has_attr("open")


def test_a_computed_number_leads_to_the_cell_that_quoted_it(made):
    page, _, _ = made
    numbers = page.select("a.number")
    assert [number.text for number in numbers] == ["0.5", "0.5"]
    (cell,) = {number["href"] for number in numbers}
    assert page.select_one(f"div.cell{cell} details.checks")


def test_a_solution_holds_its_cell_and_is_folded(made):
    page, _, _ = made
    solution = page.select_one("details.solution")
    assert solution.summary.text == "Solution to Exercise 1"
    assert not solution.has_attr("open")
    assert solution.select_one("div.cell").text.split() == ["kept", "/", "2", "0.25"]
    assert "So a quarter." in solution.text and "Why?" not in solution.text


def test_the_notebook_has_all_of_it_in_order(made):
    _, cells, _ = made
    assert [cell.source.partition("\n")[0] for cell in cells] == [
        "# Decay halves it",
        "# Installs torch, the book's package, where it is missing.",
        "# the half is a half",
        "**A step keeps 0.5 of $w$.**", "## Exercises", "### Exercise 1",
        "#### Solution to Exercise 1", "Look:", "kept / 2", "So a quarter.",
        "### Exercise 2",
    ]  # fmt: skip
    assert "as [*Sums*](b.md) says" in cells[0].source
    assert cells[2].metadata["jupyter"] == {"source_hidden": True}
    assert "jupyter" not in cells[8].metadata


def test_the_markdown_has_all_of_it_in_order(made):
    _, _, text = made
    assert text.startswith(
        "# Decay halves it\n\nTwo stories are one, as [*Sums*](b.md) says.\n\n"
        "> **The answer**\n>\n> It keeps 0.5 of $w$.\n>\n> You need *sums*.\n\n"
        "<details>\n<summary>Checks: the half is a half</summary>\n\n```python\n# the"
    )
    assert text.endswith(
        "<details>\n<summary>Solution to Exercise 1</summary>\n\nLook:\n\n```python\n"
        "kept / 2\n```\n\n```text\n0.25\n```\n\nSo a quarter.\n\n</details>\n\n"
        "### Exercise 2\n\nWhy?\n"
    )


FAULTY = {
    "```{answer}\nA.\n\nB.\n```": "below the title and one paragraph",
    "B.\n\n```{answer}\nOne.\n```": "answer has 2 paragraphs",
    "```{takeaway}\nA.\n\nB.\n```": "takeaway has 1 paragraph",
}


def test_what_has_another_form_is_refused(book):
    book.config["sphinx"]["extra_extensions"] = [*EXTENSIONS, "bookpress.page.opening"]
    for name, text in zip("abc", FAULTY, strict=True):
        book.page(name, text=f"# A\n\n{text}\n")
    result = book.build(*STRICT)
    assert result.code != 0 and all(said in result.said for said in FAULTY.values())
