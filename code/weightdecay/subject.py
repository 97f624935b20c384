"""An optimizer under question: how to make it, feed it and watch it step."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

# Called with [w], lr=... and, if it takes one, weight_decay=...
Make: TypeAlias = Callable[..., Optimizer]
# Gives an optimizer the gradient of a weight, and steps it.
Feed: TypeAlias = Callable[[Optimizer, Tensor, Tensor], None]
# Takes a step from w with g and lr, where the last of its arguments steps with a g.
ByHand: TypeAlias = Callable[[Tensor, Tensor, float, Callable[[Tensor], None]], object]

LR, WEIGHT_DECAY = 0.1, 0.3
# A weight is put in place after the warm-up. RAdam divides from its sixth step on.
STEPS, CHANGE, WARM = 12, 4, 8
MATRIX, VECTOR = (2, 2), (2,)


def find_subject(make: Make, shape: tuple[int, ...]) -> "Subject":
    """Return the first way of making and feeding an optimizer that moves a weight.

    The weight is a double, or else a float; the gradient comes as a tensor, through a
    closure, sparse, or as one that can be differentiated. Raises ``ValueError`` with
    what went wrong if nothing helps.
    """
    feeds = product(
        (torch.float64, torch.float32), (_plain, _closure, _sparse, _curved)
    )
    tried: dict[str, None] = {}
    for (dtype, feed), knob in product(feeds, (True, False)):
        subject = Subject(make, shape, feed, dtype, knob)
        try:
            moves = subject.path(0.0)
        except Exception as error:
            tried[f"{type(error).__name__}: {error}"] = None
            continue
        if moves.isfinite().all() and moves.any():
            return subject
        tried["its steps give NaN" if moves.any() else "its steps do not move"] = None
    kind = "a matrix" if shape == MATRIX else "a vector"
    raise ValueError(f"With {kind} as parameter: {' / '.join(tried)}")


@contextmanager
def seeded() -> Iterator[None]:
    """Give an optimizer that draws random numbers the same ones at each run."""
    before = np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        np.random.seed(0)
        try:
            yield
        finally:
            np.random.set_state(before)


@dataclass(frozen=True)
class Subject:
    """An optimizer with a shape that it takes and a way of feeding it.

    ``knob`` says whether ``make`` takes a ``weight_decay``.
    """

    make: Make
    shape: tuple[int, ...]
    feed: Feed
    dtype: torch.dtype
    knob: bool = True

    def optimizer(
        self, params: list[Tensor], lr: float, weight_decay: float | None
    ) -> Optimizer:
        """Make the optimizer; with ``None`` the weight_decay is its own default."""
        decay = {"weight_decay": weight_decay} if self.knob else {}
        return self.make(params, lr=lr, **({} if weight_decay is None else decay))

    def weight(self, size: float = 1.0) -> Tensor:
        """Return a weight of which no two elements are alike, the first being size."""
        n = math.prod(self.shape)
        return size * torch.linspace(1, 0.5, n, dtype=self.dtype).reshape(self.shape)

    def gradient(self, k: int) -> Tensor:
        """Return the gradient of step k: signs stay, sizes vary.

        It may be larger or smaller than weight_decay * w, so that a penalty turns the
        sign of some elements.
        """
        n = math.prod(self.shape)
        signs = torch.tensor([1.0, -1.0, -1.0, 1.0])[:n]
        sizes = torch.linspace(0.1, 0.2, n) * (1 + 0.5 * math.sin(k + 1))
        return (signs * sizes).to(self.dtype).reshape(self.shape)

    def walk(
        self,
        weight_decay: float | None,
        places: dict[int, Tensor],
        *,
        lr: float = LR,
        later: float = LR,
        loud: float = 1.0,
        by_hand: ByHand | None = None,
    ) -> Tensor:
        """Take the steps and return how each of them moved the weight.

        The weight is set to ``places[k]`` before step k. From some step on lr is
        ``later``; gradients are ``loud`` times as large. ``by_hand(w, g, lr, step)``
        takes the step, if it is given.
        """
        with seeded():
            w = torch.nn.Parameter(torch.zeros(self.shape, dtype=self.dtype))
            optimizer = self.optimizer([w], lr, weight_decay)
            step = partial(self._step, optimizer, w)
            moves = []
            for k in range(STEPS):
                if k in places:
                    w.data.copy_(places[k])
                now = _schedule(optimizer, lr if k < CHANGE else later)
                old, g = w.detach().clone(), loud * self.gradient(k)
                by_hand(w.data, g, now, step) if by_hand else step(g)
                moves.append(w.detach() - old)
        return torch.stack(moves)

    def _step(self, optimizer: Optimizer, w: Tensor, g: Tensor) -> None:
        self.feed(optimizer, w, g.clone())

    def path(
        self,
        weight_decay: float | None,
        by_hand: ByHand | None = None,
        warm: bool = False,
    ) -> Tensor:
        """Walk freely from one weight, with half the lr from some step on.

        If ``warm``, only after a warm-up at zero, where nothing can decay.
        """
        start = {WARM if warm else 0: self.weight()}
        places = self._zeros(WARM if warm else 0) | start
        moves = self.walk(weight_decay, places, later=LR / 2, by_hand=by_hand)
        return moves[WARM if warm else 0 :].cumsum(0)

    def move(self, weight_decay: float | None, size: float, **settings: Any) -> Tensor:
        """Warm up at zero and step once at a weight.

        Returns the move of that step and of the next one, taken at zero again.
        """
        places = self._zeros(STEPS) | {WARM: self.weight(size)}
        return self.walk(weight_decay, places, **settings)[WARM : WARM + 2]

    def alone(self, w: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
        """Step once from w, beside a weight without gradient; return both weights."""
        w, idle = (torch.nn.Parameter(w.clone()) for _ in range(2))
        with seeded():
            self.feed(self.optimizer([w, idle], LR, WEIGHT_DECAY), w, g)
        return w.detach(), idle.detach()

    def _zeros(self, steps: int) -> dict[int, Tensor]:
        return dict.fromkeys(range(steps), torch.zeros(self.shape, dtype=self.dtype))


def _schedule(optimizer: Optimizer, lr: float) -> float:
    for group in optimizer.param_groups:
        group["lr"] = lr
    return lr


def _plain(optimizer: Optimizer, w: Tensor, g: Tensor) -> None:
    w.grad = g
    optimizer.step()


def _closure(optimizer: Optimizer, w: Tensor, g: Tensor) -> None:
    def closure() -> float:
        w.grad = g.clone()
        return (g * w.detach()).sum().item()

    closure()
    optimizer.step(closure)


def _sparse(optimizer: Optimizer, w: Tensor, g: Tensor) -> None:
    _plain(optimizer, w, g.to_sparse())


def _curved(optimizer: Optimizer, w: Tensor, g: Tensor) -> None:
    # For optimizers that differentiate the gradient: its value is g, its slope 1.
    _plain(optimizer, w, g + (w - w.detach()))
