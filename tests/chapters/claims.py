"""Ties a general sentence of a chapter to the test that tries to break it.

``says = on("sgd")`` and then, above a test, ``@says("the sentence")``. The test fails
when the sentence no longer stands on the page: who rewords it decides anew whether the
test still tries what the words claim.
"""

import ast
import functools
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Words by which a sentence says more than its experiment shows.
GENERAL = re.compile(
    r"\b(whatever|whichever|regardless|no matter|(do|does|did) not matter|alone|always"
    r"|never|independent|in any case|for every|for any|one rule|nothing else|no part"
    r"|no effect)\b",
    re.IGNORECASE,
)


def text(chapter):
    """Return a chapter's prose, captions too, without cells, on one line."""
    return _on_one_line(_prose(chapter))


def general(chapter):
    """Return the sentences of a chapter that have a general word."""
    blocks = re.split(r"\n\s*\n", _prose(chapter))
    sentences = [
        s for b in blocks for s in re.split(r"(?<=[.?!:])\)?\s+", _on_one_line(b))
    ]
    return [s for s in sentences if GENERAL.search(s)]


def on(chapter):
    """Return a decorator that fails a test once the chapter lacks its sentences."""

    def says(*sentences):
        def tie(test):
            @functools.wraps(test)
            def checked(*args, **fixtures):
                page = text(chapter)
                gone = [s for s in sentences if _on_one_line(s) not in page]
                assert gone == [], (
                    f"book/{chapter}.md no longer says this. Does {test.__name__} "
                    f"try what it says now? Then copy the new words"
                )
                return test(*args, **fixtures)

            return checked

        return tie

    return says


def tied(chapter):
    """Return the sentences that a chapter's tests try, and those that need none."""
    file = Path(__file__).with_name(f"test_{chapter}.py")
    if not file.exists():
        return []
    tree = ast.parse(file.read_text("utf8"))
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
    tried = [c for c in calls if getattr(c.func, "id", "") == "says"]
    found = [ast.literal_eval(a) for c in tried for a in c.args]
    for node in tree.body:
        if (
            isinstance(node, ast.Assign)
            and ast.unparse(node.targets[0]) == "CLAIMS_NOTHING"
        ):
            found += ast.literal_eval(node.value)
    return [_on_one_line(s) for s in found]


def _prose(chapter):
    page = (ROOT / f"book/{chapter}.md").read_text("utf8")
    page = re.sub(r"\A---\n.*?\n---\n", "", page, flags=re.DOTALL)
    captions = re.findall(r"caption: \|\n((?:      .*\n)+)", page)
    page = re.sub(r"```{(code-cell|literalinclude)}.*?```", "\n\n", page, flags=re.S)
    return "\n\n".join([page, *captions])


def _on_one_line(words):
    return re.sub(r"\s+", " ", words).strip()
