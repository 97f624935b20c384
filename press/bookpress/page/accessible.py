"""Roles that a screen reader knows, and names that are given once.

The fault that this mends: docutils gives the entries of a bibliography a role that
WAI-ARIA 1.2 deprecates, in a list that may hold none but list items; sphinx-exercise
gives all exercises of a page one id; myst-nb names what opens a folded cell otherwise
than it reads, so who says what they see opens nothing; Sphinx makes the title of a part
a heading without a level. Delete it when they don't.
"""

import re

from bookpress.order import connect


def with_known_roles(body):
    """Return a page's HTML with the bibliography's entries as items of their list."""
    return body.replace('role="doc-biblioentry"', 'role="listitem"')


def without_shared_ids(body):
    """Return a page's HTML without the ids that all exercises share."""
    return re.sub(r' id="(?:exercise|solution)-content"', "", body)


def named_as_read(body):
    """Return a page's HTML in which what opens a folded cell is named by its text."""
    return re.sub(r'<summary aria-label="[^"]*">', "<summary>", body)


def without_levels(navigation):
    """Return the contents, in which a part's title is no heading without a level."""
    return navigation.replace(' role="heading"', "")


def mend(app, pagename, templatename, context, doctree):
    """Mend what the theme has written."""
    if "furo_navigation_tree" in context:
        context["furo_navigation_tree"] = without_levels(
            context["furo_navigation_tree"]
        )
    if "body" in context:
        body = without_shared_ids(with_known_roles(context["body"]))
        context["body"] = named_as_read(body)


def setup(app):
    """Register with Sphinx."""
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
