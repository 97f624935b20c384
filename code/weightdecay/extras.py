"""What only some modules need, and what to install where it is missing."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Import inside; where a package is missing, name the extra that brings it.

    Raises ``ModuleNotFoundError`` with the command to run.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            f"{missing.name} is not installed: pip install 'weightdecay[{name}]'",
            name=missing.name,
        ) from None
