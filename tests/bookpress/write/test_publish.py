"""The whole book is published, or nothing, whatever happens."""

import errno
import re
import resource
import shutil
from functools import partial
from pathlib import Path

import psutil
from tiny_book import STRICT
from waiting import until

from bookpress.execute.execution import ENVIRONMENT

BROKEN = "# Page b\n\n[](missing.md)"


def test_when_nothing_changed_nothing_is_written(published):
    html = published.folder / "_build/html"
    before = {p: p.stat().st_mtime_ns for p in html.rglob("*")}
    result = published.build(*STRICT)
    assert result.code == 0 and "no targets are out of date" in result.said
    assert {p: p.stat().st_mtime_ns for p in html.rglob("*")} == before


REFERRING = """\
# A chapter that refers

See {numref}`fig-there`, {eq}`there`, [](#part) and [](b.md).
"""
REFERRED = """\
# A chapter that is referred to

Some prose.

(part)=
## A part

```{math}
:label: there
x = y
```

```{figure} dot.png
:name: fig-there

A dot.
```
"""
DOT = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\b\0\0\0\0:~\x9bU\0\0\0\n"
    b"IDATx\x9cc`\0\0\0\2\0\1H\xaf\xa4q\0\0\0\0IEND\xaeB`\x82"
)
WORKS = "@misc{a, title={A}, author={A}}\n@misc{b, title={B}, author={B}}\n"
LISTED = "\n```{bibliography}\n```\n"
FIGURE = "```{figure} dot.png\n:name: fig-first\n\nAnother.\n```\n"
# What is changed in the page that is referred to, and whether no other page can know.
EDITS = {
    "a word": ("Some prose", "Other prose", True),
    "lines above all else": ("Other prose.", "Other prose.\n\nAnd.\n\nMore.", True),
    "a title": ("is referred to", "has another name", False),
    "a section's title": ("## A part", "## A part of it", False),
    "an equation before": ("(part)=", "$$z = 1$$ (first)\n\n(part)=", False),
    "a figure before": ("(part)=", f"{FIGURE}\n(part)=", False),
    "a name that others may use": ("(part)=", "(other)=\n(part)=", False),
    "a caption": ("A dot.", "A small dot.", False),
    "a word at last": ("And.", "Most.", True),
}


def test_a_page_is_written_alone_as_long_as_no_other_can_know(
    book, tmp_path, monkeypatch
):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    book.setting("numfig", True)
    (book.folder / "dot.png").write_bytes(DOT)
    book.config["bibtex_bibfiles"] = ["works.bib"]
    book.write("works.bib", WORKS)
    text, third = f"{REFERRED}\n{{cite}}`a`\n", "# A third\n\n{cite}`b`\n"
    for name, content in {"a": REFERRING, "b": text, "c": third + LISTED}.items():
        book.page(name, text=content)
    assert book.build(*STRICT).code == 0
    for number, (what, (old, new, alone)) in enumerate(EDITS.items()):
        assert text.count(old) == 1
        text = text.replace(old, new)
        book.page("b", text=text)
        said = book.build(*STRICT).said
        written = {*re.findall(r"writing output\.\.\. \[ *\d+%\] (\w+)", said)}
        # Sphinx writes the first page each time.
        assert (written == {"b", "index"}) == alone, (what, said)
        other = book.again()
        other.folder = tmp_path / f"new{number}"
        left_out = shutil.ignore_patterns("_build")
        shutil.copytree(book.folder, other.folder, ignore=left_out)
        assert other.build(*STRICT).code == 0
        assert files_of(book) == files_of(other), what


# As Sphinx copies files: one that is there with the same text is not written again.
EARLY = """\
from pathlib import Path

def write(app):
    path = Path(app.outdir, "early.txt")
    path.exists() or path.touch()

def setup(app):
    app.connect("builder-inited", write)
"""


def test_what_an_extension_writes_before_pages_are_read_is_published(book):
    book.write("code/early.py", EARLY)
    book.config["sphinx"]["local_extensions"] = {"early": "code"}
    for title in ("# One", "# Another"):
        book.page("a", text=title)
        assert book.build(*STRICT).code == 0
        assert "early.txt" in book.files()


def files_of(book):
    """Return the published files but for the index that Sphinx itself keeps up."""
    return {k: file for k, file in book.files().items() if k != "searchindex.js"}


def test_a_changed_title_is_changed_on_every_page(published):
    published.page("b", text="# New name")
    assert published.build(*STRICT).code == 0
    for page in published.pages:
        html = published.html(page)
        assert "New name" in html and "Old name" not in html


def test_a_removed_chapter_is_gone_with_all_that_names_it(published):
    assert {"a.html", "_sources/a.md"} < published.files().keys()
    published.remove("a")
    assert published.build(*STRICT).code == 0
    left = published.files()
    assert [name for name in left if name.split("/")[-1].startswith("a.")] == []
    assert b"a.html" not in left["b.html"]
    assert not (published.folder / "_build/jupyter_execute/a.ipynb").exists()


def test_a_page_that_lost_its_cells_has_no_notebook_any_more(published):
    published.page("a")
    assert published.build(*STRICT).code == 0
    assert not (published.folder / "_build/jupyter_execute/a.ipynb").exists()


def test_warnings_fail_each_time_and_publish_nothing(published):
    before = published.files()
    published.page("b", text=BROKEN)
    assert [published.build(*STRICT).code != 0 for _ in range(2)] == [True, True]
    assert published.files() == before


def test_warnings_of_a_lenient_build_fail_the_next_strict_one(published):
    published.page("b", text=BROKEN)
    assert published.build().code == 0 and "missing.md" in published.html("b")
    assert published.build(*STRICT).code != 0


def test_what_prints_all_pages_is_seen(published):
    published.write("press.txt", "other")
    result = published.build(*STRICT)
    assert result.code == 0 and "no targets are out of date" not in result.said


def test_a_build_killed_while_cells_run_leaves_the_old_book_and_no_process(published):
    before, pid = published.files(), published.folder / "pid"
    published.page("a", "import os, time\nfrom pathlib import Path\n"
                   f"Path({str(pid)!r}).write_text(str(os.getpid()))\n"
                   "while time.sleep(0.1) is None: pass\n")  # fmt: skip
    build, _ = published.start(*STRICT)
    until(lambda: pid.exists() and pid.read_text())
    build.kill()
    build.join()
    until(lambda: not psutil.pid_exists(int(pid.read_text())))
    assert published.files() == before
    published.page("a", "'new'")
    assert published.build(*STRICT).code == 0
    assert published.outputs("a") == ["'new'"]


def test_a_build_killed_while_it_writes_hides_nothing_from_the_next(published):
    before = published.files()
    published.write("code/mod.py", "X = 'new'")
    published.page("b", text="# Page b\n\nNew.")
    build, said = published.start(*STRICT)
    until(lambda: "writing output" in said.read_text())
    build.kill()
    build.join()
    assert published.files() == before
    assert published.build(*STRICT).code == 0
    assert published.outputs("a") == ["'new'"] and "New." in published.html("b")


def test_a_build_killed_between_its_two_renames_loses_no_book(published):
    before, html = published.files(), published.folder / "_build/html"
    html.rename(html.with_name(".html.old"))
    published.page("a", "1 / 0")
    assert published.build(*STRICT).code != 0 and published.files() == before


def test_a_full_disk_fails_and_leaves_the_old_book(published):
    before = published.files()
    published.page("a", "'new' + 'x' * 90_000")
    # No file may grow beyond this: the nearest to a full disk that needs no disk.
    full = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (60_000, 60_000))
    result = published.build(*STRICT, before=full)
    assert result.code != 0 and "File too large" in result.said
    assert published.files() == before
    assert published.build(*STRICT).code == 0 and "new" in published.outputs("a")[0]


def test_of_two_builds_at_once_the_second_waits_and_both_succeed(published, tmp_path):
    # Not named in the page, which would then depend on what is there.
    meeting = {**ENVIRONMENT, "MEETING": str(tmp_path)}
    published.setting("cells_environment", meeting)
    published.page("a", "import os, time\nfrom pathlib import Path\n"
                   "here = Path(os.environ['MEETING'])\n"
                   "(here / 'running').touch()\n"
                   "while not (here / 'go').exists(): time.sleep(0.1)\n"
                   "'new'")  # fmt: skip
    builds = [published.start(*STRICT)]
    until((tmp_path / "running").exists)
    builds.append(published.start(*STRICT))
    until(lambda: "Waiting for it" in builds[1][1].read_text())
    (tmp_path / "go").touch()
    for build, _ in builds:
        build.join()
    said = [said.read_text() for _, said in builds]
    assert [build.exitcode for build, _ in builds] == [0, 0], said
    assert published.outputs("a") == ["'new'"]
    assert sum("Waiting for it" in text for text in said) == 1
    # The second finds what the first has done.
    assert sum("executing 1 pages" in text for text in said) == 1


def test_what_a_host_and_git_keep_in_the_published_folder_stays(published):
    html = published.folder / "_build/html"
    (html / ".git").mkdir()
    (html / ".git/HEAD").write_text("ref: refs/heads/pages")
    (html / "CNAME").write_text("book.example")
    (html / "left.html").write_text("of an old chapter")
    published.page("b", text="# New name")
    assert published.build(*STRICT).code == 0 and "New name" in published.html("b")
    assert (html / ".git/HEAD").read_text() == "ref: refs/heads/pages"
    assert (html / "CNAME").read_text() == "book.example"
    assert not (html / "left.html").exists()


def no_rename():
    """Let no folder be renamed that is published, as if it were a mount."""
    rename = Path.rename

    def refuse(path, target):
        if path.name == "html":
            raise OSError(errno.EBUSY, "Device or resource busy")
        return rename(path, target)

    Path.rename = refuse


def test_a_published_folder_that_can_not_be_moved_is_filled(published):
    (published.folder / "_build/html/CNAME").write_text("book.example")
    (published.folder / "_build/html/left.html").write_text("of an old chapter")
    published.page("b", text="# New name")
    result = published.build(*STRICT, before=no_rename)
    assert result.code == 0 and "New name" in published.html("b")
    assert {"CNAME", "index.html"} <= {*published.files()}
    assert "left.html" not in published.files()


def test_a_builder_that_makes_no_pages_keeps_its_report(published):
    before = published.files()
    published.page("b", text="# Links\n\n[None](http://127.0.0.1:9/none)")
    for _ in range(2):
        published.build("--builder", "linkcheck")
        report = published.folder / "_build/linkcheck/output.txt"
        assert "127.0.0.1:9/none" in report.read_text()
    assert published.files() == before
