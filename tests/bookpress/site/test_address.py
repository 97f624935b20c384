"""The site's address: in one place, and nothing while it is not there."""

import subprocess
from xml.etree import ElementTree

from bookpress.site.address import address, sitemap
from bookpress.site.last_changed import last_changed


def test_the_address_is_read_from_the_project(tmp_path):
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\nurls = { Documentation = "https://example.org/b" }')
    assert address(project) == "https://example.org/b/"
    project.write_text('[project]\nname = "b"')
    assert address(project) == ""


def test_a_sitemap_names_pages_and_days():
    pages = {"https://example.org/?a&b": "2026-01-31", "https://example.org/": None}
    root = ElementTree.fromstring(sitemap(pages))
    texts = [[child.text for child in url] for url in root]
    assert texts == [
        ["https://example.org/"],
        ["https://example.org/?a&b", "2026-01-31"],
    ]


def test_a_file_has_the_day_of_its_own_last_commit(tmp_path):
    def git(*arguments):
        me = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *me, *arguments], cwd=tmp_path, check=True)

    git("init", "-q")
    for day, name in [("2025-01-02", "a.md"), ("2025-03-04", "b.md")]:
        (tmp_path / name).write_text(name)
        git("add", name)
        git("commit", "-q", "-m", name, "--date", f"{day}T12:00:00Z")
    assert last_changed(tmp_path / "a.md") == "2025-01-02"
    assert last_changed(tmp_path / "c.md") is None


def test_outside_a_repository_no_day_is_known(tmp_path):
    assert last_changed(tmp_path / "a.md") is None
