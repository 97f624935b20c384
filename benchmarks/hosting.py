"""A host for benchmarks: gzips text, says how long a copy may be kept."""

import gzip
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

TEXT = {".html", ".css", ".js", ".svg", ".json", ".txt", ".xml", ".md", ".ipynb"}


class Handler(SimpleHTTPRequestHandler):
    """Answers with a file, or with 404."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together

    def do_GET(self):
        """Send a file."""
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return self.send_error(404)
        self.send_response(200)
        for header in headers(self.path, self.guess_type(path), body := content(path)):
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@cache
def content(path):
    """Return the bytes that travel for a file."""
    body = path.read_bytes()
    return gzip.compress(body, mtime=0) if path.suffix in TEXT else body


def headers(address, kind, body):
    """Yield the headers of an answer; an address with a version never changes."""
    path, _, version = address.partition("?")
    fixed = "public, max-age=31536000, immutable"
    yield "Content-Type", kind
    yield "Content-Length", str(len(body))
    yield "Cache-Control", fixed if version else "public, max-age=600"
    if Path(path).suffix in TEXT:
        yield "Content-Encoding", "gzip"


def serve(folder):
    """Serve ``folder`` in the background and return its address."""
    for path in filter(Path.is_file, folder.rglob("*")):
        content(path)  # now, so that no reader waits for gzip
    handler = partial(Handler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"
