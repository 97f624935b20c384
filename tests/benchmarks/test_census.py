"""The census: taken again, it gives the table that the book shows."""

import csv
import re
from collections import Counter
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import census
import pytest
import torch
from census_makers import MAKERS

from weightdecay import probe, tables

# torch and what `make frameworks` installs; the others are in a folder of their own.
INSTALLED = ["torch", "timm", "pytorch_optimizer"]


def needs(package):
    return pytest.mark.skipif(
        census.release(package) is None,
        reason=f"{package} is missing: `make frameworks` installs it",
    )


def rows(package):
    return [row for row in probe.census() if row["package"] == package]


def by_name(table):
    return {
        (r["optimizer"], r["setting"]): {k: v for k, v in r.items() if v} for r in table
    }


def differing(taken, kept):
    taken, kept = by_name(taken), by_name(kept)
    return {n: (row, kept.get(n)) for n, row in taken.items() if row != kept.get(n)}


@pytest.mark.parametrize(
    "package", [pytest.param(name, marks=needs(name)) for name in INSTALLED]
)
def test_they_still_answer_as_in_the_table(package):
    # One in ten: all of them take minutes.
    taken = [census.row(package, *one) for one in census.asks(package)[::10]]
    # Some want a package that only the census's own folder has.
    able = [row for row in taken if "ImportError" not in row.get("refusal", "")]
    assert len(able) > 0.9 * len(taken)
    assert differing(able, rows(package)) == {}


def test_a_package_left_empty_can_still_be_looked_for(tmp_path, monkeypatch):
    (tmp_path / "hollow/inner").mkdir(parents=True)
    (tmp_path / "hollow/__init__.py").write_text("raise ImportError")
    (tmp_path / "hollow/inner/full.py").write_text("x = 1")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("hollow", "hollow.inner", "hollow.inner.full"):
        monkeypatch.setitem(census.sys.modules, name, None)
        del census.sys.modules[name]
    census.leave_empty("hollow")
    census.leave_empty("hollow.inner")
    assert import_module("hollow.inner.full").x == 1
    assert find_spec("hollow") is not None


def test_a_changed_answer_would_be_found():
    kept = rows("torch")
    changed = [{**row, "default": "0.5"} for row in kept[:1]]
    assert differing(kept, kept) == {}
    assert list(differing(changed + kept[1:], kept)) == list(by_name(kept[:1]))
    assert list(differing(kept, kept[1:])) == list(by_name(kept[:1]))


def test_the_table_names_no_folder_of_the_machine_that_asked():
    texts = [text for row in probe.census() for text in row.values()]
    assert [x for x in texts if "site-packages" in x or re.search(r"\s/\w+/", x)] == []
    assert max(map(len, texts)) < 1000


def test_the_table_has_a_row_for_each_that_is_named():
    for package, entry in census.ASKED.items():
        named = Counter(name for name, *_ in map(census.parsed, entry["asks"]))
        assert Counter(r["optimizer"] for r in rows(package)) == named, package
        assert len(by_name(rows(package))) == len(entry["asks"]), package
        assert len({r["version"] for r in rows(package)}) == 1, package
    assert {r["package"] for r in probe.census()} == census.ASKED.keys()


def pins(name):
    lines = Path(__file__, "../../..", name).resolve().read_text("utf8").splitlines()
    pinned = [
        line.split()[0].split("==") for line in lines if line[:1] not in ("", "#")
    ]
    return {census.normal(package): release for package, release in pinned}


def test_the_table_is_of_the_versions_that_are_pinned():
    pinned = pins("requirements-census.txt")
    asked = {census.normal(r["package"]): r["version"] for r in probe.census()}
    assert asked.pop("torch") == pins("requirements.txt")["torch"]
    assert asked.items() <= pinned.items()
    frameworks = pins("requirements-frameworks.txt")
    both = pinned.keys() & frameworks.keys()
    assert {k: pinned[k] for k in both} == {k: frameworks[k] for k in both}
    assert not pinned.keys() & pins("requirements.txt").keys()


def test_every_optimizer_of_torch_is_named():
    public = {name: getattr(torch.optim, name) for name in torch.optim.__all__}
    classes = {name for name, c in public.items() if isinstance(c, type)}
    assert classes - {"Optimizer"} == {r["optimizer"] for r in rows("torch")}


@needs("pytorch_optimizer")
def test_every_optimizer_of_the_largest_collection_is_named():
    optimizers = import_module("pytorch_optimizer.optimizer").OPTIMIZERS
    named = {r["optimizer"] for r in rows("pytorch_optimizer")}
    assert {c.__name__ for c in optimizers.values()} == named


def test_a_package_is_asked_or_there_is_a_reason():
    unasked = tables.read("census_unasked.csv")
    assert all(all(row.values()) for row in unasked)
    names = [census.normal(r["package"]) for r in unasked]
    assert names == sorted(set(names))
    assert not set(names) & set(map(census.normal, census.ASKED))


def test_whoever_is_made_otherwise_is_asked_and_the_way_is_known():
    for package, entry in census.ASKED.items():
        named = {name for name, *_ in map(census.parsed, entry["asks"])}
        assert entry.get("made", {}).keys() <= named, package
        assert set(entry.get("made", {}).values()) <= MAKERS.keys(), package


def test_a_call_is_read_as_a_name_and_its_settings():
    name, own, setting = census.parsed("muon.Muon(nesterov=True,\n  betas=(0.9, 0.99))")
    assert (name, setting) == ("muon.Muon", "nesterov=True, betas=(0.9, 0.99)")
    assert own == {"nesterov": True, "betas": (0.9, 0.99)}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.123"),
        (3, "3"),
        (None, "None"),
        ((), ""),
        ((2, 2), "2x2"),
        (("this raises", "that too"), "this raises; that too"),
        (((2,), "alike"), "2 alike"),
        ((((2,), "alike"), ((2, 2, 2), "refused")), "2 alike; 2x2x2 refused"),
    ],
)
def test_an_answer_is_written_as_a_text(value, text):
    assert census.text(value) == text


def test_the_table_is_read_back_as_it_was_written(tmp_path):
    refused = census.row("torch", "refused", "", lambda params, lr: None)
    asked = census.row("torch", "SGD", "momentum=0.9", torch.optim.SGD)
    assert "AttributeError" in refused["refusal"]
    path = tmp_path / "census.csv"
    census.write([asked, refused], path)
    first, second = csv.DictReader(path.read_text("utf8").splitlines())
    assert {k: v for k, v in first.items() if k != "refusal"} == asked
    assert {k: v for k, v in second.items() if v} == {
        k: v for k, v in refused.items() if v
    }


def test_only_a_refusal_is_a_row(monkeypatch):
    def fault(make):
        raise RuntimeError("a fault of the probe")

    monkeypatch.setattr(probe, "ask", fault)
    with pytest.raises(RuntimeError):
        census.row("torch", "SGD", "", torch.optim.SGD)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Let the census ask two optimizers, stop once, and count what it asks."""
    asked = []
    entry = {"module": "torch.optim", "asks": ["SGD()", "SGD(momentum=0.9)"]}
    absent = {"module": "absent", "asks": ["SGD()"]}
    monkeypatch.setattr(census, "ASKED", {"torch": entry, "absent": absent})
    monkeypatch.setattr(census, "TABLE", tmp_path / "census.csv")
    old = [{"package": name, "setting": "old"} for name in ("gone", "absent", "torch")]
    census.write(old, census.TABLE)
    monkeypatch.setattr(census, "BEGUN", tmp_path / "begun")

    def row(package, name, setting, make):
        if len(asked) == 1 and "stop" not in asked:
            asked.append("stop")
            raise KeyboardInterrupt
        asked.append(setting)
        version = census.release(package)
        both = {"optimizer": name, "setting": setting, "place": "either"}
        return {"package": package, "version": version, **both}

    monkeypatch.setattr(census, "row", row)
    return asked


def test_one_that_was_stopped_goes_on_where_it_was(small, capsys):
    with pytest.raises(KeyboardInterrupt):
        census.main([])
    census.main([])
    assert small == ["", "stop", "momentum=0.9"]
    table = [(row["package"], row["setting"]) for row in tables.read(census.TABLE)]
    assert table == [("torch", ""), ("torch", "momentum=0.9"), ("absent", "old")]
    assert (
        "absent is not installed: its rows stay as they are" in capsys.readouterr().out
    )


def test_with_another_probe_it_begins_anew(small, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        census.main([])
    monkeypatch.setitem(census.sys.modules, "weightdecay.new", csv)
    census.main([])
    assert small == ["", "stop", "", "momentum=0.9"]


def optimizer_of_the_package(name, w, **settings):
    maker = getattr(import_module("pytorch_optimizer"), name)
    return maker([torch.nn.Parameter(w)], lr=0.1, **settings)


@needs("pytorch_optimizer")
def test_those_that_do_not_use_the_argument_take_a_misspelt_one_too():
    plain = [r for r in rows("pytorch_optimizer") if not r["setting"]]
    unused = {
        r["optimizer"] for r in plain if (r["place"], r["takes"]) == ("none", "True")
    }
    assert len(unused) > 5
    for name in unused:
        optimizer_of_the_package(name, torch.ones(2), wieght_decay=0.1)


@needs("pytorch_optimizer")
@pytest.mark.parametrize(("weight_decay", "moves"), [(0.0, False), (0.3, True)])
def test_bsam_multiplies_the_gradient_by_weight_decay(weight_decay, moves):
    # At a weight of zero, where nothing can decay, and with next to no noise.
    w = torch.zeros(2, dtype=torch.float64)
    settings = {"num_data": 10**12, "rho": 0.0, "weight_decay": weight_decay}
    optimizer = optimizer_of_the_package("BSAM", w, **settings)
    (p,) = optimizer.param_groups[0]["params"]

    def closure():
        p.grad = torch.ones_like(p)
        return 0.0

    closure()  # it reads the gradient once before it asks for it
    optimizer.step(closure)
    assert bool((p.abs() > 1e-6).all()) == moves


@needs("pytorch_optimizer")
@pytest.mark.parametrize(("weight_decay_1d", "decays"), [(None, True), (0.0, False)])
def test_mars_decays_vectors_by_an_argument_of_its_own(weight_decay_1d, decays):
    own = {} if weight_decay_1d is None else {"weight_decay_1d": weight_decay_1d}
    optimizer = optimizer_of_the_package("MARS", torch.ones(2), weight_decay=0.0, **own)
    (p,) = optimizer.param_groups[0]["params"]
    p.grad = torch.zeros_like(p)
    optimizer.step()
    assert bool((p < 1).all()) == decays


@needs("pytorch_optimizer")
@pytest.mark.filterwarnings("ignore:you need to install `transformers`:ImportWarning")
@pytest.mark.parametrize("name", ["LOMO", "AdaLOMO"])
def test_lomo_steps_in_the_backward_pass_alone(name):
    model = torch.nn.Linear(2, 1)
    before = model.weight.detach().clone()
    optimizer = getattr(import_module("pytorch_optimizer"), name)(model, lr=0.1)
    with pytest.raises(NotImplementedError):
        optimizer.step()
    assert torch.equal(model.weight, before)
    optimizer.fused_backward(model(torch.ones(1, 2)).sum(), lr=0.1)
    assert not torch.equal(model.weight, before)
