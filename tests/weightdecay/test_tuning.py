"""The networks that are tuned: what scale invariance means for them, and their loss."""

import pytest
import torch

from weightdecay import tuning


def test_a_network_without_a_scale_has_none():
    net = tuning.scale_invariant((5, 4, 3))(0)
    x = torch.randn(6, 5, generator=torch.Generator().manual_seed(0)).double()
    out = net(x).detach()
    for w in net.parameters():
        w.data *= 7
    assert (net(x).detach() - out).abs().max() < 1e-9
    assert {w.dim() for w in net.parameters()} == {2}
    y = torch.zeros(6).long()
    told = torch.nn.functional.cross_entropy(4 * out, y).item()
    assert tuning.sharpened(out, y).item() == pytest.approx(told)
