"""Every page, as files: links, images, names, and what others read of it."""

import gzip

import pytest
from files import (
    broken_links,
    foreign_addresses,
    html_files,
    poor_images,
    repeated_ids,
)
from visits import CHAPTER, OTHERS, PAGES
from visits import EVERY as SHOWN

EVERY = pytest.mark.parametrize(
    "page", [*PAGES, *OTHERS, "index.html"], scope="session"
)


def test_these_are_all_pages(site):
    built = {page.relative_to(site).as_posix() for page in html_files(site)}
    assert built == {*PAGES, *OTHERS, "index.html"}


def test_every_link_and_anchor_leads_somewhere(site):
    assert broken_links(site) == []


@EVERY
def test_every_image_has_a_text_and_a_size(parsed):
    assert poor_images(parsed) == []


@EVERY
def test_no_name_is_given_twice(parsed):
    assert repeated_ids(parsed) == []


PARTS = {"mfrac": 2, "msup": 2, "msub": 2, "mover": 2, "munder": 2, "mroot": 2}
PARTS |= {"msubsup": 3, "munderover": 3}


@CHAPTER
def test_every_formula_that_is_read_aloud_has_all_its_parts(parsed):
    for part in parsed.select(", ".join(PARTS)):
        assert len(part.find_all(recursive=False)) == PARTS[part.name], str(part)


@EVERY
def test_nothing_is_to_be_loaded_from_another_host(parsed):
    assert foreign_addresses(parsed) == []


@EVERY
def test_it_has_a_language_a_title_and_one_viewport(parsed):
    assert parsed.html["lang"] == "en" and parsed.title.text.strip()
    assert len(parsed.find_all("meta", {"name": "viewport"})) == 1


@SHOWN
def test_it_says_what_it_is_in_a_sentence(parsed):
    tags = parsed.find_all("meta", {"name": "description"})
    assert [20 <= len(tag["content"]) <= 200 for tag in tags] == [True]


@EVERY
def test_what_opens_a_folded_cell_is_named_as_it_reads(parsed):
    assert parsed.select("summary[aria-label]") == []


@CHAPTER
def test_it_describes_itself_to_engines_messengers_and_reference_managers(parsed):
    said = parsed.find("meta", {"name": "description"})["content"]
    assert parsed.find("meta", {"property": "og:description"})["content"] == said
    title = parsed.find("meta", {"property": "og:title"})["content"]
    assert parsed.find("meta", {"name": "citation_title"})["content"] == title
    assert title in parsed.h1.text and parsed.find("link", {"rel": "icon"})


def test_the_site_holds_nothing_that_no_page_needs(site):
    files = [f for f in (site / "_static").rglob("*") if f.is_file()]
    static = {file.name for file in files}
    assert "book.css" in static
    assert not {"fontawesome.js", "sphinx-thebe.js", "design-tabs.js"} & static
    # But for the book's own text, which is searched, and what loads on demand.
    kept = [f for f in files if f.name != "book.js" and "late" not in f.parts]
    assert sum(f.stat().st_size for f in kept) < 800_000


@EVERY
def test_no_figure_outweighs_the_page(parsed):
    drawings = parsed.select("figure svg, .sliders")
    weights = [len(gzip.compress(str(drawing).encode())) for drawing in drawings]
    assert max(weights, default=0) <= 60_000
