"""What the chapter on schedules says, with other shapes, widths, norms and decays."""

import pytest
import torch

from weightdecay import dynamics, examples, networks, turning

NOISY = examples.mnist1d(4000).with_label_noise(0.9, seed=1)
STEPS = 700
TIME = torch.arange(STEPS) / STEPS
COSINE = (1 + torch.cos(torch.pi * TIME)) / 2


def scheduled(rates, decays):
    def optimizer(w, **settings):
        adamw = torch.optim.AdamW(w, **settings)
        both = iter(zip(rates.tolist(), decays.tolist(), strict=True))

        def set_both(*_):
            lr, weight_decay = next(both)
            adamw.param_groups[0].update(lr=lr, weight_decay=weight_decay)

        adamw.register_step_pre_hook(set_both)
        return adamw

    return optimizer


def run(rates, decays, *, widths=(32, 32), normalise="batch", betas=(0.9, 0.95)):
    make = networks.mlp(
        (40, *widths, 10), normalise=normalise, affine=False, bias=False
    )
    return turning.follow(
        make, NOISY, scheduled(rates, decays), steps=STEPS, batch_size=64,
        seeds=[7], every=2, look=turning.turn_weighted, betas=betas,
    )  # fmt: skip


@pytest.mark.parametrize(
    "case",
    [
        {"shape": 1 - TIME, "decay": 1.0},
        {"shape": 1 - TIME, "decay": 0.2, "widths": (64, 20)},
        {"shape": COSINE, "decay": 0.5, "normalise": "layer"},
        {"shape": 0.1 + 0.9 * COSINE, "decay": 0.5, "peak": 0.02},
        {"shape": (3 * TIME).clamp(max=1) * (1 - TIME).sqrt(), "decay": 0.5},
        {"shape": 1 - TIME, "decay": 0.5, "corrected": True},
    ],
    ids=lambda case: ", ".join(f"{k} {x}" for k, x in case.items() if k != "shape"),
)
def test_the_size_under_a_schedule_is_known_before(case):
    rates = case.pop("peak", 0.01) * case.pop("shape")
    decays = torch.full((STEPS,), case.pop("decay"))
    if case.pop("corrected", False):
        decays = decays * rates / rates.max()
    seen = run(rates, decays, **case)
    for layer in (0, 1):
        sizes = seen["rms"][:, 0, layer]
        told = dynamics.rms_under_schedule(rates, decays, sizes[0].item())
        # The last look is before the last step but one.
        assert sizes[-1].item() == pytest.approx(told[-1].item(), rel=0.08)
        half = dynamics.rms_under_schedule(rates, decays / 2, sizes[0].item())
        assert abs(sizes[-1].item() / half[-1].item() - 1) > 0.1


def test_with_a_slow_v_the_weights_end_larger():
    rates, decays = 0.01 * (1 - TIME), torch.full((STEPS,), 0.5)
    fast = run(rates, decays)["rms"][-1, 0, 0]
    assert run(rates, decays, betas=(0.9, 0.999))["rms"][-1, 0, 0] > 1.08 * fast


def rested(decay, beta1):
    """Return what a constant rate ends with, the exact size and the rough one."""
    rates, decays = torch.full((STEPS,), 0.02), torch.full((STEPS,), decay)
    seen = run(rates, decays, betas=(beta1, 0.95))
    late = seen["rms"][-50:, 0, 0].mean().item()
    a = 1 - 0.02 * decay
    ratio = (1 - a**2) * (1 - a * beta1) / (1 + a * beta1)
    exact = 0.02 * ((1 - beta1) / (1 + beta1) / ratio) ** 0.5
    return late, exact, (0.02 / (2 * decay)) ** 0.5


@pytest.mark.parametrize(("decay", "beta1"), [(1.0, 0.9), (0.5, 0.95)])
def test_a_constant_rate_ends_lower_where_decay_meets_momentum(decay, beta1):
    late, exact, rough = rested(decay, beta1)
    assert late == pytest.approx(exact, rel=0.03) and late < 0.94 * rough


def test_with_a_short_momentum_it_ends_lower_for_another_reason():
    late, exact, rough = rested(0.5, 0.5)
    assert exact > 0.99 * rough and late < 0.98 * exact
