"""The commands of ``python -m weightdecay``."""

import ast
import functools
import importlib
import inspect
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any, NoReturn

import typer

from weightdecay.conventions import CONVENTIONS
from weightdecay.conversion import approximate
from weightdecay.conversion import convert as converted
from weightdecay.horizons import BITS, SCHEDULES
from weightdecay.horizons import horizon as told

PASS_SCHEDULE = "Pass --schedule constant; or linear, or cosine, with --steps"

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Which weight decay an optimizer does, what another one calls it, and how far "
    "it reaches.",
    epilog="Exit codes: 0, answered; 1, it can't be answered, with why; 2, the command "
    "was not understood.",
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def probe(
    optimizer: Annotated[
        str, typer.Argument(help="An importable class, such as torch.optim.AdamW.")
    ],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting, such as momentum=0.9. Repeat for more."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask an optimizer, by stepping it, which weight decay it does."""
    with _refusals():
        make = _imported(optimizer)
        settings = dict(_setting(text) for text in set_ or [])
        _refuse_unknown(optimizer, make, settings)
        from weightdecay.probe import ask

        answer = ask(functools.partial(make, **settings))
    _show(str(answer), asdict(answer) | {"kept": answer.kept}, as_json)


@app.command()
def convert(
    weight_decay: Annotated[float, typer.Argument(help="The number that it has.")],
    source: Annotated[
        str, typer.Argument(help="The API that has the number, such as keras.SGD.")
    ],
    target: Annotated[
        str, typer.Argument(help="The API that needs one. weightdecay apis lists them.")
    ],
    lr: Annotated[float | None, typer.Option(help="The learning rate.")] = None,
    momentum: Annotated[float | None, typer.Option(help="That of SGD.")] = None,
    dampening: Annotated[float | None, typer.Option(help="That of SGD.")] = None,
    n: Annotated[float | None, typer.Option(help="How many losses a sum has.")] = None,
    steps: Annotated[int | None, typer.Option(help="Those of the run.")] = None,
    schedule: Annotated[
        str | None, typer.Option(help=f"{', '.join(SCHEDULES)}: how lr changes.")
    ] = None,
    near: Annotated[
        bool, typer.Option("--near", help="Where none fits, one to start from.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Turn the weight_decay of one API into that of another."""
    from weightdecay.horizons import multipliers

    with _refusals():
        run: dict[str, Any] = {"lr": lr, "momentum": momentum, "n": n, "steps": steps}
        if schedule is not None:
            run["multipliers"] = multipliers(schedule, steps or 1)
        if near:
            run.setdefault("multipliers", [1.0])
            start = approximate(
                weight_decay, source, target, dampening=dampening, **run
            )
            words = (
                f"{start.weight_decay:.10g}\n{start.why}. Apart by {start.apart:.2g}."
            )
            _show(words, start._asdict(), as_json)
            return
        number = converted(weight_decay, source, target, **run)
    _show(f"{number:.10g}", {"weight_decay": number}, as_json)


@app.command()
def horizon(
    lr: Annotated[float, typer.Option(help="The largest learning rate.")],
    weight_decay: Annotated[float, typer.Option(help="AdamW's, or SGD's.")],
    steps: Annotated[int, typer.Option(help="Those of the run.")],
    schedule: Annotated[
        str, typer.Option(help=f"{', '.join(SCHEDULES)}: how lr changes.")
    ] = "constant",
    dtype: Annotated[
        str, typer.Option(help=f"That of the weights: {', '.join(BITS)}.")
    ] = "float32",
    as_json: Json = False,
) -> None:
    """Say how far decay reaches: share per step, half-life, and what is left."""
    with _refusals():
        found = told(lr, weight_decay, steps, schedule, dtype)
    _show(str(found), found.as_dict(), as_json)


@app.command()
def apis(as_json: Json = False) -> None:
    """List the APIs that convert knows."""
    names = sorted(CONVENTIONS, key=str.lower)
    _show("\n".join(names), names, as_json)


def _imported(path: str) -> Callable[..., Any]:
    """Return what an import path names."""
    module, _, name = path.rpartition(".")
    if not module:
        raise ValueError(f"{path}: give the whole path, such as torch.optim.{path}")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as missing:
        raise ValueError(f"{path}: {missing}. Is the package installed?") from None
    if found is None:
        raise ValueError(f"{path}: {module} has no {name}")
    if not callable(found):
        raise ValueError(f"{path} is no class or function")
    return found  # type: ignore[no-any-return]


def _setting(text: str) -> tuple[str, Any]:
    name, is_there, value = text.partition("=")
    if not is_there or not name.isidentifier():
        raise ValueError(f"--set {text}: write it as name=value, such as momentum=0.9")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def _refuse_unknown(
    path: str, make: Callable[..., Any], settings: dict[str, Any]
) -> None:
    try:
        taken = inspect.signature(make).parameters
    except (TypeError, ValueError):
        return
    if any(p.kind is p.VAR_KEYWORD for p in taken.values()):
        return
    for name in settings:
        if name not in taken:
            known = ", ".join(p for p in taken if p not in ("params", "self"))
            raise ValueError(f"{path} takes no {name}. It takes {known}")


@contextmanager
def _refusals() -> Iterator[None]:
    """Print a refusal as one message and exit with 1."""
    try:
        yield
    except (TypeError, ValueError, KeyError) as refusal:
        _refuse(str(refusal))


def _refuse(message: str) -> NoReturn:
    # The library names its arguments, the command line has options.
    message = re.sub(r"Pass multipliers=\.\.\..*", PASS_SCHEDULE, message, flags=re.S)
    message = re.sub(r"(?:Pass|pass) (\w+)=\.\.\.", r"Pass --\1", message)
    message = message.replace("Ask conversion.approximate", "Ask with --near")
    typer.echo(f"weightdecay: {message}", err=True)
    raise typer.Exit(1)


def _show(words: str, data: object, as_json: bool) -> None:
    typer.echo(json.dumps(data) if as_json else words)
