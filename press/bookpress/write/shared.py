"""What pages see of each other: as long as it is the same, each is written by itself.

The fault that this mends: Sphinx writes again a page whose source has changed, and
leaves titles, numbers and references on the others as they were. Delete it with
``publish``, which writes all pages as soon as this digest changes.

A reader of the environment may look at anything in it. So all of it counts, also what
an extension that nobody knows has put there; left out is what says when and from which
files pages were read.
"""

import os

from docutils import nodes

from bookpress.execute.dependencies import digest

# What Sphinx, myst-nb and bookpress note of a build, and settings, which are files.
PRIVATE = {
    "all_docs", "app", "cells_digests", "cells_reads", "config", "config_status",
    "config_status_extra", "dependencies", "doctreedir", "domains", "events",
    "external_site_map", "images", "myst_config", "mystnb_config", "nb_new_exec_data",
    "outdated_digests", "page_editions", "project", "ref_context", "settings",
    "sphinx_exercise_gated_registry", "srcdir", "temp_data", "titles_old", "version",
}  # fmt: skip
# What changes with every word: where something stands, and how many words there are.
PLACES = {"line", "lineno", "mtime", "source_map", "wordcount"}
# Lists that only collect, in which a page that is read again comes last.
COLLECTED = {"citation_refs"}
LEAVES = (str, int, float, bool, bytes, type(None), type)


def digest_of_shared(env):
    """Return a digest of what a page can know of the others."""
    shared = {
        name: value
        for name, value in vars(env).items()
        if name not in PRIVATE and not name.startswith("_")
    }
    return digest(_said({**shared, "pages": env.found_docs}, set()))


def _said(thing, seen):
    """Return a thing as JSON can say it, in one order; a thing inside itself once."""
    if isinstance(thing, LEAVES):
        return repr(thing)
    if isinstance(thing, nodes.Node):
        return thing.pformat()
    if isinstance(thing, os.PathLike):
        return os.fspath(thing)
    if id(thing) in seen:
        return "above"
    inside = {*seen, id(thing)}
    if isinstance(thing, dict):
        items = (item for item in thing.items() if item[0] not in PLACES)
        return sorted((_pair(*item, inside) for item in items), key=str)
    if isinstance(thing, set | frozenset):
        return sorted((_said(each, inside) for each in thing), key=str)
    if isinstance(thing, list | tuple) and not hasattr(thing, "_fields"):
        return [_said(each, inside) for each in thing]
    fields = getattr(thing, "_fields", None) or getattr(thing, "__slots__", ())
    parts = {name: getattr(thing, name) for name in fields if hasattr(thing, name)}
    return [
        repr(type(thing)),
        _said({**getattr(thing, "__dict__", {}), **parts}, inside),
    ]


def _pair(name, value, seen):
    said = _said(value, seen)
    return [_said(name, seen), sorted(said, key=str) if name in COLLECTED else said]
