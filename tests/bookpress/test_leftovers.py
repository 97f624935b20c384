"""Which files of a site no page needs."""

from bookpress.leftovers import unneeded


def test_what_is_named_stays_and_so_does_what_that_names(tmp_path):
    static = tmp_path / "_static"
    static.mkdir()
    (tmp_path / "page.html").write_text('<link href="_static/a.css">')
    (static / "a.css").write_text("url(b.png) /* c.css.map */")
    for name in ("b.png", "c.css.map", "d.js", "OFL.txt"):
        (static / name).write_text("")
    assert {file.name for file in unneeded(tmp_path)} == {"c.css.map", "d.js"}
