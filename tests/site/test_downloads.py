"""What a reader downloads of a page: plain, filled in, and able to run alone."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import alone
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
CONTENTS = yaml.safe_load(BOOK.with_name("_toc.yml").read_text("utf8"))
CHAPTERS = [chapter["file"] for chapter in CONTENTS["parts"][0]["chapters"]]
CHAPTER = pytest.mark.parametrize("chapter", WITH_CELLS)
PAGE = pytest.mark.parametrize("page", sorted(path.stem for path in BOOK.glob("*.md")))


def offered(site, page, form):
    """Return the file that a page offers as one of its forms."""
    html = (site / f"book/{page}.html").read_text("utf8")
    links = BeautifulSoup(html, "html.parser").select("nav.forms a[download]")
    (address,) = {link["href"] for link in links if link.text.strip() == form}
    return site / "book" / address


@pytest.fixture
def notebook(site, chapter):
    return nbformat.read(offered(site, chapter, "Notebook"), as_version=4)


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
def test_it_runs_alone_in_an_empty_folder(notebook, chapter, tmp_path):
    digest = alone.digest(chapter, notebook)
    if alone.has_run(chapter, digest):
        pytest.skip("alone.json says that it ran, as it is now")
    before = [cell.get("outputs") for cell in notebook.cells]
    where = {"metadata": {"path": tmp_path}}
    nbclient.NotebookClient(notebook, resources=where, timeout=120).execute()
    assert list(tmp_path.iterdir()) == []
    again = [c.get("outputs") for c in notebook.cells]
    assert printed(before) == printed(again)
    alone.note(chapter, digest)


@pytest.mark.parametrize("chapter", ["timescale"])
def test_it_runs_again_when_a_cell_or_what_it_imports_is_another(
    notebook, chapter, monkeypatch
):
    was = alone.digest(chapter, notebook)
    next(c for c in notebook.cells if c.cell_type == "markdown").source += " More."
    assert alone.digest(chapter, notebook) == was
    next(c for c in notebook.cells if c.cell_type == "code").source += "\nprint(1)"
    assert not alone.has_run(chapter, alone.digest(chapter, notebook))
    # What the build found for another page: other modules, other files.
    assert alone.digest("rules", notebook) != alone.digest(chapter, notebook)


@pytest.fixture(scope="module")
def without_the_package(tmp_path_factory):
    """Return a Python that has all that this one has, but for the book's package."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    (site,) = folder.glob("lib/*/site-packages")
    for part in Path(sysconfig.get_path("purelib")).iterdir():
        ours = part.name.startswith(("weightdecay", "bookpress", "__editable__"))
        if not ours and not (site / part.name).exists():
            (site / part.name).symlink_to(part)
    return folder / "bin/python"


def execute(python, file):
    """Execute a notebook with a Python that may ask no index."""
    code = "import sys, nbformat, nbclient; nbclient.execute("
    code += "nbformat.read(sys.argv[1], 4), timeout=600, kernel_name='python3')"
    kept = ("PATH", "HOME", "OMP_NUM_THREADS")
    environment = {k: os.environ[k] for k in kept if k in os.environ}
    return subprocess.run(
        [python, "-c", code, file.name],
        cwd=file.parent,
        env=environment | {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
    )


def test_it_installs_the_package_that_lies_beside_it(
    site, without_the_package, tmp_path
):
    file = Path(shutil.copy(offered(site, "rules", "Notebook"), tmp_path))
    alone = execute(without_the_package, file)
    (wheel,) = site.glob("weightdecay-*.whl")
    assert f"Put beside this notebook: {wheel.name}" in alone.stderr
    shutil.copy(wheel, tmp_path)
    done = execute(without_the_package, file)
    assert done.returncode == 0, done.stderr
    (site_packages,) = without_the_package.parent.parent.glob("lib/*/site-packages")
    assert (site_packages / "weightdecay/updates.py").is_file()


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


@PAGE
def test_each_page_is_offered_as_plain_markdown(site, page):
    markdown = offered(site, page, "Markdown").read_text("utf8")
    assert markdown.startswith("# ") and "glue" not in markdown
    assert not MACROS.keys() & set(re.findall(r"\\[a-zA-Z]+", markdown))
    assert re.findall(r"{[\w:-]+}`|^[:`]{3,}{|^\(\w+\)=", markdown, re.M) == []


@CHAPTER
def test_the_markdown_has_all_the_code_of_the_notebook(site, chapter, notebook):
    markdown = offered(site, chapter, "Markdown").read_text("utf8")
    _, *cells = [c.source for c in notebook.cells if c.cell_type == "code"]
    assert [c for c in cells if f"```python\n{c}\n```" not in markdown] == []


def leads(markdown):
    """Return where links lead, those aside that name no file of the book."""
    prose = re.sub(r"^```.*?^```", "", markdown, flags=re.M | re.S)
    return re.findall(r"\]\(([\w/.-]+\.(?:html|ipynb|md))\)", prose)


@PAGE
def test_links_lead_to_the_files_beside(site, page):
    file = offered(site, page, "Markdown")
    found = leads(file.read_text("utf8"))
    assert [x for x in found if not (file.parent / x).is_file()] == []


@CHAPTER
def test_links_of_a_notebook_lead_to_notebooks_where_there_are(site, chapter, notebook):
    folder = offered(site, chapter, "Notebook").parent
    for lead in leads(text(notebook)):
        assert (folder / lead).is_file()
        assert lead.endswith(".ipynb") == (lead.split(".")[0] in WITH_CELLS)


def test_the_front_page_leads_to_every_chapter(site):
    markdown = offered(site, "index", "Markdown").read_text("utf8")
    named = {Path(x).stem for x in re.findall(r"\]\(([^)\s]+)", markdown)}
    assert {chapter.removeprefix("book/") for chapter in CHAPTERS} <= named


TABLES = {"rules": 1, "census": 2, "conventions": 2, "lr_coupling": 1, "probe": 1}


@pytest.mark.parametrize("page", TABLES)
def test_tables_that_a_cell_shows_are_there(site, page):
    markdown = offered(site, page, "Markdown").read_text("utf8")
    assert markdown.count("\n| --- |") == TABLES[page]


def test_how_each_function_is_called_is_said_as_code(site):
    library = offered(site, "api", "Markdown").read_text("utf8")
    assert "`sgd(w, g, state=None, *, lr, weight_decay=0.0)`" in library
    html = (site / "book/api.html").read_text("utf8")
    names = BeautifulSoup(html, "html.parser").select("dt.sig .descname")
    assert all(re.search(rf"`[\w ]*{name.text}[(`]", library) for name in names)
