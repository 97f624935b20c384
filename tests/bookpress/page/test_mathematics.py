"""Formulas on pages and in print, in a small book built by plain Sphinx."""

import re
from hashlib import sha256
from io import StringIO
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from bookpress.page import mathematics

KATEX = Path(mathematics.__file__).with_name("katex")
SETTINGS = {
    "extensions": ["myst_parser", "bookpress.page.mathematics"],
    "myst_enable_extensions": ["amsmath", "dollarmath"],
    "numfig": True,
    "math_numfig": True,
    "html_theme": "basic",
    "book_macros": {r"\R": r"\mathbb{R}", r"\norm": r"\lVert #1 \rVert"},
}
BOOK = {
    "index.md": """
# The book

```{toctree}
:numbered:
squares
prose
```
""",
    "squares.md": r"""
# Why $L^2 < 1$

In $\R^d$ the norm is $\norm{w}$, squared $w^2$, see {eq}`sum` and {eq}`two`.

$$ \sum_i w_i^2 = \frac{1}{2} $$ (sum)

$$ a = b \\ c = d $$ (two)

\begin{align}
x &= 1 \\
y &= 2
\end{align}

$$ z = 3 $$

| $t$ |
|-----|
| $u$ |

```{admonition} About $v$
Its square is $v^2$.
```
""",
    "prose.md": "# Prose\n\nNo formula here.\n",
}


def build(folder, pages, builder="html", **settings):
    """Build a book from a dict of pages; return its folder and the warnings."""
    source, out = folder / "source", folder / builder
    source.mkdir(exist_ok=True)
    for name, text in pages.items():
        (source / name).write_text(text, "utf8")
    warnings = StringIO()
    with docutils_namespace():
        options = {"status": None, "warning": warnings, "freshenv": True}
        places = source, None, out, folder / "doctrees", builder
        Sphinx(*places, SETTINGS | settings, **options).build()
    return out, warnings.getvalue()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out, warnings = build(tmp_path_factory.mktemp("book"), BOOK)
    assert warnings == ""
    return out


@pytest.fixture(scope="module")
def page(site):
    return (site / "squares.html").read_text("utf8")


def test_numbers_anchors_and_links_are_those_of_sphinx(page, tmp_path):
    plain, _ = build(tmp_path, BOOK, html_math_renderer="mathjax")
    theirs = (plain / "squares.html").read_text("utf8")
    for markup in (
        r'<div class="math[^>]*>',
        r'<span class="eqno">.*?<a class="headerlink" href="#equation-[a-z]+".*?</',
        r'<a class="reference internal" href="#equation.*?</a>',
    ):
        assert re.findall(markup, page) == re.findall(markup, theirs) != []


@pytest.mark.parametrize(
    "before, tex",
    [
        ("<h1>.*Why", "L^2 &lt; 1"),
        ("In ", r"\mathbb{R}^d"),
        ("squared", "w^2"),
        ('id="equation-sum"', r"\sum_i w_i^2 = \frac{1}{2}"),
        ("<th.*?>", "t"),
        ("<td>", "u"),
        ('<p class="admonition-title">About', "v"),
        ("Its square is ", "v^2"),
    ],
)
def test_every_formula_is_html_and_mathml(page, before, tex):
    start = re.search(before, page).end()
    formula = page[start : page.index('<span class="katex-html"', start)]
    assert "<math xmlns=" in formula
    assert f'<annotation encoding="application/x-tex">{tex}</annotation>' in formula


def test_a_display_keeps_its_lines(page):
    assert r"\begin{split}a = b \\ c = d\end{split}" in page


def test_lines_of_an_environment_get_no_second_number(page):
    assert "align*" in page
    assert "eqn-num" not in page


def test_no_page_knows_mathjax_or_loads_anything_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 3
    for each in pages:
        text = each.read_text("utf8")
        assert "mathjax" not in text.lower()
        assert not re.search(r'(?:src="|rel="stylesheet"[^>]*href=")\w+:', text)


def test_pages_load_the_style_sheet_once_and_its_fonts_exist(site):
    # Prose has no formula but, in the sidebar, the title of the page that has some.
    for name in ("squares.html", "prose.html", "search.html"):
        assert (site / name).read_text("utf8").count("_static/katex/katex.css") == 1
    styles = site / "_static" / "katex" / "katex.css"
    fonts = re.findall(r"url\((.*?)\)", styles.read_text("utf8"))
    assert len(fonts) == 20
    assert all((styles.parent / font).exists() for font in fonts)


def test_fonts_have_the_letters_of_the_formulas_and_their_licence(site):
    pages = [p.read_text("utf8") for p in site.rglob("*.html")]
    shown = BeautifulSoup("".join(pages), "html.parser").select(".katex-html")
    letters = {ord(letter) for part in shown for letter in part.text}
    assert {ord("w"), ord("∥"), ord("∑")} < letters
    had, has = set(), set()
    for file in (KATEX / "fonts").glob("*.woff"):
        whole = TTFont(file).getBestCmap()
        font = TTFont(site / "_static/katex/fonts" / file.name)
        left = set(font.getBestCmap() or ())
        assert left >= set(whole) & letters
        assert font["name"].getDebugName(1) == "Formulas"
        assert "Khan Academy" in font["name"].getDebugName(0)
        had.update(whole)
        has.update(left)
    assert 10 < len(has) < len(had) / 10


def test_a_book_without_formulas_loads_no_style_sheet(tmp_path):
    out, _ = build(tmp_path, {"index.md": "# Prose\n\nNo formula.\n"})
    assert "katex" not in (out / "index.html").read_text("utf8")


def test_the_title_in_the_head_is_plain_text(page):
    assert "<title>Why L^2 &lt; 1 &#8212;" in page


def test_punctuation_stays_with_its_formula(page):
    pairs = re.findall(r'<span class="pair">.*?</span>([^<]+)</span>', page)
    assert pairs == [",", ",", "."]
    assert "</span><wbr>" in page


@pytest.mark.parametrize(
    "tex, complaint",
    [
        (r"\nonsense", r"Undefined control sequence: \nonsense at position 1"),
        (r"\frac{1}{2", "Unexpected end of input"),
        (r"x = é", "LaTeX-incompatible input"),
        (r"\label{x}", r"Undefined control sequence: \label"),
    ],
)
@pytest.mark.parametrize(
    "around, line",
    [
        ("Some $%s$", 5),
        ("$$ %s $$ (x)", 5),
        ("- item\n\n  $$\n  %s\n  $$", 7),
        ("```{admonition} Name\n$%s$\n```", 6),
        ("## On $%s$", 5),
    ],
)
def test_a_mistake_is_a_warning_with_file_and_line(
    tmp_path, tex, complaint, around, line
):
    page = f"# A\n\nText.\n\n{around % tex}\n"
    _, warnings = build(tmp_path, {"index.md": page})
    place = rf"index\.md:{line}: WARNING: .*"
    assert len(re.findall(place + re.escape(complaint), warnings)) == 1


def test_macros_reach_the_page_and_its_copies_have_plain_tex(page):
    assert '<mi mathvariant="double-struck">R</mi>' in page
    assert r'x-tex">\lVert w \rVert</annotation>' in page


def test_macros_reach_print_also_under_a_name_that_is_taken(tmp_path):
    elements = {"preamble": r"\newcommand{\R}{taken}"}
    out, _ = build(tmp_path, BOOK, "latex", latex_elements=elements)
    (book,) = out.glob("*.tex")
    text = book.read_text("utf8").split(r"\begin{document}")[1]
    assert r"In \(\mathbb{R}^d\) the norm is \(\lVert w \rVert\)" in text
    assert r"\R" not in text and r"\norm" not in text


MACROS = {
    r"\R": r"\mathbb{R}",
    r"\norm": r"\lVert#1\rVert",
    r"\swap": "#2#1",
    r"\both": r"\norm{#1}_\R",
}


@pytest.mark.parametrize(
    "tex, plain",
    [
        (r"\norm{w}^2", r"\lVert w\rVert^2"),
        (r"\norm w", r"\lVert w\rVert"),
        (r"\norm\lambda x", r"\lVert\lambda\rVert x"),
        (r"\norm{\frac{1}{2}w}x", r"\lVert\frac{1}{2}w\rVert x"),
        (r"\norm{\norm{w}}", r"\lVert\lVert w\rVert\rVert"),
        (r"\norm{\{w\}}", r"\lVert\{w\}\rVert"),
        (r"\swap{a}{bc}", "bca"),
        (r"\both{w}", r"\lVert w\rVert_\mathbb{R}"),
        (r"\normal \\R \\norm", r"\normal \\R \\norm"),
        (r"a \\\R b", r"a \\\mathbb{R} b"),
        ("\\norm\n{w}", r"\lVert w\rVert"),
    ],
)
def test_a_macro_is_replaced_as_tex_would(tex, plain):
    assert mathematics.expanded(tex, MACROS) == plain


@pytest.mark.parametrize(
    "tex, complaint",
    [
        (r"x \norm", r"The command \norm lacks an argument"),
        (r"{x \norm}", r"The command \norm lacks an argument"),
        (r"\norm{w", r"The command \norm lacks an argument"),
        (r"\loop", r"The command \loop is defined by itself"),
    ],
)
def test_a_macro_that_cannot_be_replaced_is_a_warning(tmp_path, tex, complaint):
    page = {"index.md": f"# A\n\nText.\n\nSome ${tex}$\n"}
    macros = {r"\loop": r"\loop", r"\norm": "|#1|"}
    _, warnings = build(tmp_path, page, book_macros=macros)
    assert f"index.md:5: WARNING: {complaint}" in warnings


def test_a_formula_is_typeset_once_and_the_engine_stopped(tmp_path, monkeypatch):
    calls = []

    class Engine(mathematics.MiniRacer):
        def eval(self, code):
            calls.append(code)
            return super().eval(code)

        def close(self):
            calls.append("closed")
            super().close()

    monkeypatch.setattr(mathematics, "MiniRacer", Engine)
    build(tmp_path, {"index.md": "# A\n\n$x$ and $x$ and $x$\n\n$$ x $$\n"})
    formulas = [call for call in calls if call.startswith('typeset("x"')]
    assert len(formulas) == len(set(formulas)) == 2
    assert calls[-1] == "closed"


def test_vendored_files_are_those_of_the_readme():
    text = (KATEX / "README.txt").read_text("utf8")
    expected = re.findall(r"^([0-9a-f]{64})  (.+)$", text, re.MULTILINE)
    files = [f for f in KATEX.rglob("*") if f.is_file() and f.name != "README.txt"]
    actual = [
        (sha256(file.read_bytes()).hexdigest(), file.relative_to(KATEX).as_posix())
        for file in files
    ]
    assert sorted(actual) == sorted(expected) != []
    version = re.match(r"KaTeX ([\d.]+),", text)[1]
    assert f'version:"{version}"' in (KATEX / "katex.min.js").read_text("utf8")
