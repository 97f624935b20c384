"""A draft is shown at every save, soon, and a fault in it ends nothing."""

import os
import signal
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest

# Two on a quiet machine, and a page of this book; a busy one is given more.
SOON = 5


@pytest.fixture
def live(book):
    """Return a book that is shown while it is written, and where."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    book.page("a", "'first'")
    book.prepare()
    command = [sys.executable, "-m", "bookpress.live", str(book.folder)]
    command += ["--port", str(port)]
    said = (book.folder.parent / "said").open("w")
    run = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)
    yield book, f"http://127.0.0.1:{port}/a.html", run
    run.kill()
    run.wait()
    said.close()


def seconds_until(text, address, longest=SOON):
    """Return after how many seconds a page holds a text."""
    started = time.monotonic()
    while time.monotonic() - started < longest:
        try:
            if text in urlopen(address).read().decode():
                return time.monotonic() - started
        except URLError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"no {text!r} after {longest} s")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
def test_a_save_is_seen_soon_and_a_failing_cell_or_setting_is_no_end(live):
    book, address, run = live
    seconds_until("first", address, longest=30)
    assert "location.reload()" in urlopen(address).read().decode()
    edition = urlopen(address.replace("a.html", ".edition")).read()

    book.page("a", "'first'", text="# New prose")
    seconds_until("New prose", address)
    book.page("a", "import time; time.sleep(0.5); 2 * 21")
    seconds_until("42", address, longest=SOON + 0.5)
    book.page("a", "1 / 0")
    seconds_until("ZeroDivisionError", (book.folder.parent / "said").as_uri())
    assert "42" in urlopen(address).read().decode()
    book.setting("language", "de")
    book.prepare()
    book.page("a", "'mended'")
    seconds_until("mended", address)
    seconds_until('lang="de"', address)
    assert urlopen(address.replace("a.html", ".edition")).read() != edition

    started = psutil.Process(run.pid).children(recursive=True)
    os.killpg(run.pid, signal.SIGINT)  # as Ctrl-C does: to all of them
    run.wait(10)
    assert not psutil.wait_procs(started, timeout=5)[1]
    assert "KeyboardInterrupt" not in (book.folder.parent / "said").read_text("utf8")
