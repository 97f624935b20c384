"""A draft is shown at every save, and a fault in it ends nothing."""

import os
import signal
import socket
import subprocess
import sys
from functools import partial
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest
from waiting import LONG, until

from bookpress.write import live as drafts

ALL = [
    "bookpress.execute.execution",
    "bookpress.write.checks",
    "bookpress.write.publish",
]
KEPT = ["bookpress.execute.execution", "bookpress.write.live"]
SETTINGS = {"publish_depends": ["lock.txt"], "language": "en"}


@pytest.mark.parametrize(
    ("sphinx", "expected"),
    [
        (
            {"extra_extensions": ALL, "config": SETTINGS},
            {"extra_extensions": KEPT, "config": {"language": "en"}},
        ),
        (
            {"recursive_update": False, "config": {"extensions": ALL, **SETTINGS}},
            {
                "recursive_update": False,
                "config": {"extensions": KEPT, "language": "en"},
            },
        ),
    ],
    ids=["some", "all"],
)
def test_drafts_are_not_checked_whether_a_book_names_some_extensions_or_all(
    sphinx, expected
):
    made = drafts.for_drafts({"title": "Book", "sphinx": sphinx})
    assert made == {"title": "Book", "sphinx": expected}


@pytest.fixture
def live(book):
    """Return a book that is shown while it is written, and where."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    book.page("a", "'first'")
    # Who offers the PDF asks the one who publishes, whom a draft does without.
    book.config["sphinx"]["extra_extensions"].append("bookpress.downloads.pdf")
    book.prepare()
    command = [sys.executable, "-m", "bookpress.write.live", str(book.folder)]
    command += ["--port", str(port)]
    said = (book.folder.parent / "said").open("w")
    # Else, where a script runs the tests in the background, SIGINT is ignored.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    run = subprocess.Popen(
        command, stdout=said, stderr=said, start_new_session=True, preexec_fn=heard
    )
    yield book, f"http://127.0.0.1:{port}/a.html", run
    run.kill()
    run.wait()
    said.close()


def holds(address, text):
    """Return whether a page is there and holds a text."""
    try:
        return text in urlopen(address).read().decode()
    except URLError:
        return False


def wait_for(text, address):
    until(lambda: holds(address, text))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
def test_every_save_is_seen_and_a_failing_cell_or_setting_is_no_end(live):
    book, address, run = live
    wait_for("first", address)
    assert "location.reload()" in urlopen(address).read().decode()
    edition = urlopen(address.replace("a.html", ".edition")).read()

    book.page("a", "'first'", text="# New prose")
    wait_for("New prose", address)
    book.page("a", "2 * 21")
    wait_for("42", address)
    book.page("a", "1 / 0")
    wait_for("ZeroDivisionError", (book.folder.parent / "said").as_uri())
    assert "42" in urlopen(address).read().decode()
    book.setting("language", "de")
    book.prepare()
    book.page("a", "'mended'")
    wait_for("mended", address)
    wait_for('lang="de"', address)
    assert urlopen(address.replace("a.html", ".edition")).read() != edition

    started = psutil.Process(run.pid).children(recursive=True)
    os.killpg(run.pid, signal.SIGINT)  # as Ctrl-C does: to all of them
    run.wait(LONG)
    assert not psutil.wait_procs(started, timeout=LONG)[1]
    assert "KeyboardInterrupt" not in (book.folder.parent / "said").read_text("utf8")
