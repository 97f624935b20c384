"""What is wrong with the files of a website, without a browser."""

from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

# Where a page names another file.
_ADDRESSES = {"a": "href", "link": "href", "img": "src", "script": "src"}


def html_files(site):
    """Return the pages of a website."""
    return sorted(site.rglob("*.html"))


def soup(page):
    """Return a page, parsed."""
    return BeautifulSoup(page.read_text("utf8"), "html.parser")


def broken_links(site):
    """Return ``page -> address`` for every address that leads nowhere in the site."""
    pages = {page: soup(page) for page in html_files(site)}
    anchors = {page: _anchors(parsed) for page, parsed in pages.items()}
    return [
        f"{page.relative_to(site)} -> {address}"
        for page, parsed in pages.items()
        for address in _addresses(parsed)
        if not _resolves(page, address, anchors)
    ]


def _anchors(parsed):
    named = [tag["id"] for tag in parsed.find_all(id=True)]
    return {
        "",
        "top",
        *named,
        *(tag["name"] for tag in parsed.find_all("a", {"name": 1})),
    }


def _addresses(parsed):
    for name, attribute in _ADDRESSES.items():
        for tag in parsed.find_all(name):
            if tag.get(attribute) and not urlsplit(tag[attribute]).scheme:
                yield tag[attribute]


def _resolves(page, address, anchors):
    parts = urlsplit(address)
    target = page if not parts.path else (page.parent / unquote(parts.path)).resolve()
    known = anchors.get(target)
    return target.is_file() and (known is None or unquote(parts.fragment) in known)


def poor_images(parsed):
    """Return the images that lack a text for the blind, or their size."""
    wanted = ("alt", "width", "height")
    return [
        str(image)
        for image in parsed.find_all("img")
        if not all(image.get(attribute) for attribute in wanted)
    ]


def repeated_ids(parsed):
    """Return the ids that more than one element has."""
    seen = [tag["id"] for tag in parsed.find_all(id=True)]
    return sorted({name for name in seen if seen.count(name) > 1})


def foreign_addresses(parsed):
    """Return what the page would load from another host."""
    loading = parsed.find_all(["script", "img", "iframe", "link"])
    loading = [tag for tag in loading if tag.get("rel") != ["canonical"]]
    found = [tag.get("src") or tag.get("href") or "" for tag in loading]
    return [address for address in found if urlsplit(address).netloc]
