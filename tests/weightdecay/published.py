"""What optimizers that torch.optim does not have compute, from their authors' code.

Each is transcribed from the source it names, in place and per weight as there, with
no part shared with the rules. A gradient of None is skipped, as PyTorch does.
"""

from unittest import mock

import scipy.linalg
import torch


def optimizer(step):
    """Make a torch optimizer of what one step does to one parameter."""

    class Published(torch.optim.Optimizer):
        def __init__(self, params, **settings):
            super().__init__(params, settings)

        @torch.no_grad()
        def step(self):
            for group in self.param_groups:
                settings = {k: v for k, v in group.items() if k != "params"}
                for p in group["params"]:
                    if p.grad is not None:
                        step(p, p.grad, self.state[p], **settings)

    Published.__name__ = step.__name__
    return Published


@optimizer
def timm_sgdw(p, g, state, *, lr, weight_decay, momentum, dampening=0, nesterov=False):
    """huggingface/pytorch-image-models 1.0.31, timm/optim/sgdw.py (Apache 2.0)."""
    p.mul_(1.0 - lr * weight_decay)
    if "buf" not in state:
        state["buf"] = g.clone()
    else:
        state["buf"].mul_(momentum).add_(g, alpha=1 - dampening)
    p.add_(g.add(state["buf"], alpha=momentum) if nesterov else state["buf"], alpha=-lr)


@optimizer
def timm_corrected(
    p, g, state, *, lr, weight_decay, max_lr,
    betas=(0.9, 0.999), eps=1e-8, amsgrad=False,
):  # fmt: skip
    """As above, timm/optim/adamw.py, AdamWLegacy with corrected_weight_decay."""
    p.mul_(1.0 - lr**2 / max_lr * weight_decay)
    t, m, v = adam_moments(g, state, betas)
    if amsgrad:
        v = torch.maximum(state.setdefault("max", torch.zeros_like(v)), v)
        state["max"] = v
    denom = (v.sqrt() / (1 - betas[1] ** t) ** 0.5).add_(eps)
    p.addcdiv_(m, denom, value=-lr / (1 - betas[0] ** t))


@optimizer
def lua_adamw(p, g, state, *, lr, weight_decay, max_lr, betas=(0.9, 0.999), eps=1e-8):
    """loshchil/AdamW-and-SGDW, adam.lua and train.lua (BSD), decay not normalised.

    It adds eps to sqrt(v) before the bias correction: Algorithm 2 only where eps is 0.
    """
    t, m, v = adam_moments(g, state, betas)
    old = p.clone()
    step_size = lr * (1 - betas[1] ** t) ** 0.5 / (1 - betas[0] ** t)
    p.addcdiv_(m, v.sqrt().add(eps), value=-step_size)
    p.add_(old, alpha=-(lr / max_lr) * weight_decay)


@optimizer
def algorithm_2(p, g, state, *, lr, weight_decay, max_lr, betas=(0.9, 0.999), eps=1e-8):
    """Loshchilov & Hutter, ICLR 2019, Algorithm 2: eta the multiplier, alpha the lr."""
    t, m, v = adam_moments(g, state, betas)
    eta, alpha = lr / max_lr, max_lr
    m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
    p.sub_(eta * (alpha * m_hat / (v_hat.sqrt() + eps) + weight_decay * p))


@optimizer
def cautious_adamw(p, g, state, *, lr, weight_decay, betas=(0.9, 0.999), eps=1e-8):
    """Chen et al., arXiv 2510.12402, Algorithm 1, u the step of Adam."""
    t, m, v = adam_moments(g, state, betas)
    u = m / (1 - betas[0] ** t) / ((v / (1 - betas[1] ** t)).sqrt() + eps)
    p.sub_(lr * u + torch.where(u * p >= 0, lr * weight_decay * p, 0))


@optimizer
def lion(p, g, state, *, lr, weight_decay, betas=(0.9, 0.99)):
    """google/automl, lion/lion_pytorch.py (Apache 2.0)."""
    p.mul_(1 - lr * weight_decay)
    exp_avg = state.setdefault("exp_avg", torch.zeros_like(p))
    update = exp_avg * betas[0] + g * (1 - betas[0])
    p.add_(update.sign_(), alpha=-lr)
    exp_avg.mul_(betas[1]).add_(g, alpha=1 - betas[1])


@optimizer
def exact_muon(p, g, state, *, lr, weight_decay, momentum=0.95, nesterov=True, **_):
    """KellerJordan/Muon, muon.py (MIT), with SciPy's polar factor for its iteration."""
    buffer = state.setdefault("buffer", torch.zeros_like(p)).lerp_(g, 1 - momentum)
    update = g.lerp(buffer, momentum) if nesterov else buffer
    update = torch.from_numpy(scipy.linalg.polar(update.numpy())[0])
    update *= max(1, g.size(-2) / g.size(-1)) ** 0.5
    p.mul_(1 - lr * weight_decay)
    p.add_(update, alpha=-lr)


class DoubleMuon(torch.optim.Muon):
    """torch.optim.Muon, whose own iteration goes on in float64 and not in bfloat16."""

    def step(self):
        """Step as torch.optim.Muon does."""
        with mock.patch.object(torch.Tensor, "bfloat16", torch.Tensor.clone):
            super().step()


def adam_moments(g, state, betas):
    """Count the step and take g and g^2 into their averages, in place."""
    state["t"] = state.get("t", 0) + 1
    m = state.setdefault("m", torch.zeros_like(g)).mul_(betas[0])
    v = state.setdefault("v", torch.zeros_like(g)).mul_(betas[1])
    m.add_(g, alpha=1 - betas[0])
    v.addcmul_(g, g, value=1 - betas[1])
    return state["t"], m, v
