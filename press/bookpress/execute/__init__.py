"""Cells are run, and what they said is kept: a wrong number in a page begins here."""
