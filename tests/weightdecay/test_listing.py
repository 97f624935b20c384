"""Tables: nothing is lost, nothing in a text is taken for markup."""

import re

import pytest
from bs4 import BeautifulSoup

from weightdecay.listing import SHOWN, Listing

SHORT = Listing(["Package", "Rows"], [["a", "2"]])
LONG = Listing(["Package", "Name"], [["a", "`x<y>`"], ["b", "p | q & r"]], SHORT)


def test_a_page_has_every_row_and_print_the_short_table():
    shown = LONG._repr_mimebundle_()
    assert shown["text/html"].count("<tr>") == 3
    assert shown["text/markdown"] == SHORT.markdown() != LONG.markdown()


def test_rows_beyond_the_first_wait_in_a_template():
    many = Listing(["Name"], [[f"row {k}"] for k in range(SHOWN + 2)], SHORT)
    laid_out, waiting = many.html().split("<template>")
    assert laid_out.count("<td ") == SHOWN and f"row {SHOWN - 1}<" in laid_out
    assert waiting.count("<td ") == 2 and f"row {SHOWN + 1}<" in waiting


def test_a_table_that_is_not_replaced_in_print_has_no_field():
    assert SHORT._repr_mimebundle_().keys() == {"text/markdown", "text/plain"}


def test_code_is_code_and_signs_stay_what_they_are():
    html = LONG.html()
    assert '<td data-label="Name"><code>x&lt;y&gt;</code></td>' in html
    assert '<td data-label="Name">p | q &amp; r</td>' in html
    assert LONG.markdown().splitlines()[-1] == "| b | p \\| q & r |"


def test_a_cell_says_its_column_whatever_that_is_called():
    html = Listing(['"n" & <m>', "k"], [["1", "2"]], SHORT).html()
    cells = BeautifulSoup(html, "html.parser").select("tbody td")
    assert [cell["data-label"] for cell in cells] == ['"n" & <m>', "k"]
    assert [cell.text for cell in cells] == ["1", "2"]


def test_without_its_script_a_page_shows_the_table_and_no_field():
    html = re.sub("<script>.*?</script>", "", LONG.html(), flags=re.S)
    assert "<p hidden>" in html and html.count("hidden") == 1


def test_two_tables_of_a_page_have_two_names():
    other = Listing(LONG.columns, LONG.rows[:1], SHORT)
    names = [re.search('id="(.*?)"', x.html())[1] for x in (LONG, other)]
    assert names[0] != names[1]
    assert all(
        f'("{n}")' in x.html() for n, x in zip(names, (LONG, other), strict=True)
    )


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="2 texts are needed"):
        Listing(["a", "b"], [["1"]])
