"""A number on a page is that of the code and files beside it, or there is no book."""

import os
import sqlite3

import pytest
from tiny_book import FRONT, STRICT

from bookpress.execute.dependencies import Dependencies, digest_of_folder


def on_path(monkeypatch, folder):
    """Let modules in a folder be imported, before all others."""
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    return folder


def test_another_copy_of_a_module_fails_the_build(book, monkeypatch, tmp_path):
    book.write("code/mod.py", "X = 'ours'\n")
    book.page("a", "import mod; mod.X")
    ours = os.environ["PYTHONPATH"]
    copy = on_path(monkeypatch, tmp_path / "installed") / "mod.py"
    copy.write_text("X = 'another'\n")
    for _ in range(2):
        result = book.build("-W")
        assert (
            result.code != 0 and f"a: the cells imported mod from {copy}" in result.said
        )
    monkeypatch.setenv("PYTHONPATH", ours)
    assert book.build("-W").code == 0 and book.outputs("a") == ["'ours'"]
    monkeypatch.setenv("PYTHONPATH", str(copy.parent), prepend=os.pathsep)
    assert book.build("-W").code != 0


def sets(name, old, new):
    """Return a change of a file from one text to another."""
    return lambda book: [book.write(name, old), lambda: book.write(name, new)]


def linked(book):
    """Let a package be a link, which is then another one."""
    for name in ("old", "new"):
        book.write(f"{name}/__init__.py", f"X = '{name}'\n")
    link = book.folder / "code/pack"
    link.symlink_to(book.folder / "old")

    def change():
        link.unlink()
        link.symlink_to(book.folder / "new")

    return [None, change]


def stored(book):
    """Let a value be in a data base."""

    def put(value):
        with sqlite3.connect(book.folder / "code/values.db") as base:
            base.execute("CREATE TABLE IF NOT EXISTS t (x)")
            base.execute("DELETE FROM t")
            base.execute("INSERT INTO t VALUES (?)", [value])
        base.close()

    put("old")
    return [None, lambda: put("new")]


HERE = "import {0}; from pathlib import Path; home = Path({0}.__file__).parent; "
READ = "(home / ('da' + 'ta.txt')).read_text()"
CASES = {
    "a file whose name is put together": (
        HERE.format("mod") + READ,
        sets("code/data.txt", "old", "new"),
    ),
    "a module by another name": (
        "import importlib as i; i.import_module('value').X",
        sets("code/value.py", "X = 'old'\n", "X = 'new'\n"),
    ),
    "a link": ("import pack; pack.X", linked),
    "a module elsewhere": (
        "import sys, mod; sys.path.append(mod.__file__[:-11] + 'other'); "
        "import far; far.X",
        sets("other/far.py", "X = 'old'\n", "X = 'new'\n"),
    ),
    "a script": (
        "import mod\nscript = mod.__file__[:-6] + 'script.py'\n%run $script\nX",
        sets("code/script.py", "X = 'old'\n", "X = 'new'\n"),
    ),
    "a data base": (
        HERE.format("mod")
        + "import sqlite3; base = sqlite3.connect(home / 'values.db'); "
        "base.execute('SELECT x FROM t').fetchone()[0]",
        stored,
    ),
    "which files there are": (
        HERE.format("mod") + "'new' if len(list(home.glob('*.txt'))) > 1 else 'old'",
        lambda book: [
            book.write("code/1.txt", ""),
            lambda: book.write("code/2.txt", ""),
        ],
    ),
    "a file that was missing": (
        HERE.format("mod") + "\ntry: x = open(home / 'late.txt').read()\n"
        "except FileNotFoundError: x = 'old'\nx",
        lambda book: [None, lambda: book.write("code/late.txt", "new")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_cell_reads_in_any_way_is_what_it_depends_on(book, case):
    cell, prepare = CASES[case]
    book.write("code/mod.py", "")
    book.page("a", cell)
    book.page("b", "'untouched'")
    _, change = prepare(book)
    result = book.build("-W")
    assert result.code == 0 and book.outputs("a") == ["'old'"], result.said
    assert book.build("-W").ran == set()
    change()
    result = book.build("-W")
    assert result.ran == {"a"} and book.outputs("a") == ["'new'"], result.said


def test_what_was_read_before_is_found_again(book):
    book.write("code/mod.py", "X = 'old'\n")
    book.page("a", "import mod; mod.X")
    book.build("-W")
    book.write("code/mod.py", "X = 'new'\n")
    assert book.build("-W").ran == {"a"}
    book.write("code/mod.py", "X = 'old'\n")
    result = book.build("-W")
    assert result.ran == set() and book.outputs("a") == ["'old'"]


STARTS = {
    "shell": "!cat $words",
    "process": "import subprocess; _ = subprocess.run(['cat', words])",
    "system": "import os; _ = os.system('cat ' + words)",
    "fork": "import os; os.fork() or os._exit(0)",
}


@pytest.mark.parametrize("how", STARTS)
def test_a_program_is_refused_whose_files_are_not_named(book, how):
    book.page("a", "words = 'nowhere'", STARTS[how])
    result = book.build("-W")
    assert result.code != 0 and "a, cell 2, line " in result.said
    assert "reads: [data.csv]" in result.said


def test_a_program_may_read_the_files_that_are_named(book):
    words = book.folder / "words.txt"
    front = FRONT.replace("kernelspec", "execution: {reads: [words.txt]}\nkernelspec")
    book.page("a", f"!cat {words}", front=front)
    book.write("words.txt", "old")
    assert book.build("-W").code == 0 and book.outputs("a") == ["old"]
    book.write("words.txt", "new")
    assert book.build("-W").ran == {"a"} and book.outputs("a") == ["new"]


def test_cells_have_no_other_environment_than_the_listed_one(book, monkeypatch):
    monkeypatch.setenv("SECRET_SETTING", "1")
    book.page("a", "import os; os.environ.get('SECRET_SETTING', 'none')")
    assert book.build("-W").code == 0 and book.outputs("a") == ["'none'"]


def test_a_module_of_the_book_can_not_be_loaded_before_the_cells(book):
    book.write("code/mod.py", "X = 1\n")
    book.setting("cells_imports", ["mod"])
    book.page("a", "import mod; mod.X")
    result = book.build("-W")
    assert result.code != 0 and "`cells_imports` loads" in result.said


def test_a_module_that_only_claims_a_file_may_be_loaded_before_the_cells(
    book, tmp_path, monkeypatch
):
    (tmp_path / "made_up.py").write_text(
        "import sys, types\nparts = sys.modules['parts'] = types.ModuleType('parts')\n"
        "parts.__file__ = 'parts.py'"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    book.config["execute"]["run_in_temp"] = False
    book.setting("cells_imports", ["made_up"])
    book.page("a", "import parts; parts.__file__")
    result = book.build("-W")
    assert result.code == 0 and book.outputs("a") == ["'parts.py'"], result.said


def test_a_file_that_changes_while_cells_run_is_no_known_one(tmp_path):
    file = tmp_path / "data.txt"
    file.write_text("old")
    depends = Dependencies(tmp_path, [])
    noted = [["opened", str(file)]]
    reads = depends.reads(noted, "", file.stat().st_mtime_ns - 1)
    assert not depends.are(reads)
    reads = depends.reads(noted, "", file.stat().st_mtime_ns + 1)
    assert [*reads] == ["data.txt"] and depends.are(reads)


def test_what_is_not_the_books_is_no_dependency(tmp_path):
    depends = Dependencies(tmp_path / "book", [])
    (tmp_path / "book").mkdir()
    (tmp_path / "before").touch()
    since = (tmp_path / "before").stat().st_ctime_ns + 1
    noted = [
        ["opened", os.__file__],
        ["opened", "/etc/hosts"],
        ["opened", str(tmp_path / "book/_build/html/x.html")],
        ["opened", str(tmp_path / "ran/own.txt")],
        ["opened", str(tmp_path / "missing")],
        ["opened", str(tmp_path / "before")],
        ["listed", str(tmp_path / "book")],
    ]
    reads = depends.reads(noted, str(tmp_path / "ran"), since)
    assert [*reads] == ["../before", "./"]


def earlier(path):
    """Give a file a time from before it was written."""
    os.utime(path, (1e9, 1e9))


def test_a_page_with_an_older_time_is_read(published):
    published.write("part.md", "First part.")
    published.page("b", text="# B\n\n```{include} part.md\n```")
    assert published.build(*STRICT).code == 0 and "First part" in published.html("b")
    published.page("a", "import mod; mod.X + '!'")
    published.write("part.md", "Second part.")
    published.write("code/mod.py", "X = 'newer'\n")
    for name in ("a.md", "part.md", "code/mod.py"):
        earlier(published.folder / name)
    assert published.build(*STRICT).code == 0
    assert published.outputs("a") == ["'newer!'"]
    assert "Second part" in published.html("b")


def test_a_page_that_begins_with_a_byte_order_mark_is_run_by_the_build(book):
    book.page("a", "1 / 4")
    page = book.folder / "a.md"
    page.write_text("\ufeff" + page.read_text("utf8"), "utf8")
    result = book.build("-W")
    assert result.code == 0 and result.ran == {"a"} and book.outputs("a") == ["0.25"]


@pytest.mark.parametrize("mode", ["force", "'off'", "inline", "auto", "off"])
def test_a_page_can_not_have_its_cells_run_in_another_way(book, mode):
    book.page(
        "a", "1 / 0", front=FRONT[:-4] + f"mystnb: {{execution_mode: {mode}}}\n---\n"
    )
    result = book.build()
    assert result.code != 0 and "a: " in result.said
    said = "execution_mode" if mode == "off" else "its cells would not be run"
    assert said in result.said  # `off` without quotes is no word in YAML


def test_neither_can_the_book(book):
    book.page("a", "1 / 0")
    book.config["execute"]["exclude_patterns"] = ["a.md"]
    assert "a: its cells would not be run" in book.build().said
    del book.config["execute"]["exclude_patterns"]
    book.config["execute"]["execute_notebooks"] = "off"
    assert "a: its cells would not be run" in book.build().said


@pytest.mark.parametrize("setting", ["cells_sources", "cells_lock", "publish_depends"])
def test_a_setting_names_what_is_there(book, setting):
    book.page("a", "1")
    book.setting(setting, ["cdoe"])
    result = book.build()
    assert result.code != 0
    assert (
        f"`{setting}` names 'cdoe', which is not there. Is 'code' meant?" in result.said
    )


def test_a_setting_that_does_not_exist_is_a_warning(book):
    book.page("a", "1")
    book.setting("cells_lokc", ["lock.txt"])
    result = book.build("-W")
    assert result.code != 0 and "cells_lokc" in result.said


def test_what_an_installation_leaves_in_a_folder_is_no_change(tmp_path):
    (tmp_path / "mod.py").touch()
    before = digest_of_folder(tmp_path)
    (tmp_path / "mod.egg-info").mkdir()
    (tmp_path / "__pycache__").mkdir()
    assert digest_of_folder(tmp_path) == before
    (tmp_path / "other.py").touch()
    assert digest_of_folder(tmp_path) != before
