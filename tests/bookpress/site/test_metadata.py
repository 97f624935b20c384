"""What a page says about itself, and what a messenger shows of it."""

from base64 import b64decode, b64encode

import nbformat.v4 as nb
import pytest
from docutils import nodes
from tiny_book import EXTENSIONS, STRICT

from bookpress.site.metadata import PICTURE, description, first_figure

DOT = (  # one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAA"
    "SUVORK5CYII="
)


def test_the_description_is_the_one_in_the_front_matter():
    meta = [
        nodes.meta(name="author", content="x"),
        nodes.meta(name="description", content="y"),
    ]
    assert description(nodes.container("", *meta)) == "y"
    assert description(nodes.container("")) == ""


def test_the_picture_is_the_first_figure_of_a_page():
    def shown(**data):
        return nb.new_code_cell(outputs=[nb.new_output("display_data", data)])

    png = {"image/png": b64encode(b"png").decode()}
    cells = [nb.new_markdown_cell("text"), shown(**{"text/plain": "1"}), shown(**png)]
    assert first_figure(nb.new_notebook(cells=cells)) == b"png"
    assert first_figure(nb.new_notebook(cells=cells[:2])) == first_figure(None) == b""


@pytest.mark.parametrize("address", ["", "https://example.org/b"])
def test_a_site_with_an_address_has_a_picture_and_a_sitemap(book, address):
    added = ["bookpress.site.address", "bookpress.site.metadata"]
    book.config["sphinx"]["extra_extensions"] = [*EXTENSIONS, *added]
    urls = f'urls = {{ Documentation = "{address}" }}\n' if address else ""
    book.write("pyproject.toml", f'[project]\nname = "b"\n{urls}')
    cell = f"from base64 import b64decode as read\nImage(read('{DOT}'))"
    book.page("index", f"from IPython.display import Image\n{cell}")
    book.page("a", text="# Another")
    result = book.build(*STRICT)
    assert result.code == 0, result.said
    files = book.files()
    wanted = {PICTURE, "sitemap.xml", "robots.txt"}
    assert wanted & files.keys() == (wanted if address else set())
    if address:
        assert files[PICTURE] == b64decode(DOT)
        assert b"https://example.org/b/index.html" in files["sitemap.xml"]
