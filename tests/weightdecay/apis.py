"""One step of each API that torch does not run, written out anew.

None reads the table of conventions, so that a wrong power there is found. A step gets
``lr``, that of the step, and ``max_lr``, the one that the optimizer was made with.
"""

import inspect

import torch

from weightdecay import updates
from weightdecay.directions import (
    adagrad_direction,
    adam_direction,
    lion_direction,
    momentum_direction,
)

STEPS, N = 100, 8  # of a run, and the examples of a sum


def velocity(w, g, state, *, lr, share, momentum):
    """SGD with lr in its buffer, beside any decay: Keras's step, and the paper's."""
    v = (momentum * state[0] if state else 0) - lr * g
    return w - share * w + v, (v,)


def keras_sgd(w, g, state, *, lr, weight_decay, max_lr, momentum):
    share = lr * weight_decay
    return velocity(w, g, state, lr=lr, share=share, momentum=momentum)


def paper_sgdw(w, g, state, *, lr, weight_decay, max_lr, momentum):
    share = lr / max_lr * weight_decay
    return velocity(w, g, state, lr=lr, share=share, momentum=momentum)


def addons_sgdw(w, g, state, *, lr, weight_decay, max_lr, momentum):
    return velocity(w, g, state, lr=lr, share=weight_decay, momentum=momentum)


def optimisers_momentum(w, g, state, *, lr, weight_decay, max_lr, momentum):
    g = g + weight_decay * w
    return velocity(w, g, state, lr=lr, share=0, momentum=momentum)


def scheduled_sgdw(w, g, state, *, lr, weight_decay, max_lr, momentum):
    u, state = momentum_direction(g, state, momentum=momentum)
    return w - lr / max_lr * (max_lr * u + weight_decay * w), state


def corrected_sgdw(w, g, state, *, lr, weight_decay, max_lr, momentum):
    u, state = momentum_direction(g, state, momentum=momentum)
    return w - lr * u - lr**2 / max_lr * weight_decay * w, state


def addons_adamw(w, g, state, *, lr, weight_decay, max_lr, momentum):
    u, state = adam_direction(g, state)
    return w - weight_decay * w - lr * u, state


def normalised_adamw(w, g, state, *, lr, weight_decay, max_lr, momentum):
    # The root of batch size over training points times epochs.
    share = lr / max_lr * weight_decay * (N / (N * STEPS)) ** 0.5
    u, state = adam_direction(g, state)
    return w - share * w - lr * u, state


def bitsandbytes_adam(w, g, state, *, lr, weight_decay, max_lr, momentum):
    u, state = adam_direction(g, state)
    w = w - lr * u
    return w * (1 - lr * weight_decay), state


def scheduled_lion(w, g, state, *, lr, weight_decay, max_lr, momentum):
    u, state = lion_direction(g, state)
    return w * (1 - lr * (weight_decay / max_lr)) - lr * u, state


def mxnet_adagrad(w, g, state, *, lr, weight_decay, max_lr, momentum):
    u, state = adagrad_direction(g, state)
    return w - lr * (u + weight_decay * w), state


def book(rule, *wanted):
    """Let one of the book's rules take what it wants of the settings."""
    # The check that a rule makes at each step is for single numbers.
    rule = inspect.unwrap(rule)

    def step(w, g, state, *, lr, weight_decay, **settings):
        settings = {name: settings[name] for name in wanted}
        return rule(w, g, state, lr=lr, weight_decay=weight_decay, **settings)

    return step


ADDED, APEX, DEEPSPEED = "optax.add_decayed_weights, ", "apex.", "deepspeed."
SGD_L2 = book(updates.sgd_momentum_l2, "momentum")
SGDW = book(updates.sgdw, "momentum")
ADAM_L2, ADAMW = book(updates.adam_l2), book(updates.adamw)
ADAMW_PAPER, LION = book(updates.adamw_paper, "max_lr"), book(updates.lion)
STEP = {
    "optax.adamw": ADAMW,
    ADDED + "then sgd": SGD_L2,
    ADDED + "then adam": ADAM_L2,
    ADDED + "between adam and lr": ADAMW,
    ADDED + "between lr and schedule": ADAMW_PAPER,
    "optax.lion": LION,
    "keras.SGD": keras_sgd,
    "keras.Adam": ADAMW,
    "keras.AdamW": ADAMW,
    "timm.SGDW": SGDW,
    "timm.SGDW, corrected": corrected_sgdw,
    "timm.AdamWLegacy": ADAMW,
    "timm.AdamWLegacy, corrected": book(updates.adamw_corrected, "max_lr"),
    "paper.SGDW": paper_sgdw,
    "paper.AdamW": ADAMW_PAPER,
    "paper.AdamW, normalised": normalised_adamw,
    "big_vision.momentum_hp": scheduled_sgdw,
    "big_vision.scale_by_adam": ADAMW_PAPER,
    "tensorflow_addons.SGDW": addons_sgdw,
    "tensorflow_addons.AdamW": addons_adamw,
    "composer.DecoupledSGDW": scheduled_sgdw,
    "composer.DecoupledAdamW": ADAMW_PAPER,
    "transformers.Trainer": ADAMW,
    DEEPSPEED + "FusedAdam": ADAMW,
    DEEPSPEED + "FusedAdam, adam_w_mode=False": ADAM_L2,
    DEEPSPEED + "DeepSpeedCPUAdam": ADAMW,
    DEEPSPEED + "DeepSpeedCPUAdam, adamw_mode=False": ADAM_L2,
    APEX + "FusedAdam": ADAMW,
    APEX + "FusedAdam, adam_w_mode=False": ADAM_L2,
    APEX + "FusedSGD": SGD_L2,
    APEX + "FusedSGD, wd_after_momentum=True": SGDW,
    "bitsandbytes.Adam8bit": bitsandbytes_adam,
    "bitsandbytes.AdamW8bit": bitsandbytes_adam,
    "torchao.Adam8bit": ADAM_L2,
    "torchao.AdamW8bit": ADAMW,
    "lion_pytorch.Lion": LION,
    "lion_pytorch.Lion, decoupled_weight_decay=True": scheduled_lion,
    "fastai.SGD": SGDW,
    "fastai.SGD, decouple_wd=False": SGD_L2,
    "fastai.Adam": ADAMW,
    "fastai.Adam, decouple_wd=False": ADAM_L2,
    "Optimisers.WeightDecay, then Momentum": optimisers_momentum,
    "Optimisers.WeightDecay, then Adam": ADAM_L2,
    "Optimisers.AdamW": ADAMW,
    "Optimisers.AdamW, couple=false": addons_adamw,
    "mxnet.AdaGrad, 1.9": mxnet_adagrad,
    "mxnet.AdaGrad, 2.0": book(updates.adagrad_l2),
}
# What is added to the mean loss; divided by N where the loss is a sum.
PENALTY = {
    "keras.regularizers.L2": 1.0,
    "mean loss, penalty with half": 0.5,
    "mean loss, penalty without half": 1.0,
    "sum loss, penalty with half": 0.5 / N,
    "sum loss, penalty without half": 1.0 / N,
    "sklearn.Ridge": 1.0 / N,  # on the sum of squared errors: a test of its own
}


def optimizer(step, momentum):
    """Make an optimizer of torch's kind of a step."""

    class Stepping(torch.optim.Optimizer):
        def __init__(self, params, lr, weight_decay=0.0):
            self.settings = {"max_lr": lr, "momentum": momentum}
            super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

        @torch.no_grad()
        def step(self):
            (group,) = self.param_groups
            given = {k: v for k, v in group.items() if k in ("lr", "weight_decay")}
            for p in group["params"]:
                if p.grad is not None:
                    state = self.state[p].get("state")
                    w, state = step(p, p.grad, state, **given, **self.settings)
                    self.state[p]["state"] = state
                    p.copy_(w)

    return Stepping


def minimiser(price, momentum):
    """Make an SGD that minimises the loss and a penalty, price weight_decay ||w||^2."""
    return optimizer(
        lambda w, g, state, *, weight_decay, **settings: SGDW(
            w, g + 2 * price * weight_decay * w, state, weight_decay=0.0, **settings
        ),
        momentum,
    )
