"""What is numbered has the same number on the page and in the PDF."""

import os
import re
from functools import cache

import pytest
from files import soup

# As LaTeX notes them: what, page and label, and the number.
EQUATION = re.compile(r"\\newlabel\{equation:([\w/]+):([\w-]+)\}\{\{([\d.]+)\}")
FLOAT = re.compile(r"\\newlabel\{([\w/]+):((?:fig|tab)-[\w-]+)\}\{\{([\d.]+)\}")
# A page has many numbers.
parsed = cache(soup)
NO_PDF = "the website has no PDF, which needs TeX: make site"


@pytest.fixture(scope="module")
def printed(site):
    """Return the labels of the PDF, if it is the one that the pages offer."""
    aux = site.parent / "latex/weight-decay.aux"
    if not (site / "weight-decay.pdf").exists():
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up(NO_PDF)
    return aux.read_text("utf8")


@pytest.fixture(scope="module")
def exercises(printed, site):
    """Return the number of each exercise in the PDF, which Sphinx writes, not TeX."""
    tex = (site.parent / "latex/weight-decay.tex").read_text("utf8")
    box = r"\\begin\{sphinxadmonition\}\{note\}\{Exercise ([\d.]+)\}"
    return re.findall(r"\\label\{exercise:([\w-]+)\}\s*" + box, tex)


def on_the_page(site, page, name):
    """Return the number that an element has on its page."""
    element = parsed(site / f"{page}.html").find(id=name)
    number = element.select_one(".eqno, .caption-number")
    return re.search(r"[\d.]*\d", number.text)[0]


def differing(site, found, prefix=""):
    """Return what has another number on the page than in the PDF."""
    pairs = {
        name: (on_the_page(site, page, f"{prefix}{name}"), number)
        for page, name, number in found
    }
    return {name: both for name, both in pairs.items() if both[0] != both[1]}


def test_equations_have_one_number(site, printed):
    found = EQUATION.findall(printed)
    assert len(found) > 50 and differing(site, found, "equation-") == {}


def test_figures_and_tables_have_one_number(site, printed):
    found = FLOAT.findall(printed)
    assert len(found) > 15 and differing(site, found) == {}


def test_exercises_have_one_number(site, exercises):
    pages = [page.stem for page in site.glob("book/*.html")]
    found = [
        (f"book/{page}", name, number)
        for name, number in exercises
        for page in pages
        if parsed(site / f"book/{page}.html").find(id=name)
    ]
    assert len(found) == len(exercises) > 15 and differing(site, found) == {}


def test_chapters_have_one_number(site, printed):
    found = re.findall(r"\\newlabel\{(book/\w+)::doc\}\{\{([\d.]+)\}", printed)
    titles = {page: parsed(site / f"{page}.html").h1.text for page, _ in found}
    assert len(found) > 10
    assert [p for p, n in found if not titles[p].startswith(f"{n} ")] == []


def test_another_number_would_be_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<div id="equation-rule"><span class="eqno">(2.4)</span></div>'
    )
    found = EQUATION.findall(r"\newlabel{equation:a:rule}{{2.5}{6}{Why}{x}{}}")
    assert differing(tmp_path, found, "equation-") == {"rule": ("2.4", "2.5")}
