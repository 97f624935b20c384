"""The built website, which these tests look at as a reader gets it."""

import os
import shutil
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from files import soup
from playwright.sync_api import sync_playwright
from visits import PHONE, Visit
from waiting import LONG

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build/html"
# Nothing that a browser would ask of its maker, so that every request is the page's.
QUIET = ("background-networking", "component-update", "sync", "gpu")

NO_BROWSER = "no Chromium. On Debian or Ubuntu: apt-get install chromium"
NO_FIREFOX = "no Firefox. On Debian or Ubuntu: apt-get install firefox-esr"
NO_NETWORK = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


def pytest_terminal_summary(terminalreporter):
    """Say in one line which tests did not run for want of a browser."""
    skipped = terminalreporter.stats.get("skipped", [])
    for reason in (NO_BROWSER, NO_FIREFOX):
        count = sum(reason in str(report.longrepr) for report in skipped)
        if count:
            line = f"{count} tests in tests/site were skipped: there is {reason}"
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def site():
    """Return the folder of the website; it must have been built."""
    if not (SITE / "index.html").exists():
        pytest.fail("There is no website to test. Build it: make book")
    return SITE


@pytest.fixture(scope="session")
def browser():
    """Return a running Chromium, the machine's own."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up(NO_BROWSER)
    options = ["--no-sandbox", NO_NETWORK, *(f"--disable-{x}" for x in QUIET)]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium, args=options, timeout=1000 * LONG
        )
        yield running
        running.close()


@pytest.fixture(scope="session")
def http(site):
    """Return the address of the website on a server of this machine."""
    with serving(site) as address:
        yield address


@contextmanager
def serving(folder, answering=None):
    """Serve ``folder`` on a free port of this machine; give the address."""
    handler = partial(answering or QuietHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["http", "file"])
def root(request, site):
    """Return the website's address, once on a server and once as a folder."""
    if request.param == "file":
        return f"{site.as_uri()}/"
    return request.getfixturevalue("http")


@pytest.fixture
def served(tmp_path):
    """Return the address of the test's own folder on a server of this machine."""
    with serving(tmp_path) as address:
        yield address


@pytest.fixture(scope="session")
def visit(browser):
    """Return a function that opens an address and gives a ``Visit``."""

    @contextmanager
    def opened(address, **settings):
        context = browser.new_context(reduced_motion="reduce", **settings)
        context.set_default_timeout(1000 * LONG)
        try:
            yield Visit(context, address)
        finally:
            context.close()

    return opened


@pytest.fixture(scope="session")
def parsed(site, page):
    """Return a page, parsed, for tests that only read it."""
    return soup(site / page)


@pytest.fixture(scope="session")
def desk(visit, http, page):
    """Return a page as it is read at a desk, all of it, for tests that leave it so."""
    with visit(http + page, color_scheme="light") as here:
        here.unfold()
        yield here


@pytest.fixture(scope="session")
def phone(visit, http, page):
    """Return a page as it is read on a phone, all of it, for tests that leave it so."""
    with visit(http + page, **PHONE) as here:
        here.unfold()
        here.fit_figures()
        yield here


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and writes nothing to the terminal."""

    def log_message(self, *args):
        """Write nothing."""
