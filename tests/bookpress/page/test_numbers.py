"""Numbers that a cell computed, as print sets them, and the cell that they lead to."""

import pytest
from docutils import nodes

from bookpress.page.numbers import in_print, quoted_by


def said(text):
    """Return a number as it is set, its power between braces."""
    found = in_print(text)
    assert all(isinstance(node, (nodes.Text, nodes.superscript)) for node in found)
    return "".join(
        f"{{{node.astext()}}}" if isinstance(node, nodes.superscript) else node
        for node in found
    )


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("1.4e-05", "1.4\xa0×\xa010{−5}"),  # noqa: RUF001
        ("1e-05", "10{−5}"),  # noqa: RUF001
        ("-2e+03", "−2\xa0×\xa010{3}"),  # noqa: RUF001
        ("-0.27", "−0.27"),  # noqa: RUF001
        ("1,000", "1,000"),
        ("25%", "25%"),
        ("in-place", "in-place"),
        ("2-1", "2-1"),
    ],
)
def test_a_number_is_set_as_in_print(printed, expected):
    assert said(printed) == expected


def test_the_names_that_a_cell_quotes_are_known():
    cell = "# a check\nassert a < b\nquote(\n    gap=b - a, end=f(x=3)\n)\nquote(n=1)"
    assert quoted_by(cell) == ["gap", "end", "n"]
    assert quoted_by("print(quote)\nmisquote(gap=1)") == []
    assert quoted_by("%timeit f()\nquote(gap=1)") == []
