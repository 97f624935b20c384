"""Hand a cell's results to the prose, so that no measured number is typed."""

from typing import Any

from torch import Tensor

from weightdecay.extras import extra

with extra("book"):
    from IPython.display import publish_display_data

# The format that myst-nb's glue roles read; nothing of it is shown in a notebook.
_UNSEEN = "application/papermill.record/"


def quote(**values: object) -> None:
    """Give each value its name, by which the prose shows it.

    A value is a number, a text, or a tensor or array with one element. Raises
    ``TypeError`` for anything else, which could not be formatted inside a sentence.
    Without Sphinx, in a plain notebook or script, it shows nothing.
    """
    for name, value in values.items():
        value = value.item() if hasattr(value, "item") and _size(value) == 1 else value
        if not isinstance(value, (int, float, str)):
            raise TypeError(f"quote({name}=...): a number or a text, got {value!r}")
        publish_display_data(
            {f"{_UNSEEN}text/plain": repr(value)},
            {"scrapbook": {"name": name, "mime_prefix": _UNSEEN}},
        )


def _size(value: Any) -> int:
    return int(value.numel() if isinstance(value, Tensor) else value.size)
