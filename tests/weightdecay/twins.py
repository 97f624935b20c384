"""Ours and theirs: every rule beside the optimizer that it has to follow."""

from functools import cache, partial

import published
import torch

from weightdecay import updates
from weightdecay.directions import polar

STEPS = 30
SETTINGS = {"weight_decay": 0.05}

# Ours, theirs, and the settings of both besides lr and weight_decay.
TORCH = [
    (updates.sgd_l2, torch.optim.SGD, {}),
    (updates.sgd_decoupled, torch.optim.SGD, {}),
    (updates.sgd_momentum_l2, torch.optim.SGD, {"momentum": 0.9}),
    (updates.sgd_momentum_l2, torch.optim.SGD, {"momentum": 0.8, "dampening": 0.3}),
    (updates.sgd_momentum_l2, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    (updates.adam_l2, torch.optim.Adam, {}),
    (updates.adam_l2, torch.optim.Adam, {"betas": (0.8, 0.9), "eps": 1e-3}),
    (updates.adam_l2, torch.optim.Adam, {"betas": (0.9, 0.7), "amsgrad": True}),
    (updates.adamw, torch.optim.AdamW, {}),
    (updates.adamw, torch.optim.AdamW, {"betas": (0.8, 0.9), "eps": 1e-3}),
    (updates.adamw, torch.optim.AdamW, {"betas": (0.9, 0.7), "amsgrad": True}),
    (updates.adamw, partial(torch.optim.Adam, decoupled_weight_decay=True), {}),
    (updates.nadam_l2, torch.optim.NAdam, {}),
    (updates.nadam_l2, torch.optim.NAdam, {"betas": (0.8, 0.9), "momentum_decay": 0.1}),
    (updates.nadamw, partial(torch.optim.NAdam, decoupled_weight_decay=True), {}),
    (updates.radam_l2, torch.optim.RAdam, {}),
    (updates.radam_l2, torch.optim.RAdam, {"betas": (0.8, 0.9), "eps": 1e-3}),
    (updates.radamw, partial(torch.optim.RAdam, decoupled_weight_decay=True), {}),
    (updates.rmsprop_l2, torch.optim.RMSprop, {}),
    (updates.rmsprop_l2, torch.optim.RMSprop, {"alpha": 0.9, "centered": True}),
    (updates.rmsprop_l2, torch.optim.RMSprop, {"momentum": 0.9}),
    (updates.rmsprop_l2, torch.optim.RMSprop, {"momentum": 0.5, "centered": True}),
    (updates.adagrad_l2, torch.optim.Adagrad, {}),
    (updates.adadelta_l2, torch.optim.Adadelta, {"rho": 0.8, "eps": 1e-3}),
    (updates.adadelta_l2, torch.optim.Adadelta, {}),
    (updates.adamax_l2, torch.optim.Adamax, {}),
    (updates.adamax_l2, torch.optim.Adamax, {"betas": (0.8, 0.9), "eps": 1e-3}),
]
OTHERS = [
    # So much decay that a fault in it stands out of the rounding to bfloat16.
    (updates.muon, torch.optim.Muon, {"weight_decay": 2}),
    (updates.muon, published.DoubleMuon, {}),
    (updates.muon, published.DoubleMuon, {"momentum": 0.8, "nesterov": False}),
    (updates.muon, published.exact_muon, {"orthogonalise": polar}),
    (updates.sgdw, published.timm_sgdw, {"momentum": 0.9}),
    (updates.sgdw, published.timm_sgdw, {"momentum": 0.8, "dampening": 0.3}),
    (updates.sgdw, published.timm_sgdw, {"momentum": 0.9, "nesterov": True}),
    (updates.adamw_paper, published.algorithm_2, {"max_lr": 0.25}),
    (updates.adamw_paper, published.lua_adamw, {"max_lr": 0.25, "eps": 0}),
    (updates.adamw_corrected, published.timm_corrected, {"max_lr": 0.25}),
    (
        updates.adamw_corrected,
        published.timm_corrected,
        {"max_lr": 0.25, "amsgrad": True, "betas": (0.9, 0.7)},
    ),
    (updates.adamw_cautious, published.cautious_adamw, {}),
    (updates.lion, published.lion, {}),
    (updates.lion, published.lion, {"betas": (0.5, 0.8)}),
]
ROWS = [
    *((r, partial(t, foreach=f), s) for r, t, s in TORCH for f in (False, True)),
    *OTHERS,
]


def name(row):
    """Return what pytest prints for a row of the table."""
    rule, theirs, settings = ROWS[row]
    wrapped = getattr(theirs, "keywords", {})
    inner = theirs.func if wrapped else theirs
    options = [k for k, v in (wrapped | settings).items() if v]
    return "-".join([rule.__name__, inner.__name__, *options])


def normal(seed, *shape):
    """Return normal random numbers."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def stream(shapes):
    """Return random gradients; each weight has none now and then, at first too."""
    drawn = [normal(10 + i, STEPS, *shape) for i, shape in enumerate(shapes)]
    return lambda k, i, w: None if (k + i) % 7 == 0 else drawn[i][k]


def quadratic(shapes):
    """Return the gradients of a quadratic, other in each run that leaves the path."""
    goals = [normal(20 + i, *shape) for i, shape in enumerate(shapes)]
    return lambda k, i, w: (0.1 + goals[i].square()) * (w - goals[i])


def runs(rule):
    """Return four ways to compare: shapes, the lr of each step, gradients."""
    shapes = [(4, 3), (3, 5)] if rule is updates.muon else [(4, 3), (5,)]
    up_and_down = [0.2 * min(k + 1, STEPS - k) / STEPS for k in range(STEPS)]
    lrs = (up_and_down, [0.03] * STEPS)
    return [(shapes, lr, g(shapes)) for lr in lrs for g in (stream, quadratic)]


def weights(shapes):
    """Return the weights before the first step."""
    return [normal(i, *shape) for i, shape in enumerate(shapes)]


def follow(rule, settings, shapes, lrs, gradient):
    """Yield the weights after each step of a rule."""
    ws, states = weights(shapes), [None] * len(shapes)
    for k, lr in enumerate(lrs):
        for i, w in enumerate(ws):
            g = gradient(k, i, w)
            ws[i], states[i] = rule(w, g, states[i], lr=lr, **settings)
        yield torch.cat([w.flatten() for w in ws])


def follow_theirs(theirs, settings, shapes, lrs, gradient):
    """Yield the weights after each step of an optimizer."""
    ws = [w.requires_grad_() for w in weights(shapes)]
    optimizer = theirs(ws, lr=lrs[0], **settings)
    for k, lr in enumerate(lrs):
        optimizer.param_groups[0]["lr"] = lr
        for i, w in enumerate(ws):
            w.grad = gradient(k, i, w.detach())
        optimizer.step()
        yield torch.cat([w.detach().flatten() for w in ws])


@cache
def their_paths(row):
    """Return the paths of theirs in the four runs of a row."""
    rule, theirs, settings = ROWS[row]
    settings = SETTINGS | settings
    return [torch.stack([*follow_theirs(theirs, settings, *r)]) for r in runs(rule)]


def gaps(row, ours=None):
    """Yield how far a rule goes from theirs in each run, per largest weight.

    ``ours`` is put in the place of the rule of the row.
    """
    rule, _, settings = ROWS[row]
    settings = SETTINGS | settings
    for run, path in zip(runs(rule), their_paths(row), strict=True):
        gap = torch.stack([*follow(ours or rule, settings, *run)]) - path
        yield (gap.abs().max() / path.abs().max()).item()
