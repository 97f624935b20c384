"""One step of each optimizer, as a pure function, in the book's order.

Every rule has one signature, ``(w, g, state=None, *, lr, weight_decay, ...)``, and
returns ``(w, state)``:

* ``w``, the weights before the step, and ``g``, the gradient of the loss at ``w``:
  tensors of one shape, of any shape and any floating dtype; neither is changed. A
  ``g`` of ``None`` leaves weights and state alone, as PyTorch does; a zero decays.
* ``state``, what the rule remembers between steps; ``None`` before the first one and
  for rules without memory.
* ``lr`` and ``weight_decay``, finite numbers that are not negative. ``lr`` may change
  at every step; ``max_lr``, where a rule takes it, is the largest of them and above 0.
  The other hyperparameters carry PyTorch's names too and are those of the rule's
  direction. ``weightdecay.settings.RANGES`` says what each may be: anything else
  raises ``ValueError``, an unknown name ``TypeError``.

The directions are in :mod:`weightdecay.directions`. A rule says where decay enters:
``..._l2`` adds ``weight_decay * w`` to the gradient, others shrink the weight beside.

A rule steps one tensor. A module has several: each has its own state.

>>> import torch
>>> from weightdecay.updates import adamw
>>> model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 1))
>>> SETTINGS = {"lr": 0.01, "weight_decay": 0.1}
>>> states = dict.fromkeys(model.parameters())
>>> for step in range(100):
...     model.zero_grad()
...     (model(torch.ones(3)) - 2).square().sum().backward()
...     for w, state in states.items():
...         w.data, states[w] = adamw(w.data, w.grad, state, **SETTINGS)
>>> round(model(torch.ones(3)).item(), 1)
2.0
"""

from typing import Unpack

from torch import Tensor

from weightdecay import settings
from weightdecay.directions import (
    adadelta_direction,
    adagrad_direction,
    adam_direction,
    adamax_direction,
    lion_direction,
    momentum_direction,
    muon_direction,
    nadam_direction,
    radam_direction,
    rmsprop_direction,
)
from weightdecay.rule import State, Step, rule
from weightdecay.settings import Number


@rule
def sgd(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number = 0.0,
) -> Step:  # fmt: skip
    """Step against the gradient, without decay: w <- w - lr g.

    Raises ValueError for a weight_decay. Twin: torch.optim.SGD(lr=lr).
    """
    if weight_decay != 0:
        why = "sgd does not decay, got"
        raise ValueError(f"{why} {weight_decay=}: take sgd_l2")
    return w - lr * g, state


@rule
def sgd_l2(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number,
) -> Step:  # fmt: skip
    """SGD on the penalised loss: w <- w - lr (g + weight_decay w).

    The penalty is (weight_decay / 2) ||w||^2. Twin:
    torch.optim.SGD(lr=lr, weight_decay=weight_decay).
    """
    return w - lr * (g + weight_decay * w), state


@rule
def sgd_decoupled(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number,
) -> Step:  # fmt: skip
    """Shrink the weight and step: w <- (1 - lr weight_decay) w - lr g.

    Both act at once: g is the gradient at the old w. Source: Loshchilov
    & Hutter, ICLR 2019, Equation 1, whose factor is 1 - weight_decay,
    without lr. Equal to sgd_l2; with momentum it would not be.
    """
    return (1 - lr * weight_decay) * w - lr * g, state


@rule
def sgd_momentum_l2(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number, **more: Unpack[settings.Momentum],
) -> Step:  # fmt: skip
    """Decay before the buffer: b <- momentum b + g + weight_decay w.

    Then w <- w - lr b. Twin: torch.optim.SGD(momentum=...,
    weight_decay=...), dampening and nesterov too.
    """
    u, state = momentum_direction(g + weight_decay * w, state, **more)
    return w - lr * u, state


@rule
def sgdw(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number, **more: Unpack[settings.Momentum],
) -> Step:  # fmt: skip
    """Decay beside the buffer: w <- (1 - lr weight_decay) w - lr b.

    b is made of g alone. Source: Loshchilov & Hutter, ICLR 2019, with
    the factor 1 - (lr / max_lr) weight_decay and lr inside b; in their
    code it is outside. Twin: timm.optim.SGDW.
    """
    u, state = momentum_direction(g, state, **more)
    return (1 - lr * weight_decay) * w - lr * u, state


@rule
def adam_l2(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number, **adam: Unpack[settings.Adam],
) -> Step:  # fmt: skip
    """Adam on the penalised loss. Twin: torch.optim.Adam."""
    u, state = adam_direction(g + weight_decay * w, state, **adam)
    return w - lr * u, state


@rule
def adamw(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number, **adam: Unpack[settings.Adam],
) -> Step:  # fmt: skip
    """Adam beside decay: w <- (1 - lr weight_decay) w - lr u.

    u is made of g alone. Twin: torch.optim.AdamW.
    """
    u, state = adam_direction(g, state, **adam)
    return (1 - lr * weight_decay) * w - lr * u, state


@rule
def adamw_paper(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number, max_lr: Number,
    **adam: Unpack[settings.Adam],
) -> Step:  # fmt: skip
    """AdamW whose decay follows the schedule and not the base lr.

    w <- (1 - (lr / max_lr) weight_decay) w - lr u. Source: Loshchilov &
    Hutter, ICLR 2019, Algorithm 2, whose multiplier is lr / max_lr.
    """
    u, state = adam_direction(g, state, **adam)
    return (1 - lr / max_lr * weight_decay) * w - lr * u, state


@rule
def adamw_corrected(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number, max_lr: Number,
    **adam: Unpack[settings.Adam],
) -> Step:  # fmt: skip
    """AdamW whose decay falls with the square of lr.

    w <- (1 - (lr^2 / max_lr) weight_decay) w - lr u. Source: Defazio,
    arXiv 2506.02285, for weights before a normalisation. Twin: timm's
    AdamWLegacy(corrected_weight_decay=True), max_lr its first lr.
    """
    u, state = adam_direction(g, state, **adam)
    return (1 - lr**2 / max_lr * weight_decay) * w - lr * u, state


@rule
def adamw_cautious(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number, **adam: Unpack[settings.Adam],
) -> Step:  # fmt: skip
    """AdamW that decays only what the step moves towards zero.

    w <- w - lr (u + weight_decay [u w >= 0] w), weight by weight.
    Source: Chen et al., arXiv 2510.12402, Algorithm 1.
    """
    u, state = adam_direction(g, state, **adam)
    return w - lr * (u + weight_decay * w * (u * w >= 0)), state


@rule
def nadam_l2(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number, **nadam: Unpack[settings.NAdam],
) -> Step:  # fmt: skip
    """NAdam on the penalised loss. Twin: torch.optim.NAdam."""
    u, state = nadam_direction(g + weight_decay * w, state, **nadam)
    return w - lr * u, state


@rule
def nadamw(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number, **nadam: Unpack[settings.NAdam],
) -> Step:  # fmt: skip
    """NAdam beside decay. Twin: NAdam(decoupled_weight_decay=True)."""
    u, state = nadam_direction(g, state, **nadam)
    return (1 - lr * weight_decay) * w - lr * u, state


@rule
def radam_l2(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number, **radam: Unpack[settings.RAdam],
) -> Step:  # fmt: skip
    """RAdam on the penalised loss. Twin: torch.optim.RAdam."""
    u, state = radam_direction(g + weight_decay * w, state, **radam)
    return w - lr * u, state


@rule
def radamw(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number, **radam: Unpack[settings.RAdam],
) -> Step:  # fmt: skip
    """RAdam beside decay. Twin: RAdam(decoupled_weight_decay=True)."""
    u, state = radam_direction(g, state, **radam)
    return (1 - lr * weight_decay) * w - lr * u, state


@rule
def rmsprop_l2(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number, **more: Unpack[settings.RMSprop],
) -> Step:  # fmt: skip
    """RMSprop on the penalised loss. Twin: torch.optim.RMSprop."""
    u, state = rmsprop_direction(g + weight_decay * w, state, **more)
    return w - lr * u, state


@rule
def adagrad_l2(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number, **more: Unpack[settings.Adagrad],
) -> Step:  # fmt: skip
    """Adagrad on the penalised loss. Twin: torch.optim.Adagrad."""
    u, state = adagrad_direction(g + weight_decay * w, state, **more)
    return w - lr * u, state


@rule
def adadelta_l2(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number, **more: Unpack[settings.Adadelta],
) -> Step:  # fmt: skip
    """Adadelta on the penalised loss. Twin: torch.optim.Adadelta."""
    u, state = adadelta_direction(g + weight_decay * w, state, **more)
    return w - lr * u, state


@rule
def adamax_l2(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number, **adamax: Unpack[settings.Adamax],
) -> Step:  # fmt: skip
    """Adamax on the penalised loss. Twin: torch.optim.Adamax."""
    u, state = adamax_direction(g + weight_decay * w, state, **adamax)
    return w - lr * u, state


@rule
def lion(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number, **lion: Unpack[settings.Lion],
) -> Step:  # fmt: skip
    """Lion: the sign of a mean gradient, beside decay.

    w <- (1 - lr weight_decay) w - lr u. Source: Chen et al., NeurIPS
    2023, Algorithm 2.
    """
    u, state = lion_direction(g, state, **lion)
    return (1 - lr * weight_decay) * w - lr * u, state


@rule
def muon(
    w: Tensor, g: Tensor, state: State = None, *,
    lr: Number, weight_decay: Number, **muon: Unpack[settings.Muon],
) -> Step:  # fmt: skip
    """Muon: a mean gradient with singular values near 1, beside decay.

    w <- (1 - lr weight_decay) w - lr u. Twin: torch.optim.Muon.
    """
    u, state = muon_direction(g, state, **muon)
    return (1 - lr * weight_decay) * w - lr * u, state
