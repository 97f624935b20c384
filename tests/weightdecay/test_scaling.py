"""Networks with normalisations: which weights stand before one, and how they train."""

import pytest
import torch
from torch import nn

from weightdecay import examples, networks, scaling

DATA = examples.digits(300, dtype=torch.float64)


def make(norm="batch", **kind):
    net = networks.mlp((64, 8, 6, 10), normalise=norm, dtype=torch.float64, **kind)
    return net(0)


@pytest.mark.parametrize("norm", ["batch", "layer", "rms"])
def test_the_matrices_are_those_that_a_norm_follows(norm):
    net = make(norm, dropout=0.1)
    assert [tuple(w.shape) for w in scaling.matrices(net)] == [(8, 64), (6, 8)]
    first, others = scaling.groups(net, lr=0.5)
    assert first["lr"] == 0.5 and "lr" not in others
    both = {id(w) for part in (first, others) for w in part["params"]}
    assert both == {id(w) for w in net.parameters()}
    assert len(first["params"]) + len(others["params"]) == len(both)


def test_without_a_norm_there_are_no_such_matrices():
    assert scaling.matrices(make(None)) == []


def test_scale_multiplies_in_place_and_eps_is_set():
    net = scaling.set_eps(make(), 1e-3)
    assert {layer.eps for layer in net if hasattr(layer, "eps")} == {1e-3}
    w = scaling.matrices(net)[0]
    before = w.detach().clone()
    scaling.scale([w], 3.0)
    assert torch.equal(w, 3 * before)
    with pytest.raises(ValueError, match="by must be a finite number"):
        scaling.scale([w], float("inf"))


def test_train_is_the_loop_that_everybody_writes():
    net, other = make(), make()
    sgd = torch.optim.SGD(net.parameters(), lr=0.1)
    halving = torch.optim.lr_scheduler.LambdaLR(sgd, lambda k: 0.5**k)
    run = {"scheduler": halving, "steps": 3, "seed": 4}
    seen = scaling.train(net, sgd, DATA, lambda net: net[0].weight, **run)
    stream = torch.Generator().manual_seed(4)
    for k in range(3):
        now = torch.randint(300, (50,), generator=stream)
        loss = nn.functional.cross_entropy(other(DATA.x[now]), DATA.y[now])
        for w, g in zip(
            other.parameters(),
            torch.autograd.grad(loss, [*other.parameters()]), strict=True,
        ):  # fmt: skip
            w.data -= 0.1 * 0.5**k * g
        assert (seen[k] - other[0].weight).abs().max() < 1e-12


def test_sizes_are_norms_and_cosines_those_of_the_last_matrix():
    net = make("layer")
    assert (scaling.sizes(net)[:, 1] == 0).all()
    loss = nn.functional.cross_entropy(net(DATA.x), DATA.y)
    loss.backward()
    w = net[3].weight
    assert scaling.sizes(net)[1].tolist() == [w.norm().item(), w.grad.norm().item()]
    rows, whole = scaling.cosines(net, DATA)
    each = (w * w.grad).sum(1) / w.norm(dim=1) / w.grad.norm(dim=1)
    assert rows.item() == pytest.approx(each.abs().max().item())
    both = (w * w.grad).sum() / w.norm() / w.grad.norm()
    assert whole.item() == pytest.approx(abs(both.item()), abs=1e-12)
