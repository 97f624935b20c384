"""Random numbers for tests: the same in each test, in whatever order tests run."""

import torch

STREAM = torch.Generator()


def draw(*shape):
    """Return standard normal numbers; ``conftest.py`` sets the stream before a test."""
    return torch.randn(*shape, generator=STREAM, dtype=torch.float64)
