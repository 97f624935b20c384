"""Asking optimizers: each general sentence on a case chosen to break it."""

import pytest
import torch
from claims import on
from torch import optim

from weightdecay import probe

says = on("probe")
CLAIMS_NOTHING = {
    "the *preconditioner* is whatever rescales the gradient": "a definition",
    "A name alone tells little.": "the list of shared names below it shows it",
    "with no gradient yet, by $\\varepsilon$ alone": "a quoted number",
}


def first_move(make, w, g, **settings):
    """Return how the first step moves one weight, its gradient given."""
    p = torch.nn.Parameter(torch.tensor([w], dtype=torch.float64))
    optimizer = make([p], lr=0.1, **settings)
    p.grad = torch.tensor([g], dtype=torch.float64)
    optimizer.step()
    return p.item() - w


@says("The first is proportional to $w$, whatever the gradient.")
@pytest.mark.parametrize("g", [0.0, 1e-12, -3.0, 1e12])
@pytest.mark.parametrize("amsgrad", [False, True])
def test_a_share_of_the_weight_is_lost_at_any_size_of_the_gradient(g, amsgrad):
    for w in (-2.0, 0.5):
        on_, off = (
            first_move(optim.AdamW, w, g, weight_decay=x, amsgrad=amsgrad)
            for x in (0.3, 0)
        )
        assert on_ - off == pytest.approx(-0.03 * w, rel=1e-9)


def sgd_step(clip, by_hand):
    """Return a weight of 2 after a step with decay 0.3, the gradient clipped to 1."""
    w = torch.nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
    w.grad = torch.tensor([3.0], dtype=torch.float64)
    if by_hand:
        w.grad += 0.3 * w.detach()
    if clip:
        torch.nn.utils.clip_grad_norm_([w], 1.0)
    optim.SGD([w], lr=0.1, weight_decay=0 if by_hand else 0.3).step()
    return w.item()


@says(
    "There no step of the optimizer can separate the two, because they are one rule",
    "Only what comes between the penalty and the step could, such as clipping",
)
def test_clipping_the_penalised_gradient_separates_a_penalty_from_a_shrinking():
    assert sgd_step(False, True) == pytest.approx(sgd_step(False, False), abs=1e-12)
    assert sgd_step(True, True) < 2 - 0.1 + 1e-5  # all of it is clipped to 1
    assert abs(sgd_step(True, True) - sgd_step(True, False)) > 0.05


def pulls(weight_decay, shrink=0.0, w=2.0, **momentum):
    """Return by how much decay moves a weight in each of two steps, warmed up once."""
    moves = []
    for share in (weight_decay, 0.0):
        p = torch.nn.Parameter(torch.tensor([0.0], dtype=torch.float64))
        optimizer = optim.SGD([p], lr=0.1, **momentum)
        moves.append([])
        for g in (-1.0, 0.7, 0.4):
            optimizer.param_groups[0]["weight_decay"] = 0.0 if shrink else share
            p.grad = torch.full_like(p, g)
            before = p.item()
            optimizer.step()
            p.data -= (shrink * before) if share else 0.0
            if g == -1.0:
                p.data.fill_(w)
            moves[-1].append(p.item())
    return (torch.tensor(moves[0]) - torch.tensor(moves[1]))[1:].double()


@says(
    "The third is neither, unless the gradient enters $u$ linearly.",
    "With momentum $p$ is a share of $w$ too, and only the next step, in which the "
    "buffer remembers the penalty, tells them apart.",
)
@pytest.mark.parametrize(
    ("more", "share"),
    [({}, 1.0), ({"nesterov": True}, 1.9), ({"dampening": 0.5}, 0.5)],
)
def test_momentum_pulls_a_share_of_the_weight_once_and_then_more(more, share):
    for w in (-3.0, 2.0):
        inside = pulls(0.3, w=w, momentum=0.9, **more)
        beside = pulls(0.3, shrink=0.03 * share, w=w, momentum=0.9, **more)
        # It was said that plain SGD is the one exception.
        assert inside[0].item() == pytest.approx(-0.03 * share * w, rel=1e-5)
        assert beside[0].item() == pytest.approx(inside[0].item(), rel=1e-5)
        assert abs(inside[1] / beside[1] - 1) > 0.15
    plain = pulls(0.3), pulls(0.3, shrink=0.03)
    assert (plain[0] - plain[1]).abs().max() < 1e-6
    assert probe.ask(lambda p, **k: optim.SGD(p, momentum=0.9, **k)).place == "gradient"


def clipped(params, **settings):
    """Make an SGD that clips each gradient that it is given, before its own penalty."""
    optimizer = optim.SGD(params, **settings)
    clip = lambda *_: torch.nn.utils.clip_grad_value_(params, 0.05)  # noqa: E731
    optimizer.register_step_pre_hook(clip)
    return optimizer


def test_the_probe_tells_a_clipping_sgd_from_a_plain_one():
    assert probe.ask(optim.SGD).place == "either"
    assert probe.ask(clipped).place == "weight"


@says("It looks neither at names nor at source.")
def test_a_liar_by_name_and_document_is_found_out():
    class AdamW(optim.Adam):
        """Decoupled weight decay, beside the step."""

    def sgd(params, **settings):
        return optim.AdamW(params, **settings)

    assert probe.ask(AdamW).place == "gradient"
    assert probe.ask(sgd).place == "weight"
    # Made at run time: there is no source to look at.
    made = eval("lambda params, **k: optim.Adam(params, **k)", {"optim": optim})
    assert probe.ask(made).place == "gradient"


@says(
    "RMSprop's first step is {glue:text}`rms_step:.0f` learning rates long for every "
    "gradient that is large beside $\\varepsilon$"
)
def test_rmsprops_first_step_is_short_for_a_gradient_near_eps():
    for g in (1e-4, -1.0, 1e6):
        assert abs(first_move(optim.RMSprop, 0.0, g)) == pytest.approx(1, rel=2e-3)
    # It was said of every size of the gradient.
    assert abs(first_move(optim.RMSprop, 0.0, 1e-7)) == pytest.approx(0.5, rel=1e-6)
    assert abs(first_move(optim.RMSprop, 0.0, 1e-12)) < 1e-4


@says("Muon's `weight_decay` never meets a gradient.")
@pytest.mark.parametrize("nesterov", [True, False])
def test_muon_remembers_the_same_with_and_without_decay(nesterov):
    generator = torch.Generator().manual_seed(0)
    pushes = torch.randn(6, 3, 5, generator=generator, dtype=torch.float64)
    buffers = []
    for decay in (0.0, 9.0):
        w = torch.nn.Parameter(100 * torch.ones(3, 5, dtype=torch.float64))
        optimizer = optim.Muon([w], lr=0.1, weight_decay=decay, nesterov=nesterov)
        for g in pushes:
            w.grad = g.clone()
            optimizer.step()
        buffers.append(optimizer.state[w]["momentum_buffer"])
    assert torch.equal(*buffers)


@says("Every optimizer that by default adds $\\lambda w$ to the gradient says so.")
def test_a_flag_takes_the_penalty_away_and_the_documentation_still_says_it():
    for make in (optim.NAdam, optim.RAdam):
        assert "L2 penalty" in make.__doc__
        assert probe.ask(make).place == "gradient"
        flag = lambda p, make=make, **k: make(p, decoupled_weight_decay=True, **k)  # noqa: E731
        assert probe.ask(flag).place == "weight"
