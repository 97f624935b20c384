"""Networks whose weights stand before normalisations: scale them, train and look."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from weightdecay.examples import Examples
from weightdecay.settings import FINITE, NOT_NEGATIVE, check, demand

NORMS = (nn.BatchNorm1d, nn.LayerNorm, nn.RMSNorm)


def matrices(net: nn.Sequential) -> list[Tensor]:
    """Return the weight of each linear layer that a normalisation follows."""
    return [
        layer.weight
        for layer, after in pairwise(net)
        if isinstance(layer, nn.Linear) and isinstance(after, NORMS)
    ]


def groups(net: nn.Sequential, **settings: Any) -> list[dict[str, Any]]:
    """Return two groups for an optimizer: ``matrices``, and all others.

    The settings, such as ``lr`` and ``weight_decay``, are those of the first group.
    """
    first = matrices(net)
    known = {id(w) for w in first}
    others = [w for w in net.parameters() if id(w) not in known]
    return [{"params": first, **settings}, {"params": others}]


@torch.no_grad()
def scale(weights: Iterable[Tensor], by: float) -> None:
    """Multiply weights by a number, in place."""
    demand("by", by, FINITE)
    for w in weights:
        w *= by


def set_eps(net: nn.Sequential, eps: float) -> nn.Sequential:
    """Give each normalisation of a network another eps, and return the network."""
    demand("eps", eps, NOT_NEGATIVE)
    for layer in net:
        if isinstance(layer, NORMS):
            layer.eps = eps
    return net


def train(
    net: nn.Sequential, optimizer: Optimizer, data: Examples,
    look: Callable[[nn.Sequential], Tensor],
    scheduler: LRScheduler | None = None,
    steps: int = 200, seed: int = 0,
) -> Tensor:  # fmt: skip
    """Train a classifier; return what ``look`` saw after each step.

    Each batch is 50 examples drawn by ``seed``, whatever the network.
    """
    check(steps=steps, seed=seed)
    stream, seen = torch.Generator().manual_seed(seed), []
    for _ in range(steps):
        now = torch.randint(len(data.y), (50,), generator=stream)
        optimizer.zero_grad()
        out = net(data.x[now])
        nn.functional.cross_entropy(out, data.y[now]).backward()
        optimizer.step()
        if scheduler:
            scheduler.step()
        seen.append(look(net).detach().clone())
    return torch.stack(seen)


def sizes(net: nn.Sequential) -> Tensor:
    """Return the norm of each of the ``matrices`` and of its gradient: (n, 2)."""
    pairs = [
        (w, torch.zeros_like(w) if w.grad is None else w.grad) for w in matrices(net)
    ]
    return torch.stack([torch.stack([w.norm(), g.norm()]) for w, g in pairs]).detach()


def cosines(net: nn.Sequential, data: Examples) -> tuple[Tensor, Tensor]:
    """Return the cosines between the last of the ``matrices`` and its gradient.

    The first is the largest in size that a row has with its gradient, the second that
    of the whole matrix, for the loss on all training examples.
    """
    w = matrices(net)[-1]
    loss = nn.functional.cross_entropy(net(data.x), data.y)
    (g,) = torch.autograd.grad(loss, w)
    cosine = nn.functional.cosine_similarity
    rows, whole = cosine(w, g), cosine(w.ravel(), g.ravel(), dim=0)
    return rows.detach().abs().max(), whole.detach().abs()
