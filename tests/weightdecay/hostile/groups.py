"""Kind 6: the group's lr is a tensor, or another than the lr that was given.

lr and base_lr are those that were given, with the factor that a schedule puts to the
group's; a first zero gradient with lr 0.1 leaves what the formula says.
"""

import torch

from hostile.base import RIGHT, AdamW, adam, hostile, own


def scaled(name, factor, kept, keeps, **more):
    """Collect AdamW whose groups have a multiple of the lr that is given."""

    def make(params, lr, weight_decay=0.07):
        return AdamW(params, lr * factor, weight_decay)

    make.__name__ = name
    hostile(6, RIGHT, kept=kept, first_zero_keeps=keeps, **more)(make)


scaled("a_tenth", 0.1, "1 - 0.1 * lr * weight_decay", 0.997)
scaled("a_third", 1 / 3, "1 - 0.3333 * lr * weight_decay", 0.99)
scaled("twice", 2, "1 - 2 * lr * weight_decay", 0.94)


@hostile(6, RIGHT)
class HoldsItsTensor(AdamW):
    """Its lr is a tensor, and it reads the one that it made."""

    def __init__(self, params, lr, weight_decay=0.07):
        super().__init__(params, lr, weight_decay)
        self.held = torch.tensor(lr, dtype=torch.float64)
        for group in self.param_groups:
            group["lr"] = self.held

    def step_one(self, w, group):
        """Step with the lr of the tensor."""
        super().step_one(w, {**group, "lr": self.held.item()})


@hostile(6, RIGHT)
class SinglePrecisionTensor(AdamW):
    """Its lr is a float32 tensor, which a schedule must fill."""

    def __init__(self, params, lr, weight_decay=0.07):
        super().__init__(params, lr, weight_decay)
        for group in self.param_groups:
            group["lr"] = torch.tensor(lr, dtype=torch.float32)

    def step_one(self, w, group):
        """Refuse an lr that is no tensor any more, as a graph of CUDA would."""
        if not isinstance(group["lr"], torch.Tensor):
            raise RuntimeError("the lr tensor was replaced")
        super().step_one(w, group)


@hostile(6, RIGHT, kept="1 - 0.5 * lr * weight_decay", first_zero_keeps=0.985)
class HalfATensor(HoldsItsTensor):
    """Its tensor is half the lr that is given."""

    def __init__(self, params, lr, weight_decay=0.07):
        super().__init__(params, lr / 2, weight_decay)


@hostile(6, RIGHT, vectors="otherwise")
class VectorsSlower(AdamW):
    """Its vectors have a group of a tenth of the lr."""

    def __init__(self, params, lr, weight_decay=0.07):
        super().__init__(params, lr, weight_decay)
        for group in self.param_groups:
            if all(w.ndim == 1 for w in group["params"]):
                group["lr"] = group["base"] = 0.1 * lr


# Its groups have a tenth of the lr; the schedule's factor is the same.
@hostile(
    6,
    RIGHT,
    kept="1 - base_lr^-1 * lr * weight_decay",
    first_zero_keeps=0.7,
)
def a_tenth_and_the_schedule_alone(params, lr, weight_decay=0.07):
    return ByTheSchedule(params, lr / 10, weight_decay)


@own
def ByTheSchedule(w, g, s, h):  # noqa: N802
    w.mul_(1 - h.lr / h.base * h.wd)
    w.sub_(h.lr * adam(s, g))


# Its weight_decay was divided by the lr, so that the group's product is the given one.
@hostile(6, RIGHT, kept="1 - base_lr^-1 * lr * weight_decay", first_zero_keeps=0.7)
def divided_by_the_first_lr(params, lr, weight_decay=0.07):
    return AdamW(params, lr, weight_decay / lr)


# A schedule can't reach its lr: then the first one is the step's.
@hostile(
    6,
    RIGHT,
    kept={"1 - lr * weight_decay", "1 - base_lr * weight_decay"},
    control=True,
)
class NoLrInItsGroups(AdamW):
    """Its groups have no lr."""

    def __init__(self, params, lr, weight_decay=0.07):
        super().__init__(params, lr, weight_decay)
        for group in self.param_groups:
            del group["lr"]

    def step_one(self, w, group):
        """Step with the first lr."""
        super().step_one(w, {**group, "lr": group["base"]})


@hostile(
    6, RIGHT, kept="1 - 10 * lr * weight_decay", first_zero_keeps=0.7, control=True
)
def tenfold_weight_decay(params, lr, weight_decay=0.07):
    return AdamW(params, lr, 10 * weight_decay)


hostile(6, RIGHT, default=0.01, control=True)(torch.optim.AdamW)
