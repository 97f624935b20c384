"""Sweeping: every point of the grid is a run of its own, and the best one is found."""

import pytest
import torch

from weightdecay import problems, updates
from weightdecay.paths import gradient, walk
from weightdecay.sweep import best, movement, sweep

DATA, START = problems.regressions(3, 12, 4, noise=1.0, seed=0)
BATCHES = DATA.minibatches(4, steps=60, seed=1)
SCHEDULE = [1 - k / 60 for k in range(60)]
LR = torch.tensor([0.05, 0.2], dtype=torch.float64)[:, None]
DECAYS = torch.tensor([0.1, 0.5, 2.0], dtype=torch.float64)
GRID = {"lr": LR, "schedule": SCHEDULE, "weight_decay": DECAYS}


def one_by_one(update, decay_of=lambda lr, decay: decay, **more):
    def end(lr, decay):
        lrs = [lr * s for s in SCHEDULE]
        run = {"steps": 60, "lr": lrs, "weight_decay": decay_of(lr, decay), **more}
        return walk(update, BATCHES, START, **run)[-1]

    pairs = [[end(lr, decay) for decay in DECAYS.tolist()] for lr in LR[:, 0].tolist()]
    return torch.stack([torch.stack(row) for row in pairs])


def test_a_sweep_ends_where_torch_adamw_ends_at_each_point():
    ends = sweep(updates.adamw, BATCHES, START, **GRID)
    assert ends.shape == (2, 3, *START.shape)
    assert (ends - one_by_one(torch.optim.AdamW)).abs().max() < 1e-10
    # What the smallest difference between two points of the grid does.
    assert (ends.diff(dim=1)).abs().amax((-1, -2)).min() > 1e-2
    assert (ends.diff(dim=0)).abs().amax((-1, -2)).min() > 1e-2


def test_the_papers_form_is_torch_adamw_at_its_decay_over_the_largest_lr():
    ends = sweep(updates.adamw_paper, BATCHES, START, max_lr=LR, **GRID)
    over = one_by_one(torch.optim.AdamW, decay_of=lambda lr, decay: decay / lr)
    assert (ends - over).abs().max() < 1e-10
    assert (ends - one_by_one(torch.optim.AdamW)).abs().max() > 1e-2


def test_one_loss_for_all_steps_and_numbers_for_the_grid_are_one_walk():
    numbers = {"lr": 0.1, "weight_decay": 0.3}
    end = sweep(updates.adamw, DATA, START, schedule=[1.0] * 9, **numbers)
    path = walk(torch.optim.AdamW, DATA, START, steps=9, **numbers)
    assert (end - path[-1]).abs().max() < 1e-12


@pytest.mark.parametrize("name", ["lr", "weight_decay"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_one_bad_number_on_the_grid_is_refused(name, value):
    grid = GRID | {name: torch.tensor([0.1, value, 0.2])}
    if name == "lr":
        grid[name] = grid[name][:, None]
    with pytest.raises(ValueError, match=f"^{name} must be a finite number >= 0, got"):
        sweep(updates.adamw, BATCHES, START, **grid)


def test_the_wrong_number_of_losses_is_refused():
    with pytest.raises(ValueError, match="loss: 59 given for 60 steps"):
        sweep(updates.adamw, BATCHES[1:], START, **GRID)


def test_the_best_is_the_vertex_of_a_parabola_in_the_logarithm():
    x = torch.logspace(-2, 2, 21, dtype=torch.float64)
    vertices = torch.tensor([0.07, 1.0, 13.0], dtype=torch.float64)
    risk = 2 + 3 * (x / vertices[:, None]).log() ** 2
    assert ((best(x, risk) - vertices) / vertices).abs().max() < 1e-12
    assert best(x, risk[1]).shape == ()
    # The nearest point of the grid is far less good.
    nearest = x[risk.argmin(-1)]
    assert ((nearest - vertices) / vertices).abs().max() > 0.05


@pytest.mark.parametrize("vertex", [0.001, 1000.0])
def test_a_best_outside_the_grid_is_refused(vertex):
    x = torch.logspace(-2, 2, 21, dtype=torch.float64)
    with pytest.raises(ValueError, match="make the grid wider"):
        best(x, (x / vertex).log() ** 2)


def test_the_movement_is_what_torch_divides_lr_by_summed_up():
    lrs = torch.tensor([0.02, 0.1], dtype=torch.float64)
    moved = movement(BATCHES, START, lr=lrs, schedule=SCHEDULE, betas=(0.8, 0.95))
    for lr, ours in zip(lrs.tolist(), moved, strict=True):
        w, theirs = START.clone().requires_grad_(), 0
        optimizer = torch.optim.AdamW([w], betas=(0.8, 0.95), weight_decay=0)
        for k, (s, batch) in enumerate(zip(SCHEDULE, BATCHES, strict=True), start=1):
            optimizer.param_groups[0]["lr"] = lr * s
            w.grad = gradient(batch, w)
            optimizer.step()
            v_hat = optimizer.state[w]["exp_avg_sq"] / (1 - 0.95**k)
            theirs += (lr * s / v_hat.sqrt()).mean().item()
        assert abs(ours / theirs - 1) < 1e-6  # eps
    assert abs(moved[1] / moved[0] / 5 - 1) > 0.01  # gradients change on the way


def test_the_movement_of_one_lr_is_one_number_and_needs_a_loss_for_each_step():
    assert movement(DATA, START, lr=0.1, schedule=SCHEDULE).shape == ()
    with pytest.raises(ValueError, match="loss: 59 given for 60 steps"):
        movement(BATCHES[1:], START, lr=0.1, schedule=SCHEDULE)
