"""List the works as the text cites them: by authors and year.

The fault that this mends: the styles of sphinxcontrib-bibtex call a work ``[XL24]`` in
the list that the text calls *Xie and Li [2024]*. Delete this file when it has a style
for lists that agrees with ``author_year``. The style is ``author_year`` in
``bibtex_default_style``; two works that it could not tell apart are an error until
their years have a letter.
"""

from collections import Counter

from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style
from pybtex.style.labels import BaseLabelStyle


class AuthorYearLabels(BaseLabelStyle):
    """Labels such as *Hoerl and Kennard, 1970*."""

    def format_labels(self, sorted_entries):
        """Return the labels of all works; raise ``ValueError`` if two are the same."""
        labels = [label(entry) for entry in sorted_entries]
        twice = [name for name, count in Counter(labels).items() if count > 1]
        if twice:
            raise ValueError(
                f"cited alike are different works: {'; '.join(twice)}; "
                "give their years a letter in the .bib: 2025a, 2025b"
            )
        return labels


class AuthorYear(Style):
    """The usual style, with these labels, sorted by author."""

    default_sorting_style = "author_year_title"
    default_label_style = AuthorYearLabels


def label(entry):
    """Return what the text calls a work."""
    people = entry.persons["author"]
    names = [" ".join([*each.prelast_names, *each.last_names]) for each in people]
    if len(names) > 2:
        names = [f"{names[0]} et al."]
    return f"{' and '.join(names)}, {entry.fields['year']}"


def setup(app):
    """Register with Sphinx."""
    register_plugin("pybtex.style.formatting", "author_year", AuthorYear, force=True)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
