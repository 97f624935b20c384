"""Begin a chapter from a template: ``python -m bookpress.write.chapter NAME``.

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


def begin(name, template, toc, part=None):
    """Write chapter ``name`` beside its template's folder; return where.

    Its line in ``toc`` is the last of the part with that caption, or of all. Raises
    ``CannotBeginError``, having written nothing, if there is no room for it.
    """
    if not NAME.fullmatch(name):
        wanted = "name it by its question, in small letters and underscores"
        raise CannotBeginError(f"{name!r} is no name for a chapter: {wanted}.")
    chapter = template.parents[1] / f"{name}.md"
    if chapter.exists():
        raise CannotBeginError(f"{chapter} exists already. Take another name.")
    page = chapter.with_suffix("").relative_to(toc.parent).as_posix()
    lines = with_line(toc.read_text("utf8"), page, part)
    text = template.read_text("utf8").replace("{name}", name)
    title = name.replace("_", " ").capitalize()
    chapter.write_text(text.replace("{title}", title), "utf8")
    toc.write_text(lines, "utf8")
    return chapter


def with_line(toc, page, part=None):
    """Return a table of contents with a line for ``page``."""
    start, end = _place(toc, part) if part else (0, len(toc))
    entry = re.compile(r"^( *- file: ).*\n", re.MULTILINE)
    entries = [*entry.finditer(toc, start, end)]
    if not entries:
        where = f"The part {part!r}" if part else "The table of contents"
        raise CannotBeginError(f"{where} has no line `- file: ...`.")
    last = entries[-1]
    return f"{toc[: last.end()]}{last[1]}{page}\n{toc[last.end() :]}"


def _place(toc, part):
    """Return where a part begins and where the next one does."""
    captions = [*re.finditer(r"^ *-? *caption: *(.*)\n", toc, re.MULTILINE)]
    for caption, after in zip(captions, [*captions[1:], None], strict=True):
        if caption[1].strip() == part:
            return caption.start(), after.start() if after else len(toc)
    raise CannotBeginError(f"The table of contents has no part {part!r}.")


def main():
    """Begin the chapter that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name")
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument("--toc", type=Path, default=Path("_toc.yml"))
    parser.add_argument("--part", help="the caption of the part that it belongs to")
    try:
        print(f"Write it: {begin(**vars(parser.parse_args()))}")
    except CannotBeginError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
