"""The pages of the book as their source has them: parts, cells, prose and words.

A chapter is a page of a part of the contents that is no appendix.
"""

import re
from pathlib import Path
from typing import NamedTuple

import jupytext
import yaml

ROOT = Path(__file__).parents[2]
APPENDIX = "Appendix"
PAGES = sorted(ROOT.glob("book/*.md"))
FENCED = r"^(```+|:::+){%s}.*?^\1\s*$"
CELL = re.compile(r"^```{code-cell}.*?^```$", re.S | re.M)
SOLUTION = re.compile(r"^```{solution-start}.*?^```{solution-end}\n```$", re.S | re.M)
# What a reader has to open, or looks at without reading it.
UNREAD = re.compile(FENCED % "(?:code-cell|literalinclude|solution)", re.S | re.M)


class Cell(NamedTuple):
    """A code cell: what it says, its tags, and whether it belongs to a solution."""

    source: str
    tags: frozenset
    solves: bool

    @property
    def is_open(self):
        """Return whether the reader sees its code without opening anything."""
        return not self.tags and not self.solves


def contents():
    """Return the pages of each part, by its caption, in the order of the contents."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf8"))
    return {
        part["caption"]: [ROOT / f"{entry['file']}.md" for entry in part["chapters"]]
        for part in toc["parts"]
    }


CHAPTERS = [
    page for part, pages in contents().items() if part != APPENDIX for page in pages
]


def front(page):
    """Return the front matter of a page."""
    return yaml.safe_load(page.read_text("utf8").split("---\n")[1])


def body(page):
    """Return what follows the front matter."""
    return re.sub(r"\A---\n.*?\n---\n", "", page.read_text("utf8"), flags=re.S)


def cells(page):
    """Return the code cells of a page."""
    text = body(page)
    solved = [match.span() for match in SOLUTION.finditer(text)]
    places = [match.start() for match in CELL.finditer(text)]
    code = [c for c in jupytext.reads(text, "md:myst").cells if c.cell_type == "code"]
    return [
        Cell(
            cell.source,
            frozenset(cell.metadata.get("tags", [])),
            any(start < place < end for start, end in solved),
        )
        for cell, place in zip(code, places, strict=True)
    ]


def read(page):
    """Return what a reader reads without opening anything: text with captions."""
    text = SOLUTION.sub("", body(page))
    captions = re.findall(r"caption: \|\n((?:      .*\n)+)", text)
    text = UNREAD.sub("", text)
    # A fence left standing would turn what is code and what is not into its opposite.
    text = re.sub(r"^ *(`{3,}|:{3,}).*", "", text, flags=re.M)
    return "\n\n".join([text, *captions])


def words(text):
    """Return how many words a text has, without code, formulas and addresses.

    A number that a cell computed is a word, a citation one too.
    """
    text = re.sub(r"\$\$.*?\$\$( \([\w-]+\))?|\$[^$]*\$", " ", text, flags=re.S)
    text = re.sub(r"{[\w:]+}`[^`]*`", " word ", text)
    text = re.sub(r"`[^`]*`|\]\([^)]*\)|^:\w+: .*", " ", text, flags=re.M)
    return len(re.findall(r"\w[\w'-]*", text))


def blocks(page, directive):
    """Return what each directive of that name holds."""
    found = re.finditer(FENCED % re.escape(directive), body(page), re.S | re.M)
    return ["\n".join(match[0].splitlines()[1:-1]).strip() for match in found]


def sections(page):
    """Return the text of each section of a page, below its heading."""
    text = CELL.sub("", body(page))
    parts = re.split(r"^## (.*)\n", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))
