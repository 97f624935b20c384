"""Small networks, made anew from a seed, with and without normalisation."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor, nn

from weightdecay.settings import FUNCTION, check, demand

Make: TypeAlias = Callable[[int], nn.Module]
# Batch statistics always: no running mean that training would change beside the rule.
NORMS: dict[str | None, Callable[[int, bool], nn.Module] | None] = {
    None: None,
    "batch": lambda n, affine: nn.BatchNorm1d(
        n, affine=affine, track_running_stats=False
    ),
    "layer": lambda n, affine: nn.LayerNorm(n, elementwise_affine=affine),
    "rms": lambda n, affine: nn.RMSNorm(n, elementwise_affine=affine),
}


class Dropout(nn.Module):
    """Zero a share ``p`` of the features of each example, and divide by 1 - p.

    ``torch.nn.Dropout`` draws from the one stream of the process, so that networks that
    are trained together would draw otherwise than each alone. Here who trains draws a
    mask and sets the buffer ``keep``, of shape (examples, features). It is 1 where
    nobody sets it: in evaluation, and if p is 0.
    """

    keep: Tensor

    def __init__(self, features: int, p: float) -> None:
        """Keep all, until a mask is set."""
        super().__init__()
        check(p=p)
        self.p, self.features = p, features
        self.register_buffer("keep", torch.ones(1, features), persistent=False)

    def draw(self, examples: int, generator: torch.Generator) -> Tensor:
        """Return a mask for so many examples, with the numbers of ``generator``."""
        kept = torch.rand(examples, self.features, generator=generator) >= self.p
        return kept.to(self.keep.dtype) / (1 - self.p)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` of shape (examples, features) where it is kept."""
        return x * self.keep if self.training else x


class Square(nn.Module):
    """Square each feature: the activation of a quadratic network."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the squares, in the shape of ``x``."""
        return x.square()


def mlp(
    widths: Sequence[int],
    *,
    activation: Callable[[], nn.Module] = nn.ReLU,
    normalise: str | None = None,
    affine: bool = True,
    dropout: float = 0.0,
    bias: bool = True,
    dtype: torch.dtype = torch.float32,
) -> Make:
    """Return a function of a seed that makes layers of these widths.

    widths
        Of the inputs, of each hidden layer and of the outputs: (64, 100, 10).
    activation
        What makes the function after each hidden layer: ``torch.nn.Tanh``, say.
    normalise
        What each hidden layer goes through before that: ``"batch"`` (by the mean
        and variance of the batch, in evaluation too), ``"layer"``, ``"rms"`` or
        ``None``.
    affine
        Whether a normalisation has a gain and a bias of its own.
    dropout
        Which share of each hidden layer is zeroed, by :class:`Dropout`.

    Raises ``ValueError`` for fewer than two widths or another normalisation.
    """
    if len(widths) < 2:
        raise ValueError(f"widths must be two or more, inputs first, got {widths}")
    for width in widths:
        check(width=width)
    if normalise not in NORMS:
        raise ValueError(f"normalise must be one of {[*NORMS]}, got {normalise!r}")
    check(p=dropout)
    demand("activation", activation, FUNCTION)
    norm = NORMS[normalise]

    def make(seed: int) -> nn.Module:
        check(seed=seed)
        layers: list[nn.Module] = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for inputs, outputs in pairwise(widths[:-1]):
                layers.append(nn.Linear(inputs, outputs, bias=bias))
                layers += [norm(outputs, affine)] if norm else []
                layers.append(activation())
                layers += [Dropout(outputs, dropout)] if dropout else []
            layers.append(nn.Linear(widths[-2], widths[-1], bias=bias))
        return nn.Sequential(*layers).to(dtype)

    return make
