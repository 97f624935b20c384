"""The host of the benchmarks, asked over the network."""

import gzip
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from hosting import serve


@pytest.fixture
def host(tmp_path):
    (tmp_path / "a.html").write_text("<p>text" * 100)
    (tmp_path / "b.png").write_bytes(b"\x89PNG")
    return serve(tmp_path)


def test_text_travels_gzipped_and_is_whole(host):
    with urlopen(host + "a.html") as answer:
        body = answer.read()
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == b"<p>text" * 100 and len(body) < 100


def test_an_image_travels_as_it_is(host):
    with urlopen(host + "b.png") as answer:
        assert answer.headers["Content-Encoding"] is None
        assert answer.read() == b"\x89PNG"


@pytest.mark.parametrize("address, seconds", [("a.html", 600), ("b.png?v=1", 31536000)])
def test_only_an_address_with_a_version_is_kept_for_good(host, address, seconds):
    with urlopen(host + address) as answer:
        assert f"max-age={seconds}" in answer.headers["Cache-Control"]


def test_what_is_missing_is_404(host):
    with pytest.raises(HTTPError, match="404") as answer:
        urlopen(host + "none.html")
    answer.value.close()
