"""Begin a chapter from a template: ``python -m bookpress.chapter NAME``.

The fault that this mends: a chapter needs front matter, without which its cells never
run, and a line in ``_toc.yml``, without which nobody sees it. Delete it when
jupyter-book makes chapters.

In the template ``{name}`` stands for the chapter's name and ``{title}`` for a title.
"""

import argparse
import re
from pathlib import Path

NAME = re.compile(r"[a-z][a-z_]*")


class CannotBeginError(Exception):
    """Says what to do first."""


def begin(name, template, toc, before=None):
    """Write chapter ``name`` beside its template's folder; return where.

    Its line in ``toc`` comes before that of the page ``before``, or last. Raises
    ``CannotBeginError``, having written nothing, if there is no room for it.
    """
    if not NAME.fullmatch(name):
        wanted = "name it by its question, in small letters and underscores"
        raise CannotBeginError(f"{name!r} is no name for a chapter: {wanted}.")
    chapter = template.parents[1] / f"{name}.md"
    if chapter.exists():
        raise CannotBeginError(f"{chapter} exists already. Take another name.")
    page = chapter.with_suffix("").relative_to(toc.parent).as_posix()
    lines = with_line(toc.read_text("utf8"), page, before)
    text = template.read_text("utf8").replace("{name}", name)
    title = name.replace("_", " ").capitalize()
    chapter.write_text(text.replace("{title}", title), "utf8")
    toc.write_text(lines, "utf8")
    return chapter


def with_line(toc, page, before=None):
    """Return a table of contents with a line for ``page``."""
    entries = [*re.finditer(r"^( *- file: )(\S+).*\n", toc, re.MULTILINE)]
    if not entries:
        raise CannotBeginError("The table of contents has no line `- file: ...`.")
    named = [entry for entry in entries if entry[2] == before]
    place = named[0].start() if named else entries[-1].end()
    start = (named or entries[-1:])[0][1]
    return f"{toc[:place]}{start}{page}\n{toc[place:]}"


def main():
    """Begin the chapter that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name")
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument("--toc", type=Path, default=Path("_toc.yml"))
    parser.add_argument("--before", help="the page that comes after the new one")
    try:
        print(f"Write it: {begin(**vars(parser.parse_args()))}")
    except CannotBeginError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
