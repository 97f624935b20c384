"""What is late: taken out of the page, whole, into a script beside it."""

import json
import re

from bookpress.page import on_demand

TEXT = 'a "quoted" \\ <\\/script> λ\n'
SLIDER = f'<p>x</p><script type="application/json" class="late">{TEXT}</script>'
DRAWING = '<svg id="a"><g/><metadata class="late narrow"><svg id="n"/></metadata></svg>'


def taken(body):
    texts = []
    write = lambda text: texts.append(text) or f"late/{len(texts)}.js"  # noqa: E731
    return on_demand.with_late_parts(body, write), texts


def test_a_late_part_is_emptied_and_says_where_its_text_is():
    body, texts = taken(SLIDER + DRAWING)
    assert texts == [TEXT, '<svg id="n"/>']
    assert 'class="late" data-src="late/1.js"></script>' in body
    assert (
        '<metadata class="late narrow" data-src="late/2.js"></metadata></svg>' in body
    )
    assert "quoted" not in body and 'id="n"' not in body


def test_all_else_stays_as_it_is():
    other = '<script>let late = 1;</script><metadata class="x">y</metadata>'
    assert taken(other) == (other, [])


def test_the_script_hands_over_the_very_text():
    script = on_demand.handing_over(TEXT)
    quoted = re.fullmatch(r"document\.currentScript\.late=(.*)", script, re.DOTALL)[1]
    assert json.loads(quoted) == TEXT


def test_a_notebook_has_no_drawings_for_phones_and_keeps_its_data():
    kept = on_demand.without_late_drawings(SLIDER + DRAWING)
    assert kept == f'{SLIDER}<svg id="a"><g/></svg>'


def test_a_wide_drawing_keeps_the_place_of_the_narrow_one():
    wide = '<svg id="a" viewBox="0 0 4 3" style="x: y"><g/>'
    late = '<metadata class="late narrow"><svg viewBox="0 0 20 30"/></metadata></svg>'
    other = '<svg id="b" style="x: y"></svg>'
    body, _ = taken(other + wide + late + other + wide + late)
    styled = 'style="--narrow: 20 / 30; x: y"'
    assert body.count(styled) == 2 and body.count('id="b" style="x: y"') == 2
    assert body.count(f'viewBox="0 0 4 3" {styled}') == 2
