"""Each check finds the fault that it is there for, planted into a small page."""

import pytest
from files import broken_links, foreign_addresses, poor_images, repeated_ids, soup

PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<title>A page</title></head><body><main><h1>A page</h1>{}</main></body></html>"""


@pytest.fixture
def planted(tmp_path):
    """Return a function that writes a page with ``body`` and returns its file."""

    def write(body):
        page = tmp_path / "page.html"
        page.write_text(PAGE.format(body))
        return page

    return write


@pytest.mark.parametrize("address", ["no.html", "#no", "page.html#no", "sub/"])
def test_a_link_that_leads_nowhere_is_found(planted, tmp_path, address):
    planted(f'<a href="{address}">x</a><a href="#yes" id="yes">y</a>')
    assert broken_links(tmp_path) == [f"page.html -> {address}"]


@pytest.mark.parametrize(
    "image", ['<img src="a" alt="a">', '<img src="a" width="1" height="1">']
)
def test_an_image_without_text_or_size_is_found(planted, image):
    assert len(poor_images(soup(planted(image)))) == 1


def test_an_id_that_is_given_twice_is_found(planted):
    assert repeated_ids(soup(planted('<p id="a"></p><p id="a"></p>'))) == ["a"]


@pytest.mark.parametrize("address", ["https://example.org/a.js", "//example.org/a.js"])
def test_a_script_of_another_host_is_found(planted, address):
    page = planted(f'<script src="{address}"></script><script src="own.js"></script>')
    assert foreign_addresses(soup(page)) == [address]


@pytest.mark.parametrize(
    "body",
    [
        '<p style="color: #bbb; background: #fff">pale</p>',
        "<button></button>",
        '<a href="page.html"></a>',
    ],
)
def test_a_barrier_is_found(visit, planted, body):
    with visit(planted(body).as_uri()) as here:
        assert len(here.barriers()) == 1


def test_a_barrier_is_found_where_what_is_alike_is_left_out(visit, planted):
    style = "<style>.n { color: #bbb; background: #fff }</style>"
    code = "<pre><span class='n'>weight</span> = <span class='n'>decay</span></pre>"
    with visit(planted(style + code).as_uri()) as here:
        assert len(here.barriers()) == 2
        here.thin_out(formulas=".katex")
        assert here.page.locator("pre").text_content() == "weight = decay"
        assert len(here.barriers()) == 1


def test_a_request_to_another_host_and_an_error_are_found(visit, planted):
    body = '<img src="https://example.org/a.png" alt=""><script>no()</script>'
    with visit(planted(body).as_uri()) as here:
        assert here.strangers() == ["https://example.org/a.png"]
        assert any("no is not defined" in error for error in here.errors)


def test_a_page_that_is_too_wide_is_found(visit, planted):
    page = planted('<p style="width: 500px">wide</p>')
    with visit(page.as_uri(), viewport={"width": 390, "height": 844}) as here:
        assert here.overhang() > 100


def test_a_line_that_is_too_long_is_found(visit, planted):
    page = planted(f"<article><p>{'word ' * 200}</p></article>")
    with visit(page.as_uri(), viewport={"width": 1280, "height": 900}) as here:
        assert here.measure() > 100


def test_bytes_are_counted_as_they_travel(visit, planted, tmp_path, served):
    (tmp_path / "a.js").write_text("'" + "a" * 100_000 + "'")
    (tmp_path / "b.woff").write_bytes(bytes(10_000))
    planted('<script src="a.js"></script><img src="b.woff" alt="">')
    with visit(f"{served}page.html") as here:
        assert 10_000 < here.weight() < 11_000
