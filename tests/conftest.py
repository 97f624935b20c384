"""What holds for each test."""

import draws
import pytest


@pytest.fixture(autouse=True)
def same_draws():
    """Begin with the same random numbers, in whatever order tests run."""
    draws.STREAM.manual_seed(0)
