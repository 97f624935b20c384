"""What a reader's browser meets on a page: requests, errors, barriers, widths."""

import gzip
from pathlib import Path

import axe_playwright_python
import pytest

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text("utf8")
ROOT = Path(__file__).parents[2]
PAGES = [f"book/{chapter.stem}.html" for chapter in sorted(ROOT.glob("book/*.md"))]
OTHERS = ["404.html", "search.html"]
# By pages: all tests of one come together, so that they can share a visit.
EVERY = pytest.mark.parametrize("page", [*PAGES, *OTHERS], scope="session")
CHAPTER = pytest.mark.parametrize("page", PAGES, scope="session")
PHONE = {"viewport": {"width": 390, "height": 844}}
# Paragraphs of words alone. A caption is smaller, and ends where the text ends.
WORDS = "article p:not(:has(code, .math), figcaption *)"
CAPTIONS = "figcaption p:not(:has(code, .math))"
# What a server compresses on its way.
_TEXT = (".html", ".css", ".js", ".svg", ".json", ".txt")


_SHOWN = """drawing => {
  drawing.scrollIntoView();
  const frame = (then) => requestAnimationFrame(then);
  return new Promise((done) => frame(() => frame(() => done(0))));
}"""


class Visit:
    """One page in a browser, and what it did there."""

    def __init__(self, context, address):
        """Open ``address`` in ``context`` and wait until everything is there."""
        self.requests, self.errors, self._responses = [], [], []
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("response", lambda response: self._responses.append(response))
        context.on("console", self._listen)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        self.page = context.new_page()
        self.page.goto(address)
        self.read_on()

    def _listen(self, message):
        self.errors.append(message.text)

    def read_on(self):
        """Go to the end of the page, so that what loads late is loaded."""
        self.page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        self.page.evaluate(_ALL_IMAGES)
        self.page.evaluate("document.fonts.ready.then(() => 0)")

    def unfold(self):
        """Open all that is folded, and lay out all that is far from the window."""
        far = "section, figure svg { content-visibility: visible !important }"
        self.page.add_style_tag(content=far)
        self.page.evaluate(
            "document.querySelectorAll('details').forEach(d => d.open = true)"
        )

    def fit_figures(self):
        """Go to each figure, until all are those for a phone."""
        for figure in self.page.locator("figure svg, .sliders svg").all():
            # The script may put another in its place while a click would wait. It
            # looks once a frame at what is near.
            figure.evaluate(_SHOWN)
        self.page.wait_for_function("!document.querySelector('svg > metadata.narrow')")

    def thin_out(self, formulas):
        """Leave one of what looks alike many times: letters of code, and formulas.

        axe-core takes three times as long for all of it. A formula becomes its words.
        """
        self.page.evaluate(_THINNED, formulas)

    def strangers(self):
        """Return the requests that went to another host."""
        return [url for url in self.requests if not _is_here(url)]

    def weight(self):
        """Return the bytes of all that was loaded, compressed where a server would."""
        return sum(map(_compressed, self._responses))

    def barriers(self, within="html", rules=()):
        """Return what axe-core finds to bar someone from a part, one text each.

        It looks by all its rules, or by some.
        """
        self.page.evaluate(AXE)
        only = {"runOnly": {"type": "rule", "values": [*rules]}} if rules else {}
        run = "([within, only]) => axe.run(within, only)"
        found = self.page.evaluate(run, [within, only])["violations"]
        return [
            f"{rule['id']}: {node['html'][:200]}"
            for rule in found
            for node in rule["nodes"]
        ]

    def overhang(self):
        """Return by how many pixels the page is wider than the window."""
        return self.page.evaluate(
            "(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)"
            "(document.documentElement)"
        )

    def measure(self, words=WORDS):
        """Return the mean number of letters in a full line, the widest paragraph's."""
        return self.page.evaluate(_MEASURE, words)


def _is_here(url):
    return url.startswith(("http://127.0.0.1:", "file:", "data:", "about:", "blob:"))


def _compressed(response):
    if not response.url.startswith(("http:", "file:")):
        return 0
    body, path = response.body(), response.url.partition("?")[0]
    return len(gzip.compress(body)) if path.endswith((*_TEXT, "/")) else len(body)


_ALL_IMAGES = """() => Promise.all([...document.images].map(image => {
  image.loading = "eager";
  return image.complete || image.decode().catch(() => 0);
}))"""

# Alike is what has the same class within elements of the same classes.
_THINNED = """formulas => {
  const place = e => e ? e.className + place(e.parentElement) : "";
  const seen = new Set();
  const again = [...document.querySelectorAll("pre span[class]:not([style])")].filter(
    span => seen.has(place(span)) || !seen.add(place(span)));
  again.forEach(span => span.replaceWith(...span.childNodes));
  document.querySelectorAll(formulas).forEach(f => f.replaceWith(f.textContent));
  document.body.normalize();
}"""

# Paragraphs of words alone, letter by letter; the last line of each is not full.
_MEASURE = """words => {
  const means = [0];
  for (const p of document.querySelectorAll(words)) {
    const lines = new Map(), letter = document.createRange();
    const walker = document.createTreeWalker(p, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      for (let i = 0; i < walker.currentNode.length; i++) {
        letter.setStart(walker.currentNode, i);
        letter.setEnd(walker.currentNode, i + 1);
        const line = Math.round(letter.getBoundingClientRect().bottom / 10);
        lines.set(line, (lines.get(line) ?? 0) + 1);
      }
    }
    const full = [...lines.values()].slice(0, -1);
    if (full.length >= 3) means.push(full.reduce((a, b) => a + b) / full.length);
  }
  return Math.max(...means);
}"""
