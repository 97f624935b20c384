"""The directions, where their rules do not show them: refusals and orthogonalising."""

import pytest
import torch

from weightdecay import directions, theory
from weightdecay.rule import settings_of


def normal(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def with_singular_values(values, rows, columns):
    u, _ = torch.linalg.qr(normal(1, rows, len(values)))
    v, _ = torch.linalg.qr(normal(2, columns, len(values)))
    return u, v, u @ torch.diag(torch.tensor(values).double()) @ v.T


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (1, 1)])
def test_the_polar_factor_keeps_directions_and_sets_singular_values_to_1(shape):
    rank = min(shape)
    u, v, g = with_singular_values([0.1, 1, 30, 2][:rank], *shape)
    assert (directions.polar(g) - u @ v.T).abs().max() < 1e-12
    assert (directions.polar(1e-9 * g) - u @ v.T).abs().max() < 1e-12


def test_the_polar_factor_steps_nowhere_where_the_matrix_is_zero():
    u, v, g = with_singular_values([2.0, 0.5], 5, 4)
    assert torch.linalg.matrix_rank(g) == 2
    assert (directions.polar(g) - u @ v.T).abs().max() < 1e-12
    assert directions.polar(torch.zeros(4, 3)).count_nonzero() == 0


@pytest.mark.parametrize("shape", [(60, 50), (50, 60)])
def test_five_newton_schulz_steps_bring_singular_values_near_1(shape):
    values = torch.logspace(-4, 0, 50, dtype=torch.float64).tolist()
    u, v, g = with_singular_values(values, *shape)
    steps = directions.newton_schulz(g)
    after = (u.T @ steps @ v).diagonal()
    assert (steps - u @ after.diag() @ v.T).abs().max() < 1e-12
    share = torch.tensor(values) / g.norm()
    assert ((after[share > 0.002] > 0.68) & (after[share > 0.002] < 1.21)).all()
    assert (after[share < 0.001] < 0.6).all()


def test_newton_schulz_of_nothing_is_nothing():
    assert directions.newton_schulz(torch.zeros(4, 3)).count_nonzero() == 0


def test_newton_schulz_asks_not_how_large_a_gradient_is_unless_it_is_below_eps():
    u, v, g = with_singular_values([3.0, 1.0], 5, 4)
    after = directions.newton_schulz(g)
    for size in (1e-6, 1e-3, 1e3):
        scaled = directions.newton_schulz(size * g / g.norm())
        assert (scaled - after).abs().max() < 1e-12
    u, v, g = with_singular_values([1.0], 5, 4)
    # Of an eps of 1e-7 this is one part in a hundred: it grows from there.
    gain = theory.newton_schulz_gain(torch.tensor(0.01, dtype=torch.float64))
    assert (directions.newton_schulz(1e-9 * g) - gain * u @ v.T).abs().max() < 1e-12
    assert (gain - 1).abs() > 0.1


def test_a_tall_matrix_steps_further_by_the_root_of_rows_per_column():
    u, v, g = with_singular_values([3.0, 1.0], 8, 2)
    exact = {"orthogonalise": directions.polar}
    tall, _ = directions.muon_direction(g, None, **exact)
    wide, _ = directions.muon_direction(g.T, None, **exact)
    assert (tall - 2 * u @ v.T).abs().max() < 1e-12
    assert (wide - v @ u.T).abs().max() < 1e-12


DIRECTIONS = [f for name, f in vars(directions).items() if name.endswith("_direction")]


@pytest.mark.parametrize("direction", DIRECTIONS, ids=lambda f: f.__name__)
def test_a_direction_refuses_what_it_does_not_take_and_what_is_out_of_range(direction):
    g, needed = torch.ones(2, 2), {}
    if direction is directions.momentum_direction:
        needed = {"momentum": 0.9}
    taken = settings_of(direction)
    direction(g, None, **needed)
    with pytest.raises(TypeError, match=rf"{direction.__name__} does not take lr\."):
        direction(g, None, lr=0.1, **needed)
    assert taken
    for name in taken:
        wrong = (-1, -1) if name == "betas" else "wrong"
        with pytest.raises((TypeError, ValueError), match=f"^{name} must be "):
            direction(g, None, **(needed | {name: wrong}))


@pytest.mark.parametrize("shape", [(), (3,), (2, 2, 2)])
def test_muon_refuses_what_is_no_matrix(shape):
    with pytest.raises(ValueError, match="Muon steps matrices, got a tensor of shape"):
        directions.muon_direction(torch.ones(shape), None)


@pytest.mark.parametrize(("momentum", "nesterov"), [(0, False), (0.9, True)])
def test_dampening_is_refused_where_pytorch_has_none(momentum, nesterov):
    settings = {"momentum": momentum, "nesterov": nesterov, "dampening": 0.3}
    with pytest.raises(ValueError, match=r"^dampening=0\.3 needs a momentum"):
        directions.momentum_direction(torch.ones(2), None, **settings)


def test_radam_waits_for_five_gradients_and_divides_from_the_sixth_on():
    state, g = None, torch.tensor([1.0, 100.0])
    plain = []
    for _ in range(8):
        u, state = directions.radam_direction(g, state)
        plain.append(u[1] / u[0] > 50)
    assert plain == [True] * 5 + [False] * 3
