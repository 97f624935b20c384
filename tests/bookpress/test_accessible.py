"""Roles and ids of the HTML that Sphinx's extensions write."""

from bookpress.accessible import with_known_roles, without_shared_ids


def test_entries_of_a_bibliography_are_items_of_their_list():
    assert with_known_roles('<div role="doc-biblioentry">') == '<div role="listitem">'


def test_exercises_share_no_id():
    assert without_shared_ids('<section id="exercise-content">') == "<section>"
    assert without_shared_ids('<section id="exercise-two">') != "<section>"
