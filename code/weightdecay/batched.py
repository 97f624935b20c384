"""Train many networks at once.

A parameter of many networks of one shape is one tensor, of shape (networks, ...).
``vmap`` finds their losses in one pass. Their sum has the gradients of all, because a
network's weights are in its own loss alone, and one call of the rule steps a parameter
of all. Most of a small network's step is Python, which they then share.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from weightdecay import updates
from weightdecay.networks import Dropout
from weightdecay.rule import Step, is_rule, settings_of
from weightdecay.training import (
    Masks,
    Objective,
    Point,
    Row,
    Task,
    Weights,
    batches,
    measured,
    noted,
    rows_of,
)

Rule: TypeAlias = Callable[..., Step]
# What PyTorch's optimizers do, as rules that step many networks at once.
RULES: dict[Callable[..., Any], Rule] = {
    torch.optim.Adam: updates.adam_l2,
    torch.optim.AdamW: updates.adamw,
    torch.optim.Adamax: updates.adamax_l2,
    torch.optim.Adadelta: updates.adadelta_l2,
    torch.optim.Adagrad: updates.adagrad_l2,
    torch.optim.Muon: updates.muon,
    torch.optim.NAdam: updates.nadam_l2,
    torch.optim.RAdam: updates.radam_l2,
    torch.optim.RMSprop: updates.rmsprop_l2,
}
DECOUPLED: dict[Callable[..., Any], Rule] = {
    torch.optim.NAdam: updates.nadamw,
    torch.optim.RAdam: updates.radamw,
}
# Weights that a rule steps at once on a CPU: few enough to stay in its cache.
PIECE = 2**16
# PyTorch's arguments that choose how a step is computed, and not which.
HOW = ("foreach", "fused", "capturable", "differentiable")


def rule_of(task: Task) -> tuple[Rule, dict[str, Any]] | None:
    """Return the rule that the optimizer follows with its settings, if there is one."""
    if is_rule(task.optimizer):
        return task.optimizer, task.settings
    settings = {k: x for k, x in task.settings.items() if k not in HOW}
    if task.optimizer is torch.optim.SGD:
        heavy = settings.get("momentum", 0)
        rule: Rule | None = updates.sgd_momentum_l2 if heavy else updates.sgd_l2
    elif settings.pop("decoupled_weight_decay", False):
        rule = DECOUPLED.get(task.optimizer)
    else:
        rule = RULES.get(task.optimizer)
    if rule is None or not settings.keys() <= settings_of(rule).keys():
        return None
    return rule, settings


def is_batchable(task: Task, network: nn.Module) -> bool:
    """Return whether networks like this one can be trained many at once.

    Each weight must get a gradient: PyTorch's optimizers leave alone what gets none.
    Nothing but weights may change as they train, or draw from PyTorch's own stream.
    """
    own = [m for m in network.modules() if isinstance(m, Dropout)]
    theirs = [
        m for m in network.modules() if isinstance(m, nn.modules.dropout._DropoutNd)
    ]
    if theirs or len([*network.buffers()]) > len(own):
        return False
    rows = slice(task.batch_size)
    out = network(task.data.x[rows])
    task.objective(out, task.data.y[rows]).backward()
    reached = all(w.grad is not None for w in network.parameters())
    network.zero_grad()
    return reached


def train_together(
    task: Task, rule: Rule, settings: dict[str, Any], points: Sequence[Point]
) -> list[Row]:
    """Train a network at each point, all at once; return their rows, step by step."""
    seeds = sorted({seed for _, _, seed in points})
    networks, data = [task.network(seed) for seed in seeds], task.data
    device, network = data.x.device, networks[0]
    each = torch.tensor([seeds.index(seed) for _, _, seed in points], device=device)
    starts = [dict(own.named_parameters()) for own in networks]
    w: Weights = {
        name: torch.stack([own[name].detach() for own in starts])[each]
        for name in starts[0]
    }
    numbers = torch.tensor([p[:2] for p in points], device=device, dtype=torch.float64)
    lr, decay = numbers.to(next(iter(w.values()))).split(1, dim=1)
    steps = {
        name: Stepping(rule, settings, decay if task.decayed(name) else 0 * decay)
        for name in w
    }
    order = torch.stack([batches(task, seed) for seed in seeds])
    masks = Masks(task, network, seeds)
    losses_of = vmap(partial(_loss, _objective(task), network))
    diverged = torch.full((len(points),), -1, device=device)
    rows = list[Row]()
    for k, multiplier in enumerate(task.schedule):
        keep = {f"{n}.keep": m.to(lr)[each] for n, m in masks.draw().items()}
        now = order[:, k][each]
        w = {name: part.detach().requires_grad_() for name, part in w.items()}
        losses = losses_of(w, keep, data.x[now], data.y[now])
        gradients = torch.autograd.grad(losses.sum(), [*w.values()])
        diverged = noted(diverged, losses.detach(), k)
        with torch.no_grad():
            w = {
                name: step(w[name], g, lr * multiplier)
                for (name, step), g in zip(steps.items(), gradients, strict=True)
            }
        if task.is_measured(k + 1):
            outputs = partial(_outputs, network, w)
            decayed = [part for name, part in w.items() if task.decayed(name)]
            found = measured(task, outputs, network, decayed)
            rows += rows_of(points, k + 1, found, diverged)
    return rows


def _objective(task: Task) -> Objective:
    """Return the task's, or one that ``vmap`` takes less long to take apart."""
    y = task.data.y
    theirs = task.objective is nn.functional.cross_entropy
    # A negative class is one that PyTorch leaves out.
    return (
        _cross_entropy if theirs and y.dim() == 1 and (y >= 0).all() else task.objective
    )


def _cross_entropy(out: Tensor, y: Tensor) -> Tensor:
    return -out.log_softmax(-1).gather(-1, y[:, None]).mean()


def _loss(
    objective: Objective,
    network: nn.Module,
    w: Weights,
    keep: Weights,
    x: Tensor,
    y: Tensor,
) -> Tensor:
    return objective(functional_call(network, w | keep, (x,)), y)


def _outputs(network: nn.Module, w: Weights, x: Tensor) -> Tensor:
    out: Tensor = vmap(partial(functional_call, network), (0, None))(w, (x,))
    return out


class Stepping:
    """A rule that steps one parameter of many networks, each with its lr and decay."""

    def __init__(self, rule: Rule, settings: dict[str, Any], decay: Tensor) -> None:
        """Take the rule as it is: most look at one entry of a weight at a time.

        ``decay`` has the weight_decay of each network, of shape (networks, 1).
        """
        self.rule, self.settings, self.decay = rule, settings, decay
        self.bare = getattr(rule, "__wrapped__", rule)
        self.state: Any = None
        # A user's own rule may look at a whole weight, as Muon does.
        self.by_entry = rule in vars(updates).values() and rule is not updates.muon

    def __call__(self, w: Tensor, g: Tensor, lr: Tensor) -> Tensor:
        """Return the weights after a step, (networks, ...); ``lr`` is (networks, 1)."""
        if self.by_entry:
            return self._by_entry(w.flatten(1), g.flatten(1), lr).view_as(w)
        return self._as_if_alone(w, g, lr[:, 0])

    def _by_entry(self, w: Tensor, g: Tensor, lr: Tensor) -> Tensor:
        # Checked at the first step: the numbers of later ones were before.
        rule = self.rule if self.state is None else self.bare
        networks, weights = w.shape
        few = max(1, PIECE // weights) if w.device.type == "cpu" else networks
        whole = (w, g, lr, self.decay)
        parts = (
            [x.split(few) for x in whole] if few < networks else [[x] for x in whole]
        )
        pieces = zip(*parts, strict=True)
        states = self.state or [None] * -(-networks // few)
        stepped = [
            rule(w, g, state, lr=lr, weight_decay=decay, **self.settings)
            for state, (w, g, lr, decay) in zip(states, pieces, strict=True)
        ]
        new, self.state = zip(*stepped, strict=True)
        return torch.cat(new) if len(new) > 1 else new[0]

    def _as_if_alone(self, w: Tensor, g: Tensor, lr: Tensor) -> Tensor:
        state, after = self.state, list[Any]()
        kept = [x for x in state or () if isinstance(x, Tensor)]

        def one(w: Tensor, g: Tensor, lr: Tensor, decay: Tensor, *kept: Tensor) -> Any:
            left = iter(kept)
            before = state and tuple(
                next(left) if isinstance(x, Tensor) else x for x in state
            )
            run = {"lr": lr, "weight_decay": decay, **self.settings}
            w, now = self.bare(w, g, before, **run)
            after[:] = now or ()
            return w, *(x for x in now or () if isinstance(x, Tensor))

        w, *tensors = vmap(one)(w, g, lr, self.decay[:, 0], *kept)
        found = iter(tensors)
        self.state = tuple(next(found) if isinstance(x, Tensor) else x for x in after)
        return w
