"""A reader looks for something, is shown where it stands, and lands on it.

On a server and from a folder of files: there a page can read scripts alone.
"""

# ruff: noqa: RUF001

import os
import re
import shutil

import firefox
import pytest
from conftest import NO_FIREFOX
from visits import Visit
from waiting import LONG, until

FORETOLD = "Off the axes, decay can make a weight larger"
NORMS = "BatchNorm, LayerNorm and RMSNorm hide the size of the weights"
FIRST_STEP = "PyTorch’s number goes with the half"
# What is asked for, a section that is found, if not just any, and what is marked there.
SEARCHES = {
    "foretold": (FORETOLD, "foretold"),
    "parabolas": (FORETOLD, "parabolas"),
    "curvatrue": (None, "curvature"),
    '"a sum of parabolas"': (FORETOLD, "a sum of parabolas"),
    "foretold lengths": (FORETOLD, "lengths"),
    "overfit": ("A network with room for the noise learns the noise", "overfits"),
    "BatchNorm": (NORMS, "BatchNorm"),
    "LayerNorm": (NORMS, "LayerNorm"),
    "half-life": (
        "Learning rate times decay sets a half-life, and a network keeps to it",
        "half-life",
    ),
    "batch size": (
        "Another batch size or more data is another memory in epochs",
        "batch size",
    ),
    "grokking": (
        "In least squares grokking is decay of what no example sees",
        "grokking",
    ),
    "λ": (None, "λ"),
    "ηλ": (None, "ηλ"),
    "1−ηλ": (None, "1 − ηλ"),
    "1-ηλ": (None, "1 − ηλ"),
    "newton_schulz": ("newton_schulz", "newton_schulz"),
    r"\lambda": (None, r"\lambda"),
    r"\operatorname": (None, r"\operatorname"),
    "0.800000011920929": (FIRST_STEP, "0.800000011920929"),
    "0.80000001": (FIRST_STEP, "0.800000011920929"),
    "1e-2": (None, "1e-2"),
    "torch.optim.SGD": (FIRST_STEP, "torch.optim.SGD"),
    "weight_decay": ("For SGD, an L2 penalty is weight decay", "weight_decay"),
    "Decay moves the end": ("Decay moves the end", "Decay moves the end"),
    "Krogh": ("References", "Krogh"),
    "undecayed_end": (FORETOLD, "undecayed_end"),
    "Yogi": ("What hundreds of optimizers answered", "Yogi"),
}
THEME = pytest.mark.parametrize("theme", ["light", "dark"])
SAID, FOUND = ".search-said", ".search-found a"


def look_for(page, query):
    """Search in the dialog; return what it says of what it found."""
    page.keyboard.press("/")
    page.locator("dialog input").fill(query)
    return answered(page)


def answered(page):
    """Wait until a search is done; return what it says."""
    page.locator(SAID).filter(has_text=re.compile("section")).wait_for()
    return page.locator(SAID).text_content()


def titled(page, title):
    """Return the links to sections of that title."""
    exactly = re.compile(rf"^\s*(?:\d[\d.]* )?{re.escape(title)}\s*$")
    name = page.locator(".search-title", has_text=exactly)
    return page.locator(FOUND, has=name)


def wait_for_match(page):
    """Wait until the first match is in the window, neither folded nor covered."""
    page.wait_for_function(
        """() => {
          const match = document.querySelector(".match");
          if (!match?.checkVisibility()) return false;
          const { left, top, width, height } = match.getClientRects()[0];
          const there = document.elementFromPoint(left + width / 2, top + height / 2);
          return match.contains(there) || there?.contains(match);
        }"""
    )


@pytest.fixture(scope="module", params=["http", "file"])
def reader(request, browser, site):
    """Return a visit whose dialog is open, on a server and from a folder of files."""
    server = request.param == "http" and request.getfixturevalue("http")
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(1000 * LONG)
    here = Visit(context, f"{server or f'{site.as_uri()}/'}book/index.html")
    look_for(here.page, "weight")
    yield here
    context.close()


@pytest.mark.parametrize("query", SEARCHES)
def test_it_is_found_shown_as_one_reads_it_and_landed_on(reader, query):
    title, mark = SEARCHES[query]
    reader.page.locator("dialog input").fill(query)
    links = titled(reader.page, title) if title else reader.page.locator(FOUND)
    assert mark in links.first.locator("mark").all_text_contents()
    shown = " ".join(reader.page.locator(FOUND).all_text_contents())
    assert re.findall("[\ue000-\ue002]|λλ|ηη|ww", shown) == []
    # In code a backslash is one: a new line.
    assert "\\" in query or "\\" not in re.sub(r"\\[nbdsw]", "", shown)
    there = reader.page.context.new_page()
    there.goto(links.first.get_attribute("href"))
    wait_for_match(there)
    # A formula has its text three times, code its words in pieces.
    landed = "".join(there.locator(".match").all_text_contents())
    assert re.sub(r"\s", "", mark) in re.sub(r"\s", "", landed)
    assert "match=" not in there.url and "#" in there.url
    there.close()
    assert reader.errors == [] and reader.strangers() == []


def test_what_is_folded_opens_where_one_lands(visit, root):
    with visit(f"{root}book/index.html") as here:
        look_for(here.page, "undecayed_end")
        here.page.locator(FOUND).first.click()
        wait_for_match(here.page)
        fold = here.page.locator("details", has=here.page.locator(".match")).last
        assert fold.get_attribute("open") is not None
        folded = here.page.locator("details:not([open])").count()
        assert folded > 10


def test_escape_takes_the_marks_away(visit, root):
    with visit(f"{root}book/index.html") as here:
        look_for(here.page, "foretold")
        here.page.locator(FOUND).first.click()
        wait_for_match(here.page)
        before = here.page.locator("article").text_content()
        here.page.keyboard.press("Escape")
        assert here.page.locator(".match, article mark").count() == 0
        assert here.page.locator("article").text_content() == before


def test_a_row_that_a_long_table_does_not_show_is_shown_where_one_lands(visit, root):
    with visit(f"{root}book/index.html") as here:
        look_for(here.page, "Yogi")
        here.page.locator(FOUND).first.click()
        wait_for_match(here.page)
        assert here.page.locator("td .match").first.text_content() == "Yogi"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("foretold", "^1 section$"),
        ("λ", r"^\d+ sections, of which these are the first 20$"),
        ("rhododendron", "^No section has “rhododendron”.$"),
        ("curvatrue", r"^No section has “curvatrue”. Words like it, in \d+ sections:$"),
        (
            "rhododendron foretold",
            "^No section has all these words. Some of them, in 1",
        ),
        (
            '"parabolas of sum"',
            "^No section has these words in this order. All",
        ),
    ],
)
def test_it_says_how_much_was_found_and_how(visit, root, query, said):
    with visit(f"{root}book/index.html") as here:
        assert re.match(said, look_for(here.page, query))
        assert here.page.locator(SAID).get_attribute("role") == "status"
        nothing = query == "rhododendron"
        assert (here.page.locator(FOUND).count() == 0) == nothing


def focused(page):
    return page.evaluate("document.activeElement.closest('li, dialog').localName")


@pytest.mark.parametrize("key", ["/", "Control+k", "Meta+k"])
def test_it_is_used_by_keyboard(visit, http, key):
    with visit(f"{http}book/sgd.html") as here:
        keys = here.page.keyboard
        keys.press(key)
        keys.type("momentum")
        here.page.locator("dialog input").wait_for()
        here.page.wait_for_function("document.querySelectorAll('.search-found a')[2]")
        assert here.page.locator("dialog input").input_value() == "momentum"
        keys.press("ArrowDown")
        keys.press("ArrowDown")
        second = here.page.locator(".search-found li:nth-child(2) a")
        assert second.evaluate("link => link === document.activeElement")
        keys.press("ArrowUp")
        keys.press("ArrowUp")
        assert focused(here.page) == "dialog"
        keys.press("Escape")
        assert here.page.locator("dialog[open]").count() == 0
        keys.press(key)
        answered(here.page)
        keys.press("Enter")
        here.page.wait_for_url("**/book/momentum.html#*")
        wait_for_match(here.page)


def test_the_field_beside_the_text_leads_to_the_same_place(visit, http):
    with visit(f"{http}book/sgd.html") as here:
        here.page.evaluate("scrollTo(0, 0)")
        here.page.locator(".sidebar-search").click()
        here.page.keyboard.type("foretold")
        assert answered(here.page) == "1 section"
        here.page.get_by_role("button", name="Close").click()
        assert here.page.locator("dialog[open]").count() == 0


def test_a_slash_in_a_field_is_a_slash(visit, http):
    with visit(f"{http}book/census.html") as here:
        field = here.page.locator(".listing input").first
        field.press("/")
        assert field.input_value() == "/"
        assert here.page.locator("dialog").count() == 0


def test_nobody_loads_it_who_does_not_search(visit, http):
    with visit(f"{http}book/sgd.html") as here:
        assert not [url for url in here.requests if "/search/" in url]
        look_for(here.page, "foretold")
        loaded = [url.rpartition("/")[2] for url in here.requests if "/search/" in url]
        assert {"book.js", "minisearch.min.js", "search.css"} < set(loaded)
        assert len(loaded) == len(set(loaded)) <= 6


def test_a_form_without_the_dialog_finds_the_same(visit, root):
    with visit(f"{root}book/index.html") as here:
        look_for(here.page, "1−ηλ")
        links = here.page.locator(FOUND).evaluate_all("all => all.map(a => a.href)")
        here.page.locator(".search-more a").click()
        here.page.wait_for_url("**/search.html?q=*")
        assert re.match(r"\d+ sections(, of which|$)", answered(here.page))
        there = here.page.locator(FOUND).evaluate_all("all => all.map(a => a.href)")
        assert there[: len(links)] == links and len(there) > len(links)
        here.page.locator(".search-page input").fill("foretold")
        here.page.locator(SAID, has_text=re.compile("^1 section$")).wait_for()
        assert here.page.url.endswith("?q=foretold")
        here.page.locator(FOUND).click()
        wait_for_match(here.page)
        assert here.errors == []


@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_and_nothing_scrolls_sideways(visit, http, width):
    size = {"viewport": {"width": width, "height": 844}}
    with visit(f"{http}book/sgd.html", **size) as here:
        look_for(here.page, "0.800000011920929 torch.optim.SGD")
        box = here.page.locator("dialog").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
        assert box["y"] >= 0 and box["y"] + box["height"] <= 844
        wide = "all => all.filter(e => e.scrollWidth > e.clientWidth).length"
        assert here.page.locator("dialog, dialog ol, dialog li").evaluate_all(wide) == 0
        assert here.overhang() <= 0
        here.page.goto(f"{http}search.html?q=torch.optim.SGD")
        answered(here.page)
        assert here.overhang() <= 0


@THEME
@pytest.mark.parametrize("query", ["λ", "rhododendron"])
def test_it_bars_nobody(visit, http, theme, query):
    with visit(f"{http}book/glossary.html", color_scheme=theme) as here:
        look_for(here.page, query)
        assert here.barriers("dialog") == []
        here.page.goto(f"{http}search.html?q={query}")
        answered(here.page)
        assert here.barriers(".search-page") == []


@THEME
def test_what_is_marked_can_be_read(visit, http, theme):
    with visit(f"{http}book/index.html", color_scheme=theme) as here:
        look_for(here.page, "Robbins")
        here.page.locator(FOUND).first.click()
        wait_for_match(here.page)
        assert here.barriers(".match") == []


def test_a_page_that_is_missing_says_so_and_leads_on(visit, http):
    with visit(f"{http}404.html") as here:
        here.page.get_by_role("link", name="Notation").click()
        here.page.wait_for_url("**/book/notation.html")
        here.page.goto(f"{http}404.html")
        here.page.get_by_role("link", name="search").click()
        here.page.locator(".search-page input").fill("foretold")
        assert answered(here.page) == "1 section"


TYPED_AT_ONCE = """new MutationObserver((_, seen) => {
  const field = document.querySelector(".search-page input");
  if (field) { field.value = "foretold"; seen.disconnect(); }
}).observe(document, { childList: true, subtree: true })"""


def test_the_search_page_keeps_what_is_typed_before_its_scripts_are_there(visit, http):
    with visit(f"{http}search.html") as here:
        index = "BookSearch.root + '_static/search/book.js'"
        loaded = f"performance.getEntriesByName({index})"
        here.page.locator(SAID).wait_for(state="attached")
        assert here.page.evaluate(f"{loaded}.length") == 0
        here.page.add_init_script(TYPED_AT_ONCE)
        here.page.reload()
        assert answered(here.page) == "1 section"
        assert here.page.evaluate(f"{loaded}.length") == 1


def test_in_firefox_too_from_a_folder_of_files(site, tmp_path):
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up(NO_FIREFOX)
    with firefox.running(program, tmp_path, "light") as page:
        page.open(f"{site.as_uri()}/book/index.html")
        page.press("/")
        there = "document.querySelector('dialog[open] input')"
        until(lambda: page.evaluate(f"!!{there}"))
        page.evaluate(f"{there}.value = '1−ηλ penalty'")
        page.evaluate(f"{there}.dispatchEvent(new Event('input')) && 1")
        link = f"document.querySelector('{FOUND}[href*=\"sgd.html\"]')?.href"
        page.open(until(lambda: page.evaluate(link)))
        match = "document.querySelector('.match')?.getBoundingClientRect().top"
        until(lambda: 0 < (page.evaluate(match) or -1) < page.evaluate("innerHeight"))
        assert "match=" not in page.evaluate("location.href")
        assert page.errors == []
