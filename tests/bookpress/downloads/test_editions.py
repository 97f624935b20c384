"""A page before it becomes Markdown or a notebook: its links, its code, its outputs."""

import nbformat.v4 as nb
import pytest
from docutils import nodes

from bookpress.downloads.editions import in_text, portable, put_back


def targets(page, *addresses):
    links = [nodes.reference("", "it", refuri=address) for address in addresses]
    links.append(nodes.reference("", "it", refid="here"))
    endings = {"part/a": ".ipynb"}
    copy = portable(
        nodes.container("", *links), page, lambda name: endings.get(name, ".md")
    )
    return [link["refuri"] for link in copy.findall(nodes.reference)]


def test_without_an_address_links_lead_to_the_files_beside():
    assert targets("part/b.html", "a.html#eq", "../c.html", "#eq") == [
        "a.ipynb", "../c.md", "", "",
    ]  # fmt: skip


def test_with_an_address_links_lead_to_the_site():
    site = "https://example.org/"
    assert targets(f"{site}part/b.html", "a.html#eq", "#eq") == [
        f"{site}part/a.html#eq", f"{site}part/b.html#eq", f"{site}part/b.html#here",
    ]  # fmt: skip


@pytest.mark.parametrize("page", ["b.html", "https://example.org/b.html"])
def test_links_to_elsewhere_stay(page):
    assert targets(page, "https://x.org/y.html#z")[0] == "https://x.org/y.html#z"


def cell(index, *outputs):
    source = nodes.literal_block("", f"cell {index}")
    return nodes.container(
        "", source, *outputs, nb_element="cell_code", cell_index=index
    )


def test_code_that_a_page_leaves_out_is_put_back():
    code, text = nb.new_code_cell, nb.new_markdown_cell
    cells = [text("A"), code("cell 1"), text("B"), code("shown"), code("cell 4")]
    doctree = nodes.container("", nodes.paragraph("", "A"), cell(3))
    put_back(doctree, cells)
    assert [node.astext() for node in doctree] == ["A", "cell 1", "cell 3", "cell 4"]


def shown(page_form, **forms):
    """Return what an edition shows of an output that a page shows as HTML."""
    data = {name.replace("_", "/"): text for name, text in forms.items()}
    executed = nb.new_code_cell("", outputs=[nb.new_output("display_data", data)])
    doctree = nodes.container("", cell(0, page_form))
    in_text(doctree, [executed])
    return [node.astext() for node in doctree[0]][1:]


def html(text):
    return nodes.raw("", text, format="html", classes=["output", "text_html"])


def test_a_table_that_is_html_on_the_page_is_shown_in_its_form_in_markdown():
    forms = {"text_markdown": "| a |", "text_plain": "a", "text_html": "<table>"}
    assert shown(html("<table>"), **forms) == ["| a |"]


def test_html_without_a_form_in_markdown_is_shown_as_text():
    assert shown(html("<table>"), text_plain="a", text_html="<table>") == ["a"]


def test_a_drawing_stays_for_it_says_what_is_to_be_seen():
    drawing = nodes.figure("", html("<svg>"))
    assert shown(drawing, text_plain="<Sliders>", text_html="<svg>") == ["<svg>"]
