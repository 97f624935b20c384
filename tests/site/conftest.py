"""The built website, which these tests look at as a reader gets it."""

from pathlib import Path

import pytest

SITE = Path(__file__).parents[2] / "_build/html"


@pytest.fixture(scope="session")
def site():
    """Return the folder of the website; it must have been built."""
    if not (SITE / "index.html").exists():
        pytest.fail("There is no website to test. Build it: make book")
    return SITE
