"""The one stylesheet: it has what a page uses, and no more."""

from bookpress.styles import _moved, purge, used_names


def purged(css, *used):
    return "".join(purge(css, {*used}).split())


def test_a_rule_stays_when_all_its_classes_and_ids_are_used():
    css = ".a .b{color:red} .a .c{color:blue} #d{color:green} p{margin:0}"
    assert purged(css, "a", "b") == ".a.b{color:red}p{margin:0}"


def test_of_several_selectors_those_that_match_nothing_go():
    assert purged(".a,.b,i{top:0}", "b") == ".b,i{top:0}"


def test_what_a_selector_excludes_is_not_asked_for():
    assert purged("p:not(.a){top:0}") == "p:not(.a){top:0}"


def test_groups_are_searched_and_go_when_empty():
    assert purged("@media print{.a{top:0}.b{top:0}}", "b") == "@mediaprint{.b{top:0}}"
    assert purged("@media print{.a{top:0}}") == ""
    assert purged("@keyframes k{to{top:0}}") == "@keyframesk{to{top:0}}"


def test_licences_stay_and_fonts_and_other_comments_go():
    css = "/*! MIT */ /* todo */ @font-face{src:url(a.woff)} @import 'b.css';"
    assert purged(css) == "/*!MIT*/"


def test_addresses_follow_the_sheet_to_its_new_place():
    assert _moved("url(../f/a.png)", "styles") == "url(f/a.png)"
    assert _moved("url('b.png')", ".") == "url(b.png)"
    assert _moved("url(data:x)", "styles") == "url(data:x)"


def test_names_come_from_pages_and_from_the_scripts_that_they_load(tmp_path):
    (tmp_path / "page.html").write_text(
        '<p class="a b" id="c"></p><script src="s.js?v=1"></script>'
        "<script>toggle('shown')</script>"
    )
    (tmp_path / "s.js").write_text("x.classList.add('tip-top')")
    (tmp_path / "other.js").write_text("unused")
    used = used_names(tmp_path)
    assert {"a", "b", "c", "tip-top", "shown"} <= used and "unused" not in used
