"""Every sentence that claims generality has a test on a case chosen to break it."""

import re

import claims
import pytest

CHAPTERS = sorted(page.stem for page in claims.ROOT.glob("book/*.md"))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_general_sentence_is_tried_or_listed_as_claiming_nothing(chapter):
    tied = claims.tied(chapter)
    general = claims.general(chapter)
    untried = [s for s in general if not any(t in s or s in t for t in tied)]
    assert untried == [], f"give it a hard case in tests/chapters/test_{chapter}.py"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_sentence_is_listed_that_does_not_stand_on_its_page(chapter):
    page = claims.text(chapter)
    assert [s for s in claims.tied(chapter) if s not in page] == []


def test_a_general_sentence_without_a_case_is_found(tmp_path, monkeypatch):
    (tmp_path / "book").mkdir()
    page = "# A\n\nIt is so.\nDecay never\nhelps. (It is alone.)\n"
    (tmp_path / "book/a.md").write_text(page)
    monkeypatch.setattr(claims, "ROOT", tmp_path)
    assert claims.general("a") == ["Decay never helps.", "(It is alone.)"]
    with pytest.raises(AssertionError, match=re.escape("Decay never helps.")):
        test_every_general_sentence_is_tried_or_listed_as_claiming_nothing("a")


def test_a_test_whose_sentence_is_gone_fails(tmp_path, monkeypatch):
    (tmp_path / "book").mkdir()
    (tmp_path / "book/a.md").write_text("# A\n\nDecay always\nhelps.\n")
    monkeypatch.setattr(claims, "ROOT", tmp_path)
    says, ran = claims.on("a"), []
    says("Decay always helps.")(lambda: ran.append(1))()
    with pytest.raises(AssertionError, match="no longer says"):
        says("Decay never helps.")(lambda: ran.append(2))()
    assert ran == [1]
