"""Train networks and note at each step how each matrix of weights turns."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from weightdecay.examples import Examples
from weightdecay.networks import Make
from weightdecay.settings import SIZE, check, demand

# Of the weights before and after a step, the gradient and the optimizer's state.
Look: TypeAlias = Callable[[Tensor, Tensor, Tensor, dict[str, Any]], dict[str, Tensor]]


def inner(a: Tensor, b: Tensor) -> Tensor:
    """Return the inner product of matrices, (networks, ...) to (networks,)."""
    return (a * b).flatten(1).sum(1, dtype=torch.float64)


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Return the cosine of the angle between matrices, (networks, ...) each."""
    return inner(a, b) / (inner(a, a) * inner(b, b)).sqrt()


def turn(
    before: Tensor, after: Tensor, gradient: Tensor, state: dict[str, Any]
) -> dict[str, Tensor]:
    """Return what a step did to matrices: a dict of one number for each network.

    ``cosine`` is that of the angle of the step, ``norm`` that of the matrix before it.
    With the gradient g and SGD's buffer b after the step ``g_g`` is <g, g>, ``b_g`` is
    <b, g>, without a buffer <g, g>, and ``G_G`` is <g, g> times the squared norm.
    """
    g_g, w_w = inner(gradient, gradient), inner(before, before)
    b = state.get("momentum_buffer")
    return {
        "cosine": cosine(before, after),
        "norm": w_w.sqrt(),
        "g_g": g_g,
        "b_g": g_g if b is None else inner(b, gradient),
        "G_G": g_g * w_w,
    }


def turn_weighted(
    before: Tensor, after: Tensor, gradient: Tensor, state: dict[str, Any]
) -> dict[str, Tensor]:
    """Return what a step of Adam did, also with each entry weighted by sqrt(v).

    ``cosine`` and ``rms`` are of the matrices as they are. ``weighted_cosine`` is the
    cosine of sqrt(sqrt(v)) w, ``weighted_rms`` the root of sum(sqrt(v) w^2) /
    sum(sqrt(v)). With <a, b> = sum(a b / sqrt(v)) / sum(sqrt(v)) and m after the step
    ``g_g`` is <g, g> and ``m_g`` is <m, g>.
    """
    # Entries without any gradient have no weight, and no part in the sums.
    size = state["exp_avg_sq"].sqrt().clamp(min=1e-30)
    root = size.sqrt()
    total = size.flatten(1).sum(1, dtype=torch.float64)
    scaled = gradient / root
    return {
        "cosine": cosine(before, after),
        "rms": (inner(before, before) / before[0].numel()).sqrt(),
        "weighted_cosine": cosine(root * before, root * after),
        "weighted_rms": (inner(root * before, root * before) / total).sqrt(),
        "g_g": inner(scaled, scaled) / total,
        "m_g": inner(state["exp_avg"] / root, scaled) / total,
    }


def echo(buffer_g: Tensor, g_g: Tensor, dampening: float = 0.0) -> Tensor:
    """Return 2 <b, g> / ((1 - dampening) <g, g>) - 1, from means over a run.

    ``buffer_g`` is <b, g> and ``g_g`` is <g, g>; a gradient enters the buffer times 1 -
    dampening: in Adam times 1 - betas[0]. It is 1 where a gradient is at right angles
    to what the buffer held, on average.
    """
    check(dampening=dampening)
    return 2 * buffer_g / ((1 - dampening) * g_g) - 1


def follow(
    make: Make,
    data: Examples,
    optimizer: Callable[..., torch.optim.Optimizer],
    *,
    steps: int,
    batch_size: int,
    seeds: Iterable[int],
    every: int = 1,
    look: Look = turn,
    **settings: Any,
) -> dict[str, Tensor]:
    """Train a network of each seed, all at once, and return what each step did.

    ``make`` makes a network of a seed, for classes, without buffers; ``optimizer`` is a
    class of ``torch.optim`` that looks at one entry of a weight at a time, and
    ``settings`` are its own. Each step draws ``batch_size`` examples, with replacement,
    for each network its own. ``look`` is asked about each matrix at the first of
    ``every`` steps, and given all networks' at once, with the networks along the first
    axis.

    Returns what ``look`` names, each a tensor of shape (steps / every, seeds,
    matrices), in the order of the layers.
    """
    for name, count in {
        "steps": steps,
        "batch_size": batch_size,
        "every": every,
    }.items():
        demand(name, count, SIZE)
    chosen = list(seeds)
    networks = [make(seed) for seed in chosen]
    names = [name for name, _ in networks[0].named_parameters()]
    starts = [dict(network.named_parameters()) for network in networks]
    w = {
        name: nn.Parameter(torch.stack([s[name].detach() for s in starts]))
        for name in names
    }
    streams = [torch.Generator().manual_seed(seed) for seed in chosen]
    losses_of = vmap(partial(_loss, networks[0]))
    # One steps all: each network has its weights in its own loss alone.
    stepping = optimizer([*w.values()], **settings)
    matrices = [name for name in names if w[name].dim() == 3]
    found: list[dict[str, Tensor]] = []
    for k in range(steps):
        now = torch.stack(
            [torch.randint(len(data.y), (batch_size,), generator=s) for s in streams]
        )
        stepping.zero_grad()
        losses_of(w, data.x[now], data.y[now]).sum().backward()
        if k % every:
            stepping.step()
            continue
        before = {name: w[name].detach().clone() for name in matrices}
        stepping.step()
        seen = [_seen(look, before[name], w[name], stepping) for name in matrices]
        found.append({key: torch.stack([s[key] for s in seen], 1) for key in seen[0]})
    return {key: torch.stack([each[key] for each in found]) for key in found[0]}


def _loss(network: nn.Module, w: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
    out: Tensor = functional_call(network, w, (x,))
    return -out.log_softmax(-1).gather(-1, y[:, None]).mean()


def _seen(
    look: Look, before: Tensor, w: nn.Parameter, stepping: torch.optim.Optimizer
) -> dict[str, Tensor]:
    assert w.grad is not None
    return look(before, w.detach(), w.grad, dict(stepping.state[w]))
