"""When each page ran: a table of titles, in the order of the book."""

import re

from bs4 import BeautifulSoup
from tiny_book import EXTENSIONS, STRICT


def test_its_rows_are_the_pages_that_ran_in_the_order_of_the_book(book):
    book.config["sphinx"]["extra_extensions"] = [
        *EXTENSIONS,
        "bookpress.execute.executed",
    ]
    book.page("c", "1 + 1", text="# One and $x$")
    book.page("b", text="# Without cells")
    book.page("part/d", "2 + 2", text="# Two")
    book.page("a", "3 + 3", text="# When\n\n```{nb-exec-table}\n```\n")
    result = book.build(*STRICT)
    assert result.code == 0, result.said
    (table,) = BeautifulSoup(book.html("a"), "html.parser").article.select("table")
    head, *rows = [
        [cell.get_text().strip() for cell in row.select("th, td")]
        for row in table.select("tr")
    ]
    assert head == ["Page", "Ran (UTC)", "Seconds"]
    assert [title for title, _, _ in rows] == ["One and x", "Two", "When"]
    links = [link["href"] for link in table.select("a")]
    assert links == ["c.html", "part/d.html", "#"]
    for _, when, seconds in rows:
        assert re.fullmatch(
            r"\d\d [A-Z][a-z]{2} 20\d\d, \d\d:\d\d".replace(" ", "\xa0"), when
        )
        assert re.fullmatch(r"\d+\.\d", seconds)
