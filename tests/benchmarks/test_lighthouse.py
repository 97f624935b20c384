"""The table of scores: what it takes from a report, and how it tells it."""

import json

import pytest
from lighthouse import (
    COLUMNS,
    TABLE,
    facts,
    figures,
    find_chromium,
    middle,
    pages,
    table,
)


def report(requests=(), errors=(), performance=0.945, size=2048.0):
    """Return as much of a Lighthouse report as the benchmark reads."""
    scores = {"performance": performance, "accessibility": 1, "best-practices": 0.96}
    return {
        "lighthouseVersion": "1.2.3",
        "environment": {"hostUserAgent": "Mozilla/5.0 HeadlessChrome/156.0.0.0 Safari"},
        "categories": {k: {"score": v} for k, v in (scores | {"seo": 0.5}).items()},
        "audits": {
            "network-requests": {"details": {"items": list(requests)}},
            "errors-in-console": {"details": {"items": list(errors)}},
            "total-byte-weight": {"numericValue": size},
        },
    }


def run(**changed):
    return dict.fromkeys(COLUMNS, 1) | changed


def test_a_request_that_fails_is_counted_and_data_in_the_page_is_not():
    requests = [
        {"url": "http://127.0.0.1/a.html", "statusCode": 200},
        {"url": "http://127.0.0.1/b.css", "statusCode": 404},
        {"url": "https://another.example/c.js", "statusCode": -1},
        {"url": "data:font/woff2;base64,AA", "statusCode": 200},
    ]
    seen = figures(report(requests, errors=[{}, {}]))
    assert (seen["Requests"], seen["Failed"], seen["Console errors"]) == (3, 2, 2)


def test_scores_are_out_of_a_hundred_and_sizes_in_kib():
    seen = figures(report(size=2048.0))
    assert [seen[name] for name in COLUMNS[:5]] == [94, 100, 96, 50, 2]


@pytest.mark.parametrize(
    "values, text",
    [
        ([7], "7"),
        ([3, 3], "3"),
        ([99, 90, 95], "95 (90 to 99)"),
        ([1, 2], "1.5 (1 to 2)"),
    ],
)
def test_the_median_tells_its_spread_where_there_is_one(values, text):
    assert middle(values) == text


def test_each_book_has_a_line_and_all_lines_have_the_columns_of_the_head():
    results = {
        ("book/sgd.html", "ours"): [run(SEO=90), run(SEO=100), run(SEO=95)],
        ("book/sgd.html", "default"): [run()],
    }
    head, rule, *lines = table(results).splitlines()
    assert {line.count("|") for line in (head, rule, *lines)} == {head.count("|")}
    assert lines[0].startswith("| book/sgd.html | ours | 3 | 1 | 1 | 1 | 95 (90")
    assert lines[1].startswith("| book/sgd.html | default | 1 | 1 |")


def test_the_facts_name_versions_and_no_date():
    line = facts(report())
    assert "Lighthouse 1.2.3, Chromium 156.0.0.0, jupyter-book 1." in line


def test_pages_are_those_that_both_books_have(tmp_path):
    (tmp_path / "book").mkdir()
    for name in (
        "index.html",
        "404.html",
        "search.html",
        "book/sgd.html",
        "book/a.html",
    ):
        (tmp_path / name).touch()
    assert pages(tmp_path) == ["book/a.html", "book/sgd.html", "search.html"]


def test_a_missing_tool_is_named_in_one_line(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(SystemExit) as end:
        find_chromium()
    assert str(end.value).startswith("Not found: Node.js, npm, Chromium. On Debian")
    assert "\n" not in str(end.value)


def test_what_is_installed_is_pinned_and_no_host_is_named():
    lock = json.loads(TABLE.with_name("package-lock.json").read_text("utf8"))
    asked = lock["packages"].pop("")["dependencies"]
    for name, wanted in asked.items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == wanted
    assert all(
        "integrity" in p and "resolved" not in p for p in lock["packages"].values()
    )
