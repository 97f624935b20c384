"""Pages as Markdown, and their list."""

from types import SimpleNamespace

import nbformat
import pytest
from docutils import nodes
from nbformat import v4 as nb

from bookpress.downloads import markdown_pages


@pytest.fixture
def app(tmp_path):
    pages = ("root", "a", "b")
    env = SimpleNamespace(
        toc_secnumbers={},
        toc_fignumbers={"a": {"figure": {"fig-a": (1, 2)}}},
        toctree_includes={"root": ["b", "a"]},
        titles={page: nodes.title("", f"Title {page}") for page in pages},
        metadata={page: {"description": f"On {page}."} for page in pages},
    )
    config = SimpleNamespace(root_doc="root", html_baseurl="", project="Book")
    builder = SimpleNamespace(name="html", get_target_uri="{}.html".format)
    outdir = tmp_path / "html"
    outdir.mkdir()
    return SimpleNamespace(env=env, config=config, builder=builder, outdir=outdir)


def markdown(app, *parts):
    markdown_pages.write_page(app, nodes.container("", *parts), "a")
    return (app.outdir / "_sources/a.md").read_text()


def test_links_lead_to_the_site_where_it_has_an_address(app):
    link = nodes.paragraph("", "", nodes.reference("", "(1.2)", refuri="b.html#eq"))
    assert markdown(app, link) == "[(1.2)](b.md)\n"
    app.config.html_baseurl = "https://example.org/book/"
    assert markdown(app, link) == "[(1.2)](https://example.org/book/b.html#eq)\n"


def cell():
    source = nodes.literal_block("", "print(1)")
    printed = nodes.literal_block("", "1\n", classes=["output", "stream"])
    figure = nodes.figure("", nodes.caption("", "What is seen."), ids=["fig-a"])
    return nodes.container(
        "", source, printed, figure, nb_element="cell_code", cell_index=0
    )


def test_a_cell_is_its_code_what_it_printed_and_its_captions(app):
    assert markdown(app, cell()) == (
        "```python\nprint(1)\n```\n\n```text\n1\n```\n\n**Fig. 1.2** What is seen.\n"
    )


def test_a_table_that_a_cell_shows_is_a_table(app):
    row = nodes.row("", nodes.entry("", nodes.paragraph("", "a")))
    table = nodes.table("", nodes.tgroup("", nodes.tbody("", row)))
    output = nodes.container("", table, nb_element="cell_code_output")
    shown = nodes.container("", output, nb_element="cell_code", cell_index=0)
    assert markdown(app, shown) == "| a |\n| --- |\n"


def executed(app, *cells):
    folder = app.outdir.parent / "jupyter_execute"
    folder.mkdir()
    nbformat.write(nb.new_notebook(cells=cells), folder / "a.ipynb")


def test_imports_that_the_page_leaves_out_are_there(app):
    executed(app, nb.new_code_cell("print(1)"), nb.new_code_cell("import this"))
    assert "```python\nimport this\n```" in markdown(app, cell())


def test_a_table_that_a_cell_shows_as_html_has_its_form_in_markdown(app):
    data = {"text/html": "<table>", "text/markdown": "| a |"}
    outputs = [nb.new_output("display_data", data)]
    executed(app, nb.new_code_cell("x", outputs=outputs))
    html = nodes.raw("", "<table>", format="html", classes=["output", "text_html"])
    shown = nodes.container("", html, nb_element="cell_code", cell_index=0)
    assert markdown(app, shown) == "| a |\n"


def test_the_list_names_each_page_in_the_order_of_the_book(app):
    markdown_pages.write_list(app, None)
    assert (app.outdir / "llms.txt").read_text() == (
        "# Book\n\n> On root.\n\n## Pages\n\n"
        "- [Title root](_sources/root.md): On root.\n"
        "- [Title b](_sources/b.md): On b.\n"
        "- [Title a](_sources/a.md): On a.\n"
    )


def test_links_start_with_the_address_of_the_site_where_it_has_one(app):
    app.config.html_baseurl = "https://example.org/"
    markdown_pages.write_list(app, None)
    listed = (app.outdir / "llms.txt").read_text()
    assert "(https://example.org/_sources/a.md)" in listed


def test_after_a_failed_build_nothing_is_listed(app):
    markdown_pages.write_list(app, RuntimeError())
    assert not (app.outdir / "llms.txt").exists()
