"""Read again what has another content, whatever time it is from.

The fault that this mends: Sphinx reads a page again if it, or a file that it includes,
is younger than at the last build. One that was copied, moved or restored with its old
time stays as it was. Delete it when Sphinx compares contents.
"""

from bookpress.execute.dependencies import digest_of_file
from bookpress.order import connect


def remember(app):
    """Have a place for the contents that were read, kept from build to build."""
    if not hasattr(app.env, "outdated_digests"):
        app.env.outdated_digests = {}


def note(app, doctree):
    """Note what a page was made from."""
    env = app.env
    files = [env.doc2path(env.docname), *env.dependencies.get(env.docname, ())]
    paths = [str(app.srcdir / file) for file in files]
    env.outdated_digests[env.docname] = [(p, digest_of_file(p)) for p in paths]


def changed(app, env, added, changed, removed):
    """Return the pages that were made from something else."""
    known = env.outdated_digests
    return [
        docname
        for docname in env.found_docs & known.keys()
        if any(digest_of_file(path) != before for path, before in known[docname])
    ]


def setup(app):
    """Register with Sphinx."""
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
