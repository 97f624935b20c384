"""The same book twice: no time in a build that is to be repeated.

The fault that this mends: the table of executed pages says when each ran and for how
long, and so no two builds have the same bytes. When ``SOURCE_DATE_EPOCH`` is set, as it
is for builds that are compared, the times are left out. Delete it when myst-nb does so.
"""

import os

from myst_nb.sphinx_ import NbMetadataCollector

from bookpress.order import connect


def without_times(app, env):
    """Leave the times out of this build, and keep them for the next."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        for data in NbMetadataCollector.get_doc_data(env).values():
            if "exec_data" in data:
                data["exec_data"] |= {"mtime": None, "runtime": None}


def setup(app):
    """Register with Sphinx."""
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
