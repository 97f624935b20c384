"""Products of factors under decay: against brute force and other solvers."""

import math

import pytest
import torch
from draws import draw

from weightdecay import factored, kinks, paths


def squares(target, product=lambda w: w):
    """Return half the squared distance of a product from a target."""
    return lambda w: (product(w) - target).square().sum() / 2


@pytest.mark.parametrize("factors", [2, 3, 4, 7])
def test_the_rest_is_the_minimum_that_a_grid_finds(factors):
    values, a = draw(6).abs() + 0.3, torch.linspace(0, 2, 200_001).double()
    for decay in (0.05, 0.2):
        told = factored.shrunk(values, decay, factors)
        for value, product in zip(values, told, strict=True):
            heights = (a**factors - value) ** 2 / 2 + factors * decay / 2 * a**2
            inner = (heights[1:-1] < heights[2:]) & (heights[1:-1] < heights[:-2])
            minima = a[1:-1][inner] ** factors
            found = minima.max() if len(minima) else torch.tensor(0.0)
            assert product.item() == pytest.approx(found.item(), abs=3e-4)


def test_two_factors_are_a_soft_threshold_and_no_decay_changes_nothing():
    values = draw(50).abs()
    soft = (values - 0.4).clamp(min=0)
    assert (factored.shrunk(values, 0.4) - soft).abs().max() < 1e-12
    for factors in (2, 3, 5):
        kept = factored.shrunk(values, 0.0, factors)
        assert (kept - values).abs().max() < 1e-12
    assert factored.shrunk(torch.zeros(2).double(), 0.1, 3).tolist() == [0, 0]


def test_a_value_jumps_to_zero_from_a_known_part_of_it():
    value = torch.tensor([1.7]).double()
    for factors, part in ((2, 0.0), (3, 0.25), (4, 1 / 3)):
        last = factored.last_decay(value, factors)
        before = factored.shrunk(value, last * (1 - 1e-5), factors) / value
        assert before.item() == pytest.approx(part, abs=5e-3)
        assert factored.shrunk(value, last, factors).item() == 0
    assert factored.last_decay(value, 3).item() == pytest.approx(3 * 0.425 ** (4 / 3))


def test_a_start_below_the_watershed_is_lost_and_one_above_is_not():
    values = torch.tensor([0.5, 1.0, 3.0, 0.1]).double()
    edge = factored.watershed(values, 0.1)
    assert math.isinf(edge[3]) and factored.last_decay(values[3], 3) < 0.1
    loss = squares(values, lambda w: w.prod(0))
    run = {"steps": 4000, "lr": 0.02, "weight_decay": 0.1}
    for times, told in ((0.98, 0 * values), (1.02, factored.shrunk(values, 0.1, 3))):
        start = (times * edge).clamp(max=1.0).expand(3, 4)
        end = paths.walk(torch.optim.SGD, loss, start, **run)[-1].prod(0)
        assert (end - told).abs().max() < 1e-6


def test_the_joint_decay_is_the_geometric_mean():
    a = torch.logspace(-3, 3, 100_001, dtype=torch.float64)
    for first, second in ((0.1, 0.9), (2.0, 0.3)):
        least = ((first * a**2 + second / a**2) / 2).min().item()
        assert factored.joint_decay(first, second) == pytest.approx(least, rel=1e-6)
    assert factored.joint_decay(0.0, 3.0) == 0


def test_the_imbalance_follows_its_recursion_with_decay_and_without():
    start = draw(7)
    for decay in (0.0, 0.3):
        gap = start
        for _ in range(25):
            gap = (1 - 0.2 * decay) ** 2 * gap + 0.2**2 * 0.7
        told = factored.imbalance(start, 25, lr=0.2, weight_decay=decay, surplus=0.7)
        assert (told - gap).abs().max() < 1e-12


def test_the_nuclear_minimum_of_squares_is_a_soft_threshold():
    target = draw(6, 9)
    u, s, v = torch.linalg.svd(target, full_matrices=False)
    told = u * (s - 1.0).clamp(min=0) @ v
    square = squares(target)
    for lr, steps in ((1.0, 1), (0.5, 400)):
        w = kinks.nuclear_minimum(square, 0 * target, 1.0, steps=steps, lr=lr)
        assert (w - told).abs().max() < 1e-9


def test_the_nuclear_minimum_meets_its_conditions_on_inputs_that_correlate():
    x, y = draw(40, 6) @ draw(6, 6), draw(40, 4)
    loss = squares(y / 40**0.5, lambda w: x @ w / 40**0.5)
    lr = 40 / torch.linalg.matrix_norm(x, 2).item() ** 2
    w = kinks.nuclear_minimum(loss, draw(6, 4), 0.3, steps=8000, lr=lr)
    g = paths.gradient(loss, w)
    norms = torch.linalg.svdvals
    assert 0 < (norms(w) > 1e-9).sum() < 4
    assert norms(g)[0] == pytest.approx(0.3, rel=1e-4)
    assert (g * w).sum().item() == pytest.approx(-0.3 * norms(w).sum().item())


def test_no_neuron_of_many_that_are_drawn_is_stronger():
    x, y = draw(30, 2), draw(30, 3)
    told = kinks.strongest_neuron(x, y, tries=30, steps=50, seed=0)
    turn = torch.linspace(0, 2 * math.pi, 20_001, dtype=torch.float64)
    w = torch.stack([turn.cos(), turn.sin()])
    pulls = ((x @ w).relu().T @ y / 30).norm(dim=1)
    assert told.item() == pytest.approx(pulls.max().item(), rel=1e-6)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda one: factored.shrunk(-one, 0.1), "values must be"),
        (lambda one: factored.shrunk(one, -0.1), "weight_decay must be"),
        (lambda one: factored.shrunk(one, 0.1, 1), "factors must be a whole number"),
        (lambda one: factored.last_decay(one, 2.5), "factors must be a whole number"),
        (lambda one: factored.watershed(one, -1.0), "weight_decay must be"),
        (lambda one: factored.joint_decay(0.1, -1.0), "weight_decay must be"),
        (
            lambda one: factored.imbalance(one, -1, lr=0.1, weight_decay=0.1),
            "steps must be",
        ),
        (
            lambda one: kinks.nuclear_minimum(torch.sum, one, 0.1, steps=-1, lr=0.1),
            "steps must be",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, name):
    with pytest.raises(ValueError, match=name):
        call(torch.ones(2, dtype=torch.float64))
