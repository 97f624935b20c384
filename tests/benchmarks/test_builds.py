"""The table of build times: what it measures, and that it can't hide a wrong page."""

import sys
from types import SimpleNamespace

import builds
import pytest
from books import Synthetic, ThisBook
from one_process import cells


@pytest.mark.parametrize("book", [Synthetic(2), ThisBook()], ids=lambda book: book.name)
@pytest.mark.parametrize("way", ["plain", "ours", "limit"])
def test_each_edit_changes_the_book(tmp_path, book, way):
    folder = tmp_path / "book"
    book.write(folder, way)

    def content():
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {path: path.read_bytes() for path in files}

    config = (folder / "_config.yml").read_text()
    is_ours = "bookpress.execute.execution" in config or "- bookpress\n" in config
    assert is_ours == (way == "ours")
    for what in ("prose", "cell", "module"):
        before = content()
        page, text = book.edit(folder, what)
        changed = [path for path, new in content().items() if before.get(path) != new]
        assert len(changed) == 1 and text
        assert (page in changed) == (what != "module")


def test_a_page_is_right_when_it_shows_the_number_as_a_reader_sees_it(tmp_path):
    html = tmp_path / "_build/html"
    html.mkdir(parents=True)
    (html / "a.html").write_text("<pre>the <b>answer</b> is 1</pre>")
    page = tmp_path / "a.md"
    assert builds.published(tmp_path, page, "the answer is 1")
    assert not builds.published(tmp_path, page, "the answer is 2")


def test_books_with_other_bytes_are_refused(tmp_path):
    for way, text in {"a": "one", "b": "one"}.items():
        (tmp_path / way / "_build/html").mkdir(parents=True)
        (tmp_path / way / "_build/html/x.html").write_text(text)
    builds.compare(tmp_path / "a", tmp_path / "b")
    (tmp_path / "b/_build/html/x.html").write_text("two")
    with pytest.raises(AssertionError, match="other bytes"):
        builds.compare(tmp_path / "a", tmp_path / "b")


def test_time_and_memory_are_those_of_all_that_a_command_started(tmp_path, monkeypatch):
    monkeypatch.setattr(builds, "WORK", tmp_path)
    clock = SimpleNamespace(perf_counter=iter([3, 10]).__next__)
    monkeypatch.setattr(builds, "time", clock)
    measured, seen, look = builds.held, [], tmp_path / "seen twice"

    def held(pid):
        seen.extend(pid for _ in range(measured(pid) > 100_000_000))
        if len(seen) == 2:
            look.touch()
        return measured(pid)

    monkeypatch.setattr(builds, "held", held)
    hold = "import os, time\nfrom pathlib import Path\na = bytearray(100_000_000)\n"
    hold += "while sum(os.times()[:2]) < 0.5: pass\n"
    hold += "for _ in range(1800):\n"
    hold += f"    if Path({str(look)!r}).exists(): break\n    time.sleep(0.1)"
    work = "import subprocess, sys\n"
    work += f"child = subprocess.Popen([sys.executable, '-c', {hold!r}]); child.wait()"
    cpu, wall, peak = builds.measure([[sys.executable, "-c", work]], tmp_path)
    assert wall == 7 and cpu > 0.5 and 100 < peak < 400


def test_a_row_stands_beside_its_baseline_and_one_wrong_page_is_told():
    noted = {
        ("b", "module", "plain"): [
            (4, 10, 1, True),
            (4, 10, 1, False),
            (4, 10, 1, True),
        ],
        ("b", "module", "ours"): [(1, 2, 3, True), (1, 6, 3, True), (1, 1, 3, True)],
    }
    plain, ours = builds.table(noted).splitlines()[2:]
    assert plain == "| b | module | plain | 3 | 4.0 | 1.00 | 10.0 | 1.00 | 1 | **no** |"
    assert ours == "| b | module | ours | 3 | 1.0 | 0.25 | 2.0 | 0.20 | 3 | yes |"


def test_the_cells_of_the_limit_are_those_of_the_page(tmp_path):
    Synthetic(1).write(tmp_path / "book", "limit")
    found = cells(str(tmp_path / "book/chapter0.md"))
    assert len(found) == 5 and "part0" in found[0] and "answer" in found[-1]
