"""Works are listed by the names that the text has for them."""

import pytest
from pybtex.database import Entry, Person

from bookpress.page.references import AuthorYearLabels, label


def entry(*authors, year="1970"):
    people = [Person(name) for name in authors]
    return Entry("article", [("year", year)], persons={"author": people})


@pytest.mark.parametrize(
    ("authors", "name"),
    [
        (["Robbins, Herbert"], "Robbins, 1970"),
        (["Hoerl, Arthur E.", "Kennard, Robert W."], "Hoerl and Kennard, 1970"),
        (["Street, W.", "Wolberg, W.", "Mangasarian, O."], "Street et al., 1970"),
        (["van Laarhoven, Twan"], "van Laarhoven, 1970"),
    ],
)
def test_a_work_is_called_by_its_authors_and_year(authors, name):
    assert label(entry(*authors)) == name


def test_two_works_that_the_text_could_not_tell_apart_are_refused():
    works = [entry("Chen, A.", "Li, B."), entry("Chen, C.", "Li, D.")]
    with pytest.raises(ValueError, match=r"cited alike .* Chen and Li, 1970"):
        AuthorYearLabels().format_labels(works)
    assert AuthorYearLabels().format_labels(works[:1]) == ["Chen and Li, 1970"]
