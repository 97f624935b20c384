"""Write a formula on one line, as one would type it: λ/2 ‖w‖².

It is read from the MathML that ``mathematics`` writes for the ear, where each symbol is
a character already. What has no short form keeps the signs of TeX: w_λ, w^(k + 1).

The fault that this mends: a formula's text, as a page has it, is its symbols in a row,
up to three times. Delete it with ``sections`` when KaTeX writes such a line.
"""

# Signs that look like others are what this is about.
# ruff: noqa: RUF001

import re
from unicodedata import normalize
from xml.etree import ElementTree

_NAMESPACE = re.compile(r' xmlns="[^"]*"')
_RAISED = dict(zip("0123456789+-()nik", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱᵏ", strict=True))
_RAISED |= {"*": "*", "∗": "*", "′": "′", "⊤": "ᵀ", "−": "⁻"}
_LOWERED = dict(zip("0123456789+-()", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎", strict=True))
_LOWERED |= {"−": "₋"}
# As combining characters, which come after their letter.
_ACCENTS = {"^": "\u0302", "~": "\u0303", "ˉ": "\u0304", "˙": "\u0307"}
_SAME = {"∥": "‖", "∣": "|", "⋅": "·", "∗": "*", "\u2061": "", "\u2063": ""}
_RELATIONS = set("=<>≤≥≪≫≈≠∈←→↦∼∝")
_SIGNS = set("+−±")
_ATOM = re.compile(r"[\d.]+|\S[\u0300-\u036f]?[₀-₉⁰¹²³⁴-⁹ᵏⁿⁱ]*|[^\W\d_]{2,}")


def linear(mathml):
    """Return the formula of a ``math`` element on one line."""
    root = ElementTree.fromstring(_NAMESPACE.sub("", mathml))
    line = " ".join(_text(root[0][0]).split())
    return normalize("NFC", re.sub(r" (?=[,.;)])", "", line))


def _text(node):
    write = _WRITERS.get(node.tag, _row)
    return write(node)


def _leaf(node):
    return "".join(_SAME.get(each, each) for each in node.text or "")


def _row(node):
    """Write what stands side by side, with the spaces that print has."""
    line = ""
    for child in node:
        piece = _text(child)
        if child.tag == "mo":
            line += _operator(piece, line)
        else:
            # Two letters side by side are a product, not a word.
            are_letters = re.fullmatch("[A-Za-z]{2}", line[-1:] + piece[:1])
            line += f" {piece}" if are_letters else piece
    return line


def _operator(sign, before):
    is_between = before.rstrip()[-1:] not in {"", *"([{,;⟨", *_RELATIONS, *_SIGNS}
    if sign in _RELATIONS or (sign in _SIGNS and is_between):
        return f" {sign} "
    return f"{sign} " if sign in {",", ";"} else sign


def _fraction(node):
    above, below = _children(node)
    above = f"({above})" if " " in above else above
    return f"{above}/{_grouped(below)} "


def _grouped(text):
    return text if _ATOM.fullmatch(text) else f"({text})"


def _root(node):
    return f"√{_grouped(_row(node).strip())}"


def _shifted(text, table, mark):
    text = text.replace(" ", "")
    if all(each in table for each in text):
        return "".join(table[each] for each in text)
    return f"{mark}{_grouped(text)}"


def _children(node):
    # KaTeX puts the sign for "applied to" among the scripts of max.
    return [_text(child).strip() for child in node if child.text != "\u2061"]


def _scripts(node):
    base, *scripts = _children(node)
    kinds = {"msub": "_", "munder": "_", "msup": "^", "mover": "^"}
    for mark, text in zip(kinds.get(node.tag, "_^"), scripts, strict=True):
        base += _shifted(text, _LOWERED if mark == "_" else _RAISED, mark)
    return base


def _over(node):
    base, accent = _children(node)
    return base + _ACCENTS[accent] if accent in _ACCENTS else _scripts(node)


def _table(node):
    rows = [" ".join(_text(cell) for cell in row) for row in node]
    return "; ".join(" ".join(row.split()) for row in rows)


_WRITERS = {
    **dict.fromkeys(("mi", "mn", "mo", "mtext"), _leaf),
    **dict.fromkeys(("msub", "msup", "msubsup", "munder", "munderover"), _scripts),
    "mfrac": _fraction,
    "mover": _over,
    "mspace": lambda _: " ",
    "msqrt": _root,
    "mtable": _table,
}
