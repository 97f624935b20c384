"""Doctrees as Markdown: a reader of a notebook sees no role and no directive."""

import pytest
from docutils import nodes
from sphinx import addnodes

from bookpress.downloads.markdown import Fold, Numbers, blocks, inline

NUMBERS = Numbers(
    sections={"": (2,), "#why": (2, 1)},
    floats={
        "displaymath": {"equation-rule": (2, 4)},
        "exercise": {"ex-a": (2, 3)},
        "figure": {"fig-a": (2, 1)},
        "table": {"tab-a": (2, 2)},
    },
)


def paragraph(*children):
    parts = [nodes.Text(c) if isinstance(c, str) else c for c in children]
    return nodes.paragraph("", "", *parts)


def written(*children):
    return "\n\n".join(blocks(nodes.container("", *children), NUMBERS))


@pytest.mark.parametrize(
    ("node", "markdown"),
    [
        (nodes.emphasis("", "so"), "*so*"),
        (nodes.strong("", "so"), "**so**"),
        (nodes.literal("", "lr"), "`lr`"),
        (nodes.math("", r"\eta"), r"$\eta$"),
        (nodes.inline("", "0.79", classes=["pasted-text"]), "0.79"),
        (
            nodes.reference("", "torch", refuri="https://x.org/"),
            "[torch](https://x.org/)",
        ),
        (nodes.reference("", "(2.4)", refuri="#equation-rule"), "(2.4)"),
        (nodes.reference("", "", nodes.literal("", "a"), refuri="b.md"), "[`a`](b.md)"),
    ],
)
def test_what_stands_in_a_sentence(node, markdown):
    assert inline(node) == markdown


def test_a_paragraph_is_one_line():
    assert (
        written(paragraph("one\ntwo ", nodes.strong("", "three")))
        == "one two **three**"
    )


def test_sections_carry_their_numbers():
    inner = nodes.section(
        "", nodes.title("", "Why"), paragraph("Because."), ids=["why"]
    )
    page = nodes.section("", nodes.title("", "Title"), inner, ids=["title"])
    assert written(page) == "# 2. Title\n\n## 2.1. Why\n\nBecause."


def test_an_equation_carries_its_number():
    equation = nodes.math_block("", "w = 1", ids=["equation-rule"])
    assert written(equation) == "$$\nw = 1 \\tag{2.4}\n$$"
    assert written(nodes.math_block("", "w = 1")) == "$$\nw = 1\n$$"


def test_code_that_a_page_includes_stays_code():
    assert written(nodes.literal_block("", "x = 1\n")) == "```python\nx = 1\n```"


def test_a_fence_says_what_is_in_it():
    command = nodes.literal_block("", "make book", language="bash")
    assert written(command) == "```bash\nmake book\n```"
    session = nodes.doctest_block("", ">>> 1 +\\\n... 1\n2")
    assert written(session) == "```pycon\n>>> 1 +\\\n... 1\n2\n```"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(nodes.bullet_list, "- one\n- two"), (nodes.enumerated_list, "1. one\n2. two")],
)
def test_lists(kind, expected):
    items = [nodes.list_item("", paragraph(text)) for text in ("one", "two")]
    assert written(kind("", *items)) == expected


def test_an_admonition_is_a_quotation_with_its_title():
    note = nodes.admonition("", nodes.title("", "Whose?"), paragraph("Ours."))
    assert written(note) == "> **Whose?**\n>\n> Ours."


def test_an_exercise_without_a_written_title_is_a_heading_with_its_number():
    exercise = nodes.admonition("", nodes.title(), paragraph("Do."), ids=["ex-a"])
    exercise["title"], exercise["classes"] = "Exercise", ["exercise"]
    assert written(exercise) == "# Exercise 2.3\n\nDo."


def test_a_solution_is_folded():
    body = nodes.section("", paragraph("Twice."))
    solution = nodes.admonition("", nodes.title("", "Solution"), body)
    solution["classes"] = ["dropdown"]
    folded = "<details>\n<summary>Solution</summary>\n\nTwice.\n\n</details>"
    assert written(solution) == folded


def test_a_solution_with_code_holds_it():
    cell = nodes.container("", nb_element="cell_code", cell_index=3)
    body = nodes.section("", paragraph("Twice."), cell, paragraph("So."))
    solution = nodes.admonition("", nodes.title("", "Solution"), body)
    solution["classes"] = ["dropdown"]
    (fold,) = blocks(nodes.container("", solution), NUMBERS, level=3)
    assert fold == Fold("Solution", ["Twice.", cell, "So."], level=4)


def test_an_answer_is_a_quotation():
    label, needs = paragraph("The answer"), nodes.container("", paragraph("Sums."))
    answer = nodes.container("", label, paragraph("Half."), needs, classes=["answer"])
    assert written(answer) == "> The answer\n>\n> Half.\n>\n> Sums."


def test_what_an_item_holds_stands_as_far_in_as_its_text():
    inner = nodes.bullet_list("", nodes.list_item("", paragraph("b")))
    items = nodes.list_item("", paragraph("a"), inner)
    assert written(nodes.enumerated_list("", items)) == "1. a\n\n   - b"


def test_blocks_inside_what_has_no_form_of_its_own_are_not_glued_together():
    assert written(nodes.topic("", paragraph("One."), paragraph("Two."))) == (
        "One.\n\nTwo."
    )
    assert written(nodes.block_quote("", paragraph("One."))) == "> One."


@pytest.mark.parametrize(
    ("kind", "item", "parts"),
    [
        (
            nodes.definition_list,
            nodes.definition_list_item,
            (nodes.term, nodes.definition),
        ),
        (nodes.field_list, nodes.field, (nodes.field_name, nodes.field_body)),
    ],
)
def test_what_is_defined_is_a_list(kind, item, parts):
    name, body = parts
    one = item("", name("", "x, y"), body("", paragraph("Rows."), paragraph("All.")))
    names = nodes.bullet_list("", nodes.list_item("", paragraph("z")))
    two = item("", name("", "more"), body("", names))
    assert written(kind("", one, two)) == (
        "- **x, y**: Rows.\n\n  All.\n- **more**:\n\n  - z"
    )


def described(name, parameters, *content):
    inside = [addnodes.desc_parameter("", parameter) for parameter in parameters]
    call = addnodes.desc_signature(
        "",
        "",
        addnodes.desc_name("", name),
        addnodes.desc_parameterlist("", "", *inside),
    )
    return addnodes.desc("", call, addnodes.desc_content("", *content))


def test_how_a_function_is_called_is_code_with_its_commas_and_parentheses():
    function = described("f", ["w", "*", "by=<function g>"], paragraph("Steps."))
    assert written(function) == "- **`f(w, *, by=<function g>)`**\n\n  Steps."


def test_a_method_stands_inside_its_class():
    method = described("m", [], paragraph("Moves."))
    both = described("C", ["x"], paragraph("A."), paragraph("B."), method)
    assert written(both, paragraph("After.")) == (
        "- **`C(x)`**\n\n  A.\n\n  B.\n\n  - **`m()`**\n\n    Moves.\n\nAfter."
    )


def test_the_label_of_a_work_is_not_glued_to_its_author():
    work = nodes.citation("", nodes.label("", "KB15"), paragraph("Diederik Kingma."))
    assert written(work) == "- [KB15] Diederik Kingma."


def table(*parts):
    def row(*texts):
        return nodes.row("", *[nodes.entry("", paragraph(text)) for text in texts])

    head, body = nodes.thead("", row("a", "b")), nodes.tbody("", row("1", "x|y"))
    return nodes.table("", *parts, nodes.tgroup("", head, body), ids=["tab-a"])


def test_a_table_keeps_its_head_and_escapes_bars():
    assert written(table()) == "| a | b |\n| --- | --- |\n| 1 | x\\|y |"


def test_a_table_keeps_its_caption_with_its_number():
    titled = written(table(nodes.title("", "Distances.")))
    assert titled.startswith("**Table 2.2** Distances.\n\n| a | b |")


def test_paragraphs_in_one_entry_of_a_table_are_not_glued_together():
    entry = nodes.entry("", paragraph("One."), paragraph("Two."))
    body = nodes.tbody("", nodes.row("", entry))
    assert "| One. Two. |" in written(nodes.table("", nodes.tgroup("", body)))


@pytest.mark.parametrize(
    "picture",
    [
        nodes.raw("", '<svg aria-label="A &quot;line&quot;."></svg>', format="html"),
        nodes.image("", alt='A "line".'),
    ],
)
def test_a_figure_is_its_caption_and_what_is_to_be_seen(picture):
    figure = nodes.figure("", picture, nodes.caption("", "It falls."), ids=["fig-a"])
    assert written(figure) == '**Fig. 2.1** It falls.\n\n*Picture: A "line".*'


def test_a_code_cell_comes_out_as_its_node():
    cell = nodes.container("", nb_element="cell_code", cell_index=3)
    result = list(blocks(nodes.container("", paragraph("a"), cell), NUMBERS))
    assert result == ["a", cell]
