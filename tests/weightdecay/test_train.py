"""A grid of networks is trained as PyTorch would train each of them by itself."""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from weightdecay import directions, examples, grids, networks, training, updates
from weightdecay.sweep import train

DATA = examples.digits(200, dtype=torch.float64).with_label_noise(0.2, seed=1)
MLP = partial(networks.mlp, (64, 32, 10), dtype=torch.float64)
PLAIN = MLP()
LRS, DECAYS, SEEDS = (1e-3, 1e-2), (0.0, 0.5), (0, 1)
GRID = {"lr": LRS, "weight_decay": DECAYS, "seed": SEEDS}
FALLING = [1 - k / 60 for k in range(60)]
RUN = {"schedule": FALLING, "batch_size": 32, "progress": False}
POINT = ["lr", "weight_decay", "seed"]
HEAVY = {"momentum": 0.9}


def trained(optimizer=torch.optim.AdamW, make=PLAIN, data=DATA, **changes):
    """Return the table of a sweep."""
    return train(make, data, optimizer=optimizer, **{**GRID, **RUN, **changes})


def by_pytorch(
    make, optimizer, lr, weight_decay, seed, schedule=FALLING, decayed=None, data=DATA,
    loss=cross_entropy, **settings
):  # fmt: skip
    """Train one network as a reader would; return its loss on both sets."""
    model = make(seed)
    weights = [(True, w) for w in model.parameters()]
    if decayed:
        weights = [(decayed(name), w) for name, w in model.named_parameters()]
    groups = [
        {"params": [w for is_in, w in weights if is_in == of], "weight_decay": decay}
        for of, decay in ((True, weight_decay), (False, 0.0))
        if of in {is_in for is_in, _ in weights}
    ]
    own = optimizer(groups, lr=lr, **settings)
    for multiplier, now in zip(schedule, shuffled(seed, len(schedule)), strict=True):
        for group in own.param_groups:
            group["lr"] = lr * multiplier
        own.zero_grad()
        loss(model(data.x[now]), data.y[now]).backward()
        own.step()
    model.eval()
    with torch.no_grad():
        # In slices, of which a batch normalisation takes the statistics.
        parts = [
            [len(s) * loss(model(s), t).item() / len(x)
             for s, t in zip(x.split(512), y.split(512), strict=True)]
            for _, x, y in data.sets()
        ]  # fmt: skip
        return [*map(sum, parts)]


def shuffled(seed, steps):
    """Return the batches of a seed: six whole ones of each shuffle of the 200."""
    stream, drawn = torch.Generator().manual_seed(training.mixed(0, seed)), []
    while len(drawn) < steps:
        drawn += torch.randperm(200, generator=stream).split(32)[:6]
    return drawn[:steps]


def losses(table):
    return torch.tensor(table[["train_loss", "val_loss"]].to_numpy())


def apart(table, others):
    """Return the largest difference of losses, relative to the others."""
    if not isinstance(others, torch.Tensor):
        others = losses(others)
    return ((losses(table) - others) / others).abs().max().item()


def points(table):
    return [*table[POINT].itertuples(index=False, name=None)]


def follows_pytorch(optimizer, make=PLAIN, within=1e-9, data=DATA, **settings):
    """Return the table of a sweep, of which each row is PyTorch's."""
    table = trained(optimizer, make, data, **settings)
    settings = {k: x for k, x in settings.items() if k not in GRID}
    theirs = [
        by_pytorch(make, optimizer, *point, data=data, **settings)
        for point in points(table)
    ]
    assert apart(table, torch.tensor(theirs, dtype=torch.float64)) < within
    return table


def test_a_thousand_steps_end_where_torch_adamw_ends():
    schedule = [1 - k / 1000 for k in range(1000)]
    run = {"schedule": schedule, "betas": (0.9, 0.99)}
    table = follows_pytorch(torch.optim.AdamW, **run)
    assert points(table) == [(lr, d, s) for lr in LRS for d in DECAYS for s in SEEDS]
    # What decay does, what a seed does, and what lr does.
    found = losses(table)
    for other in (2, 1, 4):
        assert ((found[0] - found[other]) / found[0]).abs().min() > 1e-3


OPTIMIZERS = {
    "SGD": (torch.optim.SGD, {}),
    "SGD with momentum": (torch.optim.SGD, HEAVY | {"nesterov": True}),
    "Adam": (torch.optim.Adam, {"amsgrad": True}),
    "AdamW": (torch.optim.AdamW, {"foreach": False}),
    "Adamax": (torch.optim.Adamax, {}),
    "Adadelta": (torch.optim.Adadelta, {}),
    "Adagrad": (torch.optim.Adagrad, {}),
    "NAdam": (torch.optim.NAdam, {}),
    "NAdam, decoupled": (torch.optim.NAdam, {"decoupled_weight_decay": True}),
    "RAdam": (torch.optim.RAdam, {}),
    "RAdam, decoupled": (torch.optim.RAdam, {"decoupled_weight_decay": True}),
    "RMSprop": (torch.optim.RMSprop, HEAVY | {"centered": True}),
    # One argument that no rule takes: it is trained by the loop.
    "AdamW that climbs": (torch.optim.AdamW, {"maximize": True}),
    "ASGD": (torch.optim.ASGD, {}),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_of_pytorchs_optimizers_is_followed(name):
    optimizer, settings = OPTIMIZERS[name]
    table = follows_pytorch(optimizer, **settings)
    assert losses(table).std(0).min() > 1e-6


def test_muon_sees_whole_matrices():
    make = MLP(bias=False)
    run = {"make": make, "lr": 0.01, "weight_decay": (0.0, 20.0)}
    # PyTorch orthogonalises in bfloat16, whose rounding is 4e-3.
    table = follows_pytorch(torch.optim.Muon, within=1e-3, **run)
    found = losses(table)
    assert ((found[0] - found[2]) / found[0]).abs().min() > 1e-2
    exact = run | {"optimizer": updates.muon, "orthogonalise": directions.polar}
    assert apart(trained(**exact), trained(**exact, at_once=1)) < 1e-9


@pytest.mark.parametrize("name", ["batch", "layer", "rms"])
@pytest.mark.parametrize("affine", [True, False])
def test_normalised_networks_are_followed(name, affine):
    follows_pytorch(torch.optim.AdamW, MLP(normalise=name, affine=affine))


def test_what_does_not_decay_is_chosen_by_name():
    only = {"decayed": lambda name: name.endswith("weight"), "weight_decay": 0.5}
    table = follows_pytorch(torch.optim.AdamW, **only)
    all_of_it = trained(weight_decay=0.5)
    assert apart(table, all_of_it) > 1e-4
    assert (table["norm"] != all_of_it["norm"]).all()


def test_numbers_are_fitted_by_half_the_squared_error():
    y, y_val = (DATA.y == 3).double(), (DATA.y_val == 3).double()
    data = examples.Examples(DATA.x, y, DATA.x_val, y_val)
    make = networks.mlp((64, 32, 1), dtype=torch.float64)
    loss = lambda out, y: mse_loss(out[:, 0], y) / 2  # noqa: E731
    table = trained(make=make, data=data)
    theirs = [
        by_pytorch(make, torch.optim.AdamW, *point, data=data, loss=loss)
        for point in points(table)
    ]
    assert apart(table, torch.tensor(theirs, dtype=torch.float64)) < 1e-9
    assert "val_error" not in table


RULES = {
    "adamw_cautious": {},
    "lion": {},
    "sgd_decoupled": {},
    "sgdw": HEAVY,
    "adamw_paper": {"max_lr": 0.1},
    "adamw_corrected": {"max_lr": 0.1},
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_of_the_book_steps_many_as_it_steps_one(name):
    together = trained(getattr(updates, name), **RULES[name])
    alone = trained(getattr(updates, name), at_once=1, **RULES[name])
    assert apart(together, alone) < 1e-9


def own(w, g, state=None, *, lr, weight_decay):
    """Step by the length of the whole gradient, as no rule of the book does."""
    steps, (_, mean) = (0, (0, 0 * g)) if state is None else (state[0], state)
    mean = 0.9 * mean + g
    w = (1 - lr * weight_decay) * w - lr * mean / mean.norm()
    return w, (steps + 1, mean)


def test_a_readers_own_rule_may_look_at_a_whole_weight():
    together, alone = trained(own), trained(own, at_once=1)
    assert apart(together, alone) < 1e-9
    assert losses(together).std(0).min() > 1e-3


def test_for_one_network_it_is_the_loop_itself():
    table = trained(lr=0.01, weight_decay=0.5, seed=3)
    theirs = by_pytorch(MLP(), torch.optim.AdamW, 0.01, 0.5, 3)
    assert losses(table)[0].tolist() == pytest.approx(theirs, rel=1e-15)


def test_one_row_says_where_a_network_was_at_each_time():
    table = trained(every=25)
    assert sorted({*table["step"]}) == [25, 50, 60]
    assert len(table) == 8 * 3
    short = trained(schedule=FALLING[:25])
    assert apart(table[table["step"] == 25], short) < 1e-12
    assert short["step"].eq(25).all()


def test_what_is_measured_is_that_of_the_network():
    run = {"lr": 0.0, "seed": 1, "decayed": lambda name: name.endswith("weight")}
    (row,) = trained(**run, weight_decay=0.5).itertuples()
    model = MLP()(1)  # which an lr of 0 leaves as it was
    flat = torch.cat([model[i].weight.detach().flatten() for i in (0, 2)])
    assert row.norm == pytest.approx(flat.norm().item(), rel=1e-12)
    with torch.no_grad():
        wrong = (model(DATA.x_val).argmax(1) != DATA.y_val).double().mean().item()
    assert row.val_error == pytest.approx(wrong, abs=1e-12) and 0.5 < wrong < 1


def test_each_seed_of_chance_changes_what_it_decides_and_only_that():
    make, dropping = MLP(), MLP(dropout=0.3)
    plain = trained(make=make)
    assert trained(make=make, dropout_seed=1).equals(plain)
    assert apart(trained(make=make, batch_seed=1), plain) > 1e-4
    dropped = trained(make=dropping)
    assert dropped.equals(trained(make=dropping))
    assert apart(trained(make=dropping, dropout_seed=1), dropped) > 1e-4
    assert apart(dropped, plain) > 1e-4


def test_dropout_draws_the_same_for_one_network_and_for_many():
    make = MLP(dropout=0.3, normalise="layer")
    assert apart(trained(make=make), trained(make=make, at_once=1)) < 1e-9
    assert apart(trained(make=make), trained(make=make, at_once=3)) < 1e-9


class Shared(nn.Module):
    """A network with a weight that nothing reads, and one that stands still."""

    def __init__(self, seed):
        super().__init__()
        self.net, self.unused = MLP()(seed), nn.Linear(3, 3).double()
        self.net[0].bias.requires_grad_(False)

    def forward(self, x):
        """Return the outputs of the layers that are used."""
        return self.net(x)


def test_what_gets_no_gradient_does_not_decay():
    follows_pytorch(torch.optim.AdamW, Shared)


def with_theirs(seed):
    """Make a network with layers that draw, and that remember, by themselves."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = nn.Linear(64, 32), nn.BatchNorm1d(32), nn.Dropout(0.3)
        return nn.Sequential(*layers, nn.Linear(32, 10)).double()


def test_layers_that_draw_by_themselves_draw_the_same_each_time():
    first = trained(make=with_theirs)
    assert first.equals(trained(make=with_theirs, at_once=1))
    assert apart(trained(make=with_theirs, dropout_seed=1), first) > 1e-4
    before = torch.random.get_rng_state()
    trained(make=with_theirs)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_network_that_diverges_is_a_row_that_says_so_and_harms_no_other():
    grid = {"lr": (1e-3, 1e300), "weight_decay": (0.0, 0.5), "seed": SEEDS}
    table = trained(**grid, every=20)
    bad = table["lr"] == 1e300
    assert not table[bad]["train_loss"].map(math.isfinite).any()
    # The first step throws it out, and the loss after it is the first to say so.
    assert {*table[bad]["diverged"]} == {1}
    assert table[~bad]["diverged"].isna().all()
    good = trained(**grid | {"lr": 1e-3}, every=20)
    assert apart(table[~bad], good) < 1e-12
    alone = trained(**grid, every=20, at_once=1)
    assert alone["diverged"].equals(table["diverged"])


def test_a_nan_at_the_start_is_a_row_that_says_so():
    def make(seed):
        network = MLP()(seed)
        if seed == 1:
            network[0].weight.data[0, 0] = math.nan
        return network

    table = trained(make=make)
    assert {*table[table["seed"] == 1]["diverged"]} == {0}
    assert table[table["seed"] == 0]["diverged"].isna().all()
    assert apart(table[table["seed"] == 0], trained(seed=0)) < 1e-12


def test_in_float32_paths_part_by_more_than_a_rounding():
    one = {"make": networks.mlp((64, 32, 10)), "data": DATA.to(torch.float32)}
    gap = apart(trained(**one), trained(**one, at_once=1))
    assert 2**-24 < gap < 1e-3


@pytest.mark.parametrize("name", POINT)
def test_an_empty_grid_is_refused(name):
    with pytest.raises(ValueError, match=f"the grid is empty: {name} has no number"):
        trained(**{name: []})


def test_networks_that_do_not_fit_are_refused_with_the_number_that_does(monkeypatch):
    monkeypatch.setattr(grids, "free_memory", lambda device: 1_000_000)
    with pytest.raises(
        MemoryError, match=r"^8 networks .* need about .* at_once=(\d+)"
    ):
        trained()
    assert trained(at_once=2).shape[0] == 8
    monkeypatch.setattr(grids, "free_memory", lambda device: 1000)
    with pytest.raises(MemoryError, match="take a smaller network or batch_size"):
        trained(at_once=1)


WRONG = [
    ({"lr": -1.0}, "lr must be a finite number >= 0, got -1.0"),
    ({"weight_decay": (0.0, math.nan)}, "weight_decay must be a finite .*, got nan"),
    ({"seed": 0.5}, "seed must be a whole number >= 0, got 0.5"),
    ({"lr": (0.1, 0.1)}, r"lr has a number twice: \[0.1, 0.1\]"),
    ({"batch_size": 0}, "must be a whole number > 0, got 0"),
    ({"batch_size": 201}, "batch_size must be 1 to 200, got 201"),
    ({"schedule": []}, "schedule must have a number for each step, got none"),
    ({"schedule": [1.0, math.inf]}, "lr must be a finite number >= 0, got inf"),
    ({"every": -1}, "steps must be a whole number >= 0, got -1"),
    ({"at_once": 0}, "must be a whole number > 0, got 0"),
    ({"objective": "mse"}, "objective must be a function, got 'mse'"),
    ({"optimizer": "AdamW"}, "optimizer must be a function, got 'AdamW'"),
    (
        {"make": networks.mlp((64, 10))},
        "one dtype, got torch.float32 and torch.float64",
    ),
    ({"betas": (0.9, 1.0)}, "betas must be two numbers .* got"),
    ({"beta": 0.9}, "beta"),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG)
def test_bad_input_is_refused_by_name(wrong, said):
    with pytest.raises((ValueError, TypeError), match=said):
        trained(**wrong)


@pytest.mark.parametrize("wrong", [{"lr": 1e200}, {"weight_decay": 1e39}])
def test_a_number_that_the_weights_dtype_cannot_hold_is_refused(wrong):
    (name,) = wrong
    small = {"make": networks.mlp((64, 10)), "data": DATA.to(torch.float32)}
    with pytest.raises(ValueError, match=f"^{name}=.* more than torch.float32 can"):
        trained(**small, **wrong)


def test_a_class_that_pytorch_leaves_out_is_left_out_of_many_networks_too():
    y = DATA.y.clone()
    y[::5] = -100
    data = replace(DATA, y=y)
    together, alone = trained(data=data), trained(data=data, at_once=1)
    for name in ("train_loss", "val_loss", "norm"):
        assert together[name].tolist() == pytest.approx(alone[name].tolist(), rel=1e-9)
