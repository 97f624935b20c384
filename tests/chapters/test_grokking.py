"""What the chapter on grokking says, on other data, starts, batches and optimizers."""

import claims
import pytest
import torch

from weightdecay import dynamics, experiments, paths, theory, updates

says = claims.on("grokking")


def problem(n=15, d=60, size=1.0, seed=5):
    """Return inputs, a target that they span, a start, and what decay costs."""
    stream = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=stream, dtype=torch.float64)

    x = draw(n, d)
    h, basis = torch.linalg.eigh(x.T @ x / n)
    h, seen = h[-n:], basis[:, -n:]
    target = seen @ draw(n) / n**0.5
    start = size * draw(d)

    def floor(decay):
        own = seen.T @ target
        return (theory.ridge(own, h, decay) - own).square().sum().item()

    unseen = (start - seen @ (seen.T @ start)).norm().item()
    return x, target, start, unseen, floor


def halved(x, target):
    return lambda w: (x @ (w - target)).square().mean() / 2


@pytest.mark.parametrize("size", [0.3, 3.0, 30.0])
@pytest.mark.parametrize(("lr", "decay"), [(0.1, 0.05), (0.05, 0.1), (0.1, 0.15)])
def test_new_inputs_are_right_at_the_step(size, lr, decay):
    x, target, start, unseen, floor = problem(size=size)
    loss = halved(x, target)
    w = paths.walk(updates.sgd_l2, loss, start, steps=1900, lr=lr, weight_decay=decay)
    error = (w - target).square().sum(1)
    told = dynamics.grokking_steps(unseen, 0.02, lr, decay, floor(decay))
    assert (error > 0.02).sum() == told < 1900


def test_in_batches_the_unseen_part_decays_the_same():
    x, target, start, unseen, _ = problem()
    stream = torch.Generator().manual_seed(0)
    batches = [torch.randperm(15, generator=stream)[:4] for _ in range(600)]
    losses = [halved(x[i], target) for i in batches]
    w = paths.walk(torch.optim.SGD, losses, start, steps=600, lr=0.02, weight_decay=0.4)
    left = w - w @ (torch.linalg.pinv(x) @ x)
    told = dynamics.grokking_steps(unseen, 0.02, 0.02, 0.4)
    assert (left.square().sum(1) > 0.02).sum() == told < 600


@says("More decay is sooner, until it is never")
@pytest.mark.parametrize("seed", [5, 6])
def test_beyond_the_floor_it_does_not_come(seed):
    x, target, start, _, floor = problem(seed=seed)
    never = theory.root(lambda decay: floor(decay) - 0.02, 0.01, 10.0).item()
    loss = halved(x, target)
    for part, comes in ((0.5, True), (0.97, True), (1.03, False)):
        how = {"lr": 0.1, "weight_decay": part * never}
        w = paths.walk(updates.sgd_l2, loss, start, steps=1500, **how)
        assert ((w[-1] - target).square().sum() <= 0.02) == comes


def waits(decays, **run):
    found = experiments.grokking(decays, progress=False, **run)
    last = found.groupby(["weight_decay", "seed"]).last()
    return (last["grokked"] - last["memorised"]).astype(float).unstack().mean(axis=1)


@says(
    "With another prime, a larger share for training, twice the learning rate or other "
    "sums held out the wait for $\\lambda=1$ was still about twice that for "
    "$\\lambda=2$."
)
@pytest.mark.parametrize(
    "case",
    [
        {"p": 17, "steps": 600},
        {"share": 0.85, "steps": 320},
        {"lr": 0.01, "steps": 280},
        {"split": 1, "steps": 480},
    ],
    ids=str,
)
def test_half_the_decay_waits_twice_as_long(case):
    found = waits([1.0, 2.0], seed=[20], **case)
    assert found[1.0] / found[2.0] == pytest.approx(2, rel=0.3)


def test_without_decay_a_large_start_is_not_forgotten():
    found = experiments.grokking(0.0, [20], steps=400, progress=False)
    end = found.iloc[-1]
    assert end["train_error"] == 0 and end["val_error"] > 0.9
