"""From every page the ways lead on: below any path of a host, from lost addresses."""

from urllib.error import HTTPError
from urllib.parse import urldefrag, urljoin
from urllib.request import urlopen

import pytest
from bs4 import BeautifulSoup
from conftest import QuietHandler, serving

BELOW = "/some/where/"


class SharedHost(QuietHandler):
    """A host with the book below a path, which shows 404.html for what is missing."""

    def send_head(self):
        """Answer for what is below the path; nothing is anywhere else."""
        if self.path.startswith(BELOW):
            self.path = self.path[len(BELOW) - 1 :]
            return super().send_head()
        return self.send_error(404)

    def send_error(self, code, message=None, explain=None):
        """Show the book's own page."""
        with open(f"{self.directory}/404.html", "rb") as file:
            page = file.read()
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page)


@pytest.fixture(scope="module")
def book(site):
    """Return the address of the book on a host that has other things too."""
    with serving(site, SharedHost) as address:
        yield address.removesuffix("/") + BELOW


def answer(address):
    """Return the status of an address, what it holds, and its kind."""
    try:
        with urlopen(address) as got:
            return got.status, got.read(), got.headers.get_content_type()
    except HTTPError as error:
        return error.code, b"", ""


def walk(start):
    """Return the status of every address of the book that links lead to."""
    seen, left = {}, [start]
    while left:
        address = left.pop()
        if address not in seen:
            seen[address], body, kind = answer(address)
            if kind == "text/html":
                links = BeautifulSoup(body, "html.parser").select("a[href], link[href]")
                found = (urldefrag(urljoin(address, a["href"])).url for a in links)
                left += [x for x in found if x.startswith(start)]
    return seen


def test_every_page_and_file_is_reached_below_a_path(book, site):
    seen = walk(book)
    assert {s for s in seen.values()} == {200}
    pages = {page.relative_to(site).as_posix() for page in site.glob("book/*.html")}
    assert {f"{book}{page}" for page in pages} <= seen.keys()


@pytest.mark.parametrize(
    "lost", ["nothing", "book/old.html", "book/a/b/c/", "x/y.html"]
)
def test_who_is_lost_is_led_back_from_any_depth(visit, book, site, lost):
    with visit(book + lost) as here:
        here.page.wait_for_function("document.querySelector('base')")
        links = here.page.eval_on_selector_all("a", "all => all.map(a => a.href)")
    pages = {page.stem for page in site.glob("book/*.html")}
    assert {link.rsplit("/")[-1].removesuffix(".html") for link in links} >= pages
    assert {answer(link)[0] for link in links} == {200}


def test_each_page_offers_the_pdf_that_was_built_with_it(site):
    printed = site / "weight-decay.pdf"
    for page in site.glob("book/*.html"):
        forms = BeautifulSoup(page.read_text("utf8"), "html.parser").select(".forms a")
        offered = {a.text: (page.parent / a["href"]).resolve() for a in forms}
        assert ("PDF" in offered) == printed.exists()
        assert not printed.exists() or offered["PDF"] == printed.resolve()
