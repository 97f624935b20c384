"""Read a page's HTML as a reader does: section by section, each formula once.

A formula stands in the text as one line and as its TeX, between the characters of
``FORMULA``, so that who searches can tell it from words. Each block begins a line. The
script ``look/static/search/landing.js`` reads a page in the same way. Delete it with
``search``, whose index it reads.
"""

import re
from dataclasses import dataclass
from functools import cache
from html import escape, unescape
from html.parser import HTMLParser
from xml.etree.ElementTree import TreeBuilder

from bookpress.site.linear import linear

# Before a formula, between it and its TeX, and after it: characters that no text has.
FORMULA = "\ue000", "\ue001", "\ue002"

_MAIN = re.compile(r'<article\b[^>]*role="main".*?</article>', re.DOTALL)
_MATH = re.compile(r"<math\b.*?</math>", re.DOTALL)
_DRAWN = re.compile(r"<(svg|script)\b.*?</\1>", re.DOTALL)
_TEX = re.compile(r"<annotation\b[^>]*>(.*?)</annotation>", re.DOTALL)

_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
# What has no words of the book: what one operates, drawings, and what stands twice.
_SKIPPED = {"style", "button", "label", "select", "output", "nav"}
_SKIPPED_CLASSES = {"headerlink", "katex-html", "citing", "label", "sliders-controls"}
_BLOCKS = {
    "p", "div", "section", "ul", "ol", "li", "dl", "dt", "dd", "table", "tr", "td",
    "th", "pre", "figure", "figcaption", "caption", "details", "summary", "br",
}  # fmt: skip
_EMPTY = {"br", "col", "hr", "img", "input", "link", "meta", "wbr"}
_RAISED = str.maketrans("0123456789+-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")  # noqa: RUF001


@dataclass(frozen=True)
class Section:
    """A part of a page that a link can lead to, without the parts inside it."""

    anchor: str
    number: str
    title: str
    text: str


def sections(html):
    """Return the sections of a page, and what it defines by a name, in their order."""
    main = _MAIN.search(html)
    # Without most of a page, which has no words.
    html = _DRAWN.sub("", main[0]) if main else "<article></article>"
    tree = _Tree()
    tree.feed(_MATH.sub(lambda math: escape(_formula(math[0])), html))
    inside = []
    for _ in _pieces(tree.builder.close(), inside):
        pass
    return [section for part in inside for section in _read(part)]


@cache
def _formula(math):
    before, between, after = FORMULA
    tex = " ".join(unescape(_TEX.search(math)[1]).split())
    return f"{before}{linear(math)}{between}{tex}{after}"


class _Tree(HTMLParser):
    """Builds the tree of a piece of HTML."""

    def __init__(self):
        super().__init__()
        self.builder = TreeBuilder()

    def handle_starttag(self, tag, attributes):
        self.builder.start(tag, dict(attributes))
        if tag in _EMPTY:
            self.builder.end(tag)

    def handle_startendtag(self, tag, attributes):
        self.builder.start(tag, dict(attributes))
        self.builder.end(tag)

    def handle_endtag(self, tag):
        if tag not in _EMPTY:
            self.builder.end(tag)

    def handle_data(self, data):
        self.builder.data(data)


def _read(part):
    """Yield a section and those inside it."""
    inside = []
    text = "".join(_pieces(part, inside))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    yield Section(*_title(part), "\n".join(filter(None, lines)))
    for each in inside:
        yield from _read(each)


def _title(part):
    """Return a section's name, number and title."""
    if part.tag == "dl":
        names = [e for e in part.find("dt").iter() if "sig-name" in _classes(e)]
        return part.find("dt").get("id"), "", "".join(map(_all, names))
    heading = next((child for child in part if child.tag in _HEADINGS), part)
    numbers = [e for e in heading if "section-number" in _classes(e)]
    number = "".join(map(_all, numbers))
    return part.get("id"), number.strip(), _all(heading).removeprefix(number).strip()


def _all(element):
    return " ".join("".join(_pieces(element, [])).split())


def _pieces(element, inside):
    """Yield the text of an element; put the sections in it into ``inside``."""
    yield _flat(element.text)
    for child in element:
        if _is_section(child):
            inside.append(child)
        elif not _is_skipped(child, element):
            edge = "\n" if child.tag in _BLOCKS else ""
            table = _RAISED if child.tag == "sup" else {}
            yield edge
            yield from (piece.translate(table) for piece in _pieces(child, inside))
            yield edge
        yield _flat(child.tail)


def _flat(text):
    return (text or "").replace("\n", " ")


def _classes(element):
    return (element.get("class") or "").split()


def _is_section(element):
    if element.tag == "dl" and "py" in _classes(element):
        first = element.find("dt")
        return first is not None and "id" in first.attrib
    return element.tag == "section" and "id" in element.attrib


def _is_skipped(element, parent):
    classes = set(_classes(element))
    # What opens folded code says no more than that.
    is_handle = element.tag == "summary" and "hide" in _classes(parent)
    is_hidden = element.get("hidden", "until-found") != "until-found"
    is_wordless = element.tag in _SKIPPED or bool(classes & _SKIPPED_CLASSES)
    return element.tag in _HEADINGS or is_handle or is_hidden or is_wordless
