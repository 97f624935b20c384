"""Number exercises in print as on the page, in a book of parts too.

The fault that this mends: for a book of parts sphinx-jupyterbook-latex counts one level
of sections more, since TeX counts parts. But Sphinx, which numbers exercises itself,
counts none: they get the number of their section as well, which no page shows. Delete
this file when only TeX is told of the level.
"""

from bookpress.order import connect


def setup(app):
    """Register with Sphinx."""
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def remember(app, config):
    """Keep how many levels a number has on the page."""
    app.parts_levels = config.numfig_secnum_depth


def as_on_the_page(app, env):
    """Have as many levels as the page while Sphinx numbers; keep what TeX is told."""
    app.parts_tex_levels = app.config.numfig_secnum_depth
    app.config.numfig_secnum_depth = app.parts_levels
    return []


def as_tex_counts(app, env):
    """Tell TeX the number of levels that it counts."""
    app.config.numfig_secnum_depth = app.parts_tex_levels
    return []
