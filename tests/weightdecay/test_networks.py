"""Small networks and what they train on: made from a seed, and as they say."""

import pytest
import torch
from torch import nn

from weightdecay.examples import Examples, addition, digits, mnist1d
from weightdecay.networks import Dropout, Square, mlp


def test_a_seed_makes_the_same_network_and_leaves_the_stream_alone():
    before, make = torch.random.get_rng_state(), mlp((4, 3, 2))
    one, same, other = make(0), make(0), make(1)
    assert torch.equal(one[0].weight, same[0].weight)
    assert not torch.equal(one[0].weight, other[0].weight)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_its_layers_are_those_that_were_asked_for():
    made = mlp((4, 3, 2), normalise="rms", dropout=0.5, bias=False, affine=False)(0)
    kinds = [nn.Linear, nn.RMSNorm, nn.ReLU, Dropout, nn.Linear]
    assert [type(layer) for layer in made] == kinds
    assert [*dict(made.named_parameters())] == ["0.weight", "4.weight"]
    assert [type(x) for x in mlp((4, 2))(0)] == [nn.Linear]
    smooth = mlp((4, 3, 2), activation=nn.Tanh)(0)
    assert [type(x) for x in smooth] == [nn.Linear, nn.Tanh, nn.Linear]
    with pytest.raises(ValueError, match="activation must be a function, got 'tanh'"):
        mlp((4, 3, 2), activation="tanh")


def test_dropout_keeps_its_share_and_the_mean_and_rests_in_evaluation():
    layer = Dropout(1000, 0.3)
    kept = layer.draw(100, torch.Generator().manual_seed(0))
    # Three standard deviations of the share of 10^5.
    assert (kept > 0).double().mean().item() == pytest.approx(0.7, abs=0.0044)
    assert kept.unique().tolist() == pytest.approx([0, 1 / 0.7])
    layer.keep = kept
    x = torch.ones(100, 1000)
    assert torch.equal(layer(x), kept) and torch.equal(layer.eval()(x), x)


@pytest.mark.parametrize(
    ("data", "total", "n"), [(digits, 1797, 1000), (mnist1d, 5000, 4000)]
)
def test_data_are_split_and_shuffled_by_their_seed(data, total, n):
    one, same, other = data(n), data(n), data(n, seed=1)
    assert (len(one.x), len(one.y_val)) == (n, total - n)
    assert torch.equal(one.x, same.x) and not torch.equal(one.x, other.x)
    assert {*one.y.tolist()} == {*range(10)} == {*one.y_val.tolist()}
    together = [torch.cat([d.x, d.x_val]).double().sum().item() for d in (one, other)]
    assert together[0] == pytest.approx(together[1], rel=1e-9)
    assert data(n, dtype=torch.float64).x.dtype == torch.float64
    for wrong in (0, total):
        with pytest.raises(
            ValueError, match=f"n must be 1 to {total - 1}, got {wrong}"
        ):
            data(wrong)


def test_label_noise_changes_its_share_but_for_lucky_draws():
    clean = digits(1000)
    noisy = clean.with_label_noise(0.5, seed=0)
    changed = (noisy.y != clean.y).double().mean().item()
    # Nine in ten of the half; three standard deviations of 500 draws.
    assert changed == pytest.approx(0.45, abs=0.02)
    assert torch.equal(noisy.y_val, clean.y_val) and torch.equal(noisy.x, clean.x)
    assert torch.equal(clean.with_label_noise(0.0, seed=0).y, clean.y)
    numbers = Examples(clean.x, clean.y.float(), clean.x_val, clean.y_val.float())
    with pytest.raises(ValueError, match="label noise is for classes"):
        numbers.with_label_noise(0.1, seed=0)


X = torch.zeros(3, 2)
WRONG = [
    (lambda: mlp((4,)), r"widths must be two or more, inputs first, got \(4,\)"),
    (lambda: mlp((4, 0)), "width must be a whole number > 0, got 0"),
    (
        lambda: mlp((4, 2), normalise="group"),
        "normalise must be one of .*, got 'group'",
    ),
    (lambda: mlp((4, 2), dropout=1.0), "p must be a number >= 0 and < 1, got 1.0"),
    (lambda: Examples(X, torch.zeros(2), X, torch.zeros(3)), "the train set must have"),
    (lambda: Examples(X, torch.zeros(3), X[:0], torch.zeros(0)), "the val set must"),
    (
        lambda: Examples(X, torch.zeros(3), X, torch.zeros(3).long()),
        "both sets must have the same dtypes",
    ),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG)
def test_bad_input_is_refused_by_name(wrong, said):
    with pytest.raises(ValueError, match=said):
        wrong()


def test_sums_are_all_there_once_and_right():
    data = addition(5, 0.6, seed=3, dtype=torch.float64)
    assert (len(data.x), len(data.x_val)) == (15, 10)
    x, y = torch.cat([data.x, data.x_val]), torch.cat([data.y, data.y_val])
    a, b = x[:, :5].argmax(1), x[:, 5:].argmax(1)
    assert {*zip(a.tolist(), b.tolist(), strict=True)} == {
        (i, j) for i in range(5) for j in range(5)
    }
    assert torch.equal((a + b) % 5, y) and x.sum(1).tolist() == [2.0] * 25
    assert x.dtype == torch.float64
    assert not torch.equal(data.x, addition(5, 0.6).x.double())


@pytest.mark.parametrize(
    ("p", "share", "said"),
    [
        (1, 0.5, "p must be a whole number > 1, got 1"),
        (5, 1.5, "share must be a number from 0 to 1, got 1.5"),
        (5, 0.0, "n must be 1 to 24, got 0"),
        (5, 1.0, "n must be 1 to 24, got 25"),
    ],
)
def test_sums_of_which_none_is_left_are_refused(p, share, said):
    with pytest.raises(ValueError, match=said):
        addition(p, share)


def test_a_square_is_one_without_a_sign():
    x = torch.tensor([-2.0, 0.0, 3.0])
    assert Square()(x).tolist() == [4.0, 0.0, 9.0]
