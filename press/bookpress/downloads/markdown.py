"""Turn a resolved doctree into plain Markdown: no roles, no directives, numbers in.

What Sphinx knows only after it has read the whole book, the numbers of equations,
figures and sections and the values that cells gave to the prose, stands in the
doctree, so the Markdown is written from there and not from the chapter's source.
Delete it with ``markdown_pages`` and ``notebooks``, which say what they mend.
"""

import re
from dataclasses import dataclass, field
from html import unescape
from textwrap import indent
from typing import NamedTuple

from docutils import nodes
from sphinx.addnodes import desc


@dataclass(frozen=True)
class Numbers:
    """What the HTML builder prints before a section, a figure or an equation."""

    sections: dict = field(default_factory=dict)
    floats: dict = field(default_factory=dict)

    @classmethod
    def of(cls, env, docname):
        """Return the numbers of one page."""
        sections = env.toc_secnumbers.get(docname, {})
        return cls(sections, env.toc_fignumbers.get(docname, {}))

    def section(self, node, is_first):
        """Return the number of a section, such as ``2.1.``, or nothing."""
        anchor = "" if is_first else f"#{node['ids'][0]}"
        return _dotted(self.sections.get(anchor)) + "." if self.sections else ""

    def float(self, kind, node):
        """Return the number of a figure, table or equation, such as ``2.1``."""
        known = self.floats.get(kind, {})
        return next((_dotted(known[i]) for i in node["ids"] if i in known), "")


class Fold(NamedTuple):
    """What is folded below a title and holds a code cell: a solution."""

    title: str
    blocks: list
    level: int


def _dotted(number):
    return ".".join(map(str, number or ()))


def inline(node):
    """Return the Markdown of a node inside a paragraph."""
    if isinstance(node, nodes.Text):
        return node.astext().replace("\n", " ")
    inner = "".join(map(inline, node.children))
    wrapped = {
        nodes.emphasis: f"*{inner}*",
        nodes.strong: f"**{inner}**",
        nodes.literal: f"`{node.astext()}`",
        nodes.math: f"${node.astext().strip()}$",
        nodes.superscript: f"<sup>{inner}</sup>",
        nodes.image: "",
    }
    if isinstance(node, nodes.reference):
        target = node.get("refuri", "")
        return f"[{inner}]({target})" if target[:1] not in ("", "#") else inner
    return wrapped.get(type(node), inner)


def blocks(node, numbers, level=1):
    """Yield what stands below a node: the Markdown of each block, or what holds code.

    That is a cell, as its node, or a :class:`Fold`.
    """
    for child in node.children:
        if child.get("nb_element") == "cell_code":
            yield child
        elif isinstance(child, nodes.section):
            yield from _section(child, numbers, level)
        elif "answer" in child.get("classes", ()):
            yield _quoted(_text_below(child, numbers))
        elif write := _writer(child):
            yield from filter(None, [write(child, numbers)])
        elif isinstance(child, nodes.Admonition):
            yield from _admonition(child, numbers, level)
        else:
            yield from blocks(child, numbers, level)


def _writer(node):
    """Return what writes a block, or ``None`` if that is done one by one below it."""
    plain = _paragraph if isinstance(node, nodes.TextElement) else None
    return next((w for kind, w in _BLOCKS.items() if isinstance(node, kind)), plain)


def captions(cell, numbers):
    """Yield the captions of the figures that a cell shows."""
    for figure in cell.findall(nodes.figure):
        yield from _captions(figure, numbers)


def _section(node, numbers, level):
    title = inline(node[0])
    yield f"{'#' * level} {numbers.section(node, level == 1)} {title}".replace(
        "  ", " "
    )
    body = nodes.container("", *node.children[1:])
    yield from blocks(body, numbers, level + 1)


def _paragraph(node, numbers):
    return _tidy(inline(node))


def _tidy(text):
    return re.sub(r" +", " ", text).strip()


def _equation(node, numbers):
    number = numbers.float("displaymath", node)
    tag = rf" \tag{{{number}}}" if number else ""
    return f"$$\n{node.astext().strip()}{tag}\n$$"


def _text_below(node, numbers):
    return "\n\n".join(b for b in blocks(node, numbers) if isinstance(b, str))


def _fenced(node, numbers):
    return f"```{_language(node)}\n{node.astext().rstrip()}\n```"


def _language(node):
    if isinstance(node, nodes.doctest_block):
        return "pycon"
    if "output" in node["classes"]:
        return "text"
    known = node.get("language", "default")
    return "python" if known in ("default", "ipython3") else known


def _raw(node, numbers):
    return node.astext() if node["format"] == "markdown" else ""


def _list(node, numbers):
    ordered = isinstance(node, nodes.enumerated_list)
    marks = [f"{n}. " if ordered else "- " for n in range(1, len(node) + 1)]
    items = [_text_below(item, numbers) for item in node]
    return "\n".join(map(_item, marks, items))


def _item(mark, text):
    """Return the item of a list; what it holds stands as far in as its text."""
    return mark + indent(text, " " * len(mark)).lstrip()


def _definitions(node, numbers):
    return "\n".join(_item("- ", _definition(item, numbers)) for item in node)


def _definition(item, numbers):
    *names, body = item.children
    name, text = " ".join(map(inline, names)), _text_below(body, numbers)
    is_sentence = body.children and isinstance(body[0], nodes.paragraph)
    return (f"**{name}**: {text}" if is_sentence else f"**{name}**:\n\n{text}").rstrip()


def _description(node, numbers):
    """Return what ``autodoc`` found: how it is called, as code, and what it does."""
    *calls, content = node.children
    names = " ".join(f"**`{call.astext()}`**" for call in calls)
    return _item("- ", f"{names}\n\n{_text_below(content, numbers)}".rstrip())


def _citation(node, numbers):
    label, *text = node.children
    entry = _text_below(nodes.container("", *text), numbers)
    return _item("- ", f"[{label.astext()}] {entry}")


def _block_quote(node, numbers):
    return _quoted(_text_below(node, numbers))


def _admonition(node, numbers, level):
    """Yield a box: as a heading, an exercise, as a fold, a solution, or as a quote."""
    title, *rest = node.children
    # sphinx-exercise leaves the number of an exercise to whoever prints it.
    name = _tidy(inline(title)) or f"{node['title']} {numbers.float('exercise', node)}"
    inside = nodes.container("", *map(_unwrapped, rest))
    found = list(blocks(inside, numbers, level + 1))
    if "exercise" in node["classes"]:
        yield from [f"{'#' * level} {name}", *found]
    elif not all(isinstance(block, str) for block in found):
        yield Fold(name, found, level + 1)
    elif "dropdown" in node["classes"]:
        yield folded(name, "\n\n".join(found))
    else:
        yield _quoted(f"**{name}**\n\n" + "\n\n".join(found))


def folded(title, text):
    """Return Markdown that is folded below a title where that can be shown."""
    return f"<details>\n<summary>{title}</summary>\n\n{text}\n\n</details>"


def _quoted(text):
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _unwrapped(node):
    # sphinx-exercise puts what an exercise says into a section without a title.
    is_section = isinstance(node, nodes.section)
    return nodes.container("", *node.children) if is_section else node


def _table(node, numbers):
    rows = [
        [_cell(entry).replace("|", r"\|") for entry in row]
        for row in node.findall(nodes.row)
    ]
    rows.insert(1, ["---"] * len(rows[0]))
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return "\n\n".join([*_captions(node, numbers), lines])


def _cell(entry):
    return _tidy(" ".join(map(inline, entry.children)))


def _figure(node, numbers):
    """Return a figure in words: what stands below it, and what is to be seen."""
    seen = _seen(node)
    picture = [f"*Picture: {seen}*"] if seen else []
    return "\n\n".join([*_captions(node, numbers), *picture])


def _captions(node, numbers):
    kind, name = (
        ("table", "Table") if isinstance(node, nodes.table) else ("figure", "Fig.")
    )
    for caption in node.children:
        if isinstance(caption, (nodes.title, nodes.caption)):
            number = numbers.float(kind, node)
            yield f"**{name} {number}** {_tidy(inline(caption))}"


def _seen(figure):
    """Return the text that a figure has for those who don't see it."""
    html = "".join(raw.astext() for raw in figure.findall(nodes.raw))
    label = re.search(r'aria-label="([^"]*)"', html)
    alts = [image.get("alt", "") for image in figure.findall(nodes.image)]
    return unescape(label[1]) if label else "".join(alts)


def _nothing(node, numbers):
    return ""


# The first that a block is an instance of writes it.
_BLOCKS = {
    nodes.paragraph: _paragraph,
    (nodes.literal_block, nodes.doctest_block): _fenced,
    nodes.math_block: _equation,
    (nodes.bullet_list, nodes.enumerated_list): _list,
    (nodes.definition_list, nodes.field_list): _definitions,
    nodes.block_quote: _block_quote,
    nodes.table: _table,
    nodes.figure: _figure,
    (nodes.citation, nodes.footnote): _citation,
    nodes.raw: _raw,
    desc: _description,
    (nodes.Invisible, nodes.meta, nodes.target): _nothing,
}
