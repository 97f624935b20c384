"""What a page needs before it can be written as Markdown or as a notebook.

The fault that this mends: the links of a page lead to other pages, not to what can be
downloaded of them; and myst-nb drops the cells that a page leaves out, and all forms of
an output but one, so that the code lacks its imports and a table that is HTML is no
text. Delete this file with ``plain`` and ``notebooks``.
"""

from urllib.parse import urljoin, urlsplit

import nbformat
from docutils import nodes

from bookpress.execute.execution import executed_notebook


def read_executed(app, docname):
    """Return the executed notebook of a page, or ``None`` if it has no cells."""
    path = executed_notebook(app, docname)
    return nbformat.read(path, as_version=4) if path.exists() else None


def portable(doctree, page, suffix):
    """Return a copy whose links lead out of a file that a reader has downloaded.

    ``page`` is the page's address. Where the site has one of its own, all links lead
    there, for the file may stand alone in a folder. Without one there are only the
    files: a link leads to that of the other page which lies beside this one, and its
    name tells who has this one alone what else to download. ``suffix`` gives the ending
    of the file of a page. Such files have no anchors, so the link has none, and a link
    to a place in the same page is plain text.
    """
    copy = doctree.deepcopy()
    for link in copy.findall(nodes.reference):
        if "number" in link["classes"]:  # its cell is in the file, too
            link["refuri"] = ""
            continue
        target = link.get("refuri") or f"#{link.get('refid', '')}"
        is_online = page.startswith("http")
        link["refuri"] = (
            urljoin(page, target) if is_online else _beside(page, target, suffix)
        )
    return copy


def _beside(page, target, suffix):
    """Return the address of a page's file from that of another, or nothing."""
    parts = urlsplit(target)
    if parts.scheme:
        return target
    name = parts.path.removesuffix(".html")
    return name + suffix(urljoin(page, name)) if name != parts.path else ""


def put_back(doctree, cells):
    """Put the code cells that a page leaves out back into its doctree.

    Such a cell stands after the code cell before it. If there is text between, that
    may be about a cell that follows, and it stands before the next one that is shown.
    """
    known = {cell["cell_index"]: cell for cell in doctree.findall(_is_cell)}
    for index, cell in enumerate(cells):
        if cell.cell_type == "code" and index not in known:
            _place(doctree, known, index, _left_out(index, cell))


def _is_cell(node):
    return isinstance(node, nodes.Element) and node.get("nb_element") == "cell_code"


def _left_out(index, cell):
    source = nodes.literal_block(cell.source, cell.source)
    return nodes.container(
        "", source, nb_element="cell_code", cell_index=index, left_out=True
    )


def _place(doctree, known, index, node):
    following = [later for later in known if later > index]
    if index - 1 in known:
        before = known[index - 1]
        before.parent.insert(before.parent.index(before) + 1, node)
    elif following:
        after = known[min(following)]
        after.parent.insert(after.parent.index(after), node)
    else:
        doctree.append(node)
    known[index] = node


def in_text(doctree, cells):
    """Show as Markdown, or as text, what a page shows as HTML, except for figures."""
    for cell in doctree.findall(_is_cell):
        forms = [o.get("data", {}) for o in cells[cell["cell_index"]].outputs]
        as_text = {f["text/html"]: _text_form(f) for f in forms if "text/html" in f}
        for shown in list(cell.findall(nodes.raw)):
            is_drawn = isinstance(shown.parent, nodes.figure)
            if not is_drawn and shown.astext() in as_text:
                shown.replace_self(as_text[shown.astext()])


def _text_form(forms):
    if "text/markdown" in forms:
        return nodes.raw("", forms["text/markdown"], format="markdown")
    return nodes.literal_block("", forms.get("text/plain", ""), classes=["output"])
