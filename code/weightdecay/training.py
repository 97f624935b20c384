"""Train one network with one setting, by the loop that everybody writes.

``sweep.train`` calls it for each network that can't be trained with others, and for one
alone, where it is the faster; ``batched`` trains many at once by the same draws.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from weightdecay.examples import Examples
from weightdecay.networks import Dropout, Make
from weightdecay.rule import State, is_rule

# lr, weight_decay and seed of one network.
Point: TypeAlias = tuple[float, float, int]
Row: TypeAlias = dict[str, Any]
Objective: TypeAlias = Callable[[Tensor, Tensor], Tensor]
Weights: TypeAlias = dict[str, Tensor]
# Examples that are measured in one pass.
SLICE = 512


@dataclass(frozen=True)
class Task:
    """What the networks of a sweep share; see :func:`weightdecay.sweep.train`."""

    make: Make
    data: Examples
    optimizer: Callable[..., Any]
    schedule: tuple[float, ...]
    batch_size: int
    objective: Objective
    decayed: Callable[[str], bool]
    every: int
    batch_seed: int
    dropout_seed: int
    settings: dict[str, Any]

    def network(self, seed: int) -> nn.Module:
        """Return the network of a seed, where the data are."""
        # A maker may seed PyTorch's own stream, which is the caller's.
        with torch.random.fork_rng():
            return self.make(seed).to(self.data.x.device).train()

    def is_measured(self, k: int) -> bool:
        """Return whether the networks are measured after ``k`` steps."""
        return k == len(self.schedule) or bool(self.every and k % self.every == 0)


def mixed(seed: int, other: int) -> int:
    """Return a seed of its own for each pair of seeds."""
    digest = sha256(f"{seed} {other}".encode()).digest()
    return int.from_bytes(digest[:7], "big")


def batches(task: Task, seed: int) -> Tensor:
    """Return which examples each step sees, of shape (steps, batch_size).

    They come from one shuffle after another; what is left of a shuffle when it is
    shorter than a batch is dropped. Networks of one seed see the same batches.
    """
    n, size = len(task.data.x), task.batch_size
    stream = torch.Generator().manual_seed(mixed(task.batch_seed, seed))
    drawn: list[Tensor] = []
    while len(drawn) < len(task.schedule):
        drawn += torch.randperm(n, generator=stream)[: n // size * size].split(size)
    return torch.stack(drawn[: len(task.schedule)]).to(task.data.x.device)


class Masks:
    """The dropout masks of networks of some seeds, drawn anew for each step."""

    def __init__(self, task: Task, network: nn.Module, seeds: Sequence[int]) -> None:
        """Find the layers that want masks; each seed has a stream of its own."""
        self.layers = {
            name: layer
            for name, layer in network.named_modules()
            if isinstance(layer, Dropout)
        }
        self.size = task.batch_size
        self.streams = [
            torch.Generator().manual_seed(mixed(task.dropout_seed, seed))
            for seed in seeds
        ]

    def draw(self) -> Weights:
        """Return each layer's masks of the next step: (seeds, examples, features)."""
        if not self.layers:
            return {}
        drawn = [
            [layer.draw(self.size, stream) for layer in self.layers.values()]
            for stream in self.streams
        ]
        masks = map(torch.stack, zip(*drawn, strict=True))
        return dict(zip(self.layers, masks, strict=True))


def train_alone(task: Task, point: Point) -> list[Row]:
    """Train one network by a plain loop; return a row for each time it was measured."""
    lr, weight_decay, seed = point
    # What draws from PyTorch's own stream draws the same each time.
    with torch.random.fork_rng():
        torch.manual_seed(mixed(task.dropout_seed, seed))
        network, data = task.network(seed), task.data
        masks, step = (
            Masks(task, network, [seed]),
            _stepper(task, network, weight_decay),
        )
        order, rows, losses = batches(task, seed), list[Row](), list[Tensor]()
        diverged = torch.full((1,), -1, device=data.x.device)
        weights = list(network.parameters())
        for k, (now, multiplier) in enumerate(zip(order, task.schedule, strict=True)):
            for name, keep in masks.draw().items():
                masks.layers[name].keep = keep[0].to(data.x.device)
            for w in weights:
                w.grad = None
            loss = task.objective(network(data.x[now]), data.y[now])
            loss.backward()
            losses.append(loss.detach())
            step(lr * multiplier)
            if task.is_measured(k + 1):
                parts = [
                    w.detach()[None]
                    for name, w in network.named_parameters()
                    if task.decayed(name)
                ]
                # Looked at all together: one look takes as long as a small layer.
                bad = torch.stack(losses).isfinite().logical_not().nonzero()
                if len(bad) and diverged < 0:
                    diverged = k + 1 - len(losses) + bad[0]
                losses.clear()
                found = measured(task, lambda x: network(x)[None], network, parts)
                rows += rows_of([point], k + 1, found, diverged)
    return rows


def _stepper(
    task: Task, network: nn.Module, weight_decay: float
) -> Callable[[float], None]:
    """Return what takes one step with the gradients that are there, at an lr."""
    named = list(network.named_parameters())
    decays = [weight_decay if task.decayed(name) else 0.0 for name, _ in named]
    if is_rule(task.optimizer):
        states: list[State] = [None] * len(named)

        def by_rule(lr: float) -> None:
            for i, ((_, w), decay) in enumerate(zip(named, decays, strict=True)):
                run = {"lr": lr, "weight_decay": decay, **task.settings}
                w.data, states[i] = task.optimizer(w.data, w.grad, states[i], **run)

        return by_rule
    groups = [
        {"params": [w for (_, w), d in zip(named, decays, strict=True) if d == decay]}
        | {"weight_decay": decay}
        for decay in dict.fromkeys(decays)
    ]
    optimizer = task.optimizer(groups, lr=0.0, **task.settings)

    def by_optimizer(lr: float) -> None:
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.step()

    return by_optimizer


def noted(diverged: Tensor, losses: Tensor, steps: int) -> Tensor:
    """Return after how many steps each loss was first not finite, or -1."""
    return diverged.where((diverged >= 0) | losses.isfinite(), steps)


@torch.no_grad()
def measured(
    task: Task,
    outputs: Callable[[Tensor], Tensor],
    network: nn.Module,
    decayed: Sequence[Tensor],
) -> dict[str, Tensor]:
    """Return losses, errors and the norm of the decayed weights, one of each network.

    ``outputs`` gives those of all networks, (networks, examples, ...); ``network`` is
    the module that it calls; ``decayed`` are the weights, each (networks, ...).
    """
    found: dict[str, Tensor] = {}
    network.eval()
    for kind, x, y in task.data.sets():
        sums = []
        for some, wanted in zip(x.split(SLICE), y.split(SLICE), strict=True):
            out = outputs(some)
            losses = [task.objective(each, wanted) * len(some) for each in out]
            sums.append([torch.stack(losses)])
            if not y.is_floating_point():
                sums[-1].append((out.argmax(-1) != wanted).double().sum(-1))
        means = [
            torch.stack(parts).sum(0) / len(x) for parts in zip(*sums, strict=True)
        ]
        found |= zip((f"{kind}_loss", f"{kind}_error"), means, strict=False)
    network.train()
    if decayed:
        found["norm"] = torch.cat([w.flatten(1) for w in decayed], dim=1).norm(dim=1)
    return found


def rows_of(
    points: Sequence[Point], steps: int, found: dict[str, Tensor], diverged: Tensor
) -> Iterator[Row]:
    """Yield a row for each network, with what was measured after so many steps."""
    diverged = noted(diverged, found["train_loss"], steps)
    lists = {name: values.tolist() for name, values in found.items()}
    for i, (point, at) in enumerate(zip(points, diverged.tolist(), strict=True)):
        row: Row = dict(zip(("lr", "weight_decay", "seed"), point, strict=True))
        row |= {"step": steps} | {name: values[i] for name, values in lists.items()}
        yield row | {"diverged": at if at >= 0 else None}
