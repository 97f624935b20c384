"""Where a valley is lowest: valleys that are known, and what is refused."""

import pytest
import torch

from weightdecay import valleys

DECAYS = 2.0 ** torch.arange(-3, 5, dtype=torch.float64)


def parabola(best, curvature=0.1):
    return 1 + curvature * (DECAYS / best).log() ** 2


@pytest.mark.parametrize("best", [0.3, 1.0, 1.7, 5.0])
def test_the_bottom_of_a_parabola_is_found(best):
    rows = torch.stack([parabola(best), parabola(best, 3.0)])
    assert valleys.bottom(DECAYS, rows) == pytest.approx([best, best], rel=1e-9)
    assert valleys.bottom(DECAYS, rows[0]).shape == ()


def test_where_the_least_is_at_an_end_it_is_that_end():
    assert valleys.bottom(DECAYS, DECAYS).item() == pytest.approx(1 / 8)
    assert valleys.bottom(DECAYS, -DECAYS).item() == pytest.approx(16)


def test_the_cost_of_another_decay_is_the_height_there():
    rows = parabola(1.0)[None]
    two = 0.1 * torch.tensor(2.0).log().item() ** 2
    assert valleys.cost(DECAYS, rows, 2.0) == pytest.approx([two], rel=1e-6)
    assert valleys.cost(DECAYS, rows, 0.25) == pytest.approx([4 * two], rel=1e-6)
    assert valleys.cost(DECAYS, rows, 64.0).isnan().all()


def test_the_ceiling_is_where_a_valley_passes_the_height_on_its_right():
    rows = torch.stack([(DECAYS / best).log().abs() for best in (0.5, 1.0, 2.0)])
    ceilings = valleys.ceiling(DECAYS, rows, 1.0)
    e = torch.tensor(1.0).exp().item()
    assert ceilings == pytest.approx([0.5 * e, e, 2 * e], rel=1e-6)
    assert valleys.ceiling(DECAYS, rows, 9.0) == pytest.approx([16] * 3)
    assert valleys.ceiling(DECAYS, rows + 2, 1.0).isnan().all()


@pytest.mark.parametrize("power", [-1.0, 0.0, 0.5])
def test_the_slope_is_the_power(power):
    lrs = torch.tensor([0.001, 0.002, 0.008])
    assert valleys.slope(lrs, 3 * lrs**power) == pytest.approx(power, abs=1e-5)
    both = torch.stack([lrs, lrs**power])
    assert valleys.slope(lrs, both) == pytest.approx([1, power], abs=1e-5)


def test_draws_of_seeds_spread_as_a_mean_does():
    stream = torch.Generator().manual_seed(1)
    losses = torch.randn(3, 50, generator=stream, dtype=torch.float64)
    means = valleys.again(losses, 4000)
    assert means.shape == (4000, 3) and torch.equal(means[0], losses.mean(-1))
    told = losses.std(-1) / 50**0.5
    assert means.std(0) == pytest.approx(told.numpy(), rel=0.1)
    same = valleys.again(torch.stack([losses[0], losses[0] + 1]))
    assert (same[:, 1] - same[:, 0]) == pytest.approx([1] * 400, rel=1e-9)


def test_what_is_no_valley_is_refused():
    with pytest.raises(ValueError, match="decays must rise"):
        valleys.bottom(DECAYS.flip(0), DECAYS)
    with pytest.raises(ValueError, match="decays must rise"):
        valleys.bottom(DECAYS, DECAYS[:3])
    with pytest.raises(ValueError, match="decays must be"):
        valleys.bottom(DECAYS - 1, DECAYS)
    with pytest.raises(ValueError, match="factor must be"):
        valleys.cost(DECAYS, DECAYS, 0.0)
