"""Pages run when they must, side by side, and a failure names page and cell."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path

import nbformat.v4 as nb
import psutil
import pytest
from jupyter_client.provisioning import KernelProvisionerFactory
from tiny_book import FRONT
from waiting import until

from bookpress.execute import execution
from bookpress.execute.runner import Job, run_all


def test_pages_run_side_by_side_and_read_like_those_of_a_plain_build(book):
    for name in "ab":
        book.page(name, "import os, sys\nsorted({'y', 'x'}), os.getcwd()[:4]", "1 / 4")
    book.setting("cells_jobs", 2)
    result = book.build("-W")
    assert result.code == 0 and result.ran == {"a", "b"}
    assert "executing 2 pages, 2 at a time" in result.said
    warm = book.files()
    assert b"0.25" in warm["a.html"]
    # Plain: one after the other, each in an ordinary kernel.
    book.config["execute"]["execute_notebooks"] = "force"
    book.make_plain()
    shutil.rmtree(book.folder / "_build")
    assert book.build("-W").code == 0
    pages = [name for name in warm if name.endswith(".html")]
    assert {n: book.files()[n] for n in pages} == {n: warm[n] for n in pages}


CAPTION = "---\nmystnb:\n  figure:\n    caption: {}\n---\n3 + 4"


def test_only_pages_run_whose_cells_modules_data_or_lock_changed(book):
    book.write("code/far.py", "X = 1\n")
    book.write("code/pack/__init__.py", "")
    near = "import far\nX = 10 * far.X\nopen(__file__[:-7] + 'data.txt').close()\n"
    book.write("code/pack/near.py", near)
    book.write("code/pack/data.txt", "5")
    book.write("code/other.py", "X = 7\n")
    book.page("a", "from pack import near\nnear.X")
    book.page("b", "import other\nother.X")
    book.page("c", CAPTION.format("Old words"))
    assert book.build("-W").ran == {"a", "b", "c"}

    book.write("code/far.py", "X = 2\n")
    assert book.build("-W").ran == {"a"} and book.outputs("a") == ["20"]
    # Neither prose nor a caption.
    book.page("b", "import other\nother.X", text="# New prose")
    book.page("c", CAPTION.format("New words"))
    assert book.build("-W").ran == set()
    assert "New prose" in book.html("b") and "New words" in book.html("c")
    assert book.outputs("c") == ["7"]
    book.write("code/pack/data.txt", "6")
    book.page("b", "import other\nother.X + 1")
    assert book.build("-W").ran == {"a", "b"} and book.outputs("b") == ["8"]
    book.write("lock.txt", "one==2\n")
    assert book.build("-W").ran == {"a", "b", "c"}


def test_readers_see_no_trace_of_how_changes_are_seen(published):
    executed = (published.folder / "_build/jupyter_execute/a.ipynb").read_text()
    assert '"execution_count": 1' in executed and "digest" not in executed
    (kept,) = published.folder.glob("_build/.jupyter_cache/executed/*/base.ipynb")
    digest = json.loads(kept.read_text())["metadata"]["kernelspec"]["digest"]
    files = published.files().values()
    assert not any(digest.encode() in content for content in files)
    published.build("--all")
    assert (published.folder / "_build/jupyter_execute/a.ipynb").read_text() == executed


def test_what_a_notebook_prints_does_not_depend_on_when_it_arrives(book):
    book.page(
        "a",
        "for i in range(3):\n"
        "    print(i, end=' ', flush=True)\n"
        "    __import__('time').sleep(0.1)\n    print('of 3')",
    )
    assert book.build("-W").code == 0
    executed = json.loads((book.folder / "_build/jupyter_execute/a.ipynb").read_text())
    (cell,) = [c for c in executed["cells"] if c["cell_type"] == "code"]
    assert [output["text"] for output in cell["outputs"]] == [
        ["0 of 3\n", "1 of 3\n", "2 of 3\n"]
    ]


FAILURES = {
    "wrong": ("1 / 0", "ZeroDivisionError: division by zero"),
    "dying": ("import os, signal; os.kill(os.getpid(), 9)", "the kernel died"),
    "slow": ("import time\nwhile True: time.sleep(1)", "longer than it may"),
    "asking": ("input()", "StdinNotImplementedError"),
}
# As many lines, and a second for each cell.
IMPATIENT = FRONT.replace(
    "jupytext:\n  text", "execution: {timeout: 1}\njupytext: {text"
)
IMPATIENT = IMPATIENT.replace("myst}", "myst}}")


def test_each_failure_names_page_and_cell_each_time_and_publishes_nothing(published):
    before = published.files()
    published.page("a", "'new'")
    for name, (cell, _) in FAILURES.items():
        front = IMPATIENT if name == "slow" else FRONT
        published.page(name, "'seen'", cell, front=front)
    for ran in ({"a", *FAILURES}, {*FAILURES}):
        result = published.build()
        assert result.code != 0 and published.files() == before
        for name, (_, why) in FAILURES.items():
            assert re.search(f"{name}, cell 2, line 14: .*{why}", result.said)
        assert result.ran == ran


@pytest.mark.parametrize("front", ["", "---\nfile_format: mystnb\n---\n"])
def test_a_page_with_cells_and_without_a_kernel_is_refused(book, front):
    book.page("a", "1 + 1", front=front)
    for _ in range(2):
        result = book.build()
        assert result.code != 0 and "kernelspec" in result.said


def damage(cache):
    (cache / "global.db").write_bytes(b"no database" * 100)


def empty(cache):
    shutil.rmtree(cache / "executed")


def alter(cache):
    (path,) = cache.glob("executed/*/base.ipynb")
    path.write_text(path.read_text().replace("sum is 3", "sum is 4"))


def forge(cache):
    with sqlite3.connect(cache / "global.db") as database:
        database.execute("UPDATE nbcache SET data = '{}'")
    database.close()
    alter(cache)


def test_a_harmed_cache_is_built_anew(book):
    book.page("a", "f'the sum is {1 + 2}'")
    book.build("-W")
    for harm in (empty, alter, forge, damage):
        harm(book.folder / "_build/.jupyter_cache")
        result = book.build("-W", "--all")
        assert result.code == 0 and "sum is 3" in book.html("a"), harm
        assert result.ran == {"a"}, harm
    aside = book.folder / "_build/.jupyter_cache.damaged/global.db"
    assert aside.read_bytes().startswith(b"no database")
    assert book.build("-W", "--all").ran == set()


def test_the_longest_page_starts_first(book):
    for name in "abc":
        book.page(name, f"'{name}'")
    book.setting("cells_jobs", 1)
    said = book.build("-W").said
    kept = said_again(book, {"a": 1, "b": 30, "c": 20})
    assert {*re.findall(r"\d/3 (\w): ([\d.]+) s", said)} == kept
    book.write("lock.txt", "two==2\n")
    said = book.build("-W").said
    assert re.findall(r"\d/3 (\w):", said) == ["b", "c", "a"]


def said_again(book, instead):
    """Return the seconds that are kept of each page, as a build says them; put others.

    So the order of the next build depends on no machine.
    """
    with sqlite3.connect(book.folder / "_build/.jupyter_cache/global.db") as database:
        kept = database.execute("SELECT uri, data FROM nbcache").fetchall()
        for uri, data in kept:
            data = json.loads(data) | {"execution_seconds": instead[Path(uri).stem]}
            new = (json.dumps(data), uri)
            database.execute("UPDATE nbcache SET data = ? WHERE uri = ?", new)
    database.close()
    took = {uri: json.loads(data)["execution_seconds"] for uri, data in kept}
    return {(Path(uri).stem, f"{seconds:.1f}") for uri, seconds in took.items()}


def test_a_notebook_of_json_gets_its_digest_too():
    text = '{"metadata": {"kernelspec": {"name": "python3"}}, "cells": []}'
    assert '"digest": "d"' in execution.with_digest(text, "d")


@pytest.mark.parametrize("style", ["block", "flow"])
def test_the_digest_moves_no_line(style):
    kernel = {"block": "\n  name: p\n  x: y\n", "flow": " {name: p,\n  x: y}\n"}[style]
    text = f"---\na: 1\nkernelspec:{kernel}myst: 2\n---\n# Title\n"
    new = execution.with_digest(text, "d")
    assert '"digest": "d"' in new and new.index("# Title") > 0
    assert new.split("\n").index("# Title") == text.split("\n").index("# Title")
    assert new.split("\n").index("myst: 2") == text.split("\n").index("myst: 2")


def test_pages_run_at_the_same_time(book):
    meet = "from pathlib import Path\nimport time\nhere = Path({!r})\n"
    meet += "(here / {!r}).touch()\nwhile not (here / {!r}).exists(): time.sleep(0.1)"
    book.page("a", meet.format(str(book.folder), "a", "b"))
    book.page("b", meet.format(str(book.folder), "b", "a"))
    book.setting("cells_jobs", 2)
    assert book.build("-W").code == 0


def test_without_its_provisioner_ordinary_kernels_start_and_the_build_says_so(
    monkeypatch, caplog
):
    def is_there(factory, spec):
        return "warm" not in str(spec.metadata)

    monkeypatch.setattr(KernelProvisionerFactory, "is_provisioner_available", is_there)
    cells = [nb.new_code_cell("import sys; 'ipykernel_launcher' in sys.orig_argv")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    job = Job(nb.new_notebook(cells=cells, metadata=kernel))
    run_all([job], lambda *_: None, at_once=1, imports=[], environment={})
    assert job.notebook.cells[0].outputs[0].data["text/plain"] == "True"
    assert "pip install" in caplog.text


def test_a_cell_inside_another_block_is_refused(book):
    nested = "````{note}\n```{code-cell}\n1 / 0\n```\n````"
    book.page("a", "1 + 1", text=f"# A\n\n{nested}")
    result = book.build()
    assert result.code != 0 and "a cell inside another block" in result.said


@pytest.mark.parametrize("end", ["--- \n", "---\t\n"])
def test_front_matter_may_end_in_blanks(book, end):
    book.page("a", "1 / 4", front=f"{FRONT[:-4]}{end}")
    assert book.build("-W").code == 0 and book.outputs("a") == ["0.25"]


def test_a_page_in_another_encoding_is_named(book):
    book.page("a", "1 / 4")
    page = book.folder / "a.md"
    page.write_bytes(page.read_bytes() + "\n\nGrößer".encode("latin-1"))
    result = book.build()
    assert result.code != 0 and "a: save it as UTF-8" in result.said


def test_a_module_in_another_encoding_fails_in_its_cell(book):
    (book.folder / "code/mod.py").write_bytes("X = 'ö'\n".encode("latin-1"))
    book.page("a", "import mod")
    result = book.build()
    assert result.code != 0 and "a, cell 1, line " in result.said
    assert "SyntaxError" in result.said


def test_a_kernel_that_is_not_installed_is_named(book):
    book.page("a", "1", front=FRONT.replace("python3}", "python9}"))
    result = book.build()
    assert result.code != 0 and re.search("a: .*python9", result.said)


def test_a_long_temporary_folder_is_no_hindrance(book, tmp_path, monkeypatch):
    long = tmp_path / ("long" * 30)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    book.page("a", "1 / 4")
    result = book.run("-W")
    assert result.code == 0 and book.outputs("a") == ["0.25"]


def test_a_locked_cache_is_not_called_damaged(book):
    book.page("a", "1 / 4")
    assert book.build("-W").code == 0
    cache = book.folder / "_build/.jupyter_cache/global.db"
    other = sqlite3.connect(cache)
    other.execute("BEGIN EXCLUSIVE")
    result = book.build("-W", "--all")
    other.close()
    assert result.code != 0 and "locked the cache of outputs" in result.said
    assert not cache.parent.with_name(".jupyter_cache.damaged").exists()


def test_a_system_that_does_not_speak_utf8_builds_the_book(book):
    book.page("a", "'λ' + 'ä'", text="# Größe λ")
    locale = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    result = book.run("-W", env={**os.environ, **locale})
    assert result.code == 0 and book.outputs("a") == ["'λä'"]
    assert "Größe λ" in book.html("a")


def test_what_a_killed_build_left_in_the_temporary_folder_goes(
    book, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = tmp_path / f"bookpress-{ended.pid}-x"
    (left / "inner").mkdir(parents=True)
    ours = tmp_path / f"bookpress-{os.getpid()}-x"
    ours.mkdir()
    run_all([], lambda *_: None, at_once=1, imports=[], environment={})
    assert not left.exists() and ours.exists()


def test_a_program_that_detached_itself_ends_with_the_build(book, tmp_path):
    pid = tmp_path / "pid"
    front = FRONT.replace("kernelspec", "execution: {reads: []}\nkernelspec")
    start = "subprocess.Popen(['sleep', '1000'], start_new_session=True)"
    cell = f"import subprocess\nopen({str(pid)!r}, 'w').write(str({start}.pid))"
    book.page("a", cell, front=front)
    assert book.build("-W").code == 0
    until(lambda: not psutil.pid_exists(int(pid.read_text())))


def test_an_output_that_no_page_can_hold_is_refused_before_it_is_worked_on(book):
    book.setting("checks_largest", 30_000)
    book.page("a", "1", "'x' * 31_000")
    result = book.build()
    assert result.code != 0 and "a, cell 2: shows 31,002 bytes of text" in result.said
    assert "reading sources" not in result.said


def test_a_notebook_of_json_may_begin_with_a_blank_line(book):
    page = nb.new_notebook(cells=[nb.new_markdown_cell("# A"), nb.new_code_cell("1/4")])
    page.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    book.pages.append("a")
    book.write("a.ipynb", f"\n{nb.writes(page)}")
    assert book.build("-W").code == 0 and book.outputs("a") == ["0.25"]


KERNEL = """# ---
# jupyter:
#   kernelspec:
#     name: python3
#     display_name: Python 3
# ---
"""


def test_a_page_that_is_a_script_is_refused_by_name(book):
    book.setting(
        "nb_custom_formats", {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
    )
    book.pages.append("a")
    script = "# %% [markdown]\n# # A\n\n# %%\n1 / 4\n"
    book.write("a.py", script)
    assert "a: its front matter names no `kernelspec`" in book.build("-W").said
    book.write("a.py", f"{KERNEL}\n{script}")
    assert "a: a page with cells must begin with its front matter" in book.build().said
    assert not (book.folder / "_build/html/a.html").exists()
