"""The one list of what happens when."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import bookpress
from bookpress.order import EXTENSIONS, HOOKS

PRESS = Path(bookpress.__file__).parent
NAMED = [(event, name) for event, hooks in HOOKS.items() for _, name in hooks]


def test_each_hook_is_there_and_of_an_extension():
    for _, name in NAMED:
        module, _, function = name.rpartition(".")
        assert module in [*EXTENSIONS, "write.live"]
        assert callable(
            getattr(importlib.import_module(f"bookpress.{module}"), function)
        )


def test_each_hook_takes_what_its_event_gives():
    given = {"config-inited": 2, "builder-inited": 1, "env-get-outdated": 5}
    given |= {"env-before-read-docs": 3, "env-purge-doc": 3, "source-read": 3}
    given |= {"doctree-read": 2, "env-updated": 2, "env-get-updated": 2}
    given |= {"env-check-consistency": 2, "doctree-resolved": 3}
    given |= {"html-collect-pages": 1, "html-page-context": 5, "build-finished": 2}
    for event, name in NAMED:
        module, _, function = name.rpartition(".")
        handler = getattr(importlib.import_module(f"bookpress.{module}"), function)
        assert len(inspect.signature(handler).parameters) == given[event], name


def test_nobody_connects_beside_the_list():
    for file in PRESS.rglob("*.py"):
        if file.name != "order.py":
            assert "app.connect(" not in file.read_text("utf8"), file


def test_the_hooks_of_an_event_stand_in_their_order():
    for hooks in HOOKS.values():
        ranks = [
            (number, EXTENSIONS.index(name.rpartition(".")[0]))
            for number, name in hooks
            if not name.startswith("write.live")
        ]
        assert ranks == sorted(ranks)


def test_each_module_says_when_it_can_be_deleted():
    # What stays for good: the list, and what is run by hand.
    files = {p for p in PRESS.rglob("*.py") if p.name not in ("__init__.py", "cut.py")}
    for file in files - {PRESS / "order.py"}:
        said = ast.get_docstring(ast.parse(file.read_text("utf8")))
        assert re.search("[Dd]elete", said), file
