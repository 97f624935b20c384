"""The predictions against what they predict, run out to the end."""

import pytest
import torch

from weightdecay import problems, theory
from weightdecay.directions import newton_schulz


def test_the_spectral_box_cuts_singular_values_and_keeps_directions():
    w = problems.with_singular_values([6.0, 4.0, 1.0], (5, 3), seed=1)
    cut = theory.spectral_box(w, 2.0)
    assert torch.linalg.svdvals(cut).tolist() == pytest.approx([2, 2, 1], abs=1e-12)
    # The same rows and columns: cut and w have one set of singular vectors.
    for square in (cut.T @ w, cut @ w.T):
        assert (square - square.T).abs().max() < 1e-12
    assert torch.allclose(theory.spectral_box(w, 7.0), w, atol=1e-12)


def test_the_gain_is_what_newton_schulz_does_to_each_singular_value():
    w = problems.with_singular_values([0.8, 0.6, 0.0], (4, 3), seed=2)
    gains = torch.linalg.svdvals(newton_schulz(w))
    wanted = theory.newton_schulz_gain(torch.tensor([0.8, 0.6, 0.0]).double())
    assert gains.sort().values.tolist() == pytest.approx(wanted.sort().values.tolist())
    assert (gains - 1).abs().max() > 0.1
