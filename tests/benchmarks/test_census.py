"""The census: taken again, it gives the table that the book shows."""

from importlib.util import find_spec

import census
import pytest
import torch

from weightdecay import probe

INSTALLED = find_spec("pytorch_optimizer") is not None
needs_package = pytest.mark.skipif(
    not INSTALLED, reason="pytorch_optimizer is missing: `make frameworks` installs it"
)


def rows(package):
    return [row for row in probe.census() if row["package"] == package]


def differing(taken, kept):
    taken, kept = (
        {row["optimizer"]: {k: v for k, v in row.items() if v} for row in table}
        for table in (taken, kept)
    )
    names = taken.keys() | kept.keys()
    return {
        n: (taken.get(n), kept.get(n)) for n in names if taken.get(n) != kept.get(n)
    }


def test_torchs_optimizers_still_answer_as_in_the_table():
    found = [census.row("torch", name, make) for name, make in census.torchs().items()]
    assert differing(found, rows("torch")) == {}


@needs_package
def test_the_others_still_answer_as_in_the_table():
    package = "pytorch_optimizer"
    optimizers = census.packages()[package]
    found = [census.row(package, name, make) for name, make in optimizers.items()]
    assert differing(found, rows(package)) == {}


def test_a_changed_answer_would_be_found():
    kept = rows("torch")
    changed = [{**row, "default": "0.5"} for row in kept[:1]]
    assert differing(changed + kept[1:], kept).keys() == {kept[0]["optimizer"]}
    assert differing(kept[1:], kept).keys() == {kept[0]["optimizer"]}


def test_the_table_is_read_back_as_it_was_written(tmp_path):
    refused = census.row("torch", "refused", lambda params, lr: None)
    asked = census.row("torch", "SGD", torch.optim.SGD)
    assert "AttributeError" in refused["refusal"]
    census.write([asked, refused], tmp_path / "census.csv")
    lines = (tmp_path / "census.csv").read_text("utf8").splitlines()
    assert len(lines) == 3 and lines[0].startswith("package,version,optimizer,place")


def optimizer_of_the_package(name, w, **settings):
    maker = census.packages()["pytorch_optimizer"][name]
    return maker([torch.nn.Parameter(w)], lr=0.1, **settings)


@needs_package
def test_those_that_do_not_use_the_argument_take_a_misspelt_one_too():
    unused = [r["optimizer"] for r in rows("pytorch_optimizer") if r["place"] == "none"]
    for name in set(unused) - {"lbfgs"}:
        optimizer_of_the_package(name, torch.ones(2), wieght_decay=0.1)


@needs_package
@pytest.mark.parametrize(("weight_decay", "moves"), [(0.0, False), (0.3, True)])
def test_bsam_multiplies_the_gradient_by_weight_decay(weight_decay, moves):
    # At a weight of zero, where nothing can decay, and with next to no noise.
    w = torch.zeros(2, dtype=torch.float64)
    settings = {"num_data": 10**12, "rho": 0.0, "weight_decay": weight_decay}
    optimizer = optimizer_of_the_package("bsam", w, **settings)
    (p,) = optimizer.param_groups[0]["params"]

    def closure():
        p.grad = torch.ones_like(p)
        return 0.0

    closure()  # it reads the gradient once before it asks for it
    optimizer.step(closure)
    assert bool((p.abs() > 1e-6).all()) == moves


@needs_package
@pytest.mark.parametrize(("weight_decay_1d", "decays"), [(None, True), (0.0, False)])
def test_mars_decays_vectors_by_an_argument_of_its_own(weight_decay_1d, decays):
    own = {} if weight_decay_1d is None else {"weight_decay_1d": weight_decay_1d}
    optimizer = optimizer_of_the_package("mars", torch.ones(2), weight_decay=0.0, **own)
    (p,) = optimizer.param_groups[0]["params"]
    p.grad = torch.zeros_like(p)
    optimizer.step()
    assert bool((p < 1).all()) == decays


@needs_package
@pytest.mark.filterwarnings("ignore:you need to install `transformers`:ImportWarning")
@pytest.mark.parametrize("name", ["lomo", "adalomo"])
def test_lomo_steps_in_the_backward_pass_alone(name):
    model = torch.nn.Linear(2, 1)
    before = model.weight.detach().clone()
    optimizer = census.packages()["pytorch_optimizer"][name](model, lr=0.1)
    with pytest.raises(NotImplementedError):
        optimizer.step()
    assert torch.equal(model.weight, before)
    optimizer.fused_backward(model(torch.ones(1, 2)).sum(), lr=0.1)
    assert not torch.equal(model.weight, before)
