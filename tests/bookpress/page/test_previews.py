"""What pages carry for their previews, in a small book built by plain Sphinx."""

import re
from io import StringIO

import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from bookpress.page import previews
from bookpress.site import look

SETTINGS = {
    # Where bookpress.site.look has the script.
    "html_static_path": [str(look.LOOK / "static")],
    "extensions": [
        "myst_parser",
        "sphinxcontrib.bibtex",
        "bookpress.page.mathematics",
        "bookpress.page.previews",
    ],
    "myst_enable_extensions": ["dollarmath"],
    "numfig": True,
    "math_numfig": True,
    "html_theme": "basic",
    "bibtex_bibfiles": ["works.bib"],
}
BOOK = {
    "index.md": """
# The book

```{toctree}
:numbered:
chapters/squares
chapters/cubes
prose
works
```
""",
    "chapters/squares.md": r"""
# Squares

$$ w^2 = 4 $$ (square)

$$ w^2 = 9 $$ (unnamed)

See {eq}`square` here, {cite:t}`gauss` and {cite:p}`gauss`.
""",
    "chapters/cubes.md": "# Cubes\n\nUnlike {eq}`square`, and {eq}`square` again.\n",
    "prose.md": "# Prose\n\n(a)=\n## A part\n\nSee [](chapters/cubes.md), {ref}`a`.\n",
    "works.md": "# Works\n\n```{bibliography}\n:all:\n```\n",
    "works.bib": """
@book{gauss, author = {Gauss, Carl}, title = {Theoria}, year = {1809}, publisher = {P}}
@book{euler, author = {Euler, L}, title = {Institutiones}, year = {1768}, publisher={P}}
""",
}


def build(folder, pages, fresh=True):
    """Build a book from a dict of pages; return the folder of its pages."""
    for name, text in pages.items():
        file = folder / "source" / name
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(text, "utf8")
    warnings = StringIO()
    with docutils_namespace():
        options = {"status": None, "warning": warnings, "freshenv": fresh}
        places = folder / "source", None, folder / "html", folder / "doctrees", "html"
        Sphinx(*places, SETTINGS, **options).build()
    assert warnings.getvalue() == ""
    return folder / "html"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return build(tmp_path_factory.mktemp("book"), BOOK)


def parsed(site, page):
    return BeautifulSoup((site / page).read_text("utf8"), "html.parser")


def copies(site, page):
    found = parsed(site, page).select("template")
    return {copy["data-preview"]: copy.decode_contents() for copy in found}


def test_a_page_carries_the_works_that_it_cites_and_no_others(site):
    ((link, work),) = copies(site, "chapters/squares.html").items()
    assert "Carl Gauss" in work and "Theoria" in work
    assert parsed(site, "chapters/squares.html").select(f'a[href="{link}"]')


def test_an_equation_of_another_page_comes_with_its_number(site):
    ((link, equation),) = copies(site, "chapters/cubes.html").items()
    assert link == "squares.html#equation-square"
    assert '<span class="eqno">(1.1)</span>' in equation
    assert "w^2 = 4" in equation and "w^2 = 9" not in equation


def test_a_page_with_references_loads_the_script_and_no_other_does(site):
    scripts = {
        page.relative_to(site).as_posix(): parsed(site, page).select("[data-shown]")
        for page in site.rglob("*.html")
    }
    loading = {page for page, script in scripts.items() if script}
    assert loading == {"chapters/squares.html", "chapters/cubes.html"}
    for page in loading:
        (script,) = scripts[page]
        assert "defer" in script.attrs
        assert ((site / page).parent / script["src"]).resolve().is_file()


def test_no_copy_repeats_a_name(site):
    for page in site.rglob("*.html"):
        named = [tag["id"] for tag in parsed(site, page).find_all(id=True)]
        assert len(named) == len(set(named))


def test_a_copy_is_renewed_though_its_page_did_not_change(tmp_path):
    site = build(tmp_path, BOOK)
    before = (site / "chapters/cubes.html").read_text("utf8")
    assert build(tmp_path, {}, fresh=False) == site
    assert (site / "chapters/cubes.html").read_text("utf8") == before
    changed = BOOK["chapters/squares.md"].replace("w^2 = 4", "w^2 = 16")
    build(tmp_path, {"chapters/squares.md": changed}, fresh=False)
    after = (site / "chapters/cubes.html").read_text("utf8")
    assert "w^2 = 16" in after and "w^2 = 4" not in after
    assert after.count("<template") == 1


FIGURE = """<figure id="fig-path"><svg><g id="m1"></g><use xlink:href="#m1"/>
<path clip-path="url(#m1)"/></svg><img src="../_images/a.png"/>
<label>lr <input/></label><script>move()</script>
<figcaption>See <a href="#equation-sgd">(1)</a>, <a href="more.html">more</a> and
<a href="https://example.org/">elsewhere</a>.
<a class="headerlink" href="#fig-path">#</a>
</figcaption></figure>"""


@pytest.fixture
def figure():
    return previews.portable(FIGURE, "part/sgd.html", "adam.html")


def test_links_and_images_of_a_copy_lead_to_where_they_led(figure):
    assert re.findall('(?:href|src)="([^#].*?)"', figure) == [
        "_images/a.png", "part/sgd.html#equation-sgd", "part/more.html",
        "https://example.org/",
    ]  # fmt: skip


def test_a_copied_drawing_finds_its_own_parts(figure):
    names = re.findall(r'(?:id="|url\(#|xlink:href="#)([^")]+)', figure)
    assert names == ["part-sgd-html-fig-path", *["part-sgd-html-m1"] * 3]


def test_a_copy_has_nothing_to_operate(figure):
    copy = BeautifulSoup(figure, "html.parser")
    assert copy.select("label, input, script, .headerlink") == []


@pytest.mark.parametrize(("length", "expected"), [(10, True), (100_000, False)])
def test_what_is_large_is_left_to_the_link(length, expected):
    element = f'<div class="math" id="x"><div>{"x" * length}</div></div>'
    pages = {
        "a.html": '<a class="reference internal" href="b.html#x">(1)</a>',
        "b.html": f"<body>{element}<div>After.</div></body>",
    }
    assert previews.shown(pages["b.html"], "x") == element
    elements = previews.referred("a.html", pages)
    assert bool(previews.block("a.html", elements)) == expected
