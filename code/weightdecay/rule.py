"""What a rule and a direction are, and the check of what they are given."""

import functools
import inspect
from collections.abc import Callable, Set
from typing import Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar, get_args

from torch import Tensor

from weightdecay.settings import check

# What is remembered between steps; only who wrote it reads it.
State: TypeAlias = tuple[Any, ...] | None
# New weights, or the direction of a step, with the state after it.
Step: TypeAlias = tuple[Tensor, State]
Settings = ParamSpec("Settings")
Result = TypeVar("Result")


class Rule(Protocol[Settings]):
    """One step: from weights, their gradient and a state to new weights and state."""

    def __call__(
        self, w: Tensor, g: Tensor | None, state: State = None,
        *none: Settings.args, **settings: Settings.kwargs,
    ) -> Step:  # fmt: skip
        """Return the weights and the state after the step."""


def rule(
    step: Callable[Concatenate[Tensor, Tensor, State, Settings], Step],
) -> Rule[Settings]:
    """Make a rule refuse settings that it does not take or that are out of range.

    It refuses a gradient that does not fit the weights, too. Without a gradient it then
    does nothing.
    """
    refuse = refusal(step)

    @functools.wraps(step)
    def checked(
        w: Tensor, g: Tensor | None, state: State = None,
        *none: Settings.args, **settings: Settings.kwargs,
    ) -> Step:  # fmt: skip
        refuse(settings)
        if g is None:
            return w, state
        if getattr(w, "shape", None) != getattr(g, "shape", 0):
            _refuse_misfits(w, g)
        return step(w, g, state, *none, **settings)

    return checked


def direction(step: Callable[Settings, Result]) -> Callable[Settings, Result]:
    """Make a direction refuse settings that it does not take or out of range."""
    refuse = refusal(step)

    @functools.wraps(step)
    def checked(*given: Settings.args, **settings: Settings.kwargs) -> Result:
        refuse(settings)
        return step(*given, **settings)

    return checked


def is_rule(update: Callable[..., object]) -> bool:
    """Return whether the arguments of a function begin with ``(w, g``."""
    try:
        names = list(inspect.signature(update).parameters)
    except (TypeError, ValueError):  # not callable, or written in C
        return False
    return names[:2] == ["w", "g"]


def refusal(step: Callable[..., object]) -> Callable[[dict[str, object]], None]:
    """Return a function that refuses the wrong settings of ``step``.

    It raises ``TypeError`` for a name that is unknown or missing, and what
    :func:`weightdecay.settings.check` raises.
    """
    taken = settings_of(step)
    needed = {name for name, is_needed in taken.items() if is_needed}

    accepted: set[tuple[str, ...]] = set()

    def refuse(settings: dict[str, object]) -> None:
        # The names are the same at every step.
        if tuple(settings) not in accepted:
            refuse_names(settings.keys())
            accepted.add(tuple(settings))
        check(**settings)

    def refuse_names(given: Set[str]) -> None:
        if not needed <= given <= taken.keys():
            wrong = "needs" if needed - given else "does not take"
            names = ", ".join(sorted(needed - given or given - taken.keys()))
            all_names = ", ".join(taken)
            raise TypeError(f"{step.__name__} {wrong} {names}. It takes {all_names}")

    return refuse


def settings_of(step: Callable[..., object]) -> dict[str, bool]:
    """Return the settings that a function takes by name, and whether it needs them."""
    names: dict[str, bool] = {}
    for name, parameter in inspect.signature(step).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            names[name] = parameter.default is parameter.empty
        elif parameter.kind is parameter.VAR_KEYWORD:
            (more,) = get_args(parameter.annotation)
            names |= {n: n in more.__required_keys__ for n in more.__annotations__}
    return names


def _refuse_misfits(w: object, g: object) -> None:
    for name, x in {"w": w, "g": g}.items():
        if not isinstance(x, Tensor):
            raise TypeError(f"{name} must be a tensor, got {x!r}: try torch.tensor")
    raise ValueError(f"g must have the shape of w, got {_shape(g)} for {_shape(w)}")


def _shape(x: Any) -> tuple[int, ...]:
    return tuple(x.shape)
