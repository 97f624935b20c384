"""The site's address, when it has one: canonical links, a sitemap, robots.txt.

The fault that this mends: Sphinx wants the address in its configuration, where a second
copy would grow old. It is read from ``[project.urls] Documentation`` of
``pyproject.toml``. While that is absent no page names an address, and the site works
wherever it is put. Delete it when Sphinx reads ``pyproject.toml``.
"""

import tomllib
from pathlib import Path
from xml.sax.saxutils import escape

from bookpress.order import connect
from bookpress.site.last_changed import last_changed


def address(pyproject):
    """Return the site's address with a slash at its end, or an empty text."""
    urls = tomllib.loads(pyproject.read_text("utf8"))["project"].get("urls", {})
    found = urls.get("Documentation", "")
    return found if not found or found.endswith("/") else f"{found}/"


def sitemap(pages):
    """Return a sitemap; ``pages`` maps an address to its last change, or ``None``."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>']
    lines += ['<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">']
    for page, day in sorted(pages.items()):
        changed = f"<lastmod>{day}</lastmod>" if day else ""
        lines.append(f"<url><loc>{escape(page)}</loc>{changed}</url>")
    return "\n".join([*lines, "</urlset>", ""])


def read(app, config):
    """Take the address of the site from pyproject.toml."""
    pyproject = Path(app.confdir, "pyproject.toml")
    config.html_baseurl = config.html_baseurl or address(pyproject)


def write(app, error):
    """Write the sitemap, and what robots may read."""
    site = app.config.html_baseurl
    if error or app.builder.name != "html" or not site:
        return
    pages = {
        site + app.builder.get_target_uri(page): last_changed(app.env.doc2path(page))
        for page in app.env.found_docs
    }
    Path(app.outdir, "sitemap.xml").write_text(sitemap(pages), "utf8")
    robots = f"User-agent: *\nAllow: /\nSitemap: {site}sitemap.xml\n"
    Path(app.outdir, "robots.txt").write_text(robots, "utf8")


def setup(app):
    """Register with Sphinx."""
    connect(app, __name__)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
