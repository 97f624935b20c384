"""The tables of what was read and measured, which come with the package."""

import csv
from pathlib import Path

DATA = Path(__file__).with_name("data")


def read(name: str) -> list[dict[str, str]]:
    """Return the rows of a table in ``data/``, each a dict of texts by column."""
    return list(csv.DictReader((DATA / name).read_text("utf8").splitlines()))
