"""What the chapter on scale invariance says, on other norms, data, rates and seeds."""

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import LambdaLR

from weightdecay import dynamics, examples, networks, scaling

DIGITS = examples.digits(500, dtype=torch.float64).with_label_noise(0.2, seed=0)
CURVES = examples.mnist1d(500, dtype=torch.float64)
NORMS = pytest.mark.parametrize("norm", ["batch", "layer", "rms"])


def make(norm="batch", data=DIGITS, eps=1e-30, seed=1, hidden=(24, 16), **kind):
    widths = (data.x.shape[1], *hidden, 10)
    kind = {"bias": False, "dtype": torch.float64, **kind}
    return scaling.set_eps(networks.mlp(widths, normalise=norm, **kind)(seed), eps)


def train(net, optimizer, data=DIGITS, steps=60, look=None, **more):
    look = look or (lambda net: net(data.x_val[:40]))
    return scaling.train(net, optimizer, data, look, steps=steps, **more)


def far(a, b):
    return (a - b).abs().max().item()


def scaled(by, optimizer, norm="batch", norm_eps=1e-30, rest=0.03, **settings):
    net = make(norm, eps=norm_eps)
    scaling.scale(scaling.matrices(net), by)
    parts = scaling.groups(net, **settings)
    return train(net, optimizer(parts, lr=rest, weight_decay=0.0))


@NORMS
@pytest.mark.parametrize("by", [30.0])
@pytest.mark.parametrize(
    ("optimizer", "lr_power", "decay_power", "settings"),
    [
        (SGD, 2, 2, {"lr": 0.2, "weight_decay": 0.1}),
        (SGD, 2, 2, {"lr": 0.1, "weight_decay": 0.1, "momentum": 0.9}),
        (AdamW, 1, 1, {"lr": 0.03, "weight_decay": 1.0, "eps": 1e-6}),
        (Adam, 1, 2, {"lr": 0.03, "weight_decay": 0.3, "eps": 1e-6}),
    ],
)
def test_two_runs_are_one(norm, by, optimizer, lr_power, decay_power, settings):
    def at(lr_power, decay_power, **changes):
        new = {**settings, "lr": settings["lr"] * by**lr_power, **changes}
        new["weight_decay"] = settings["weight_decay"] / by**decay_power
        if "eps" in new:
            new["eps"] = settings["eps"] / by
        return scaled(by, optimizer, norm, **new)

    one = scaled(1, optimizer, norm, **settings)
    assert far(one, at(lr_power, decay_power)) < 1e-7
    assert far(one, at(3 - lr_power, decay_power)) > 1e-2
    assert far(one, at(lr_power, decay_power + 1)) > 1e-3


def test_eps_breaks_the_symmetry_where_weights_are_tiny_unless_it_is_scaled():
    run = {"lr": 0.5, "weight_decay": 0.1}
    tiny = {"lr": 0.5e-6, "weight_decay": 0.1e6}
    one = scaled(1, SGD, norm_eps=1e-5, **run)
    assert far(one, scaled(1e-3, SGD, norm_eps=1e-5, **tiny)) > 0.1
    assert far(one, scaled(1e-3, SGD, norm_eps=1e-11, **tiny)) < 1e-9


def pair(norm, lr, decay, mu, net=make, data=DIGITS, hook=None, **more):
    """Return the outputs of the run with decay and of the one with a rising rate."""
    decayed, risen = net(norm, data), net(norm, data)
    with_decay = SGD(scaling.groups(decayed, weight_decay=decay), lr=lr, momentum=mu)
    rising = SGD(scaling.groups(risen), lr=lr, momentum=mu)
    for w in scaling.matrices(risen) if mu else []:
        b = dynamics.first_buffer(w.detach(), lr, decay, mu)
        rising.state[w]["momentum_buffer"] = b
    z = dynamics.kept_per_step(lr, decay, mu)
    rates = LambdaLR(
        rising, [lambda k: dynamics.exponential_lr(1.0, lr * decay, k, mu), lambda k: 1]
    )
    if hook:
        with_decay.register_step_pre_hook(hook(decayed, lambda k: 1.0))
        rising.register_step_pre_hook(hook(risen, lambda k: z**k))
    return train(decayed, with_decay, data, **more), train(
        risen, rising, data, scheduler=rates, **more
    )


@NORMS
@pytest.mark.parametrize(
    ("lr", "decay", "mu"),
    [(0.2, 0.3, 0.0), (0.03, 0.08, 0.9), (0.05, 0.3, 0.5)],
)
@pytest.mark.parametrize("data", [DIGITS, CURVES], ids=["digits", "curves"])
def test_a_rising_rate_does_what_decay_does(norm, lr, decay, mu, data):
    decayed, risen = pair(norm, lr, decay, mu, data=data)
    assert far(decayed, risen) < 1e-7
    free = make(norm, data)
    free = train(free, SGD(free.parameters(), lr=lr, momentum=mu), data)
    assert far(free, decayed) > 1e-2


@NORMS
def test_at_a_high_rate_runs_part_as_after_a_rounding_at_the_start(norm):
    def moved(by):
        net = make(norm, CURVES)
        w = scaling.matrices(net)[0]
        stream = torch.Generator().manual_seed(0)
        w.data *= 1 + by * torch.randn(w.shape, generator=stream, dtype=w.dtype)
        parts = scaling.groups(net, weight_decay=0.3)
        return train(net, SGD(parts, lr=1.0), CURVES)

    decayed, risen = pair(norm, 1.0, 0.3, 0.0, data=CURVES)
    rounded = (moved(1e-15) - moved(0.0)).abs().amax((1, 2))
    apart = (decayed - risen).abs().amax((1, 2))
    assert apart[:20].max() < 1e-9
    assert (apart <= 1e3 * rounded.cummax(0).values + 1e-12).all()
    assert apart.max() > 1e-1 or norm == "batch"


@NORMS
def test_it_does_with_biases_other_activations_and_depths(norm):
    def net(norm, data):
        # LayerNorm's biases would have to be scaled with the matrix.
        bias = norm == "batch"
        hidden = (20, 20, 20)
        return make(norm, data, hidden=hidden, activation=nn.Tanh, bias=bias)

    assert far(*pair(norm, 0.1, 0.1, 0.5, net=net)) < 1e-7


def test_before_layernorm_a_bias_that_is_not_scaled_breaks_it():
    def net(norm, data):
        return make(norm, data, bias=True)

    assert far(*pair("layer", 0.1, 0.3, 0.0, net=net)) > 1e-3


def test_without_a_norm_it_is_not_so():
    net = networks.mlp((64, 24, 10), dtype=torch.float64)(0)
    said = net(DIGITS.x_val)
    scaling.scale([net[0].weight], 10)
    assert far(net(DIGITS.x_val), said) > 1


@pytest.mark.parametrize("scaled_limit", [True, False])
def test_clipping_breaks_it_unless_the_limit_shrinks_with_the_gradient(scaled_limit):
    def hook(net, share):
        steps = iter(range(1000))

        def clip(*_):
            limit = 0.05 * (share(next(steps)) if scaled_limit else 1.0)
            nn.utils.clip_grad_norm_(scaling.matrices(net), limit)

        return clip

    apart = far(*pair("batch", 0.3, 0.3, 0.0, hook=hook))
    assert apart < 1e-3 if scaled_limit else apart > 0.1


@NORMS
@pytest.mark.parametrize("lr", [0.3, 1.5])
@pytest.mark.parametrize("data", [DIGITS, CURVES], ids=["digits", "curves"])
def test_the_norm_grows_as_the_gradients_of_the_run_say(norm, lr, data):
    net = make(norm, data)
    start = scaling.sizes(net)[:, 0]
    sgd = SGD(scaling.groups(net, lr=lr), lr=0.1)
    seen = train(net, sgd, data, 300, scaling.sizes)
    norms = torch.cat([start[None], seen[..., 0]])
    square = norms[:-1] ** 2 + (lr * seen[..., 1]) ** 2
    assert (norms[1:] ** 2 / square - 1).abs().max() < 1e-12
    size = (norms[:-1] * seen[..., 1]).square().mean(0).sqrt()
    predicted = dynamics.norm_without_decay(start, lr, size, 300)
    assert (norms[-1] >= predicted).all()
    assert (norms[-1] / predicted - 1).abs().max() < 0.02
    assert (norms[-1] / start).max() > 1.2


def test_with_momentum_the_steps_are_not_at_a_right_angle():
    net = make()
    sgd = SGD(net.parameters(), lr=0.1, momentum=0.9)
    seen = train(net, sgd, look=scaling.sizes)
    square = seen[:-1, :, 0] ** 2 + (0.1 * seen[1:, :, 1]) ** 2
    assert (seen[1:, :, 0] ** 2 / square - 1).abs().max() > 1e-3


def loss_after(lr, group, decay, seed, data, steps=300):
    net = make(seed=seed, data=data, hidden=(32, 32))
    parts = scaling.groups(net)
    parts[group]["weight_decay"] = decay
    sgd = SGD(parts, lr=lr)
    falling = LambdaLR(sgd, lambda k: 1 - k / steps)
    none = {"look": lambda net: torch.zeros(())}
    train(net, sgd, data, steps, scheduler=falling, seed=seed, **none)
    return nn.functional.cross_entropy(net(data.x), data.y).item()


@pytest.mark.parametrize("split", [1, 2])
@pytest.mark.parametrize("seed", [5, 6])
def test_decay_on_the_matrices_helps_at_a_low_rate_and_on_the_others_does_not(
    split, seed
):
    data = examples.digits(500, seed=split, dtype=torch.float64)
    data = data.with_label_noise(0.2, seed=split)
    free, first, others = (
        loss_after(0.1, group, decay, seed, data)
        for group, decay in ((0, 0.0), (0, 0.1), (1, 0.1))
    )
    assert first < 0.85 * free < 0.6 * others
    assert loss_after(1.0, 0, 0.1, seed, data) > 2 * loss_after(1.0, 0, 0, seed, data)


@pytest.mark.parametrize("seed", [2, 3])
def test_from_an_empty_buffer_the_norms_come_together_again(seed):
    def norms(filled):
        net = make(seed=seed)
        sgd = SGD(scaling.groups(net), lr=0.03, momentum=0.9)
        for w in scaling.matrices(net) if filled else []:
            b = dynamics.first_buffer(w.detach(), 0.03, 0.05, 0.9)
            sgd.state[w]["momentum_buffer"] = b
        grow = [lambda k: dynamics.exponential_lr(1, 0.0015, k, 0.9), lambda k: 1]
        run = {"scheduler": LambdaLR(sgd, grow), "look": scaling.sizes}
        return train(net, sgd, steps=400, **run)[..., 0]

    short = 1 - norms(False) / norms(True)
    assert short[9].min() > 0.08
    assert short[-50:].mean().abs() < 0.04
