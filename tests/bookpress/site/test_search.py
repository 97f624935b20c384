"""What is searched: a small book's sections, and what finds what in them."""

# ruff: noqa: RUF001

import json
import re
from hashlib import sha256
from io import StringIO
from pathlib import Path

import pytest
from py_mini_racer import MiniRacer
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from bookpress.page.mathematics import Katex
from bookpress.site import search
from bookpress.site.linear import linear
from bookpress.site.sections import FORMULA, sections

PRESS = Path(search.__file__).parent
SCRIPTS = PRESS / "look/static/search"
LIBRARY = PRESS / "minisearch"
SETTINGS = {
    "extensions": [
        "myst_parser",
        "bookpress.page.mathematics",
        "bookpress.site.look",
        "bookpress.site.search",
    ],
    "myst_enable_extensions": ["dollarmath"],
    "html_theme": "furo",
    "html_secnumber_suffix": " ",
    "project": "The book",
}
BOOK = {
    "index.md": """
# The book

An overture.

```{toctree}
:numbered:
squares
code
```
""",
    "squares.md": r"""---
short_title: Squares
---
# Shrinking a square

The factor $1-\eta\lambda$ and the penalty $\frac{\lambda}{2}\lVert w\rVert^2$,
once more.

## On $\lambda$ alone

Curvature and momentum, the weights of Möbius: 1.4 × 10<sup>−5</sup>.

```{raw} html
<p hidden>concealed</p>
<p hidden="until-found">foldedaway</p>
<details class="checks"><summary>Checks: it holds</summary><p>inside</p></details>
<details class="hide"><summary>Show code</summary><p>behind</p></details>
<nav><a href="#">menu</a></nav><script>scripted()</script>
<svg><text>drawn</text></svg><button>pressed</button>
<table><tr><td>left</td><td>right</td></tr></table>
```
""",
    "code.md": """---
short_title: Code
---
# What the code says

```python
opt = torch.optim.SGD([w], lr=1e-2, weight_decay=0.1)
```

It prints 0.800000011920929. Curvature decides; the decay alone does not decide.

```{eval-rst}
.. py:function:: newton_schulz(g)

   Bring the singular values of a matrix near one.
```
""",
}


def build(folder):
    """Build the book; return the folder of its pages."""
    source = folder / "source"
    source.mkdir()
    for name, text in BOOK.items():
        (source / name).write_text(text, "utf8")
    warnings = StringIO()
    with docutils_namespace():
        options = {"status": None, "warning": warnings, "freshenv": True}
        places = source, None, folder / "html", folder / "doctrees", "html"
        Sphinx(*places, SETTINGS, **options).build()
    assert warnings.getvalue() == ""
    return folder / "html"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return build(tmp_path_factory.mktemp("book"))


@pytest.fixture(scope="module")
def engine(site):
    """Return what runs the scripts of the search, with the book handed over."""
    engine = MiniRacer()
    engine.eval("var setTimeout = act => act();")
    for script in ("words.js", "minisearch.min.js", "lookup.js"):
        engine.eval((site / "_static/search" / script).read_text("utf8"))
    engine.eval("BookSearch.receive = book => { BookSearch.book = book; };")
    engine.eval((site / "_static/search/book.js").read_text("utf8"))
    engine.eval("var lookup = new BookSearch.Lookup(BookSearch.book);")
    engine.eval("lookup.ready().then(() => 0)").get()
    engine.eval(ANSWER)
    yield engine
    engine.close()


ANSWER = """
const { pieces, read, spots, excerpt } = BookSearch;
const shown = texts => texts.map(t => t.isMarked ? `[${t.text}]` : t.text).join("");
const answer = query => {
  const { found, how } = lookup.find(query);
  return JSON.stringify({ how, found: found.map(({ section, sought }) => {
    const text = read(pieces(section.text), sought.commands);
    return [section.anchor, shown(excerpt(text, spots(text, sought)))];
  }) });
};
"""


@pytest.fixture
def find(engine):
    """Return a function that gives, for a query, how it was met, names and excerpts."""

    def find(query):
        answer = json.loads(engine.call("answer", query))
        return answer["how"], dict(answer["found"])

    return find


@pytest.fixture(scope="module")
def by_name(site):
    pages = [(site / f"{name}.html").read_text("utf8") for name in ("squares", "code")]
    return {each.anchor: each for page in pages for each in sections(page)}


def test_each_section_has_its_number_its_title_and_its_own_text(by_name):
    page, part = by_name["shrinking-a-square"], by_name["on-lambda-alone"]
    assert (page.number, page.title) == ("1", "Shrinking a square")
    assert part.number == "1.1" and part.title.startswith("On ")
    assert "once more" in page.text and "Curvature" not in page.text
    assert "Curvature" in part.text and part.number not in part.title


def test_what_is_defined_by_a_name_is_a_section_of_its_own(by_name):
    assert by_name["newton_schulz"].title == "newton_schulz"
    assert "singular values" in by_name["newton_schulz"].text
    assert "singular values" not in by_name["what-the-code-says"].text


def test_a_formula_stands_once_as_a_line_and_once_as_its_tex(by_name):
    text = by_name["shrinking-a-square"].text
    first, second = re.findall("{}(.*?){}(.*?){}".format(*FORMULA), text)
    assert first == ("1 − ηλ", r"1-\eta\lambda")
    assert second == ("λ/2 ‖w‖²", r"\frac{\lambda}{2}\lVert w\rVert^2")
    assert re.sub("{}.*?{}".format(*FORMULA[::2]), "", text).count("λ") == 0


def test_what_is_folded_is_read_and_what_is_operated_or_hidden_is_not(by_name):
    text = by_name["on-lambda-alone"].text
    for word in ("foldedaway", "Checks: it holds", "inside", "behind", "left\nright"):
        assert word in text
    for word in ("concealed", "Show code", "menu", "scripted", "drawn", "pressed", "#"):
        assert word not in text


@pytest.mark.parametrize(
    ("tex", "line"),
    [
        (r"w \leftarrow (1-\eta\lambda)\,w - \eta\,g", "w ← (1 − ηλ) w − η g"),
        (r"-\frac{a+b}{c\,d}", "−(a + b)/(c d)"),
        (r"\sqrt{\hat v}+\varepsilon", "√v̂ + ε"),
        (r"w^{(k+1)} = \beta_1^k w_\lambda", "w⁽ᵏ⁺¹⁾ = β₁ᵏw_λ"),
        (r"e^{-hS/\sigma}", "e^(−hS/σ)"),
        (r"\max_i |w_i| \le u = \pm1", "max_i|w_i| ≤ u = ±1"),
        (r"\operatorname{sign}(\tilde m)", "sign(m̃)"),
        (r"\mathbb{E}[g], \bar g, X^\top", "E[g], ḡ, Xᵀ"),
        (r"\begin{aligned} a &= 1 \\ b &= 2 \end{aligned}", "a = 1; b = 2"),
        (r"\sum_{i=1}^{d} w_i^2", "∑_(i=1)^d w_i²"),
        (r"\eta_{\max}", "η_max"),
    ],
)
def test_a_formula_reads_as_one_would_type_it(katex, tex, line):
    html, error = katex._run(tex, False)
    assert error is None
    assert linear(re.search("<math.*</math>", html, re.S)[0]) == line


@pytest.fixture(scope="module")
def katex():
    katex = Katex()
    yield katex
    katex.close()


HERE, THERE, CODE = "shrinking-a-square", "on-lambda-alone", "what-the-code-says"


@pytest.mark.parametrize(
    ("query", "name", "marked"),
    [
        ("momentum", THERE, "[momentum]"),
        ("MOBIUS", THERE, "[Möbius]"),
        ("weight", THERE, "[weights]"),
        ("λ", HERE, "1 − η[λ]"),
        ("ηλ", HERE, "1 − [ηλ]"),
        ("1-ηλ", HERE, "[1 − ηλ]"),
        ("1−ηλ", HERE, "[1 − ηλ]"),
        ("||w||^2", HERE, "λ/2 [‖w‖²]"),
        (r"\lambda", HERE, r"1-\eta[\lambda]"),
        (r"\frac", HERE, r"[\frac]{\lambda}{2}"),
        ("torch.optim.SGD", CODE, "[torch.optim.SGD]("),
        ("optim.sgd", CODE, "torch.[optim].[SGD]("),
        ("weight_decay", CODE, "[weight_decay]=0.1"),
        ("decay", CODE, "[decay] alone"),
        ("0.800000011920929", CODE, "[0.800000011920929]"),
        ("0.80", CODE, "[0.800000011920929]"),
        ("1e-2", CODE, "lr=[1e-2]"),
        ("1.4e-05", THERE, "[1.4 × 10⁻⁵]"),
        ("newton_schulz", "newton_schulz", "[newton_schulz](g)"),
        ("newton-schulz", "newton_schulz", "[newton]_[schulz](g)"),
        ("right", THERE, "left · [right]"),
    ],
)
def test_it_is_found_and_marked(find, query, name, marked):
    how, found = find(query)
    assert how == "asked" and marked in found[name]


def test_a_formula_is_shown_as_its_tex_only_to_who_asks_for_tex(find):
    assert "\\" not in find("penalty")[1][HERE]
    assert "\ue000" not in find("penalty")[1][HERE]
    assert "1 − ηλ" not in find(r"\eta")[1][HERE]


@pytest.mark.parametrize("wrong", ["momentun", "momemtum", "mometnum"])
def test_a_misspelt_word_is_found_where_none_is_spelt_so(find, wrong):
    how, found = find(wrong)
    assert how == "near" and "[momentum]" in found[THERE]


def test_a_word_that_is_there_is_not_taken_for_a_misspelling(find):
    how, found = find("overture")
    assert how == "asked" and list(found) == ["the-book"]


def test_all_words_must_occur_and_a_phrase_comes_first(find):
    assert list(find("curvature momentum")[1]) == [THERE]
    how, found = find("alone decay")
    assert CODE in found and how == "asked"
    assert "[decay alone]" in find("decay alone")[1][CODE]
    assert find('"decay alone"') == ("asked", {CODE: find("decay alone")[1][CODE]})
    assert find('"alone decay"')[0] == "apart"


def test_where_no_section_has_all_words_it_says_that_it_found_some(find):
    how, found = find("momentum singular")
    assert how == "some" and {THERE, "newton_schulz"} == set(found)
    assert find("rhododendron") == ("some", {})
    assert find(" – ") == ("asked", {})


def test_a_title_outweighs_a_mention(find):
    assert next(iter(find("squares")[1])) == HERE
    assert next(iter(find("code")[1])) == CODE


def test_the_same_book_gives_the_same_bytes(site, tmp_path):
    again = build(tmp_path)
    files = sorted(f.relative_to(site) for f in (site / "_static/search").iterdir())
    assert {"book.js", "LICENSE", "words.js"} < {file.name for file in files}
    assert all((again / f).read_bytes() == (site / f).read_bytes() for f in files)


def test_nothing_of_sphinx_s_own_search_is_left(site):
    files = {file.name for file in site.rglob("*") if file.is_file()}
    for name in ("searchindex.js", "searchtools.js", "language_data.js", "doctools.js"):
        assert name not in files
    for page in site.rglob("*.html"):
        text = page.read_text("utf8")
        assert "searchindex" not in text and "searchtools" not in text
        assert len(re.findall('<script[^>]*src="[^"]*_static/find.js', text)) == 1


def test_the_page_for_a_form_says_what_it_is_and_where_it_leads(site):
    page = (site / "search.html").read_text("utf8")
    assert page.count('<meta name="description"') == 1
    assert page.count('<form method="get" role="search"') == 1
    assert 'action="search.html"' in (site / "code.html").read_text("utf8")


def test_vendored_files_are_those_of_the_readme():
    text = (LIBRARY / "README.txt").read_text("utf8")
    expected = re.findall(r"^([0-9a-f]{64})  (.+)$", text, re.MULTILINE)
    files = [file for file in LIBRARY.iterdir() if file.name != "README.txt"]
    actual = [(sha256(file.read_bytes()).hexdigest(), file.name) for file in files]
    assert sorted(actual) == sorted(expected) != []
