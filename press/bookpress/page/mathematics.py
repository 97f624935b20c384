r"""Typeset mathematics while the book is built, with KaTeX.

The fault that this mends: Sphinx leaves TeX to MathJax in the reader's browser. Each
page then fetches a script from a third party, offline the reader sees raw TeX, and a
mistake is shown to readers instead of the author. Here each formula becomes HTML for
the eye and MathML for the ear during the build, and a mistake is a warning with file
and line. Delete this file when Sphinx turns TeX into MathML by itself.

The config value `book_macros` (name to definition, as in `"\\R": "\\mathbb{R}"`) holds
the book's own commands. They are replaced as a page is read, so that the page, the PDF,
the notebook and a copied formula all have plain TeX. The folder `katex` says where its
files come from.
"""

import html
import json
import re
from functools import reduce
from pathlib import Path

from docutils import nodes
from py_mini_racer import MiniRacer
from sphinx.locale import _
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

from bookpress.order import connect

_KATEX = Path(__file__).with_name("katex")

_FORMULA = '<div class="formula">%s</div></div>\n'

_TYPESET = """
function typeset(tex, options) {
  try { return JSON.stringify([katex.renderToString(tex, options), null]) }
  catch (error) { return JSON.stringify([null, error.message]) }
}
"""

# A browser would let a line begin with this, after the box that a formula ends in. The
# style sheet forbids all breaks there, so those inside a formula are allowed again.
_BREAKABLE = '</span><span class="base">', '</span><wbr><span class="base">'
_ENDS = re.compile(r"[-,.;:!?)\]’”…]+")  # noqa: RUF001

# KaTeX says after \max that it is applied to something, also where it is an index: a
# script then has one part too many, and no reader knows what it is.
_SURPLUS = re.compile("<mo>\u2061</mo>(?=</m(?:sub|sup|subsup|under|over|underover)>)")

# LaTeX numbers the lines of these. On a page the number is Sphinx's.
_NUMBERED = re.compile(r"\\(begin|end)\{(align|alignat|equation|gather)\}")

# A command or a character.
_TOKEN = re.compile(r"\\[a-zA-Z]+|\\?.", re.DOTALL)

logger = logging.getLogger(__name__)


def setup(app):
    """Register with Sphinx, which prefers any other renderer to its MathJax."""
    app.add_config_value("book_macros", {}, "env")
    app.add_transform(Macros)
    katex = app.katex = Katex()
    app.setup_extension("bookpress.page.formula_fonts")
    app.add_html_math_renderer("katex", (katex.inline, None), (katex.block, None))
    connect(app, __name__)
    # A forked process has no JavaScript engine.
    return {"parallel_read_safe": True, "parallel_write_safe": False}


class Macros(SphinxTransform):
    """Replace the book's own commands in the formulas of a page."""

    default_priority = 900

    def apply(self):
        """Replace them; warn of a formula in which that can't be done."""
        for formula in self.document.findall(_is_formula):
            try:
                tex = expanded(formula.astext(), self.config.book_macros)
                formula[:] = [nodes.Text(tex)]
            except ValueError as error:
                logger.warning("%s", error, location=formula)


def expanded(tex, macros):
    r"""Return a formula in which each command of ``macros`` is replaced.

    As in TeX, an argument (``#1`` in the definition) is a group or a single token.
    Raises ``ValueError`` if one is missing or a command is defined by itself.
    """
    done, replaced = "", 0
    while token := _TOKEN.match(tex):
        tex = tex[token.end() :]
        if token[0] in macros:
            tex = _call(token[0], macros[token[0]], tex)
            replaced += 1
        else:
            done += token[0]
        if replaced > 1000:
            raise ValueError(f"The command {token[0]} is defined by itself")
    return done


def _call(name, definition, tex):
    """Return the definition with arguments taken from ``tex``, and what is left."""
    pieces, given = re.split(r"#(\d)", definition), []
    for _number in range(max(map(int, pieces[1::2]), default=0)):
        argument, tex = _argument(tex.lstrip())
        if argument is None:
            raise ValueError(f"The command {name} lacks an argument")
        given.append(argument)
    pieces[1::2] = [given[int(number) - 1] for number in pieces[1::2]]
    return reduce(_joined, [*pieces, tex])


def _argument(tex):
    """Return the group or token that ``tex`` begins with, or ``None``, and the rest."""
    depth = 0
    for token in _TOKEN.finditer(tex):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth <= 0:
            is_group, is_missing = tex[0] == "{", depth < 0
            inside = tex[1 : token.start()] if is_group else token[0]
            return None if is_missing else inside, tex[token.end() :]
    return None, tex


def _joined(left, right):
    """Return two pieces of TeX as one, a command at the first's end still that one."""
    is_command = re.search(r"\\[a-zA-Z]+$", left) and re.match("[a-zA-Z]", right)
    return f"{left} {right}" if is_command else left + right


def _is_formula(node):
    return isinstance(node, (nodes.math, nodes.math_block))


class Katex:
    """KaTeX in a JavaScript engine, which the first formula of a build starts."""

    def __init__(self):
        self._engine = None
        self._typeset = {}
        self._told = set()

    def inline(self, writer, node):
        """Write a formula that stands in a line of text."""
        start = writer.starttag(node, "span", "", CLASS="math notranslate nohighlight")
        formula = self._formula(node, node.astext(), display=False)
        writer.body.append(f"{start}{formula.replace(*_BREAKABLE)}</span>")
        raise nodes.SkipNode

    def block(self, writer, node):
        """Write a formula that stands alone, with its number if it has one."""
        start = writer.starttag(node, "div", CLASS="math notranslate nohighlight")
        writer.body.append(start)
        if node.get("number"):
            number = get_node_equation_number(writer, node)
            writer.body.append(f'<span class="eqno">({number})')
            writer.add_permalink_ref(node, _("Link to this equation"))
            writer.body.append("</span>")
        writer.body.append(_FORMULA % self._formula(node, _displayed(node), True))
        raise nodes.SkipNode

    def close(self):
        """Stop the engine and its thread."""
        if self._engine:
            self._engine.close()
            self._engine = None

    def _formula(self, node, tex, display):
        """Return the HTML of a formula, or warn and return its TeX."""
        if (tex, display) not in self._typeset:
            self._typeset[tex, display] = self._run(tex, display)
        formula, error = self._typeset[tex, display]
        if error:
            self._warn(error, tex, logging.get_node_location(node))
        # Firefox complains of the empty value that KaTeX gives a table of one column.
        formula = formula and formula.replace(' columnspacing=""', "")
        formula = formula and _SURPLUS.sub("", formula)
        return formula or f"<code>{html.escape(tex)}</code>"

    def _warn(self, error, tex, place):
        # A title is typeset again in the sidebar of each page.
        if (tex, place) not in self._told:
            self._told.add((tex, place))
            # KaTeX underlines the culprit with combining characters.
            error = error.replace("\u0332", "")
            logger.warning("%s in the formula %s", error, tex, location=place)

    def _run(self, tex, display):
        if self._engine is None:
            self._engine = MiniRacer()
            self._engine.eval((_KATEX / "katex.min.js").read_text("utf8"))
            self._engine.eval(_TYPESET)
        options = {"displayMode": display, "strict": "error"}
        call = f"typeset({json.dumps(tex)}, {json.dumps(options)})"
        return json.loads(self._engine.eval(call))


def configure(app, config):
    """Keep MyST from preparing for MathJax."""
    config.myst_update_mathjax = False


def close(app, error):
    """Stop KaTeX."""
    app.katex.close()


def keep_together(app, doctree, docname):
    """Let no line begin with the punctuation that follows a formula."""
    for formula in list(doctree.findall(nodes.math)):
        parent, place = formula.parent, formula.parent.index(formula)
        text = formula.next_node(siblings=True, descend=False)
        end = isinstance(text, nodes.Text) and _ENDS.match(text)
        if end and app.builder.format == "html":
            rest = nodes.Text(text[end.end() :])
            pair = nodes.inline("", "", formula, nodes.Text(end[0]), classes=["pair"])
            parent[place : place + 2] = [pair, rest]


def finish_page(app, pagename, templatename, context, doctree):
    """Load the style sheet where it is needed, and keep HTML out of the title."""
    titled = {name for name, title in app.env.titles.items() if _has_formula(title)}
    # The sidebar shows all titles on all pages.
    if titled or 'class="katex' in context.get("body", ""):
        app.builder.add_css_file("katex/katex.css")
    if pagename in titled:
        context["title"] = html.escape(app.env.titles[pagename].astext())


def _has_formula(title):
    return any(title.findall(nodes.math))


def _displayed(node):
    """Return the TeX of a display, laid out as Sphinx does for MathJax and LaTeX."""
    if node.get("nowrap"):
        return _NUMBERED.sub(r"\\\1{\2*}", node.astext())
    parts = [part.strip() for part in node.astext().split("\n\n") if part.strip()]
    parts = [rf"\begin{{split}}{p}\end{{split}}" if r"\\" in p else p for p in parts]
    if len(parts) > 1:
        return r"\begin{aligned}" + r" \\ ".join(parts) + r"\end{aligned}"
    return "".join(parts)
