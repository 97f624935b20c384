"""Lighthouse on each page of the book, beside a default Jupyter Book of the same pages.

Measured as on a phone, where a page has it harder than on a desktop.

Both are served by this machine, page by page in turns. Writes
``benchmarks/lighthouse.md``; the full reports stay in ``_build/lighthouse/reports``.
Run it with ``make lighthouse``.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from itertools import product
from pathlib import Path
from statistics import median

from hosting import serve

ROOT = Path(__file__).resolve().parent.parent
TABLE = Path(__file__).with_suffix(".md")
TOOLS = ROOT / "_build/tools"
CLI = TOOLS / "node_modules/lighthouse/cli/index.js"
WORK = ROOT / "_build/lighthouse"
BOOKS = {"ours": ROOT / "_build/html", "default": WORK / "default/_build/html"}
OFTEN = {"book/sgd.html": 5}  # a chapter, the heaviest kind of page
# The features are those that Lighthouse turns off, but for RenderDocument: without it
# this Chromium shows a page at the next tick of a clock that ticks once in a second.
CHROME_FLAGS = (
    "--headless=new --no-sandbox --disable-gpu"
    " --disable-features=Translate,OptimizationHints,MediaRouter"
)
CATEGORIES = {
    "performance": "Performance",
    "accessibility": "Accessibility",
    "best-practices": "Best practices",
    "seo": "SEO",
}
COLUMNS = [*CATEGORIES.values(), "KiB", "Requests", "Failed", "Console errors"]
# What a book must say to be built at all; everything else is Jupyter Book's default.
CONFIG = """\
title: Weight Decay
bibtex_bibfiles: [book/references.bib]
execute: {execute_notebooks: force}
sphinx: {extra_extensions: [sphinx_exercise]}
"""
NOTE = """\
Each cell is the median over the runs; brackets hold the smallest and the largest. The
performance of a page varies with the machine's moment. KiB are those over the wire. A
request that fails is counted as a request too.

Ours asks no other host. The default loads MathJax from a CDN where a page has formulas,
and without a network that request fails at once. This flatters the default: MathJax and
its fonts cost it no KiB, and no time to arrive and to run. It also hurts it: one more
failed request, one more console error. Its formulas stay raw TeX.
"""
CHROMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = (
    "Not found: {}. On Debian or Ubuntu: apt-get install nodejs npm chromium. "
    "Elsewhere: Node.js 20 or newer, and CHROME_PATH=/path/to/chromium."
)


def find_chromium():
    """Return Chromium's path, or end with one line when a tool is missing."""
    names = [os.environ.get("CHROME_PATH")] if "CHROME_PATH" in os.environ else CHROMES
    chromium = next(filter(None, map(shutil.which, names)), None)
    tools = {"Node.js": shutil.which("node"), "npm": shutil.which("npm")}
    missing = [
        name for name, path in (tools | {"Chromium": chromium}).items() if not path
    ]
    if missing:
        sys.exit(MISSING.format(", ".join(missing)))
    return chromium


def install():
    """Install Lighthouse as ``package-lock.json`` pins it, if that is not there yet."""
    lock, installed = TABLE.with_name("package-lock.json"), TOOLS / "installed.json"
    if not installed.exists() or installed.read_text() != lock.read_text():
        TOOLS.mkdir(parents=True, exist_ok=True)
        for file in (lock, lock.with_name("package.json")):
            shutil.copy(file, TOOLS)
        options = ["--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(["npm", "ci", *options], cwd=TOOLS, check=True)
        shutil.copy(lock, installed)


def build_default():
    """Build the same pages as a Jupyter Book that has nothing of ours but the text."""
    source = WORK / "default"
    shutil.rmtree(source, ignore_errors=True)
    for name in ("book", "code"):  # chapters include lines of the code
        shutil.copytree(ROOT / name, source / name)
    for name in ("_toc.yml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, source)
    (source / "_config.yml").write_text(CONFIG)
    builder = Path(sys.executable).with_name("jupyter-book")
    subprocess.run([builder, "build", source], check=True)


def pages(folder):
    """Return the pages that both books have: all but redirects and the 404."""
    found = sorted(page.relative_to(folder) for page in folder.glob("book/**/*.html"))
    return [*map(Path.as_posix, found), "search.html"]


def measure(chromium, address, report):
    """Run Lighthouse once, write its JSON to ``report``, and return what it holds."""
    report.parent.mkdir(parents=True, exist_ok=True)
    options = ["--quiet", "--output=json", f"--output-path={report}"]
    options += [f"--chrome-flags={CHROME_FLAGS}", "--no-enable-error-reporting"]
    environment = os.environ | {"CHROME_PATH": chromium}
    subprocess.run(["node", CLI, address, *options], check=True, env=environment)
    return json.loads(report.read_text("utf8"))


def figures(report):
    """Return what the table shows of a report: four scores and four counts."""
    audits = report["audits"]
    scores = [round(100 * report["categories"][name]["score"]) for name in CATEGORIES]
    requests = audits["network-requests"]["details"]["items"]
    sent = [request for request in requests if request["url"].startswith("http")]
    failed = [request for request in sent if not 0 < request["statusCode"] < 400]
    errors = audits["errors-in-console"]["details"]["items"]
    kib = round(audits["total-byte-weight"]["numericValue"] / 1024)
    counts = [kib, len(sent), len(failed), len(errors)]
    return dict(zip(COLUMNS, [*scores, *counts], strict=True))


def middle(values):
    """Return the median as text, with the extremes where they differ."""
    extremes = min(values), max(values)
    spread = " ({} to {})".format(*extremes) if len(set(extremes)) > 1 else ""
    return f"{median(values):g}{spread}"


def table(results):
    """Return the table of ``results``: (page, book) -> figures of each run."""
    head = ["Page", "Book", "Runs", *COLUMNS]
    lines = [head, ["---"] * 2 + ["---:"] * (len(head) - 2)]
    for key, runs in results.items():
        cells = [middle([run[column] for run in runs]) for column in COLUMNS]
        lines.append([*key, str(len(runs)), *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def facts(report):
    """Return the line that says with what was measured."""
    agent = report["environment"]["hostUserAgent"]
    versions = {
        "Lighthouse": report["lighthouseVersion"],
        "Chromium": agent.partition("Chrome/")[2].partition(" ")[0],
        "jupyter-book": version("jupyter-book"),
    }
    named = ", ".join(f"{name} {number}" for name, number in versions.items())
    return f"{named}; {os.cpu_count()} cores. Made by `make lighthouse`.\n"


def rounds(page, runs, hosts):
    """Yield (book, address, file) of a page's runs: ours often, the default once."""
    for run, book in product(range(OFTEN.get(page, runs)), hosts):
        if run and book != "ours":
            continue
        name = f"{page.removesuffix('.html')}-{book}-{run + 1}.json"
        yield book, hosts[book] + page, WORK / "reports" / name


def main(runs):
    """Measure both books and write the table."""
    chromium = find_chromium()
    install()
    build_default()
    hosts, results = {book: serve(folder) for book, folder in BOOKS.items()}, {}
    for page in pages(BOOKS["ours"]):
        for book, address, where in rounds(page, runs, hosts):
            print(where.relative_to(ROOT), flush=True)
            report = measure(chromium, address, where)
            results.setdefault((page, book), []).append(figures(report))
    text = ["# Lighthouse\n", facts(report), table(results), NOTE]
    TABLE.write_text("\n".join(text), "utf8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1, help="of each page but sgd.html")
    parser.add_argument("--install", action="store_true", help="only find the tools")
    asked = parser.parse_args()
    if asked.install:
        find_chromium()
        install()
    else:
        main(asked.runs)
