"""How to cite a chapter, and where to mend it, in a small book built by Sphinx."""

from io import StringIO

import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from bookpress.page import citing

CITATION = """
title: Weights & Measures
authors:
  - name: The Measure group
  - {given-names: Carl F., family-names: Gauss}
version: 1.2.0
date-released: 2031-05-07
"""
CHAPTER = """---
kernelspec: {name: python3}
---

# Why $w_2$ is 50 % less

Text.
"""
BOOK = {
    "index.md": CHAPTER + "\n```{toctree}\npart/sgd\nappendix\nnotation\n```\n",
    "part/sgd.md": CHAPTER,
    "appendix.md": CHAPTER,
    "notation.md": "# Notation\n\n$w$ is a weight.\n",
    "CITATION.cff": CITATION,
    "pyproject.toml": '[project]\nname = "measures"\n',
}
SITE = '\n[project.urls]\nDocumentation = "https://measures.org/book/"\n'
REPOSITORY = '\n[project.urls]\nRepository = "https://github.com/gauss/measures.git"\n'
SETTINGS = {
    "extensions": [
        *("myst_parser", "sphinx_copybutton"),
        *("bookpress.site.look", "bookpress.page.citing"),
    ],
    "exclude_patterns": ["CITATION.cff"],
    "myst_enable_extensions": ["dollarmath"],
    "html_theme": "furo",
    "citing_exclude": ["appendix"],
}


def build(folder, urls=""):
    """Build the book with these addresses; return its pages, parsed, by name."""
    source = folder / "source"
    for name, text in BOOK.items():
        (source / name).parent.mkdir(exist_ok=True, parents=True)
        text += urls if name == "pyproject.toml" else ""
        (source / name).write_text(text, "utf8")
    warnings = StringIO()
    with docutils_namespace():
        options = {"status": None, "warning": warnings, "freshenv": True}
        places = source, None, folder / "html", folder / "doctrees", "html"
        Sphinx(*places, SETTINGS, **options).build()
    assert warnings.getvalue() == ""
    names = [name.removesuffix(".md") for name in BOOK if name.endswith(".md")]
    return {name: parsed(folder / "html" / f"{name}.html") for name in names}


def parsed(page):
    return BeautifulSoup(page.read_text("utf8"), "html.parser")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    return build(tmp_path_factory.mktemp("book"))


def test_chapters_say_how_to_cite_them_and_no_other_page_does(pages):
    citing = {name for name, page in pages.items() if page.select("details.citing")}
    assert citing == {"part/sgd"}


def test_it_is_closed_and_stands_at_the_end_of_the_chapter(pages):
    (block,) = pages["part/sgd"].select("article details.citing")
    assert "open" not in block.attrs
    assert block.find_next_sibling("section") is None


def test_the_entry_names_chapter_book_authors_year_and_version(pages):
    (entry,) = pages["part/sgd"].select("details.citing pre")
    assert entry.text.splitlines() == [
        "@incollection{weights_measures_2031_sgd,",
        "  author    = {{The Measure group} and Gauss, Carl F.},",
        r"  title     = {{Why $w_2$ is 50 \% less}},",
        r"  booktitle = {{Weights \& Measures}},",
        "  year      = {2031},",
        "  note      = {Version 1.2.0},",
        "}",
    ]


def test_the_entry_stands_where_the_copy_button_looks(pages):
    assert pages["part/sgd"].select("details.citing div.highlight pre")


def test_the_sentence_says_the_same(pages):
    (said,) = pages["part/sgd"].select("details.citing p")
    assert said.text == (
        "The Measure group and Carl F. Gauss (2031). Why w_2 is 50 % less. "
        "In Weights & Measures, version 1.2.0."
    )


def test_a_question_ends_as_a_question():
    book = {"title": "B", "authors": [{"name": "A"}] * 3, "version": 1}
    book["date-released"] = "2031-05-07"
    said = citing.sentence(book, "Why?", "https://x.org/?a&b")
    assert said.startswith("A, A and A (2031). Why? In <em>B</em>, version 1.")
    assert said.endswith('<a href="https://x.org/?a&amp;b">https://x.org/?a&amp;b</a>')


def test_what_tex_would_read_as_a_command_is_escaped():
    title = nodes.title("", r"50 % of a_b^c \ {x} & #1 ~ $")
    entry = citing.bibtex({**BOOKLET}, title, "", "x")
    expected = (
        r"50 \% of a\_b\textasciicircum{}c \textbackslash{} \{x\} \& \#1 "
        r"\textasciitilde{} \$"
    )
    assert expected in entry


BOOKLET = {"title": "B", "authors": [{"name": "A"}], "version": 1, "date-released": 2}


def test_a_chapter_has_its_address_when_the_site_has_one(tmp_path):
    pages = build(tmp_path, SITE)
    (entry,) = pages["part/sgd"].select("details.citing pre")
    assert "url       = {https://measures.org/book/part/sgd.html}," in entry.text
    assert buttons(pages["notation"]) == []


def buttons(page):
    """Return where the page leads to for an edit and for a problem."""
    found = page.select(".forms.end a:not([download])")
    return [button["href"] for button in found]


def test_readers_can_mend_a_page_when_the_repository_is_known(pages, tmp_path):
    assert all(buttons(page) == [] for page in pages.values())
    pages = build(tmp_path, REPOSITORY)
    edit, problem = buttons(pages["part/sgd"])
    assert edit == "https://github.com/gauss/measures/edit/main/part/sgd.md"
    assert problem.startswith("https://github.com/gauss/measures/issues/new?title=")
    (entry,) = pages["part/sgd"].select("details.citing pre")
    assert "url       = {https://github.com/gauss/measures.git}," in entry.text
