"""What each rule has to follow in PyTorch, and how far apart the two go.

Where ``torch.optim`` has no such optimizer, it has one with the same direction: the
twin is that one without decay, with the decay of the rule in a hook. Lion has none.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from weightdecay import updates
from weightdecay.paths import walk

Make = Callable[..., Optimizer]
# How much of a weight decay takes: of its value, the step's lr and the largest lr.
Share = Callable[[float, float], float]


def shrunk(make: Make, share: Share, params: Any, **settings: Any) -> Optimizer:
    """Make an optimizer without decay that takes a share of a weight and then steps.

    ``share`` is given lr and max_lr and returns what weight_decay is multiplied by.
    """
    decay, max_lr = settings.pop("weight_decay"), settings.pop("max_lr", 0.0)
    optimizer = make(params, weight_decay=0, **settings)

    def shrink(optimizer: Optimizer, *_: Any) -> None:
        for group in optimizer.param_groups:
            for w in group["params"]:
                w.data.mul_(1 - share(group["lr"], max_lr) * decay)

    optimizer.register_step_pre_hook(shrink)
    return optimizer


def cautious(make: Make, params: Any, **settings: Any) -> Optimizer:
    """Make an optimizer that decays the weights that its step moves towards zero."""
    decay, before = settings.pop("weight_decay"), list[Tensor]()
    optimizer = make(params, weight_decay=0, **settings)

    def remember(optimizer: Optimizer, *_: Any) -> None:
        before[:] = [w.detach().clone() for w in optimizer.param_groups[0]["params"]]

    def shrink(optimizer: Optimizer, *_: Any) -> None:
        (group,) = optimizer.param_groups
        for w, old in zip(group["params"], before, strict=True):
            w.data.sub_(group["lr"] * decay * old * ((old - w.data) * old >= 0))

    optimizer.register_step_pre_hook(remember)
    optimizer.register_step_post_hook(shrink)
    return optimizer


SGD, ADAM, NADAM = torch.optim.SGD, torch.optim.Adam, torch.optim.NAdam
LR = 0.2  # at the first step
HEAVY, PEAK = {"momentum": 0.9}, {"max_lr": LR}
# Each rule, its twin, and the settings of both besides lr and weight_decay.
TWINS: list[tuple[Callable[..., Any], Make | None, dict[str, Any]]] = [
    (updates.sgd, SGD, {"weight_decay": 0.0}),
    (updates.sgd_l2, SGD, {}),
    (updates.sgd_decoupled, SGD, {}),
    (updates.sgd_momentum_l2, SGD, HEAVY),
    (updates.sgdw, partial(shrunk, SGD, lambda lr, _: lr), HEAVY),
    (updates.adam_l2, ADAM, {}),
    (updates.adamw, torch.optim.AdamW, {}),
    (updates.adamw_paper, partial(shrunk, ADAM, lambda lr, most: lr / most), PEAK),
    (updates.adamw_corrected, partial(shrunk, ADAM, lambda lr, m: lr**2 / m), PEAK),
    (updates.adamw_cautious, partial(cautious, ADAM), {}),
    (updates.nadam_l2, NADAM, {}),
    (updates.nadamw, partial(NADAM, decoupled_weight_decay=True), {}),
    (updates.radam_l2, torch.optim.RAdam, {}),
    (updates.radamw, partial(torch.optim.RAdam, decoupled_weight_decay=True), {}),
    (updates.rmsprop_l2, torch.optim.RMSprop, {}),
    (updates.adagrad_l2, torch.optim.Adagrad, {}),
    (updates.adadelta_l2, torch.optim.Adadelta, {}),
    (updates.adamax_l2, torch.optim.Adamax, {}),
    (updates.lion, None, {}),
    (updates.muon, torch.optim.Muon, {}),
]


def gap(
    rule: Callable[..., Any], *, steps: int = 50, weight_decay: float = 0.1
) -> tuple[float | None, float]:
    """Return how far a rule goes from its twin, and from itself without decay.

    Both are the largest distance of a weight, at any step, in float64: on a quadratic
    loss of a 4 x 3 matrix, with an lr that falls from LR to near zero. The first is
    None where PyTorch has no twin. Raises ``KeyError`` for what is no rule of
    :mod:`weightdecay.updates`.
    """
    theirs, settings = {each: (make, more) for each, make, more in TWINS}[rule]
    falling = [LR * (1 - k / steps) for k in range(steps)]
    run: dict[str, Any] = {"steps": steps, "lr": falling}
    run |= {"weight_decay": weight_decay, **settings}
    start = torch.linspace(2, -1, 12, dtype=torch.float64).reshape(4, 3)
    ours = walk(rule, _loss, start, **run)
    without = walk(rule, _loss, start, **{**run, "weight_decay": 0.0})
    effect = (ours - without).abs().max().item()
    if theirs is None:
        return None, effect
    return (ours - walk(theirs, _loss, start, **run)).abs().max().item(), effect


def _loss(w: Tensor) -> Tensor:
    curvature = torch.linspace(0.2, 1.5, w.numel(), dtype=w.dtype).reshape(w.shape)
    goal = torch.linspace(-1, 1, w.numel(), dtype=w.dtype).reshape(w.shape)
    return (curvature * (w - goal) ** 2).sum() / 2
