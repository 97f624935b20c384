"""An optimizer under question: how to make it, feed it and watch it step."""

import logging
import math
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache, partial
from io import StringIO
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from weightdecay.by_hand import Penalise, Rates, Shares, Shrink

# Called with [w], lr=... and, if it takes one, weight_decay=...
Make: TypeAlias = Callable[..., Optimizer]
# Gives an optimizer the gradients of weights, and steps it.
Gradients: TypeAlias = list[tuple[Tensor, Tensor]]
Feed: TypeAlias = Callable[[Optimizer, Gradients], None]
ByHand: TypeAlias = Penalise | Shrink | Shares

LR, WEIGHT_DECAY = 0.1, 0.3
# A prime number of steps, so that a counter that all runs share doesn't come round.
# At step CHANGE lr changes; RAdam divides from its sixth on. What was found in
# STEPS has to hold for LONG.
STEPS, CHANGE, WARM, RETURN, LONG = 13, 4, 8, 50, 101
MATRIX, VECTOR = (3, 2), (3,)
# Two results are one if they differ by less than this part of the decay's effect.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Subject:
    """An optimizer with a shape that it takes and a way of feeding it.

    ``names`` has the name of its lr and of its weight_decay, as far as ``make`` takes
    one; ``off`` is the weight_decay that stands for none, 0 if that is accepted.
    """

    make: Make
    shape: tuple[int, ...]
    feed: Feed
    dtype: torch.dtype
    names: Mapping[str, str]
    lr: float = LR
    weight_decay: float = WEIGHT_DECAY
    off: float = 0.0
    progress: Callable[[str], None] | None = None
    walked: dict[Any, Tensor] = field(default_factory=dict, compare=False, repr=False)

    @property
    def decays(self) -> bool:
        """Whether it takes a weight_decay."""
        return "weight_decay" in self.names

    def optimizer(
        self, params: list[Tensor], lr: float, weight_decay: float | None
    ) -> Optimizer:
        """Make the optimizer; with ``None`` the weight_decay is its own default."""
        values = {"lr": lr, "weight_decay": weight_decay}
        given = {name: values[which] for which, name in self.names.items()}
        return self.make(params, **{k: v for k, v in given.items() if v is not None})

    @property
    def rounding(self) -> float:
        """By how much two ways of computing a weight near 1 may differ."""
        return float(2 * torch.finfo(self.dtype).eps)

    def same(self, a: Tensor, b: Tensor, effect: Tensor) -> bool:
        """Return whether two results are one, if rounding lets the effect be seen."""
        size, gap = (x.abs().max().item() for x in (effect, a - b))
        return size > 5 * self.rounding and gap <= max(TOLERANCE * size, self.rounding)

    def weight(self, size: float = 1.0) -> Tensor:
        """Return a weight of which no two elements are alike, the first being size."""
        return size * _weight(self.shape, self.dtype)

    def gradient(self, k: int) -> Tensor:
        """Return the gradient of step k: sizes vary, and signs turn now and then.

        It may be larger or smaller than weight_decay * w, so that a penalty turns the
        sign of some elements. Two are orthogonal to the weight, the first being one.
        """
        return _gradient(k, self.shape, self.dtype)

    def walk(
        self,
        weight_decay: float | None,
        *,
        size: float = 1.0,
        places: tuple[tuple[int, float], ...] = (),
        lr: float | None = None,
        changes: tuple[tuple[int, float], ...] = (),
        gradient_scale: float = 1.0,
        by_hand: ByHand | None = None,
        steps: int = STEPS,
        again: int = 0,
    ) -> Tensor:
        """Take the steps and return how each of them moved the weight.

        The optimizer is made at ``weight(size)``; ``places`` says before which step the
        weight is put to which size, ``changes`` from which step on lr is multiplied by
        what; gradients are ``gradient_scale`` times as large. ``by_hand`` takes the
        steps, if it is given. The same walk is taken once, unless ``again`` is another
        number.
        """
        lr = lr or self.lr
        asked = (weight_decay, size, places, lr, changes)
        key = (*asked, gradient_scale, by_hand, steps, again)
        if key not in self.walked:
            if self.progress:
                self.progress(f"run {len(self.walked) + 1} with {self.shape}")
            with seeded(), silent():
                self.walked[key] = self._walk(*asked, gradient_scale, by_hand, steps)
        return self.walked[key]

    def _walk(
        self,
        weight_decay: float | None,
        size: float,
        places: tuple[tuple[int, float], ...],
        lr: float,
        changes: tuple[tuple[int, float], ...],
        gradient_scale: float,
        by_hand: ByHand | None,
        steps: int,
    ) -> Tensor:
        w = torch.nn.Parameter(self.weight(size))
        optimizer = self.optimizer([w], lr, weight_decay)
        step = partial(self._step, optimizer, w)
        moves, put, change = [], dict(places), dict(changes)
        now = before = lr
        for k in range(steps):
            if k in put:
                w.data.copy_(self.weight(put[k]))
            before, now = now, lr * change.get(k, now / lr)
            if now != before:
                scale_lr(optimizer, now / before)
            old, g = w.detach().clone(), gradient_scale * self.gradient(k)
            rates = Rates(k, now, before, lr)
            by_hand(w, g, rates, step) if by_hand else step(g)
            moves.append(w.detach().double() - old.double())
        return torch.stack(moves)

    def _step(self, optimizer: Optimizer, w: Tensor, g: Tensor) -> None:
        self.feed(optimizer, [(w, g.clone())])

    def path(
        self,
        weight_decay: float | None,
        by_hand: ByHand | None = None,
        warm: bool = False,
        steps: int = LONG,
        again: int = 0,
    ) -> Tensor:
        """Walk freely, and soon with half the lr; return how far it came.

        Much later lr is doubled again, and the weight is put back. If ``warm``, it is
        put back before each of the first steps too, and the path begins after them.
        """
        put_back = (*range(1, WARM + 1), RETURN) if warm else (RETURN,)
        places = tuple((k, 1.0) for k in put_back)
        changes = ((CHANGE + (WARM if warm else 0), 0.5), (RETURN, 1.0))
        how: dict[str, Any] = {"places": places, "by_hand": by_hand, "steps": steps}
        moves = self.walk(weight_decay, changes=changes, again=again, **how)
        return moves[WARM if warm else 0 :].cumsum(0)

    def held(
        self, weight_decay: float, size: float = 1.0, away: float = 1.0, **how: Any
    ) -> Tensor:
        """Put the weight back before each step, one step ``away`` times as far out."""
        places = ((k, size * (away if k == WARM else 1)) for k in range(1, STEPS))
        return self.walk(weight_decay, size=size, places=tuple(places), **how)

    def idle(self, weight_decay: float, warm: bool, size: float = 1.0) -> Tensor:
        """Return how a weight without gradient moves, beside one that has one.

        If ``warm``, both had gradients before. ``size`` is that of the weight.
        """
        w, idle = (torch.nn.Parameter(self.weight()) for _ in range(2))
        with seeded(), silent():
            optimizer = self.optimizer([w, idle], self.lr, weight_decay)
            for k in range(WARM if warm else 0):
                g = self.gradient(k)
                self.feed(optimizer, [(w, g.clone()), (idle, g.clone())])
            idle.data.copy_(self.weight(size))
            self._step(optimizer, w, self.gradient(WARM))
        return idle.detach().double() - self.weight(size).double()


@cache
def _gradient(k: int, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    n = math.prod(shape)
    signs = torch.tensor([1.0, -1.0, -1.0]).repeat(n // 3 + 1)[:n]
    noise = torch.randn(n, generator=torch.Generator().manual_seed(k))
    g = 0.15 * (signs + 0.7 * noise)
    if k in (0, RETURN) and n > 1:
        w = _weight(shape, torch.float32).flatten()
        g -= (g @ w) / (w @ w) * w
    return g.to(dtype).reshape(shape)


def _weight(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.linspace(1, 0.5, math.prod(shape), dtype=dtype).reshape(shape)


def scale_lr(optimizer: Optimizer, factor: float) -> None:
    """Multiply the lr of each group; a tensor stays the same one, as in a scheduler."""
    for group in optimizer.param_groups:
        if isinstance(group.get("lr"), Tensor):
            group["lr"].mul_(factor)
        elif "lr" in group:
            group["lr"] = group["lr"] * factor


@contextmanager
def seeded() -> Iterator[None]:
    """Give an optimizer that draws random numbers the same ones at each run."""
    before = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        _seed_torch()
        random.seed(0)
        np.random.seed(0)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])


def _seed_torch() -> None:
    # torch.manual_seed notes the whole call stack for each kind of device that is not
    # there, which takes longer than a run of a few steps.
    torch.default_generator.manual_seed(0)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(0)


@contextmanager
def silent() -> Iterator[None]:
    """Keep what an optimizer prints, logs and warns off the terminal."""
    level = logging.root.manager.disable
    with (
        redirect_stdout(StringIO()),
        redirect_stderr(StringIO()),
        warnings.catch_warnings(action="ignore"),
    ):
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(level)
