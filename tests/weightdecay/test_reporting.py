"""The report: it finds each planted fault, is silent on healthy runs, and is right."""

import copy
import json
import math
from statistics import mean

import pytest
import torch
from models import MODELS, made
from torch import nn

import weightdecay
from weightdecay import examples, networks
from weightdecay.grouping import groups
from weightdecay.reporting import report


def kinds(told):
    return {fault.kind for fault in told.faults}


def adamw(model, weight_decay=0.1, lr=1e-3, **how):
    return torch.optim.AdamW(groups(model, weight_decay), lr=lr, **how)


def no_schedule(params, **how):
    """Return AdamW whose decay does not follow lr, as some libraries' does."""

    class Unscaled(torch.optim.AdamW):
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        p.data.mul_(1 - group["weight_decay"])
                group["kept"], group["weight_decay"] = group["weight_decay"], 0.0
            super().step(closure)
            for group in self.param_groups:
                group["weight_decay"] = group.pop("kept")

    return Unscaled(params, **how)


def backward(model, inputs):
    out = model(inputs)
    out.square().mean().backward()


# Each plants one fault: it gets a model and its inputs, and returns what is reported.
def destroys(model, inputs):
    return adamw(model, 1200.0), {}


def rounded(model, inputs):
    return adamw(model.bfloat16()), {}


def rounded_in_half(model, inputs):
    return adamw(model.half(), 0.2, eps=1e-4), {}


def eps(model, inputs):
    return adamw(model.half(), 1.0), {}


def little(model, inputs):
    return adamw(model, 0.01, lr=2e-5), {}


def no_gradient(model, inputs):
    optimizer = adamw(model)
    backward(model, inputs)
    next(iter(optimizer.param_groups[0]["params"])).grad = None
    return optimizer, {}


def moving(model, inputs):
    optimizer = adamw(model)
    backward(model, inputs)
    optimizer.param_groups[0]["params"][0].requires_grad_(False)
    return optimizer, {}


def frozen(model, inputs):
    optimizer = adamw(model)
    optimizer.param_groups[0]["params"][0].requires_grad_(False)
    return optimizer, {}


def schedule(model, inputs):
    return no_schedule(groups(model, 1e-4), lr=1e-3), {"schedule": "cosine"}


def penalty(model, inputs):
    return torch.optim.Adam(groups(model, 0.1), lr=1e-3), {}


def vectors(model, inputs):
    return torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1), {}


def missing(model, inputs):
    made_of = groups(model, 0.1)
    made_of[0]["params"].pop()
    return torch.optim.AdamW(made_of, lr=1e-3), {}


def twice(model, inputs):
    optimizer = adamw(model)
    optimizer.param_groups[0]["params"].append(optimizer.param_groups[0]["params"][0])
    return optimizer, {}


def unread(model, inputs):
    made_of = groups(model, 0.1)
    made_of[0]["weigth_decay"] = 0.3
    return torch.optim.AdamW(made_of, lr=1e-3), {}


def unread_momentum(model, inputs):
    made_of = groups(model, 0.1)
    made_of[0]["momentum"] = 0.9
    return torch.optim.AdamW(made_of, lr=1e-3), {}


def clipped(model, inputs):
    made_of = groups(model, 0.5)
    return torch.optim.SGD(made_of, lr=1e-3, momentum=0.9), {"clip": 0.1}


def swings(model, inputs):
    return torch.optim.SGD(groups(model, 0.3), lr=1e-2, momentum=0.9), {}


def unused(model, inputs):
    class Deaf(torch.optim.AdamW):
        def step(self, closure=None):
            asked = [group["weight_decay"] for group in self.param_groups]
            for group in self.param_groups:
                group["weight_decay"] = 0.0
            super().step(closure)
            for group, decay in zip(self.param_groups, asked, strict=True):
                group["weight_decay"] = decay

    return Deaf(groups(model, 0.1), lr=1e-3), {}


def still(model, inputs):
    return adamw(model, lr=0.0), {}


def not_finite(model, inputs):
    next(model.parameters()).data[0] = math.nan
    return adamw(model), {}


PLANTED = {
    "destroys": destroys, "unused": unused, "eps": eps,
    "rounded": rounded, "rounded ": rounded_in_half,
    "little": little, "no gradient": no_gradient, "moving": moving, "frozen": frozen,
    "schedule": schedule, "penalty": penalty, "vectors": vectors, "missing": missing,
    "twice": twice, "unread": unread, "unread ": unread_momentum, "clipped": clipped,
    "swings": swings, "still": still, "not finite": not_finite,
}  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found_and_no_other(model, fault):
    net, inputs = made(model)
    optimizer, how = PLANTED[fault](net, inputs)
    told = report(net, optimizer, **{"steps": 10000, "schedule": "constant", **how})
    also = {"rounded ": set(), "rounded": set(), "eps": {"rounded"}}
    assert kinds(told) - also.get(fault, set()) == {fault.strip()}, str(told)
    text = str(told)
    assert "To mend" in text and all(str(f).split()[0] in text for f in told.faults)


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        (torch.optim.ASGD, {}),
        (torch.optim.Adagrad, {}),
        (torch.optim.RMSprop, {"momentum": 0.9}),
    ],
)
def test_only_sgd_s_buffer_is_said_to_swing(kind, how):
    net, _ = made("MLP")
    told = report(net, kind(groups(net, 0.1), lr=1e-2, **how), steps=1000)
    assert "swings" not in kinds(told)


def test_rows_that_no_example_used_are_counted():
    net, inputs = made("Transformer")
    optimizer = adamw(net)
    net.embed(inputs % 5).sum().backward()
    (fault,) = (
        f for f in report(net, optimizer, steps=9999).faults if f.kind == "rows"
    )
    assert "11 of 16 rows" in fault.what and "embeddings=False" in fault.mend
    left_out = torch.optim.AdamW(groups(net, 0.1, embeddings=False), lr=1e-3)
    assert "rows" not in kinds(report(net, left_out, steps=9999))


HEALTHY = [
    ("ConvNet", lambda m: adamw(m), {"schedule": "cosine"}),
    ("ConvNet", lambda m: torch.optim.SGD(groups(m, 5e-4), lr=0.1, momentum=0.9), {}),
    ("ConvNet", lambda m: torch.optim.SGD(groups(m, 5e-3), lr=0.1), {"clip": 5.0}),
    ("Transformer", lambda m: adamw(m, 0.1, 6e-4), {"schedule": "cosine"}),
    ("Transformer", lambda m: adamw(m, 0.01, 1e-3, betas=(0.9, 0.95)), {}),
    ("Transformer", lambda m: adamw(m, 0.0), {"schedule": "linear"}),
    ("MLP", lambda m: adamw(m, 1.0), {"schedule": "linear"}),
    ("MLP", lambda m: torch.optim.NAdam(
        groups(m, 0.1), lr=1e-3, decoupled_weight_decay=True), {}),
    ("MLP", lambda m: torch.optim.SGD(
        groups(m, 1e-3), lr=0.1, momentum=0.9, nesterov=True), {"clip": 1.0}),
    ("MLP", lambda m: adamw(m.double(), 0.5), {"batch_size": 8, "examples": 1000}),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(HEALTHY)))
def test_of_a_healthy_run_nothing_is_said(number):
    name, make, how = HEALTHY[number]
    net, inputs = made(name)
    optimizer = make(net)
    if inputs.is_floating_point():
        inputs = inputs.to(next(net.parameters()).dtype)
    backward(net, inputs)
    before = copy.deepcopy(net.state_dict()), copy.deepcopy(optimizer.state_dict())
    told = report(net, optimizer, steps=10000, inputs=inputs, **how)
    assert told.faults == () and str(told).endswith("Nothing is wrong.")
    # The reader's model and optimizer are as they were.
    for old, new in zip(before[0].values(), net.state_dict().values(), strict=True):
        assert old.equal(new)
    assert str(before[1]) == str(optimizer.state_dict())


def test_what_a_normalisation_follows_is_seen_and_not_guessed():
    for name, found in [
        ("ConvNet", {"stem.weight", "body.weight"}),
        ("MLP", set()),  # its first layer's bias is not scaled with it
        ("Transformer", set()),
    ]:
        net, inputs = made(name)
        told = report(net, adamw(net), steps=100, inputs=inputs)
        assert set(told.parts[0].normalised) == found
    without_bias = nn.Sequential(
        nn.Linear(8, 16, bias=False), nn.LayerNorm(16), nn.Linear(16, 3)
    )
    told = report(
        without_bias, adamw(without_bias), steps=9, inputs=(inputs_of("MLP"),)
    )
    assert told.parts[0].normalised == ("0.weight",)


def inputs_of(name):
    return made(name)[1]


@pytest.mark.parametrize("schedule", ["constant", "cosine", "torch"])
@pytest.mark.parametrize(
    ("make", "precision"),
    [
        (lambda g: torch.optim.AdamW(g, lr=0.1), 1e-12),
        (lambda g: torch.optim.SGD(g, lr=0.1), 1e-12),
        # In the buffer the decay starts late, and follows a schedule late.
        (lambda g: torch.optim.SGD(g, lr=0.01, momentum=0.9), 0.05),
        (lambda g: torch.optim.SGD(g, lr=0.1, momentum=0.9, dampening=0.9), 0.05),
        (lambda g: no_schedule(g, lr=0.1), 1e-12),
    ],
)
def test_what_is_left_at_the_end_is_what_a_run_leaves(make, precision, schedule):
    net = nn.Linear(3, 2, bias=False).double()
    optimizer = make(groups(net, 0.02))
    asked = schedule
    if schedule == "torch":
        asked = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, [0.1], 400, cycle_momentum=False
        )
    (part,) = report(net, optimizer, steps=400, schedule=asked).parts
    steps = asked
    if schedule != "torch":
        steps = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda k: (
                (1 + math.cos(math.pi * k / 400)) / 2 if schedule == "cosine" else 1
            ),
        )
    start = net.weight.detach().clone()
    for _ in range(400):
        net.weight.grad = torch.zeros_like(net.weight)
        optimizer.step()
        if _ < 399:
            steps.step()
    left = (net.weight / start).mean().item()
    assert abs(math.log(left) / -part.horizon.total - 1) < precision
    assert (
        abs(math.log(0.5) / math.log1p(-part.share) / part.horizon.half_life - 1) < 1e-9
    )


@pytest.mark.parametrize(
    ("make", "decay", "rms_within", "angle_within"),
    [
        # The chapter on rotation has these within 2 % and 11 %, and says why.
        (lambda g: torch.optim.SGD(g, lr=0.1, momentum=0.9), 0.02, None, 0.02),
        (lambda g: torch.optim.AdamW(g, lr=5e-3, betas=(0.9, 0.99)), 0.4, 0.11, 0.11),
    ],
)
def test_size_and_angle_in_equilibrium_are_those_of_a_run(
    make, decay, rms_within, angle_within
):
    torch.manual_seed(0)
    data = examples.digits(1500).with_label_noise(0.5, seed=0)
    net = networks.mlp((64, 32, 32, 10), normalise="batch", affine=False, bias=False)(0)
    optimizer = make(groups(net, decay))
    (told,) = report(net, optimizer, steps=2000, inputs=data.x[:64]).parts
    assert told.normalised == ("0.weight", "3.weight")
    stream, w = torch.Generator().manual_seed(1), net[3].weight
    angles, sizes = [], []
    for k in range(2000):
        rows = torch.randint(len(data.x), (64,), generator=stream)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(data.x[rows]), data.y[rows]).backward()
        before = w.detach().clone()
        optimizer.step()
        if k >= 1200:
            after = w.detach()
            cosine = (before * after).sum() / before.norm() / after.norm()
            angles.append(math.degrees(math.acos(min(1.0, cosine.item()))))
            sizes.append(after.square().mean().sqrt().item())
    assert abs(mean(angles) / told.angle - 1) < angle_within
    assert (told.rms is None) == (rms_within is None)
    if rms_within:
        assert abs(mean(sizes) / told.rms - 1) < rms_within


def test_it_can_be_read_as_text_as_a_dict_and_in_a_notebook():
    net, inputs = made("ConvNet")
    how = {"steps": 10000, "batch_size": 16, "examples": 1000, "inputs": inputs}
    told = weightdecay.report(net, adamw(net), **how, schedule="cosine")
    text, html = str(told), told._repr_html_()
    for words in ("6,931 steps", "111 epochs", "0.6065 of the start", "stem.weight"):
        assert words in text and words in html
    assert all(len(line) <= 90 for line in text.splitlines())
    data = json.loads(json.dumps(told.as_dict()))
    assert data["parts"][0]["horizon"]["steps"] == 10000
    assert data["parts"][0]["answer"]["place"] == "weight"


def linear():
    return nn.Linear(2, 2)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"model": None}, TypeError, "model must be an nn.Module, got NoneType"),
        ({"model": nn.Sequential()}, ValueError, "no parameters"),
        ({"model": nn.LazyLinear(2)}, ValueError, "run one batch through"),
        ({"optimizer": torch.optim.AdamW}, TypeError, "optimizer must be .*made, got"),
        ({"steps": 0}, ValueError, "steps must be"),
        ({"steps": "many"}, TypeError, "steps must be"),
        ({"schedule": "cosin"}, ValueError, "schedule must be one of .*'cosin'"),
        ({"schedule": 3}, TypeError, "schedule must be .* got 3"),
        ({"schedule": [1.0]}, ValueError, "each of the 10 steps, got 1"),
        ({"batch_size": 3}, ValueError, "needed together"),
        ({"batch_size": -3, "examples": 5}, ValueError, "batch_size must .* got -3"),
        ({"clip": math.nan}, ValueError, "clip must be .* got nan"),
        ({"inputs": torch.ones(3, 7)}, ValueError, "can't be called with them.*shape"),
    ],
)
def test_bad_input_is_refused_by_name_value_and_remedy(change, error, said):
    net = linear()
    how = {"model": net, "optimizer": adamw(net), "steps": 10} | change
    with pytest.raises(error, match=said):
        report(how.pop("model"), how.pop("optimizer"), **how)


def test_a_model_without_numbers_is_reported_as_far_as_it_can_be():
    net = nn.Linear(4, 4, device="meta")
    assert report(net, adamw(net), steps=10000).faults == ()
    for asked in ({"clip": 1.0}, {"inputs": torch.ones(1, 4)}):
        with pytest.raises(ValueError, match="is on the meta device"):
            report(net, adamw(net), steps=10, **asked)
    here = linear()
    with pytest.raises(ValueError, match="can't be called with them"):
        report(here, adamw(here), steps=10, inputs=torch.ones(1, 2, device="meta"))


def test_a_scheduler_is_that_of_the_optimizer_and_needs_no_losses():
    net = linear()
    optimizer, other = adamw(net), adamw(net)
    wrong = torch.optim.lr_scheduler.StepLR(other, 3)
    with pytest.raises(ValueError, match="of another optimizer"):
        report(net, optimizer, steps=9, schedule=wrong)
    asks = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    with pytest.raises(TypeError, match="depends on the losses"):
        report(net, optimizer, steps=9, schedule=asks)
    short = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, 5)
    with pytest.raises(ValueError, match="ends after 6 of 9 steps"):
        report(net, optimizer, steps=9, schedule=short)
    chained = torch.optim.lr_scheduler.SequentialLR(
        optimizer,
        [
            torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, 1.0, 3),
            torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 6),
        ],
        [3],
    )
    lr = [group["lr"] for group in optimizer.param_groups]
    assert report(net, optimizer, steps=9, schedule=chained).faults is not None
    assert [group["lr"] for group in optimizer.param_groups] == lr
    assert chained.last_epoch == 0
