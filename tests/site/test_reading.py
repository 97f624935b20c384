"""Every page, in a browser: it is at home alone, light, open to all, and readable."""

import json
import re
from functools import partial

import pytest
from playwright.sync_api import expect
from visits import CAPTIONS, CHAPTER, EVERY, PHONE
from waiting import until

from weightdecay.probe import census

THEME = pytest.mark.parametrize("theme", ["light", "dark"])
TWO_FRAMES = """() => new Promise(
  done => requestAnimationFrame(() => requestAnimationFrame(done)))"""
# Over the wire, for a reader who comes for the first time and reads to the end.
BYTES, REQUESTS = 250_000, 25


@EVERY
def test_it_asks_no_other_host_and_reports_no_error(desk):
    desk.page.wait_for_load_state("networkidle")
    assert desk.strangers() == []
    assert desk.errors == []


@CHAPTER
def test_it_is_light(desk, http):
    loaded = [url.removeprefix(http) for url in desk.requests]
    assert 5 < len(loaded) <= REQUESTS, loaded
    assert desk.weight() <= BYTES
    # Only who searches loads what searching needs, only who has a phone its figures.
    assert not [url for url in loaded if "search" in url or "/late/" in url]


@EVERY
def test_it_bars_nobody(visit, http, page):
    with visit(http + page, color_scheme="light") as here:
        here.unfold()
        # Formulas are set alike everywhere: one page is asked with all of theirs.
        here.thin_out(formulas="no-such" if "notation" in page else ".katex")
        assert here.barriers() == []
        # In the dark nothing but the colours is another: see the next test.
        here.page.emulate_media(color_scheme="dark")
        assert here.barriers(rules=("color-contrast", "link-in-text-block")) == []


# What of an element a theme could change besides its colours; not its own button.
SHAPES = """() => {
  const all = document.querySelectorAll("body *:not(.theme-toggle *)");
  return [...all].map(e => {
    const { display, visibility, fontSize } = getComputedStyle(e);
    const box = e.getBoundingClientRect();
    const sizes = [box.width, box.height].map(Math.round);
    return [e.tagName, display, visibility, fontSize, ...sizes].join();
  });
}"""


@EVERY
def test_a_theme_changes_nothing_but_colours(desk):
    paper = "getComputedStyle(document.body).backgroundColor"
    light, white = desk.page.evaluate(SHAPES), desk.page.evaluate(paper)
    desk.page.emulate_media(color_scheme="dark")
    dark, black = desk.page.evaluate(SHAPES), desk.page.evaluate(paper)
    desk.page.emulate_media(color_scheme="light")
    assert dark == light and len(light) > 20
    assert min(rgb(white)) > 200 > 60 > max(rgb(black))


@THEME
def test_the_theme_is_the_one_that_the_reader_prefers(visit, http, theme):
    with visit(f"{http}book/index.html", color_scheme=theme) as here:
        paper = "getComputedStyle(document.body).backgroundColor"
        assert (min(rgb(here.page.evaluate(paper))) > 200) == (theme == "light")


@EVERY
def test_a_phone_need_not_scroll_sideways(phone):
    assert phone.overhang() <= 0


@CHAPTER
@pytest.mark.parametrize("width", [1280, 1920])
def test_a_line_is_no_longer_than_75_letters(desk, width):
    usual = desk.page.viewport_size
    desk.page.set_viewport_size({"width": width, "height": 900})
    measured = desk.measure(), desk.measure(CAPTIONS)
    desk.page.set_viewport_size(usual)
    assert measured[0] <= 75 and measured[1] <= 90


@CHAPTER
def test_a_number_that_was_computed_is_dotted_and_else_like_its_words(desk):
    styles = desk.page.locator("article p span.pasted-text").evaluate_all(
        """spans => spans.map(span => {
          const own = getComputedStyle(span);
          const around = getComputedStyle(span.closest("p, strong, em"));
          const sentence = span.closest("blockquote") ? "normal" : "nowrap";
          return [own.fontWeight === around.fontWeight,
                  own.color === around.color,
                  own.whiteSpace === sentence,
                  own.textDecorationStyle === "dotted"];
        })"""
    )
    assert all(style == [True] * 4 for style in styles)


def test_a_computed_number_shows_the_cell_that_computed_it(visit, root):
    with visit(f"{root}book/sgd.html") as here:
        number = here.page.locator("article a.number").first
        number.scroll_into_view_if_needed()
        number.focus()
        number.press("Enter")
        target = here.page.locator(number.get_attribute("href"))
        target.filter(has_text="quote(").wait_for()
        target.locator("pre").first.wait_for()


def test_figures_keep_their_proportions_on_a_phone(visit, http):
    with visit(f"{http}book/index.html", **PHONE) as here:
        here.fit_figures()
        figures = here.page.locator("figure svg").all()
        assert len(figures) == 2
        for figure in figures:
            shown = figure.bounding_box()
            promised = figure.evaluate(
                "svg => svg.viewBox.baseVal.width / svg.viewBox.baseVal.height"
            )
            assert shown["width"] <= 390
            assert shown["width"] / shown["height"] == pytest.approx(promised, rel=0.01)


def test_figures_stand_out_from_the_page_in_the_dark(visit, http):
    with visit(f"{http}book/index.html", color_scheme="dark") as here:
        colour = "svg => getComputedStyle(svg.querySelector('text')).fill"
        figures = here.page.locator("figure svg").all()
        assert len(figures) == 2
        for figure in figures:
            assert min(rgb(figure.evaluate(colour))) > 150


def rgb(colour):
    return [int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(",")]


@CHAPTER
def test_code_that_is_cut_off_can_be_scrolled_by_keyboard(phone):
    phone.page.evaluate(TWO_FRAMES)
    unreached = phone.page.locator("pre").evaluate_all(
        "all => all.filter(p => p.scrollWidth > p.clientWidth && p.tabIndex !== 0)"
        ".map(p => p.textContent)"
    )
    assert unreached == []


@pytest.mark.parametrize("width", [390, 1280])
def test_a_page_offers_what_it_can_become(visit, http, site, width):
    size = {"viewport": {"width": width, "height": 844}}
    with visit(f"{http}book/sgd.html", **size) as here:
        forms = here.page.locator("nav.forms.end a")
        pdf = ["PDF"] if (site / "weight-decay.pdf").exists() else []
        offered = ["Notebook", "Markdown", *pdf, "weightdecay"]
        assert forms.all_text_contents() == offered
        for form in forms.all():
            with here.page.expect_download() as download:
                form.click()
            assert download.value.path().stat().st_size > 1000


@pytest.mark.parametrize("drawer", ["__navigation", "__toc"])
def test_on_a_phone_the_contents_open_by_finger_and_keyboard(visit, http, drawer):
    shown = {"__navigation": ".sidebar-drawer", "__toc": ".toc-drawer"}[drawer]
    with visit(f"{http}book/sgd.html", **PHONE) as here:
        here.page.evaluate("scrollTo(0, 0)")
        width = f"""() => {{
          const b = document.querySelector("{shown}").getBoundingClientRect();
          return Math.min(b.right, innerWidth) - Math.max(b.left, 0); }}"""
        assert here.page.evaluate(width) <= 0
        here.page.locator(f"label[for={drawer}]:visible").first.click()
        here.page.wait_for_function(f"({width})() > 200")
        here.page.locator(f"#{drawer}").press("Space")
        here.page.wait_for_function(f"({width})() <= 0")


def test_the_first_stop_of_the_keyboard_leads_to_the_text(visit, http):
    with visit(f"{http}book/index.html") as here:
        here.page.evaluate("scrollTo(0, 0)")
        here.page.keyboard.press("Tab")
        assert here.page.evaluate("document.activeElement.hash") == "#furo-main-content"
        assert here.page.locator(":focus").is_visible()


def test_the_fonts_of_the_book_are_loaded(visit, root):
    with visit(f"{root}book/index.html") as here:
        fonts = here.page.evaluate(
            "document.fonts.ready.then(f => [...f].map(x => [x.family, x.status]))"
        )
        assert ["Book", "loaded"] in fonts and ["Book Mono", "loaded"] in fonts
        assert "error" not in {status for _, status in fonts}


def test_paper_is_white_in_the_dark_theme_too(visit, http):
    with visit(f"{http}book/sgd.html", color_scheme="dark") as here:
        here.page.emulate_media(media="print")
        look = "e => { const s = getComputedStyle(e); return [s.display, s.color]; }"
        assert here.page.locator("article h1").evaluate(look) == [
            "block",
            "rgb(0, 0, 0)",
        ]
        assert here.page.locator(".sidebar-drawer").evaluate(look)[0] == "none"


def test_paper_shows_nothing_to_click_and_no_line_of_code_broken(visit, http):
    # As wide as A4 between narrow margins.
    with visit(f"{http}book/sgd.html", viewport={"width": 700, "height": 900}) as here:
        here.page.emulate_media(media="print")
        for part in (".sidebar-search", ".sliders input", ".copybtn"):
            assert here.page.locator(part).count() > 0
            assert here.page.locator(part).filter(visible=True).count() == 0
        broken = here.page.locator("article pre").evaluate_all(
            """all => all.map(pre => {
              const printed = pre.offsetHeight;
              pre.style.whiteSpace = "pre";
              return printed - pre.offsetHeight;
            })"""
        )
        assert len(broken) > 10 and set(broken) == {0}


@pytest.mark.parametrize("width", [390, 1280])
def test_a_figure_has_its_room_before_it_is_laid_out(visit, http, width):
    # What is far below the window is left for later, but nothing may jump then.
    room = "s => s.clientWidth / s.clientHeight"
    size = {"viewport": {"width": width, "height": 600}}
    with visit(f"{http}book/sgd.html", **size) as here:
        here.page.reload()
        drawings = here.page.locator("figure svg, .sliders svg")
        kept = [drawing.evaluate(room) for drawing in drawings.all()]
        assert len(kept) > 3
        late = "all => all.map(s => getComputedStyle(s).contentVisibility)"
        assert set(drawings.evaluate_all(late)) == {"auto"}
        for drawing, ratio in zip(drawings.all(), kept, strict=True):
            drawing.scroll_into_view_if_needed()
            waiting = drawing.locator("metadata.narrow")
            expect(waiting).to_have_count(0 if width == 390 else 1)
            _, _, wide, high = drawing.get_attribute("viewBox").split()
            assert ratio == pytest.approx(float(wide) / float(high), rel=0.02)
            assert drawing.evaluate(room) == pytest.approx(ratio, rel=0.02)


def test_a_long_table_shows_the_rows_that_have_the_words(visit, http):
    with visit(f"{http}book/census.html") as here:
        table = here.page.locator(".listing").first
        texts = lambda: table.locator("tbody tr").all_text_contents()  # noqa: E731
        every = table.locator("output").text_content()
        assert every.endswith("; here are the first 60") and len(texts()) == 60
        last = census()[-1]
        assert not any(last["optimizer"] in text for text in texts())
        table.locator("input").fill(f"{last['package']} {last['optimizer']}")
        found = texts()
        assert 0 < len(found) <= 60
        assert all(last["optimizer"] in text for text in found)
        assert table.locator("output").text_content().startswith(f"{len(found)} of ")
        table.locator("input").fill("")
        assert table.locator("output").text_content() == every


COPIED = "navigator.clipboard.readText()"


def test_a_copied_sentence_has_each_formula_once_as_tex(visit, http):
    rights = ["clipboard-read", "clipboard-write"]
    with visit(f"{http}book/sgd.html", permissions=rights) as here:
        here.page.locator(".answer p").nth(1).evaluate(
            """p => {
              const range = document.createRange();
              range.selectNodeContents(p);
              getSelection().removeAllRanges();
              getSelection().addRange(range);
            }"""
        )
        here.page.keyboard.press("Control+c")
        copied = here.page.evaluate(COPIED)
        assert copied.startswith("For SGD without momentum or clipping, the penalty $")
        assert copied.count(r"$1-\eta\lambda$") == 1 and "1−ηλ" not in copied  # noqa: RUF001


def test_words_in_a_folded_solution_are_found_in_the_page(visit, http):
    # What the browser's own search opens, a link to a text opens, too.
    with visit(f"{http}book/index.html") as here:
        address = f"{http}book/sgd.html#:~:text=Half%20of%20it"
        here.page.goto("about:blank")
        here.page.goto(address)
        solution = here.page.locator("details.solution").first
        assert solution.evaluate("fold => fold.open")
        assert here.page.locator("details.solution[open]").count() == 1


def test_the_contents_say_where_the_reader_is(visit, http):
    size = {"viewport": {"width": 1280, "height": 900}}
    with visit(f"{http}book/sgd.html", **size) as here:
        last = "[...document.querySelectorAll('.toc-tree .scroll-current > a')].pop()"
        at_the_end = f"({last}?.textContent ?? '').includes('Exercises')"

        def leads(key, expected):
            # Again and again: a key is lost while the browser still scrolls.
            here.page.keyboard.press(key)
            return here.page.evaluate(expected + at_the_end)

        for key, expected in (("End", ""), ("Home", "!"), ("End", "")):
            until(partial(leads, key, expected))


@CHAPTER
def test_the_faces_of_its_first_screen_are_asked_for_at_once(site, page):
    # Else its lines break anew when they come, under the eyes of who reads.
    html = (site / page).read_text("utf8")
    faces = json.loads(re.search(r"const face of (\[.*?\])", html)[1])
    assert all(((site / page).parent / face).is_file() for face in faces)
    named = {face.rsplit("/")[-1].split(".")[0] for face in faces}
    assert named >= {"text", "italic", "titles", "code"}
    assert ("KaTeX_Main-Regular" in named) == ('class="katex' in html)
    assert html.index("const face of") < html.index('rel="stylesheet"')
