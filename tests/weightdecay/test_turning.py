"""Following networks: the same numbers as one network's plain loop."""

import pytest
import torch
from torch import nn

from weightdecay import examples, networks, turning

DATA = examples.digits(200, dtype=torch.float64)
MAKE = networks.mlp(
    (64, 8, 10), normalise="batch", affine=False, bias=False, dtype=torch.float64
)


def alone(seed, make_optimizer, steps, look):
    """Train one network by the loop that everybody writes."""
    net = MAKE(seed)
    optimizer = make_optimizer(net.parameters())
    stream, found = torch.Generator().manual_seed(seed), []
    for _ in range(steps):
        now = torch.randint(len(DATA.y), (16,), generator=stream)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(DATA.x[now]), DATA.y[now]).backward()
        before = [w.detach().clone() for w in net.parameters()]
        optimizer.step()
        found.append(
            [
                look(b, w.detach(), w.grad, optimizer.state[w])
                for b, w in zip(before, net.parameters(), strict=True)
            ]
        )
    return torch.tensor(found, dtype=torch.float64)


@pytest.mark.parametrize("seeds", [(3,), (0, 3)])
def test_networks_together_do_what_each_does_alone(seeds):
    settings = {"lr": 0.1, "weight_decay": 0.1, "momentum": 0.9}
    seen = turning.follow(
        MAKE, DATA, torch.optim.SGD, steps=12, batch_size=16, seeds=seeds, **settings
    )
    assert seen["norm"].shape == (12, len(seeds), 2)

    def look(before, after, g, state):
        b, cosine = state["momentum_buffer"], torch.nn.functional.cosine_similarity
        across = cosine(before.flatten(), after.flatten(), dim=0)
        return [before.norm(), across, (b * g).sum(), (g * g).sum()]

    mine = alone(seeds[-1], lambda w: torch.optim.SGD(w, **settings), 12, look)
    for i, name in enumerate(("norm", "cosine", "b_g", "g_g")):
        assert torch.allclose(seen[name][:, -1], mine[..., i], rtol=1e-9)
    product = seen["g_g"] * seen["norm"] ** 2
    assert torch.allclose(seen["G_G"], product, rtol=1e-9)


def test_adams_entries_count_by_the_root_of_v():
    settings = {"lr": 0.01, "weight_decay": 0.1}
    seen = turning.follow(
        MAKE, DATA, torch.optim.AdamW, steps=9, batch_size=16, seeds=[5],
        look=turning.turn_weighted, **settings,
    )  # fmt: skip

    def look(before, after, g, state):
        size, m = state["exp_avg_sq"].sqrt(), state["exp_avg"]
        live = size > 0
        size, m, g = size[live], m[live], g[live]
        w, new = before[live], after[live]
        along = (size * w * new).sum()
        long = ((size * w * w).sum() * (size * new * new).sum()).sqrt()
        total = size.sum()
        return [
            along / long,
            ((size * w * w).sum() / total).sqrt(),
            (g * g / size).sum() / total,
            (m * g / size).sum() / total,
            before.square().mean().sqrt(),
        ]

    mine = alone(5, lambda w: torch.optim.AdamW(w, **settings), 9, look)
    names = ("weighted_cosine", "weighted_rms", "g_g", "m_g", "rms")
    for i, name in enumerate(names):
        assert torch.allclose(seen[name][:, 0], mine[..., i], rtol=1e-9), name


def test_the_echo_of_gradients_at_right_angles_is_one():
    g = torch.eye(5, dtype=torch.float64)
    b, products = torch.zeros(5, dtype=torch.float64), []
    for each in g:
        b = 0.9 * b + 0.5 * each
        products.append(b @ each)
    one = torch.ones(())
    assert turning.echo(torch.stack(products).mean(), one, dampening=0.5) == 1
    # Gradients that turn round in each step: 1 + 2 sum (-momentum)^j.
    b = torch.zeros(())
    for k in range(200):
        b = 0.5 * b + (-1) ** k
    echo = turning.echo(b * (-1) ** 199, one)
    assert echo == pytest.approx(1 + 2 * (-0.5 / 1.5), rel=1e-5)


def test_every_other_step_is_seen_and_the_run_is_the_same():
    run = {"steps": 7, "batch_size": 16, "seeds": [0], "lr": 0.1}
    whole = turning.follow(MAKE, DATA, torch.optim.SGD, **run)
    some = turning.follow(MAKE, DATA, torch.optim.SGD, **run, every=2)
    assert torch.equal(some["norm"], whole["norm"][::2])
    # Without a buffer <b, g> is <g, g>.
    assert torch.equal(whole["b_g"], whole["g_g"])


@pytest.mark.parametrize("name", ["steps", "batch_size", "every"])
def test_no_steps_and_no_examples_are_refused(name):
    run = {"steps": 1, "batch_size": 1} | {name: 0}
    with pytest.raises(ValueError, match=f"^{name} must be a whole number > 0"):
        turning.follow(MAKE, DATA, torch.optim.SGD, **run, seeds=[0], lr=0.1)
