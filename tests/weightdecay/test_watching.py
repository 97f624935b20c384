"""Watching a run: its numbers, with compiled and distributed models, and files."""

import csv
import math
import sys
import types

import pytest
import torch
import torch.multiprocessing
from models import made
from torch import nn

import weightdecay
from weightdecay.grouping import groups
from weightdecay.watching import watch


def run(net, optimizer, inputs, steps, model=None):
    for _ in range(steps):
        optimizer.zero_grad()
        (model or net)(inputs).square().mean().backward()
        optimizer.step()


def adamw(net, weight_decay=0.1):
    return torch.optim.AdamW(groups(net, weight_decay), lr=0.01)


def test_what_is_noted_is_what_each_step_did():
    net, inputs = made("MLP")
    optimizer = adamw(net)
    by_hand = []
    with weightdecay.watch(net, optimizer, every=3) as seen:
        for step in range(10):
            w = net[0].weight.detach().double().clone()
            run(net, optimizer, inputs, 1)
            after = net[0].weight.detach().double()
            cosine = (w * after).sum() / w.norm() / after.norm()
            by_hand.append((step, after.norm().item(), math.degrees(cosine.acos())))
    rows = [row for row in seen.rows if row.name == "0.weight"]
    assert [row.step for row in rows] == [0, 3, 6, 9]
    assert {row.name for row in seen.rows} == {"0.weight", "3.weight"}
    for row in rows:
        _, norm, angle = by_hand[row.step]
        assert abs(row.norm / norm - 1) < 1e-6 and abs(row.angle / angle - 1) < 1e-4
        assert abs(row.rms / (norm / 128**0.5) - 1) < 1e-6
        assert row.lr == 0.01 and abs(row.share - 0.001) < 1e-12
    # Closed: nothing is noted any more.
    run(net, optimizer, inputs, 5)
    assert len(seen.rows) == 8


@pytest.mark.parametrize(
    "make",
    [
        lambda g: torch.optim.SGD(g, lr=0.1, momentum=0.9),
        lambda g: torch.optim.Adagrad(g, lr=0.1),
        lambda g: torch.optim.AdamW(g, lr=0.1, foreach=True),
        lambda g: torch.optim.AdamW(g, lr=torch.tensor(0.1), fused=True),
    ],
)
def test_any_torch_optimizer_can_be_watched_and_steps_as_without(make):
    ends = []
    for watched in (False, True):
        net, inputs = made("ConvNet")
        optimizer = make(groups(net, 0.01))
        if watched:
            seen = watch(net, optimizer, every=2)
        run(net, optimizer, inputs, 6)
        ends.append([p.detach().clone() for p in net.parameters()])
    assert all(a.equal(b) for a, b in zip(*ends, strict=True))
    assert len(seen.rows) == 9 and all(row.angle > 0 for row in seen.rows)


def test_a_compiled_model_is_watched_by_the_names_of_the_model_inside():
    net, inputs = made("MLP")
    optimizer = adamw(net)
    compiled = torch.compile(net, backend="eager")
    seen = watch(compiled, optimizer, every=1)
    run(net, optimizer, inputs, 2, compiled)
    assert {row.name for row in seen.rows} == {"0.weight", "3.weight"}


def test_complex_tied_and_16_bit_weights_are_measured():
    net = nn.Linear(3, 3, dtype=torch.complex64)
    optimizer = torch.optim.SGD(groups(net, 0.5), lr=0.5)
    seen = watch(net, optimizer, every=1)
    net.weight.grad = torch.zeros_like(net.weight)
    before = net.weight.detach().abs().square().sum().sqrt()
    optimizer.step()
    (row,) = seen.rows
    assert abs(row.norm / (0.75 * before) - 1) < 1e-6 and row.angle < 0.05
    net, inputs = made("Transformer")
    net = net.bfloat16()
    optimizer = adamw(net)
    seen = watch(net, optimizer, every=1)
    net(inputs).square().mean().backward()
    optimizer.step()
    assert len([row for row in seen.rows if row.name == "embed.weight"]) == 1
    assert all(0 < row.norm < 100 for row in seen.rows)


def test_rows_are_written_to_a_table_as_they_come(tmp_path):
    net, inputs = made("MLP")
    optimizer = adamw(net)
    path = tmp_path / "runs" / "decay.csv"
    seen = watch(net, optimizer, every=2, to=path)
    run(net, optimizer, inputs, 3)
    # Not closed: what a killed run has seen is there.
    with path.open(encoding="utf8") as lines:
        table = list(csv.DictReader(lines))
    assert [(int(r["step"]), r["name"]) for r in table] == [
        (row.step, row.name) for row in seen.rows
    ]
    assert float(table[-1]["rms"]) == seen.rows[-1].rms
    seen.close()
    seen.close()


def test_tensorboard_reads_what_was_written_to_a_folder(tmp_path):
    from tensorboard.backend.event_processing import event_accumulator

    net, inputs = made("MLP")
    optimizer = adamw(net)
    with watch(net, optimizer, every=2, to=tmp_path) as seen:
        run(net, optimizer, inputs, 3)
    events = event_accumulator.EventAccumulator(str(tmp_path))
    events.Reload()
    rows = [row for row in seen.rows if row.name == "0.weight"]
    found = [(each.step, each.value) for each in events.Scalars("rms/0.weight")]
    assert [step for step, _ in found] == [0, 2]
    assert [x for _, x in found] == pytest.approx([row.rms for row in rows], rel=1e-6)


class Scalars:
    """What has SummaryWriter's add_scalar."""

    def __init__(self, folder=None):
        self.folder, self.rows, self.closed = folder, [], False
        Scalars.last = self

    def add_scalar(self, name, value, step):
        """Keep it."""
        self.rows.append((name, value, step))

    def close(self):
        """Note it."""
        self.closed = True


def test_scalars_go_to_a_writer_or_to_a_folder_for_tensorboard(monkeypatch, tmp_path):
    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Scalars
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    mine = Scalars()
    for to, owned in ((mine, False), (tmp_path / "board", True)):
        net, inputs = made("MLP")
        optimizer = adamw(net)
        with watch(net, optimizer, every=1, to=to) as seen:
            run(net, optimizer, inputs, 1)
        writer = Scalars.last if owned else mine
        names = {name for name, _, _ in writer.rows}
        assert {
            "norm/0.weight",
            "rms/0.weight",
            "angle/0.weight",
            "share/3.weight",
        } <= names
        assert ("rms/0.weight", seen.rows[0].rms, 0) in writer.rows
        assert writer.closed == owned
    assert Scalars.last.folder == str(tmp_path / "board")


def test_where_tensorboard_is_missing_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    net, _ = made("MLP")
    with pytest.raises(ModuleNotFoundError, match=r"weightdecay\[tensorboard\]"):
        watch(net, adamw(net), to=tmp_path / "board")


def test_it_is_drawn_beside_the_prediction():
    net, _ = made("MLP")
    optimizer = adamw(net, 5.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 60)
    seen = watch(net, optimizer, every=5)
    with pytest.raises(ValueError, match="nothing was seen yet"):
        seen.plot()
    stream = torch.Generator().manual_seed(0)
    for _ in range(60):
        for p in net.parameters():
            p.grad = torch.randn(p.shape, generator=stream)
        optimizer.step()
        schedule.step()
    figure = seen.plot("3.weight")
    drawn, told = (line.get_ydata() for line in figure.axes[0].lines)
    rows = [row for row in seen.rows if row.name == "3.weight"]
    assert list(drawn) == pytest.approx([row.rms for row in rows], rel=1e-6)
    # On noise alone AdamW's size is the predicted one; decay has made it of the start.
    assert abs(told[-1] / drawn[-1] - 1) < 0.2 and told[-1] < 0.5 * told[0]
    with pytest.raises(ValueError, match=r"one of 0\.weight, 3\.weight, got 'head'"):
        seen.plot("head")


def train_together(rank, folder):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2
    )
    try:
        net, inputs = made("MLP")
        model = nn.parallel.DistributedDataParallel(net)
        optimizer = adamw(net)
        with watch(model, optimizer, every=2, to=folder / f"seen{rank}.csv") as seen:
            run(net, optimizer, inputs + rank, 5, model)
        torch.save((seen.rows, net.state_dict()), folder / f"rank{rank}.pt")
    finally:
        torch.distributed.destroy_process_group()


def test_of_two_processes_the_first_one_notes(tmp_path):
    torch.multiprocessing.spawn(train_together, (tmp_path,), nprocs=2)
    (rows, first), (none, second) = (
        torch.load(tmp_path / f"rank{rank}.pt", weights_only=False) for rank in (0, 1)
    )
    assert all(first[name].equal(second[name]) for name in first)
    assert [row.step for row in rows] == [0, 0, 2, 2, 4, 4] and none == []
    assert {row.name for row in rows} == {"0.weight", "3.weight"}
    assert (tmp_path / "seen0.csv").exists() and not (tmp_path / "seen1.csv").exists()


def other():
    return torch.optim.SGD([torch.ones(2, 2, requires_grad=True)], lr=0.1)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"model": None}, TypeError, "model must be an nn.Module, got NoneType"),
        ({"optimizer": "AdamW"}, TypeError, "optimizer must be .* got 'AdamW'"),
        ({"optimizer": other()}, ValueError, "steps no matrix of this model"),
        ({"every": 0}, ValueError, "every must be .* got 0"),
        ({"every": 1.5}, ValueError, "every must be a whole number, got 1.5"),
        ({"every": "often"}, TypeError, "every must be .* got 'often'"),
        ({"names": ["0.wieght"]}, ValueError, "no 0.wieght. It has 0.weight"),
        ({"to": 3}, TypeError, "to must be a path, or have add_scalar.* got 3"),
    ],
)
def test_bad_input_is_refused_by_name_and_value(change, error, said):
    net, _ = made("MLP")
    how = {"model": net, "optimizer": adamw(net)} | change
    with pytest.raises(error, match=said):
        watch(how.pop("model"), how.pop("optimizer"), **how)


def test_a_model_without_numbers_is_refused():
    net = nn.Linear(2, 2, device="meta")
    with pytest.raises(ValueError, match="weight is on the meta device"):
        watch(net, adamw(net))
