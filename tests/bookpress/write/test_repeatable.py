"""Two builds give the same bytes, wherever and however they run."""

import os
import shutil
from functools import partial
from pathlib import Path

import yaml
from bs4 import BeautifulSoup
from tiny_book import EXTENSIONS, Book

ROOT = Path(__file__).parents[3]
TIMES = "```{nb-exec-table}\n```\n"
FIGURE = (
    "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2], label='x')\nplt.legend();"
)
UNORDERED = "import os\n{'one', 'two', 'three'}, os.environ['TZ']"


def whole_book(folder):
    """Return a small book with all that the real one has."""
    book = Book(folder)
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))
    project = ("pyproject.toml", "README.md", "LICENSE", "CITATION.cff", "code")
    project += ("requirements.txt",)
    for name in (*project, "book", "press/bookpress/downloads/latex"):
        tree = partial(shutil.copytree, dirs_exist_ok=True)
        copy = tree if (ROOT / name).is_dir() else shutil.copy
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, folder / name)
    book.config = config
    # Fewer than the real one's: they cost seconds.
    book.setting("cells_imports", ["matplotlib.pyplot"])
    book.write("index.md", "# Index\n\n$$ a = b $$ (eq)\n")
    book.page("a", FIGURE, UNORDERED, text="# A page\n\nSee {eq}`eq`.\n" + TIMES)
    book.page("b", "1 + 1", text="# Another page\n\n[](a.md)")
    return book


def times(book):
    """Return what the table on page a says of times."""
    page = BeautifulSoup(book.html("a"), "html.parser")
    rows = page.select("table tbody tr")
    return {row.find_all("td")[i].get_text().strip() for row in rows for i in (1, 2)}


def test_the_same_book_twice(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    first = whole_book(tmp_path / "one")
    there = [("TZ", "Asia/Tokyo"), ("LC_ALL", "de_DE.UTF-8"), ("PYTHONHASHSEED", "3")]
    result = first.run()
    assert result.code == 0, result.said
    second = whole_book(tmp_path / "deeper/in/two")
    second.setting("cells_jobs", 1)
    result = second.run(env={**os.environ, **dict(there), "COLUMNS": "60"})
    assert result.code == 0, result.said
    ours, theirs = first.files(), second.files()
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert any(name.endswith("a.ipynb") for name in ours)
    assert times(first) == {""}


def test_the_times_are_shown_otherwise(book):
    book.config["sphinx"]["extra_extensions"] = [
        *EXTENSIONS,
        "bookpress.execute.executed",
    ]
    book.page("a", "1 + 1", text=f"# A\n\n{TIMES}")
    book.build("-W")
    seconds, when = sorted(times(book), key=len)
    assert "\xa020" in when and float(seconds) >= 0
