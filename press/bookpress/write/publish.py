"""Publish the whole book, or leave what is published as it is.

The fault that this mends: Sphinx writes into the folder that readers see, so that a
build that fails or is killed leaves half a new book there, and the pages of a removed
chapter stay for good. After a failure its memory of what it has read hides the warnings
from the next build, which then succeeds. And it leaves old titles, numbers and previews
on the pages that did not change themselves. Delete it when Sphinx builds into a folder
of its own.

Here a build writes into a folder of its own, beside the published one, finishes a copy
of it, and lets that take its place when all is well. It writes every page, but where
nothing has changed that pages see of each other (``shared``) those alone that were
read. If nothing changed, nothing is written. What Sphinx and that folder remember is
trusted only after a build without a warning, and only as long as the files are the same
that print all pages: the setting ``publish_depends``. A second build waits until the
first is done. What a host or git keeps in the published folder stays there. A builder
that makes no pages, such as ``linkcheck``, has a folder of its own beside it.
"""

import json
import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from sphinx.application import ENV_PICKLE_FILENAME
from sphinx.util import logging

from bookpress.downloads import pdf
from bookpress.execute.dependencies import digest, digest_of_file
from bookpress.order import connect
from bookpress.settings import existing
from bookpress.write.shared import digest_of_shared

try:
    import fcntl
except ImportError:  # Windows, where builds don't wait for each other
    fcntl = None

LOG = logging.getLogger(__name__)
# The builders whose folder is replaced as a whole.
PUBLISHING = {"html", "dirhtml", "singlehtml", "latex"}
# Where a page that was written again leaves what it used before.
NAMED_BY_CONTENT = ("_images", "_downloads", "_static/late")
# What a build makes itself of the hidden files in the published folder.
HIDDEN = {".buildinfo", ".buildinfo.bak", ".doctrees", ".nojekyll"}


class Publication:
    """One build: where it writes, and what may be kept of the one before."""

    def __init__(self, app):
        """Take the lock, and forget what can't be trusted."""
        self.place, self.publishes, self.edition = Path(app.outdir), True, None
        self.written = self.place.with_name(f".{self.place.name}.written")
        self.earlier = self.place.with_name(f".{self.place.name}.earlier")
        self.fresh = self.place.with_name(f".{self.place.name}.new")
        self.old = self.place.with_name(f".{self.place.name}.old")
        lock = self.place.parent / ".lock"
        self.lock = wait_for_lock(lock)
        os.utime(lock)
        self.started = lock.stat().st_mtime_ns
        if self.old.exists() and not any(self.place.iterdir()):
            self.place.rmdir()  # a build was killed between two renames
            self.old.rename(self.place)
        self.bring_back()
        self.mark = Path(app.doctreedir, "published.json")
        self.press = digest_of_files(existing(app, "publish_depends"))
        self.commit, self.editions = commit(app.srcdir), self.trusted()
        # Until this build has succeeded too.
        self.mark.unlink(missing_ok=True)
        if not self.editions:
            Path(app.doctreedir, ENV_PICKLE_FILENAME).unlink(missing_ok=True)
            shutil.rmtree(self.written, ignore_errors=True)
        shutil.rmtree(self.earlier, ignore_errors=True)
        shutil.rmtree(self.fresh, ignore_errors=True)

    def set_aside(self):
        """Let extensions begin with an empty folder.

        Sphinx leaves a file that is there with the same text, which then looks old.
        """
        if self.written.exists():
            self.written.rename(self.earlier)
        self.written.mkdir(parents=True)

    def put_back(self):
        """Add what extensions have written at the start to what was there before."""
        if not self.earlier.exists():
            return
        for path in filter(Path.is_file, self.written.rglob("*")):
            place = self.earlier / path.relative_to(self.written)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
        shutil.rmtree(self.written)
        self.earlier.rename(self.written)

    def trusted(self):
        """Return the edition that each builder published; none after a failure."""
        try:
            kept = json.loads(self.mark.read_text("utf8"))
        except (OSError, ValueError):
            return {}
        return kept["editions"] if kept["press"] == self.press else {}

    def keep(self, builder, edition):
        """Note that all is well, and which edition a builder has published."""
        kept = {"press": self.press, "editions": {**self.editions, builder: edition}}
        self.mark.parent.mkdir(parents=True, exist_ok=True)
        self.mark.write_text(json.dumps(kept), "utf8")

    def leave_what_is_new(self):
        """Take away what earlier builds wrote, not what extensions did at the start."""
        for path in sorted(self.written.rglob("*"), reverse=True):
            if path.is_dir():
                with suppress(OSError):  # it is not empty
                    path.rmdir()
            elif last_touched(path) < self.started:
                path.unlink()

    def take_place(self):
        """Let readers see the fresh folder."""
        shutil.rmtree(self.old, ignore_errors=True)
        try:
            if self.place.exists():
                self.place.rename(self.old)
        except OSError:  # it is a mount: what is in it is replaced, not it
            return self.fill()
        self.fresh.rename(self.place)
        return self.bring_back()

    def fill(self):
        """Put what is fresh into a published folder that can't be moved."""
        for path in (p for p in self.place.iterdir() if not is_of_others(p)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in self.fresh.iterdir():
            shutil.move(path, self.place)

    def bring_back(self):
        """Put back what others keep in the published folder, and end the old one."""
        kept = [*filter(is_of_others, self.old.iterdir())] if self.old.exists() else []
        for path in kept:
            if not (self.place / path.name).exists():
                self.place.mkdir(parents=True, exist_ok=True)
                path.rename(self.place / path.name)
        shutil.rmtree(self.old, ignore_errors=True)


def last_touched(path):
    """Return when a file was written, or put there with an older time, in ns."""
    return max(path.stat().st_mtime_ns, path.stat().st_ctime_ns)


def is_of_others(path):
    """Return whether something in the published folder is not a build's work."""
    hidden = path.name.startswith(".") and path.name not in HIDDEN
    return hidden or path.name == "CNAME"


def wait_for_lock(path):
    """Return an open file that no other build has locked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a")
    if fcntl:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            LOG.info("Another build is under way in %s. Waiting for it.", path.parent)
            fcntl.flock(file, fcntl.LOCK_EX)
    return file


def digest_of_files(paths):
    """Return a digest of the files that print every page."""
    files = {f for path in paths for f in [path, *path.rglob("*")] if f.is_file()}
    files = sorted(file for file in files if "__pycache__" not in file.parts)
    return digest([[str(file), digest_of_file(file)] for file in files])


def commit(home):
    """Return the last commit, whose dates pages may show; nothing without git."""
    asked = ["git", "rev-parse", "HEAD"]
    try:
        run = subprocess.run(asked, cwd=home, capture_output=True, text=True)
    except OSError:
        return ""
    return run.stdout.strip()


def begin(app, config):
    """Before Sphinx makes its builder: take the lock, name the folder to write into."""
    app.publication = Publication(app)
    app.publication.set_aside()
    app.outdir = type(app.outdir)(app.publication.written)


def put_back(app):
    """After extensions wrote what they write at the start."""
    app.publication.put_back()


def leave_what_is_read(app):
    """Give a builder that makes no pages a folder of its own."""
    publication = app.publication
    publication.publishes = app.builder.name in PUBLISHING
    if not publication.publishes:
        write_into(app, publication.place.with_name(app.builder.name))


def write_into(app, folder):
    """Name the folder to Sphinx in which it then writes."""
    folder.mkdir(parents=True, exist_ok=True)
    app.outdir = app.builder.outdir = type(app.outdir)(folder)


def note(app, doctree):
    """Note that a page is read: each builder then has to write it."""
    if not hasattr(app.env, "page_editions"):
        app.env.page_editions = {}
    app.env.page_editions[app.env.docname] = time.time_ns()


def edition(app):
    """Return what names the state of each page, and of all that they share."""
    env = app.env
    known = getattr(env, "page_editions", {})
    read = {page: known.get(page) for page in env.found_docs}
    shared = [digest_of_shared(env), app.publication.commit]
    return {"pages": read, "shared": shared, "pdf": pdf.edition(app)}


def choose_pages(app, env):
    """Return the pages to write: all, those that were read, or none."""
    publication, builder = app.publication, app.builder
    if not publication.publishes:
        return []
    before, now = publication.editions.get(builder.name), edition(app)
    publication.edition = now
    if before == now and not any(builder.get_outdated_docs()):
        app.unwritten = NothingChangedError()
        return []
    if before and before["shared"] == now["shared"] and builder.name == "html":
        return [p for p in now["pages"] if now["pages"][p] != before["pages"].get(p)]
    publication.leave_what_is_new()
    return env.found_docs


class NothingChangedError(Exception):
    """Tells who works on the output that there is none."""


def copy_written(app, error):
    """Have who works on the output do so on a copy: without what no page names."""
    publication = app.publication
    if error or not publication.publishes:
        return
    shutil.copytree(publication.written, publication.fresh)
    write_into(app, publication.fresh)
    named = "".join(p.read_text("utf8") for p in publication.fresh.rglob("*.html"))
    for folder in NAMED_BY_CONTENT if named else ():
        for file in filter(Path.is_file, (publication.fresh / folder).rglob("*")):
            if file.name not in named:
                file.unlink()


def finish(app, error):
    """Publish, if all is well."""
    publication, builder = app.publication, app.builder
    warned = app._warncount
    if not publication.publishes:
        if error is None and not warned:
            publication.keep(builder.name, None)
    elif isinstance(error, NothingChangedError):
        publication.keep(builder.name, publication.edition)
    elif error is None and warned and (app.keep_going or app.warningiserror):
        LOG.info("Not published, because of warnings: %d.", warned)
    elif error is None:
        publication.take_place()
        if not warned:
            publication.keep(builder.name, publication.edition)
    if publication.publishes:
        write_into(app, publication.place)
    shutil.rmtree(publication.fresh, ignore_errors=True)
    publication.lock.close()


def setup(app):
    """Register with Sphinx."""
    app.add_config_value("publish_depends", [], "")
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
