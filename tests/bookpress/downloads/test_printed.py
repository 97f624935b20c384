"""What print is told of a page: its classes, and where its works stand."""

from tiny_book import EXTENSIONS

WORK = "author = {Ada Lovelace}, title = {Notes}, publisher = {Taylor}, year = 1843"
BIB = f"@book{{a1, {WORK}}}\n"
OPENING = "# Claim\n\nIn one sentence.\n\n```{answer}\nIt is so.\n\nNothing.\n```\n"
WORKS = "# References\n\nAll of them.\n\n```{bibliography}\n:all:\n```\n"


def tex(book, *more):
    book.config["sphinx"]["extra_extensions"] = [*EXTENSIONS, *more]
    book.config["latex"] = {"latex_documents": {"targetname": "book.tex"}}
    book.config["bibtex_bibfiles"] = ["works.bib"]
    book.write("works.bib", BIB)
    book.page("a", text=OPENING)
    book.page("b", text=WORKS)
    book.page("c", text="# Last\n\nThe end.")
    result = book.build("--builder", "latex")
    assert result.code == 0, result.said
    return (book.folder / "_build/latex/book.tex").read_text("utf8")


def places(text, *parts):
    """Return where parts stand, which all must be there once."""
    assert [text.count(part) for part in parts] == [1] * len(parts)
    return [text.index(part) for part in parts]


def test_a_paragraph_with_a_class_is_in_an_environment(book):
    text = tex(book, "bookpress.page.opening", "bookpress.downloads.printed")
    begin, sentence = places(text, r"\begin{sphinxuseclass}{dek}", "In one sentence.")
    assert begin < sentence < text.index(r"\end{sphinxuseclass}", begin)
    label = text.index(r"\begin{sphinxuseclass}{label}")
    assert label < text.index("The answer") < text.index("It is so.")


def test_works_stand_below_their_heading(book):
    text = tex(book, "bookpress.page.opening", "bookpress.downloads.printed")
    heading, said, work, last = places(
        text, r"\chapter{References}", "All of them.", "Lovelace", r"\chapter{Last}"
    )
    assert heading < said < work < last


def test_alone_they_stand_behind_the_last_page(book):
    text = tex(book, "bookpress.page.opening")
    work, last = places(text, "Lovelace", r"\chapter{Last}")
    assert last < work and r"{dek}" not in text


def test_the_index_names_the_page_of_a_function(book):
    directive = "```{py:function} %s(w)\n%s\n```\n"
    text = directive % ("told", "What it does.") + directive % ("bare", "")
    book.page("functions", text=f"# Functions\n\n{text}")
    written = tex(book, "bookpress.downloads.printed")
    begin, entry, said, bare = places(
        written, r"{told}", r"\index{told()", "What it does.", r"\index{bare()"
    )
    assert begin < entry < said < bare < written.index("bare}", bare)


def test_a_table_of_many_rows_goes_on_over_the_page(book):
    rows = "".join(f"| {k} | {'word ' * 20} |\n" for k in range(13))
    table = "| k | Said |\n| --- | --- |\n"
    book.page("many", text=f"# Many\n\n{table}{rows}")
    book.page("few", text=f"# Few\n\n{table}{rows[:200]}")
    written = tex(book, "bookpress.downloads.printed")
    (_, long), (many, few) = (
        places(written, r"{Many}", r"\begin{longtable}"),
        places(written, r"{Many}", r"{Few}"),
    )
    assert many < long < few
    # Of 50 letters the first column is given 10.
    assert r"\X{10}{50}\X{40}{50}" in written[long:few]


def test_a_long_line_of_an_output_goes_on_below_its_second_column(book):
    words = " ".join(["weight"] * 20)
    cell = f"print('A name', ' ' * 8, '{words}', sep='')\nprint('{'x' * 85}')"
    book.page("long", cell)
    printed = (
        tex(book, "bookpress.downloads.printed")
        .split("{cell_output}")[1]
        .split("\\end")[0]
    )
    lines = [line for line in printed.splitlines() if "weight" in line or "xx" in line]
    assert max(map(len, lines)) <= 84 and len(lines) > 2
    assert lines[0].startswith("A name        weight")
    assert lines[1].startswith(" " * 14 + "weight")
