"""Show the book in a browser while it is written: ``python -m bookpress.write.live``.

The fault that this mends: each build starts Python and Sphinx and imports a kernel's
modules again, and so an edit is seen after many seconds. Here one process has all
imports done. Its fork gets ready to build, waits for a save, builds and ends; kernels
are forked as well. Delete it when sphinx-autobuild does so.

What a finished book needs and a draft does not is made by the first build alone: styles
and fonts that hold just what the pages use, previews, lists of pages. When
``bookpress`` itself changes, start it anew. It needs ``os.fork``.
"""

import argparse
import gc
import importlib
import json
import os
import shutil
import signal
import sys
import time
import traceback
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml
from jinja2 import FileSystemBytecodeCache
from jupyter_book.config import get_final_config
from jupyter_book.sphinx import build_sphinx

from bookpress.execute.execution import ENVIRONMENT
from bookpress.execute.runner import start_warming
from bookpress.order import EXTENSIONS, connect

# Else imported by each build.
OFTEN = ("sphinx.builders.html", "sphinx.writers.html5", "IPython.lib.lexers")
# A draft may be unfinished, and is published nowhere.
FOR_READERS = ("bookpress.write.checks", "bookpress.write.publish")
UNUSED = {"checks_largest", "publish_depends"}
BUILT = "built.json"  # when the files were changed that the last build found
READ_AGAIN = 3  # the exit code when what is read before the pages has changed
UNSEEN = ("_build", "__pycache__", "node_modules")
RELOAD = b"""<script>
let edition;
setInterval(async () => {
  const now = await (await fetch("/.edition")).text();
  if (edition && now !== edition) location.reload();
  edition = now;
}, 200);
</script>"""


def setup(app):
    """Register with Sphinx, for the builds that are made here."""
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def keep_templates(app):
    """Compile the templates of pages once, not for each build."""
    kept = FileSystemBytecodeCache(Path(app.outdir).parent)
    app.builder.templates.environment.bytecode_cache = kept


def wait_for_save(app):
    """Wait, ready to build, until a file is not as the last build found it."""
    built = Path(app.outdir).parent / BUILT
    before = json.loads(built.read_text("utf8")) if built.exists() else {}
    started_by = os.getppid()
    while before and files(app.srcdir) == before:
        time.sleep(0.05)
        if os.getppid() != started_by:
            os._exit(1)  # nobody is interested any more
    after = files(app.srcdir)
    changed = [name for name, _ in after.items() ^ before.items()] if before else []
    if not all(name.endswith((".md", ".ipynb", ".py")) for name in changed):
        built.unlink()
        os._exit(READ_AGAIN)
    built.write_text(json.dumps(after), "utf8")


class UnfinishedError(Exception):
    """Tells who works on the output that they did so for the first build."""


def leave_unfinished(app):
    """Keep from the output all who work on it, unless they never did."""
    if Path(app.outdir, "search.html").exists():
        app.unwritten = UnfinishedError()


def files(book):
    """Return when each file of a book was changed."""
    found = {}
    for folder, folders, names in os.walk(book):
        folders[:] = [f for f in folders if f[0] != "." and f not in UNSEEN]
        # Not what an editor keeps beside what it saves.
        for name in (n for n in names if n[0] != "." and n[-1] != "~"):
            path = os.path.join(folder, name)
            try:
                found[path] = os.stat(path).st_mtime_ns
            except OSError:
                continue  # removed, or about to be written
    return found


def for_drafts(config):
    """Return the settings of a book without what only its readers need."""
    sphinx = config["sphinx"]
    settings = {k: v for k, v in sphinx["config"].items() if k not in UNUSED}
    drafts = {**sphinx, "config": settings}
    # A book names those beside Jupyter Book's own, or all.
    of = drafts if "extra_extensions" in drafts else settings
    name = "extra_extensions" if of is drafts else "extensions"
    ours = [f"bookpress.{extension}" for extension in EXTENSIONS]
    each = [
        x for named in of[name] for x in (ours if named == "bookpress" else [named])
    ]
    kept = [extension for extension in each if extension not in FOR_READERS]
    of[name] = [*kept, "bookpress.write.live"]
    return {**config, "sphinx": drafts}


class Live:
    """A book that is built at every save."""

    def __init__(self, folder):
        """Import what a build needs, and what the cells need."""
        self.folder, self.html = folder, folder / "_build/live/html"
        # So that the first build makes all that a finished book needs.
        shutil.rmtree(self.html, ignore_errors=True)
        self.html.mkdir(parents=True)
        self.built = self.html.parent / BUILT
        self.built.unlink(missing_ok=True)
        self.edition = self.html.parent / "edition"
        self.edition.touch()
        self.draft = self.html.parent / "_config.yml"
        self.overrides = {"external_toc_path": str(folder / "_toc.yml")}
        self.overrides["latex_individualpages"] = False
        final, _ = get_final_config(
            user_yaml=self.configure(), cli_config={**self.overrides}, sourcedir=folder
        )
        for name in (*final["extensions"], final["html_theme"], *OFTEN):
            importlib.import_module(name)
        environment = final.get("cells_environment", ENVIRONMENT)
        start_warming(final.get("cells_imports", []), environment)

    def configure(self):
        """Write the settings for drafts; return where they are."""
        config = yaml.safe_load((self.folder / "_config.yml").read_text("utf8"))
        self.draft.write_text(yaml.safe_dump(for_drafts(config)), "utf8")
        return self.draft

    def build(self):
        """Wait for a save, and build the book, in a fork; return its exit code."""
        if child := os.fork():
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        gc.disable()  # the fork ends before it needs what would be collected
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        result = self._build()
        print("Built." if result == 0 else "Not built: see above.")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0 if result == 0 else 1)

    def _build(self):
        try:
            return build_sphinx(
                self.folder,
                self.html,
                noconfig=True,
                path_config=self.configure(),
                confoverrides={**self.overrides},
            )
        except BaseException as error:
            traceback.print_exc()
            return error

    def watch(self):
        """Build at every save, and count the builds for the browser."""
        for number in range(sys.maxsize):
            seen, started = files(self.folder), time.time_ns()
            if self.build() == READ_AGAIN:
                continue
            self.edition.write_text(str(number), "utf8")
            if not self.built.exists() or self.built.stat().st_mtime_ns < started:
                # It was not even ready to wait: the settings are broken.
                while files(self.folder) == seen:
                    time.sleep(0.1)


class Pages(SimpleHTTPRequestHandler):
    """Serves the pages, each with a script that looks for the next edition."""

    def end_headers(self):
        """Let the browser ask each time."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def do_GET(self):
        """Answer with a page, a file, or the number of the last build."""
        path = Path(self.translate_path(self.path))
        if self.path == "/.edition":
            self.answer((Path(self.directory).parent / "edition").read_bytes())
        elif path.suffix == ".html" and path.exists():
            self.answer(path.read_bytes() + RELOAD, "text/html; charset=utf-8")
        else:
            super().do_GET()

    def answer(self, content, kind="text/plain"):
        """Send what is not a file."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """A server that ends with the process that started it."""

    daemon_threads = True

    def service_actions(self):
        """End, if nobody builds the book any more."""
        if os.getppid() != self.builder:
            os._exit(0)


def serve(html, port):
    """Serve the folder ``html`` from a fork."""
    server = Server(("127.0.0.1", port), partial(Pages, directory=html))
    server.builder = os.getpid()
    if os.fork():
        server.server_close()
    else:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with the builder
        server.serve_forever(poll_interval=0.2)


def main():
    """Serve a book and build it at every save, until somebody ends this."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", default=".", type=Path)
    parser.add_argument("--port", type=int, default=8000)
    wanted = parser.parse_args()
    live = Live(wanted.folder.resolve())
    serve(live.html, wanted.port)
    print(f"Read it: http://127.0.0.1:{wanted.port}/", flush=True)
    try:
        live.watch()
    except KeyboardInterrupt:
        print("Ended.")  # and so do the server, the fork, and then the warm process


if __name__ == "__main__":
    main()
