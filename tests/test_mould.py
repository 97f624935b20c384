"""The mould of a chapter: what each has, how long it is, and what may be hidden."""

import ast
import re

import pages
import pytest

LONGEST_ANSWER, LONGEST_TAKEAWAY = 60, 40
MOST_WORDS, MOST_CELLS = 1800, 15
GLUED = re.compile(r"{glue:text}`\w+")
ENDS = ["Limits", "Summary", "Exercises"]
# Sections that would be called so in every chapter claim nothing.
CLAIMING_NOTHING = {
    "Question", "Derive the rule", "The rule in code", "Compare with PyTorch",
    "What it does",
}  # fmt: skip

# What a new chapter begins as fits, too; but it has one exercise, and writers add more.
TEMPLATE = pages.ROOT / "book/_template/chapter.md"

EACH = pytest.mark.parametrize(
    "chapter", [*pages.CHAPTERS, TEMPLATE], ids=lambda chapter: chapter.stem
)


@EACH
def test_a_chapter_begins_with_one_sentence_and_a_short_answer_with_its_number(chapter):
    begins = re.match(
        r"\s*# [^\n]+\n\n([^`#]+?)\n\n```{answer}\n(.*?)\n\n(.*?)```\n",
        pages.body(chapter),
        re.S,
    )
    assert begins and len(pages.blocks(chapter, "answer")) == 1
    sentence, answer, needs = begins.groups()
    assert len(re.findall(r"[.?!](?=\s|$)", sentence)) == 1
    assert counted(answer) <= LONGEST_ANSWER
    assert GLUED.search(answer) and needs.strip()


def counted(text):
    """Return how many words a text has, each formula and each piece of code one."""
    text = re.sub(r"{[^}]*}`[^`]*`", "word", text)
    return pages.words(re.sub(r"\$[^$]*\$|`[^`]*`", "word", text))


@EACH
def test_a_section_leaves_at_most_one_sentence_with_its_number(chapter):
    takeaways = pages.blocks(chapter, "takeaway")
    assert takeaways
    for takeaway in takeaways:
        assert counted(takeaway) <= LONGEST_TAKEAWAY
        assert len(re.findall(r"[.?!](?=\s|$)", takeaway)) == 1
        assert GLUED.search(takeaway) or "$" in takeaway
    for text in pages.sections(chapter).values():
        assert text.count("```{takeaway}") <= 1


@EACH
def test_sections_are_named_by_what_they_claim_and_the_last_three_as_always(chapter):
    names = list(pages.sections(chapter))
    assert names[-3:] == ENDS
    assert CLAIMING_NOTHING.isdisjoint(names)


@EACH
def test_only_imports_are_hidden_and_each_check_can_be_opened(chapter):
    for cell in pages.cells(chapter):
        kinds = {type(statement) for statement in ast.parse(cell.source).body}
        if "remove-cell" in cell.tags:
            assert kinds <= {ast.Import, ast.ImportFrom}
        if any(isinstance(x, ast.Assert) for x in ast.walk(ast.parse(cell.source))):
            assert "checks" in cell.tags
        if "checks" in cell.tags:
            assert cell.source.startswith("# "), "say what it checks"


@EACH
def test_the_first_cell_that_a_reader_sees_shows_the_imports(chapter):
    first, *later = [c for c in pages.cells(chapter) if "remove-cell" not in c.tags]
    assert first.is_open and "from weightdecay" in first.source
    assert not [c for c in later if "from weightdecay import" in c.source]


@EACH
def test_a_solution_is_a_cell_that_can_be_run(chapter):
    solved = [cell for cell in pages.cells(chapter) if cell.solves]
    exercises = pages.blocks(chapter, "exercise")
    assert 2 <= len(exercises) <= 4 or chapter == TEMPLATE
    assert [cell for cell in solved if not cell.tags]
    text = pages.body(chapter)
    assert text.count("{solution-start}") == text.count("{solution-end}")
    # After the last solution nothing runs.
    assert "{code-cell}" not in pages.SOLUTION.split(text)[-1]


@EACH
def test_a_chapter_is_short(chapter):
    assert pages.words(pages.read(chapter)) <= MOST_WORDS


@EACH
def test_a_chapter_shows_few_cells(chapter):
    assert len([cell for cell in pages.cells(chapter) if cell.is_open]) <= MOST_CELLS
