"""Which scripts a page needs."""

import pytest

from bookpress.lean import is_needed


@pytest.mark.parametrize(
    ("script", "body"),
    [
        ("_static/clipboard.min.js", "<pre>code</pre>"),
        ("_static/togglebutton.js", '<div class="admonition dropdown">'),
        ("_static/design-tabs.js", '<div class="sd-tab-set">'),
    ],
)
def test_a_script_is_needed_where_its_subject_is(script, body):
    assert is_needed(script, body) and not is_needed(script, "<p>dropdown</p>")


def test_a_script_that_nobody_knows_is_needed():
    assert is_needed("_static/new.js", "")


def test_thebe_is_never_needed():
    assert not is_needed("const THEBE_JS_URL = 1", '<div class="cell thebe">')
