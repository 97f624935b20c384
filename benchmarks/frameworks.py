"""Run the optimizers of optax, Keras and timm beside the book's rules.

Each row of the table that it writes is one optimizer and one rule, walked over the same
random gradients: ``deviation`` is the largest distance between their paths, ``decay``
what the weight decay moves in them, ``same`` whether they are meant to agree. A second
table has what some of them leave of a weight without a gradient while lr falls along a
cosine, each with the decay that the book converts from PyTorch's AdamW. ``make
frameworks`` installs the packages.
"""

import csv
import inspect
import math
import os
import sys
import types
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

# Before keras is imported, which would write its settings into the home folder.
os.environ.update(KERAS_BACKEND="torch", KERAS_HOME=os.devnull)

import jax
import keras
import numpy as np
import optax
import torch

from weightdecay import conversion, directions, updates

# timm wants torchvision, which has no wheel for CPUs and which timm's optimizers do not
# need: they import alone when the packages above them are empty.
TIMM = Path(find_spec("timm").origin).parent
for name, folder in {"timm": TIMM, "timm.optim": TIMM / "optim"}.items():
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [str(folder)]

from timm.optim.adamw import AdamWLegacy  # noqa: E402
from timm.optim.sgdw import SGDW  # noqa: E402

jax.config.update("jax_enable_x64", True)
keras.config.set_floatx("float64")

DATA = Path(updates.__file__).parent / "data"
STEPS, LR, DECAY = 100, 0.1, 0.05


def cosine(steps):
    """Return the multipliers of a schedule that falls along half a cosine."""
    return [0.5 * (1 + math.cos(math.pi * k / steps)) for k in range(steps)]


SCHEDULES = {"constant": [1.0] * STEPS, "cosine": cosine(STEPS)}
GRADIENTS = torch.tensor(np.random.default_rng(0).normal(size=(STEPS, 3, 4)))
# The other run: no gradient, and every so many steps the weight is written down.
LEFT = {"lr": 0.01, "steps": 400, "every": 25, "weight_decay": 1.0}
NO_GRADIENTS = torch.zeros(LEFT["steps"], 1, dtype=torch.float64)
MOMENTUM = {"momentum": 0.9}
EXACT = {"eps": 0.0}


def follow_rule(rule, lrs, weight_decay, settings):
    """Yield the weights of one of the book's rules."""
    w, state = torch.ones_like(GRADIENTS[0]), None
    for g, lr in zip(GRADIENTS, lrs, strict=True):
        w, state = rule(w, g, state, lr=lr, weight_decay=weight_decay, **settings)
        yield w


def follow_torch(optimizer_class, lrs, gradients=GRADIENTS, **settings):
    """Yield the weights of an optimizer of torch's kind."""
    w = torch.ones_like(gradients[0]).requires_grad_()
    optimizer = optimizer_class([w], **{"lr": LR, "weight_decay": DECAY} | settings)
    for w.grad, optimizer.param_groups[0]["lr"] in zip(gradients, lrs, strict=True):
        optimizer.step()
        yield w.detach().clone()


def follow_keras(optimizer_class, lrs, gradients=GRADIENTS, **settings):
    """Yield the weights of a Keras optimizer."""
    w = keras.Variable(torch.ones_like(gradients[0]).numpy(), dtype="float64")
    if "eps" in settings:
        settings["epsilon"] = settings.pop("eps")
    optimizer = optimizer_class(**{"weight_decay": DECAY} | settings)
    optimizer.build([w])
    for g, optimizer.learning_rate in zip(gradients, lrs, strict=True):
        optimizer.apply([g.clone()], [w])
        yield w.value.detach().clone()


def follow_keras_penalty(lrs):
    """Yield the weights of Keras's SGD on a loss with Keras's L2 regularizer."""
    penalty = keras.regularizers.L2(DECAY)
    w = keras.Variable(torch.ones_like(GRADIENTS[0]).numpy())
    optimizer = keras.optimizers.SGD()
    optimizer.build([w])
    for g, optimizer.learning_rate in zip(GRADIENTS, lrs, strict=True):
        loss = (g * w.value).sum() + penalty(w)
        optimizer.apply(torch.autograd.grad(loss, w.value), [w])
        yield w.value.detach().clone()


def follow_optax(make, lrs, gradients=GRADIENTS, **settings):
    """Yield the weights of an optax chain, made from a schedule of learning rates."""
    w, table = jax.numpy.ones(gradients[0].shape), jax.numpy.array(lrs)
    chain = make(lambda step: table[step], **settings)
    state = chain.init(w)
    for g in gradients:
        step, state = chain.update(jax.numpy.array(g.numpy()), state, w)
        w = optax.apply_updates(w, step)
        yield torch.tensor(np.asarray(w))


def before(optimizer, schedule, **settings):
    """Chain decay, then an optimizer."""
    decay = optax.add_decayed_weights(DECAY)
    return optax.chain(decay, optimizer(schedule, **settings))


def between(schedule):
    """Chain Adam's direction, then decay, then the learning rate."""
    decay, lr = optax.add_decayed_weights(DECAY), optax.scale_by_learning_rate(schedule)
    return optax.chain(optax.scale_by_adam(), decay, lr)


def between_lr_and_schedule(schedule, lr=LR, weight_decay=DECAY):
    """Chain the way big_vision does: Adam, the base lr, decay, the schedule."""
    decay = optax.add_decayed_weights(weight_decay)
    multiplier = optax.scale_by_schedule(lambda k: -schedule(k) / lr)
    return optax.chain(optax.scale_by_adam(), optax.scale(lr), decay, multiplier)


def after(schedule):
    """Chain all of Adam, then decay: its sign is not turned any more."""
    return optax.chain(optax.adam(schedule), optax.add_decayed_weights(DECAY))


def grow(w, g, state, *, lr, weight_decay):
    """Adam beside growth: w <- (1 + weight_decay) w - lr u."""
    u, state = directions.adam_direction(g, state)
    return (1 + weight_decay) * w - lr * u, state


def sgd_doubled(w, g, state, *, lr, weight_decay):
    """SGD on the penalty weight_decay ||w||^2, whose gradient has a 2."""
    return updates.sgd_l2(w, g, state, lr=lr, weight_decay=2 * weight_decay)


def sgdw_lr_inside(w, g, state, *, lr, weight_decay, momentum):
    """SGDW with lr in its buffer: v <- momentum v - lr g, w <- w - lr decay w + v."""
    v = momentum * (0 if state is None else state) - lr * g
    return (1 - lr * weight_decay) * w + v, v


def sgdw_corrected(w, g, state, *, lr, weight_decay, max_lr, **momentum):
    """SGDW whose decay falls with the square of lr."""
    decay = weight_decay * lr / max_lr
    return updates.sgdw(w, g, state, lr=lr, weight_decay=decay, **momentum)


def default(api):
    """Read an API's default weight decay from its signature, None if it has none."""
    parameters = inspect.signature(api).parameters
    return (parameters.get("weight_decay") or parameters["l2"]).default


K, ADDED = keras.optimizers, optax.add_decayed_weights
CORRECTED = {"corrected_weight_decay": True}
PEAK = {"max_lr": LR}

# API, where its default stands, its path; the rule; schedule, settings of the API and
# of the rule; same?
CHECKS = [
    ("optax.adamw", optax.adamw,
     partial(follow_optax, partial(optax.adamw, weight_decay=DECAY)),
     updates.adamw, "cosine", {}, {}, True),
    ("optax.add_decayed_weights, then sgd", ADDED,
     partial(follow_optax, partial(before, optax.sgd)),
     updates.sgd_momentum_l2, "cosine", MOMENTUM, MOMENTUM, True),
    ("optax.add_decayed_weights, then adam", ADDED,
     partial(follow_optax, partial(before, optax.adam)),
     updates.adam_l2, "cosine", {}, {}, True),
    ("optax.add_decayed_weights, between adam and lr", ADDED,
     partial(follow_optax, between), updates.adamw, "cosine", {}, {}, True),
    ("optax.add_decayed_weights, between lr and schedule", ADDED,
     partial(follow_optax, between_lr_and_schedule),
     updates.adamw_paper, "cosine", {}, PEAK, True),
    ("optax.add_decayed_weights, after adam and lr", ADDED,
     partial(follow_optax, after), grow, "cosine", {}, {}, True),
    ("optax.lion", optax.lion,
     partial(follow_optax, partial(optax.lion, weight_decay=DECAY)),
     updates.lion, "cosine", {}, {}, True),
    ("keras.SGD", K.SGD, partial(follow_keras, K.SGD),
     updates.sgd_l2, "cosine", {}, {}, True),
    ("keras.SGD", K.SGD, partial(follow_keras, K.SGD),
     updates.sgdw, "constant", MOMENTUM, MOMENTUM, True),
    ("keras.SGD", K.SGD, partial(follow_keras, K.SGD),
     updates.sgd_momentum_l2, "constant", MOMENTUM, MOMENTUM, False),
    ("keras.SGD", K.SGD, partial(follow_keras, K.SGD),
     updates.sgdw, "cosine", MOMENTUM, MOMENTUM, False),
    ("keras.SGD", K.SGD, partial(follow_keras, K.SGD),
     sgdw_lr_inside, "cosine", MOMENTUM, MOMENTUM, True),
    ("keras.Adam", K.Adam, partial(follow_keras, K.Adam),
     updates.adamw, "cosine", EXACT, EXACT, True),
    ("keras.Adam", K.Adam, partial(follow_keras, K.Adam),
     updates.adam_l2, "cosine", EXACT, EXACT, False),
    ("keras.AdamW", K.AdamW, partial(follow_keras, K.AdamW),
     updates.adamw, "cosine", EXACT, EXACT, True),
    ("keras.AdamW", K.AdamW, partial(follow_keras, K.AdamW),
     updates.adamw, "cosine", {"eps": 1e-7}, {"eps": 1e-7}, False),
    ("keras.regularizers.L2", keras.regularizers.L2, follow_keras_penalty,
     sgd_doubled, "cosine", {}, {}, True),
    ("timm.SGDW", SGDW, partial(follow_torch, SGDW),
     updates.sgdw, "cosine", MOMENTUM, MOMENTUM, True),
    ("timm.SGDW, corrected", SGDW, partial(follow_torch, SGDW),
     sgdw_corrected, "cosine", MOMENTUM | CORRECTED, MOMENTUM | PEAK, True),
    ("timm.AdamWLegacy", AdamWLegacy, partial(follow_torch, AdamWLegacy),
     updates.adamw, "cosine", {}, {}, True),
    ("timm.AdamWLegacy, corrected", AdamWLegacy, partial(follow_torch, AdamWLegacy),
     updates.adamw_corrected, "cosine", CORRECTED, PEAK, True),
]  # fmt: skip


# What is walked without a gradient; the chain and timm's flag want the base lr, too.
WITHOUT_GRADIENT = {
    "optax.adamw": partial(follow_optax, optax.adamw),
    "optax.add_decayed_weights, between lr and schedule":
        partial(follow_optax, between_lr_and_schedule, lr=LEFT["lr"]),
    "keras.AdamW": partial(follow_keras, K.AdamW),
    "timm.AdamWLegacy, corrected":
        partial(follow_torch, AdamWLegacy, lr=LEFT["lr"], **CORRECTED),
}  # fmt: skip


def distance(one, other):
    """Return the largest distance between two paths."""
    return max((a - b).abs().max() for a, b in zip(one, other, strict=True)).item()


def row(api, owner, path, rule, schedule, settings, rule_settings, same):
    """Walk one check and return its line of the table."""
    lrs, package = [LR * s for s in SCHEDULES[schedule]], api.split(".")[0]
    ours, bare = (
        list(follow_rule(rule, lrs, decay, rule_settings)) for decay in (DECAY, 0)
    )
    shown = ", ".join(f"{k}={v}" for k, v in settings.items() if k != "corrected")
    return {
        "api": api, "version": version(package), "default": default(owner),
        "rule": rule.__name__, "schedule": schedule, "settings": shown, "same": same,
        "deviation": f"{distance(path(lrs, **settings), ours):.1e}",
        "decay": f"{distance(ours, bare):.1e}",
    }  # fmt: skip


def left(api, path):
    """Walk an API without a gradient; return its lines of the second table."""
    lr, steps, every = (LEFT[key] for key in ("lr", "steps", "every"))
    how = {"lr": lr, "multipliers": [1]}  # the same share at the first step
    decay = conversion.convert(LEFT["weight_decay"], "torch.AdamW", api, **how)
    lrs = [lr * s for s in cosine(steps)]
    weights = list(path(lrs, gradients=NO_GRADIENTS, weight_decay=decay))
    head = {"api": api, "version": version(api.split(".")[0]), "lr": lr}
    return [
        head | {"weight_decay": decay, "step": k, "left": weights[k - 1].item()}
        for k in range(every, steps + 1, every)
    ]


def write(rows, file):
    """Write dicts with the same keys as a table."""
    with Path(file).open("w", encoding="utf8", newline="") as opened:
        table = csv.DictWriter(opened, fieldnames=rows[0], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def main(folder=DATA):
    """Write the tables."""
    write([row(*check) for check in CHECKS], Path(folder, "frameworks.csv"))
    rows = [line for api in WITHOUT_GRADIENT.items() for line in left(*api)]
    write(rows, Path(folder, "frameworks_left.csv"))


if __name__ == "__main__":
    main(*sys.argv[1:])
