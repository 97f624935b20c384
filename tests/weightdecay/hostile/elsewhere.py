"""Kind 13: decay that is done, undone or changed in another place than in a step."""

import torch

from hostile.base import (
    GRADIENT,
    LAWLESS,
    OTHER,
    RIGHT,
    AdamW,
    Own,
    adam,
    adamw,
    hostile,
    momentum,
    own,
    without,
)

IDLE = {"place": "none", "takes": True, "kept": None, "hidden": 0.0}


# The weight's data are others after the step.
@hostile(13, RIGHT)
@own
def swaps_the_data(w, g, s, h):
    w.data = (1 - h.lr * h.wd) * w.data - h.lr * adam(s, g)


@hostile(13, RIGHT, order="after")
@own
def swaps_the_data_and_decays_after(w, g, s, h):
    w.data = (1 - h.lr * h.wd) * (w.data - h.lr * adam(s, g))


@hostile(13, RIGHT, order="cautious")
@own
def swaps_the_data_with_caution(w, g, s, h):
    u = adam(s, g)
    w.data = w.data - h.lr * (u + h.wd * w.data * (u * w.data >= 0))


# No share of the weight.
@hostile(13, OTHER, hidden=0.0)
@own
def around_its_mean(w, g, s, h):
    w.sub_(h.lr * (h.wd * (w - w.mean()) + adam(s, g)))


@hostile(13, OTHER, hidden=0.0, first_zero_keeps=0.97)
@own
def a_constant_towards_zero(w, g, s, h):
    w.sub_(h.lr * (h.wd * w.sign() + adam(s, g)))


# The decay and the move are cut together.
@hostile(13, LAWLESS, hidden=0.0)
@own
def update_of_a_bounded_norm(w, g, s, h):
    move = adam(s, g) + h.wd * w
    w.sub_(h.lr * move / move.norm())


@hostile(13, LAWLESS, hidden=0.0)
@own
def update_of_a_bounded_size(w, g, s, h):
    w.sub_(h.lr * (adam(s, g) + h.wd * w).clamp(-0.9, 0.9))


# The trust ratio feels the decay (LARS, LAMB), or the weight alone.
@hostile(13, OTHER, hidden=None)
@own
def lars(w, g, s, h):
    trust = w.norm() / (g.norm() + h.wd * w.norm() + 1e-10)
    w.sub_(h.lr * momentum(s, trust * (g + h.wd * w)))


@hostile(13, LAWLESS, hidden=None)
@own
def lamb(w, g, s, h):
    move = adam(s, g) + h.wd * w
    w.sub_(h.lr * w.norm() / (move.norm() + 1e-10) * move)


@hostile(13, RIGHT, hidden=None, order="beside")
@own
def trust_in_the_undecayed(w, g, s, h):
    move = w.norm() * adam(s, g)
    w.mul_(1 - h.lr * h.wd)
    w.sub_(h.lr * move)


# Of a smaller weight the smaller move, or both made smaller after it: that is one.
@hostile(13, RIGHT, hidden=None, order={"before", "after"})
@own
def trust_in_the_decayed(w, g, s, h):
    w.mul_(1 - h.lr * h.wd)
    w.sub_(h.lr * w.norm() * adam(s, g))


# Centred gradients are no matter of a decay beside them.
@hostile(13, RIGHT, control=True)
@own
def centred(w, g, s, h):
    adamw(w, g - g.mean(), s, h)


# Rounded by chance to 2^-20, with draws that a seed repeats.
@hostile(13, RIGHT)
@own
def rounded_by_chance(w, g, s, h):
    adamw(w, g, s, h)
    w.copy_(torch.floor(w * 2**20 + torch.rand_like(w)) / 2**20)


# Two steps of AdamW in one: the second decays what the first has moved.
@hostile(13, LAWLESS, hidden=0.0, first_zero_keeps=0.9409)
@own
def two_in_one(w, g, s, h):
    adamw(w, g, s, h)
    adamw(w, g, s, h)


@hostile(13, LAWLESS, hidden=0.0)
@own
def half_before_and_half_after(w, g, s, h):
    w.mul_(1 - h.lr * h.wd / 2)
    w.sub_(h.lr * adam(s, g))
    w.mul_(1 - h.lr * h.wd / 2)


# Decayed and made whole again.
@hostile(13, IDLE)
@own
def undone(w, g, s, h):
    w.mul_(1 - h.lr * h.wd)
    w.div_(1 - h.lr * h.wd)
    w.sub_(h.lr * adam(s, g))


@hostile(13, IDLE, place={"none", "other"})
class DecaysItsMaking(Own):
    """It decays once, when it is made, and never again."""

    def __init__(self, params, lr, weight_decay=0.07):
        super().__init__(params, lr, weight_decay)
        with torch.no_grad():
            for w in self.starts:
                w.mul_(1 - weight_decay)

    @staticmethod
    def rule(w, g, s, h):
        """Step without decay."""
        w.sub_(h.lr * adam(s, g))


@hostile(13, IDLE, control=True)
class DecaysItsStateDict(DecaysItsMaking):
    """It decays when somebody asks for its state."""

    def __init__(self, params, lr, weight_decay=0.07):
        Own.__init__(self, params, lr, weight_decay)

    @torch.no_grad()
    def state_dict(self):
        """Decay, and return the state."""
        for w in self.starts:
            w.mul_(0.9)
        return super().state_dict()


# A training loop calls zero_grad at each step, and gradients come from a loss.
@hostile(13, place={"weight", "varying", "other"}, takes=True, hidden=0.0)
class DecaysInZeroGrad(DecaysItsStateDict):
    """It decays when the gradients are set to zero."""

    @torch.no_grad()
    def zero_grad(self, set_to_none=True):
        """Decay, then forget the gradients."""
        for group in self.param_groups:
            for w in group["params"]:
                w.mul_(1 - group["lr"] * group["weight_decay"])
        super().zero_grad(set_to_none)


@hostile(13, without(GRADIENT, "default"), rescales=True)
class PenaltyInAHook(DecaysItsStateDict):
    """A hook adds its penalty to the gradients of a loss."""

    def __init__(self, params, lr, weight_decay=0.07):
        super().__init__(params, lr, weight_decay)
        for w in self.starts:
            w.register_hook(lambda g, w=w: g + weight_decay * w.detach())


@hostile(13, RIGHT, order="after", control=True)
class DecaysInAStepHook(DecaysItsStateDict):
    """PyTorch calls its hook after each step."""

    def __init__(self, params, lr, weight_decay=0.07):
        super().__init__(params, lr, weight_decay)
        self.register_step_post_hook(self.decay)

    @staticmethod
    @torch.no_grad()
    def decay(self, args, settings):
        """Decay the weights that have a gradient."""
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is not None:
                    w.mul_(1 - group["lr"] * group["weight_decay"])


# It changes the gradient that it was given.
@hostile(13, GRADIENT, rescales=True)
@own
def writes_into_the_gradient(w, g, s, h):
    g.add_(h.wd * w)
    w.sub_(h.lr * adam(s, g))


@hostile(13, RIGHT)
class NewGroups(AdamW):
    """Its groups are others after each step."""

    def step(self):
        """Step, and copy the groups."""
        super().step()
        self.param_groups = [dict(group) for group in self.param_groups]


@hostile(13, LAWLESS, hidden=0.0)
class FadingGroups(AdamW):
    """It lowers the weight_decay of its groups at each step."""

    def step(self):
        """Step, and lower the weight_decay."""
        super().step()
        for group in self.param_groups:
            group["weight_decay"] *= 0.9


# The whole model's norm is in the share, of which one weight is part.
@hostile(13, LAWLESS, hidden=0.0)
class ByTheNormOfAll(AdamW):
    """It decays by the norm of all weights together."""

    def step_one(self, w, group):
        """Step one weight."""
        norm = torch.stack([v.detach().norm() for v in self.starts]).norm().item()
        super().step_one(w, {**group, "weight_decay": norm * group["weight_decay"]})


# The average of its penalties comes on top of Adam's step.
@hostile(
    13,
    place="memory",
    kept="1 - lr * weight_decay",
    remembers=True,
    rescales=False,
    hidden=0.0,
    first_zero_keeps=0.97,
)
@own
def remembers_its_penalties(w, g, s, h):
    s.penalties = 0.9 * getattr(s, "penalties", 0) + h.wd * w
    w.sub_(h.lr * (adam(s, g) + s.penalties))


for fast in ("foreach", "fused"):

    def make(params, lr, weight_decay=0.01, *, way=fast):
        return torch.optim.AdamW(params, lr, weight_decay=weight_decay, **{way: True})

    make.__name__ = f"adamw_{fast}"
    hostile(13, RIGHT, default=0.01, control=True)(make)
