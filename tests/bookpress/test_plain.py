"""Pages as Markdown, and their list."""

from types import SimpleNamespace

import pytest
from docutils import nodes

from bookpress import plain


@pytest.fixture
def app(tmp_path):
    def doctree(page):
        return nodes.container(
            "", nodes.meta(name="description", content=f"On {page}.")
        )

    env = SimpleNamespace(
        toc_secnumbers={},
        toc_fignumbers={"a": {"figure": {"fig-a": (1, 2)}}},
        toctree_includes={"root": ["b", "a"]},
        titles={p: nodes.title("", f"Title {p}") for p in ("root", "a", "b")},
        get_doctree=doctree,
    )
    config = SimpleNamespace(root_doc="root", html_baseurl="", project="Book")
    builder = SimpleNamespace(name="html", get_target_uri="{}.html".format)
    return SimpleNamespace(env=env, config=config, builder=builder, outdir=tmp_path)


def linked(app, tmp_path):
    page = nodes.paragraph("", "", nodes.reference("", "(1.2)", refuri="b.html#eq"))
    plain.write_page(app, nodes.container("", page), "a")
    return (tmp_path / "_sources/a.md").read_text().strip()


def test_links_lead_to_the_site_where_it_has_an_address(app, tmp_path):
    assert linked(app, tmp_path) == "(1.2)"
    app.config.html_baseurl = "https://example.org/book/"
    assert linked(app, tmp_path) == "[(1.2)](https://example.org/book/b.html#eq)"


def cell():
    source = nodes.literal_block("", "print(1)")
    printed = nodes.literal_block("", "1\n", classes=["output", "stream"])
    figure = nodes.figure("", nodes.caption("", "What is seen."), ids=["fig-a"])
    return nodes.container(
        "", source, printed, figure, nb_element="cell_code", cell_index=0
    )


def test_a_cell_is_its_code_what_it_printed_and_its_captions(app, tmp_path):
    plain.write_page(app, nodes.container("", cell()), "a")
    assert (tmp_path / "_sources/a.md").read_text() == (
        "```python\nprint(1)\n```\n\n```text\n1\n```\n\n**Fig. 1.2** What is seen.\n"
    )


def test_the_list_names_each_page_in_the_order_of_the_book(app, tmp_path):
    plain.write_list(app, None)
    assert (tmp_path / "llms.txt").read_text() == (
        "# Book\n\n> On root.\n\n## Pages\n\n"
        "- [Title root](_sources/root.md): On root.\n"
        "- [Title b](_sources/b.md): On b.\n"
        "- [Title a](_sources/a.md): On a.\n"
    )


def test_links_start_with_the_address_of_the_site_where_it_has_one(app, tmp_path):
    app.config.html_baseurl = "https://example.org/"
    plain.write_list(app, None)
    assert "(https://example.org/_sources/a.md)" in (tmp_path / "llms.txt").read_text()


def test_after_a_failed_build_nothing_is_listed(app, tmp_path):
    plain.write_list(app, RuntimeError())
    assert not (tmp_path / "llms.txt").exists()
