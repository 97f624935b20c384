"""Say the answer first, and leave one sentence from each section.

The fault that this mends: MyST sets a text off in an admonition, a box beside the text,
and has nothing for what the text itself says first and last. Delete this file when it
has.

``{answer}`` stands under the title and one sentence. Its first paragraph answers what
the chapter asks, its second says what the reader needs before. ``{takeaway}`` is one
sentence, and is set in bold. The first page has, in place of an answer, the ways into
the book: a ``{container}`` of the class ``ways`` with a list of links. On the page they
have classes to be styled by (``dek`` for the sentence under the title, ``answer``,
``label``, ``needs``, ``takeaway``), in print the environments of ``latex/book.sty``.
"""

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)


class Answer(SphinxDirective):
    """What the chapter found, and what its reader needs before."""

    has_content = True

    def run(self):
        """Return the two paragraphs, below a label."""
        answer, needs = _paragraphs(self, 2, "what it found, and what one needs")
        label = nodes.paragraph("", "", nodes.strong("", "The answer"))
        label["classes"].append("label")
        needs = nodes.container("", needs, classes=["needs"])
        box = nodes.container("", label, answer, needs, classes=["answer"])
        self.set_source_info(box)
        return [box]


class Takeaway(SphinxDirective):
    """What a section leaves with its reader."""

    has_content = True

    def run(self):
        """Return the sentence in bold."""
        (sentence,) = _paragraphs(self, 1, "one sentence")
        sentence[:] = [nodes.strong("", "", *sentence)]
        return [nodes.container("", sentence, classes=["takeaway"])]


class Dek(SphinxTransform):
    """Know the sentence between the title and the answer."""

    default_priority = 900

    def apply(self):
        """Give it its class; warn of an answer that stands elsewhere."""
        for box in self.document.findall(_is_opening):
            title, *above = box.parent[: box.parent.index(box)]
            if isinstance(title, nodes.title) and _are_paragraphs(above, 1):
                above[0]["classes"].append("dek")
            else:
                wanted = "An answer stands below the title and one paragraph."
                logger.warning(wanted, location=box)


def _is_opening(node):
    classes = node["classes"] if isinstance(node, nodes.container) else ()
    return "answer" in classes or "ways" in classes


def _paragraphs(directive, count, what):
    """Return the paragraphs of a directive, or raise if it holds anything else."""
    inside = nodes.container()
    directive.state.nested_parse(directive.content, directive.content_offset, inside)
    if not _are_paragraphs(inside, count):
        wanted = "1 paragraph" if count == 1 else f"{count} paragraphs"
        raise directive.error(f"{directive.name} has {wanted}: {what}.")
    return inside.children


def _are_paragraphs(found, count):
    return len(found) == count and all(isinstance(x, nodes.paragraph) for x in found)


def setup(app):
    """Register with Sphinx."""
    app.add_directive("answer", Answer)
    app.add_directive("takeaway", Takeaway)
    app.add_transform(Dek)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
