"""The whole book is published, or nothing, whatever happens."""

import os
import resource
import signal
import time

import psutil

STRICT = ("-W", "-n", "--keep-going")
BROKEN = "# Page a\n\n[](missing.md)"


def test_when_nothing_changed_nothing_is_written(book):
    book.page("a", "1 + 1")
    book.build(*STRICT)
    html = book.folder / "_build/html"
    before = {p: p.stat().st_mtime_ns for p in html.rglob("*")}
    result = book.build(*STRICT)
    assert result.code == 0 and "no targets are out of date" in result.said
    assert {p: p.stat().st_mtime_ns for p in html.rglob("*")} == before


def test_a_changed_title_is_changed_on_every_page(book):
    book.page("a", text="# Old name")
    book.page("b")
    book.build(*STRICT)
    book.page("a", text="# New name")
    assert book.build(*STRICT).code == 0
    for page in book.pages:
        assert "New name" in book.html(page) and "Old name" not in book.html(page)


def test_a_removed_chapter_is_gone_with_all_that_names_it(book):
    book.page("a", "1 + 1")
    book.page("b")
    book.build(*STRICT)
    assert "a.html" in book.files()
    book.remove("a")
    assert book.build(*STRICT).code == 0
    assert "a.html" not in book.files() and "a.html" not in book.html("b")
    assert not (book.folder / "_build/jupyter_execute/a.ipynb").exists()


def test_a_page_that_lost_its_cells_has_no_notebook_any_more(book):
    book.page("a", "1 + 1")
    book.build(*STRICT)
    book.page("a")
    assert book.build(*STRICT).code == 0
    assert not (book.folder / "_build/jupyter_execute/a.ipynb").exists()


def test_warnings_fail_each_time_and_publish_nothing(book):
    book.page("a")
    book.build(*STRICT)
    before = book.files()
    book.page("a", text=BROKEN)
    assert [book.build(*STRICT).code != 0 for _ in range(2)] == [True, True]
    assert book.files() == before


def test_warnings_of_a_lenient_build_fail_the_next_strict_one(book):
    book.page("a", text=BROKEN)
    assert book.build().code == 0 and "missing.md" in book.html("a")
    assert book.build(*STRICT).code != 0


def test_what_prints_all_pages_is_seen(book):
    book.page("a")
    book.setting("publish_depends", ["press.txt"])
    book.write("press.txt", "1")
    book.build(*STRICT)
    assert "no targets are out of date" in book.build(*STRICT).said
    book.write("press.txt", "2")
    assert "no targets are out of date" not in book.build(*STRICT).said


def wait_until(found, seconds=30):
    while not found() and seconds > 0:
        time.sleep(0.05)
        seconds -= 0.05
    return found()


def test_a_build_killed_while_cells_run_leaves_the_old_book_and_no_process(book):
    book.page("a", "'old'")
    book.build(*STRICT)
    before = book.files()
    pid = book.folder / "pid"
    book.page("a", f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid()))\n"
              "while time.sleep(0.1) is None: pass")  # fmt: skip
    run = book.start(*STRICT)
    assert wait_until(lambda: pid.exists() and pid.read_text())
    run.kill()
    run.communicate()
    assert wait_until(lambda: not psutil.pid_exists(int(pid.read_text())))
    assert book.files() == before
    book.page("a", "'new'")
    assert book.build(*STRICT).code == 0 and book.outputs("a") == ["'new'"]


def test_a_build_killed_while_it_writes_hides_nothing_from_the_next(book):
    book.page("a", "import mod; mod.X")
    book.write("code/mod.py", "X = 'old'")
    for name in "bcdef":
        book.page(name)
    book.build(*STRICT)
    before = book.files()
    book.write("code/mod.py", "X = 'new'")
    book.page("b", text="# Page b\n\nNew.")
    run = book.start(*STRICT, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    for line in run.stdout:
        if "writing output... " in line and "a" in line.partition("]")[2]:
            run.send_signal(signal.SIGKILL)
            break
    run.communicate()
    assert book.files() == before
    assert book.build(*STRICT).code == 0
    assert book.outputs("a") == ["'new'"] and "New." in book.html("b")


def test_a_build_killed_between_its_two_renames_loses_no_book(book):
    book.page("a", "'old'")
    book.build(*STRICT)
    before, html = book.files(), book.folder / "_build/html"
    html.rename(html.with_name(".html.old"))
    book.page("a", "1 / 0")
    assert book.build(*STRICT).code != 0 and book.files() == before


def test_a_full_disk_fails_and_leaves_the_old_book(book):
    book.page("a", "'old'")
    book.build(*STRICT)
    before = book.files()
    book.page("a", "'new' + 'x' * 90_000")
    # No file may grow beyond this: the nearest to a full disk that needs no disk.
    limit = (60_000, 60_000)
    full = book.run(
        *STRICT, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    )
    assert full.code != 0 and "File too large" in full.said
    assert book.files() == before
    assert book.build(*STRICT).code == 0 and "new" in book.outputs("a")[0]


def test_of_two_builds_at_once_the_second_waits_and_both_succeed(book):
    book.page("a", "import time; time.sleep(2); 5")
    runs = [book.start(*STRICT) for _ in range(2)]
    said = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert sum("Waiting for it" in text for text in said) == 1
    # The second finds what the first has done.
    assert sum("executing 1 pages" in text for text in said) == 1
    assert book.outputs("a") == ["5"]
