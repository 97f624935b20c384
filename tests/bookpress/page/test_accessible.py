"""Roles and ids of the HTML that Sphinx's extensions write."""

from bookpress.page.accessible import (
    named_as_read,
    with_known_roles,
    without_levels,
    without_shared_ids,
)


def test_entries_of_a_bibliography_are_items_of_their_list():
    assert with_known_roles('<div role="doc-biblioentry">') == '<div role="listitem">'


def test_exercises_share_no_id():
    assert without_shared_ids('<section id="exercise-content">') == "<section>"
    assert without_shared_ids('<section id="exercise-two">') != "<section>"


def test_the_title_of_a_part_is_no_heading_without_a_level():
    part = '<p class="caption" role="heading"><span>The rules</span></p>'
    assert without_levels(part) == '<p class="caption"><span>The rules</span></p>'


def test_what_opens_a_folded_cell_is_named_as_it_reads():
    folded = '<summary aria-label="Toggle hidden content">\n<p>Show code</p></summary>'
    assert named_as_read(folded) == "<summary>\n<p>Show code</p></summary>"
