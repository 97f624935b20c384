"""Train many networks at once.

Many networks of one shape are one tensor of weights, of shape (networks, weights).
``torch.func`` takes the gradients of all in one pass, and one call of the rule steps
all. Most of a small network's step is Python, which they then share.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap

from weightdecay import updates
from weightdecay.networks import Dropout
from weightdecay.rule import State, Step, is_rule, settings_of
from weightdecay.training import (
    Masks,
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
    whole = [nn.utils.parameters_to_vector(n.parameters()).detach() for n in networks]
    layout, w = Layout(network), torch.stack(whole)[each]
    numbers = torch.tensor([p[:2] for p in points], dtype=w.dtype, device=device)
    lr, decay = numbers[:, :1], numbers[:, 1:] * layout.mask(task.decayed).to(w)
    order = torch.stack([batches(task, seed) for seed in seeds])
    masks = Masks(task, network, seeds)
    gradients = vmap(grad_and_value(_loss_of(task, network, layout)))
    diverged = torch.full((len(points),), -1, device=device)
    rows, step = list[Row](), Stepping(rule, layout, settings)
    for k, multiplier in enumerate(task.schedule):
        keep = {f"{n}.keep": m.to(w)[each] for n, m in masks.draw().items()}
        now = order[:, k][each]
        g, losses = gradients(w, keep, data.x[now], data.y[now])
        diverged = noted(diverged, losses, k)
        w = step(w, g, lr * multiplier, decay)
        if task.is_measured(k + 1):
            parts = layout.parts(w)

            def outputs(x: Tensor, parts: Weights = parts) -> Tensor:
                out: Tensor = vmap(partial(functional_call, network), (0, None))(
                    parts, (x,)
                )
                return out

            decayed = [part for name, part in parts.items() if task.decayed(name)]
            found = measured(task, outputs, network, decayed)
            rows += rows_of(points, k + 1, found, diverged)
    return rows


class Layout:
    """Where each parameter of a network stands in the one vector of its weights."""

    def __init__(self, network: nn.Module) -> None:
        """Note names, shapes and sizes."""
        named = dict(network.named_parameters())
        self.shapes = {name: w.shape for name, w in named.items()}
        self.sizes = [w.numel() for w in named.values()]

    def parts(self, w: Tensor) -> Weights:
        """Return views of the parameters, each of shape (*networks, *shape)."""
        parts = w.split(self.sizes, dim=-1)
        return {
            name: part.reshape(*w.shape[:-1], *shape)
            for part, (name, shape) in zip(parts, self.shapes.items(), strict=True)
        }

    def whole(self, parts: Weights) -> Tensor:
        """Return what ``parts`` gave, as the one vector again."""
        return torch.cat([part.flatten(1) for part in parts.values()], dim=1)

    def mask(self, chosen: Callable[[str], bool]) -> Tensor:
        """Return 1 for each weight of a parameter whose name is chosen, else 0."""
        flags = torch.tensor([float(chosen(name)) for name in self.shapes])
        return flags.repeat_interleave(torch.tensor(self.sizes))


def _loss_of(task: Task, network: nn.Module, layout: Layout) -> Callable[..., Tensor]:
    def loss(w: Tensor, keep: Weights, x: Tensor, y: Tensor) -> Tensor:
        out = functional_call(network, layout.parts(w) | keep, (x,))
        return task.objective(out, y)

    return loss


class Stepping:
    """A rule that steps many networks at once, each with its lr and weight_decay."""

    def __init__(self, rule: Rule, layout: Layout, settings: dict[str, Any]) -> None:
        """Take the rule as it is: most look at one entry of a weight at a time."""
        self.rule, self.layout, self.settings = rule, layout, settings
        self.bare = getattr(rule, "__wrapped__", rule)
        self.state: Any = None
        self.checked = False
        # A user's own rule may look at a whole weight, as Muon does.
        self.by_entry = rule in vars(updates).values() and rule is not updates.muon

    def __call__(self, w: Tensor, g: Tensor, lr: Tensor, decay: Tensor) -> Tensor:
        """Return the weights after a step: all of shape (networks, weights)."""
        if self.by_entry:
            # Checked at the first step: the numbers of later ones were before.
            rule, self.checked = self.bare if self.checked else self.rule, True
            run = {"lr": lr, "weight_decay": decay, **self.settings}
            w, self.state = rule(w, g, self.state, **run)
            return w
        old, slopes = self.layout.parts(w), self.layout.parts(g)
        decays = self.layout.parts(decay)
        states, new = self.state or dict.fromkeys(old), {}
        for name in old:
            # One network's decay is one number for all of a parameter.
            number = decays[name].flatten(1)[:, 0]
            pair = old[name], slopes[name]
            new[name], states[name] = self._each(*pair, states[name], lr[:, 0], number)
        self.state = states
        return self.layout.whole(new)

    def _each(
        self, w: Tensor, g: Tensor, state: State, lr: Tensor, decay: Tensor
    ) -> Step:
        """Step one parameter of each network by the rule, as if it were alone."""
        kept = [x for x in state or () if isinstance(x, Tensor)]
        after: list[Any] = []

        def one(w: Tensor, g: Tensor, lr: Tensor, decay: Tensor, *kept: Tensor) -> Any:
            left = iter(kept)
            before = state and tuple(
                next(left) if isinstance(x, Tensor) else x for x in state
            )
            run = {"lr": lr, "weight_decay": decay, **self.settings}
            w, now = self.bare(w, g, before, **run)
            after[:] = now or ()
            return w, *(x for x in now or () if isinstance(x, Tensor))

        w, *tensors = vmap(one)(w, g, lr, decay, *kept)
        found = iter(tensors)
        state = tuple(next(found) if isinstance(x, Tensor) else x for x in after)
        return w, state or None
