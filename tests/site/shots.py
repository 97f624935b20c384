"""Contact sheets of every page, to be looked at: ``make shots``.

Each is one page in one browser, theme and width, from its beginning to its end, cut
into columns. They are written into ``_build/shots``, with an ``index.html`` that shows
them side by side. Name pages to get these alone: ``python tests/site/shots.py sgd``.
"""

import io
import shutil
import sys
import tempfile
from base64 import b64decode
from html import escape
from itertools import product
from pathlib import Path

# Where pytest finds what the tests share, and a script does not.
sys.path.append(str(Path(__file__).parents[1] / "bookpress"))
import firefox
from conftest import NO_FIREFOX, SITE, serving
from PIL import Image
from playwright.sync_api import sync_playwright
from visits import OTHERS, PAGES

THEMES, WIDTHS = ("light", "dark"), (390, 1280, 1920)
SHEETS = SITE.parent / "shots"
# A sheet is about as wide as high, and no wider than this.
LARGEST = 2400
_INDEX = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<title>Every page</title><style>body {{ font: 1rem sans-serif; }}
img {{ max-width: 100%; }}</style></head><body>{}</body></html>"""
# More than this of a page no browser draws at once.
TALLEST = 6000
# All of the page is laid out, as it is for who has read to its end.
_LAID_OUT = """(async () => {
  const style = document.createElement("style");
  style.textContent = "figure svg { content-visibility: visible !important }";
  document.head.append(style);
  const narrow = matchMedia("(max-width: 34em)").matches;
  const all = () => [...document.querySelectorAll("svg:has(> metadata.narrow)")];
  const wide = () => narrow && all().find(svg => svg.checkVisibility());
  for (let svg = wide(), k = 0; svg && k < 600; svg = wide(), k++) {
    svg.scrollIntoView();
    await new Promise(done => setTimeout(done, 50));
  }
  await document.fonts.ready;
  await Promise.all([...document.images].map(image => {
    image.loading = "eager";
    return image.decode().catch(() => 0);
  }));
  scrollTo(0, 0);
  for (let k = 0; k < 2; k++) await new Promise(requestAnimationFrame);
  return document.documentElement.scrollHeight;
})()"""


_SCROLLED = """(async () => {{
  scrollTo(0, {});
  for (let k = 0; k < 2; k++) await new Promise(requestAnimationFrame);
  return Math.round(scrollY);
}})()"""


def in_pieces(height, resize, scroll, shoot):
    """Return the picture of a page, put together from pieces."""
    resize(min(height, TALLEST))
    whole = None
    for top in range(0, height, TALLEST):
        seen = scroll(top)  # near the end it can't be scrolled so far
        piece = Image.open(io.BytesIO(shoot())).convert("RGB")
        whole = whole or Image.new("RGB", (piece.width, height))
        whole.paste(piece, (0, seen))
    return whole


def columns(picture):
    """Return a tall picture cut into columns that stand side by side."""
    count = max(1, round((picture.height / picture.width / 0.6) ** 0.5))
    height = -(-picture.height // count)
    sheet = Image.new("RGB", (picture.width * count, height), "white")
    for k in range(count):
        below = min((k + 1) * height, picture.height)
        part = picture.crop((0, k * height, picture.width, below))
        sheet.paste(part, (k * picture.width, 0))
    sheet.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    return sheet


def in_chromium(address, theme):
    """Yield a function that takes the picture of a page at a width."""
    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page(color_scheme=theme, reduced_motion="reduce")

        def picture(page, width):
            tab.set_viewport_size({"width": width, "height": 900})
            tab.goto(address + page)
            return in_pieces(
                tab.evaluate(_LAID_OUT),
                lambda h: tab.set_viewport_size({"width": width, "height": h}),
                lambda top: tab.evaluate(_SCROLLED.format(top)),
                tab.screenshot,
            )

        yield picture
        browser.close()


def in_firefox(address, theme):
    """Yield the same for Firefox."""
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        sys.exit(f"There is {NO_FIREFOX}")
    with (
        tempfile.TemporaryDirectory() as profile,
        firefox.running(program, Path(profile), theme) as tab,
    ):

        def picture(page, width):
            tab.resize(width, 900)
            tab.open(address + page)
            return in_pieces(
                tab.evaluate(_LAID_OUT),
                lambda h: tab.resize(width, h),
                lambda top: tab.evaluate(_SCROLLED.format(top)),
                lambda: b64decode(tab.screenshot()),
            )

        yield picture


def write_sheets(pages):
    """Write the sheets of some pages, and say which."""
    kinds = product((in_chromium, in_firefox), THEMES)
    with serving(SITE) as address:
        for shoot, theme in kinds:
            for picture in shoot(address, theme):
                for page, width in product(pages, WIDTHS):
                    name = shoot.__name__.removeprefix("in_")
                    sheet = columns(picture(page, width))
                    file = f"{Path(page).stem}-{width}-{theme}-{name}.jpg"
                    sheet.save(SHEETS / file, quality=85)
                    print(file, flush=True)


def main(names):
    """Write the sheets of the pages of these names, or of all, and their index."""
    pages = [p for p in [*PAGES, *OTHERS] if not names or Path(p).stem in names]
    SHEETS.mkdir(parents=True, exist_ok=True)
    write_sheets(pages)
    shown = "".join(
        f'<h2>{escape(file.stem)}</h2><img src="{escape(file.name)}" alt="">'
        for file in sorted(SHEETS.glob("*.jpg"))
    )
    (SHEETS / "index.html").write_text(_INDEX.format(shown), "utf8")


if __name__ == "__main__":
    main(sys.argv[1:])
