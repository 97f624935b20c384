"""Asking optimizers: each general sentence on a case chosen to break it."""

import copy
from itertools import count

import pytest
import torch
from claims import on
from torch import optim

from weightdecay import probe
from weightdecay.finding import find_subject

says = on("probe")
CLAIMS_NOTHING = {
    "A gradient of None* is that of a parameter with no part in the loss.": "a meaning",
    "AdamW alone leaves {glue:text}`alone:.1%`": "AdamW by itself, a quoted number",
    "a penalty and a shrinking weight are one rule.": "the meaning of a bar's name",
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
    "The two are one rule there ([](sgd.md)).",
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
        plain = pulls(0.3, w=w), pulls(0.3, shrink=0.03, w=w)
        assert (plain[0] - plain[1]).abs().max() < 1e-6 < 1e-3 < plain[0].abs().max()
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


@says("It looks neither at the optimizer's name nor at its source.")
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


def lookahead(every, part):
    """Return what makes an AdamW whose weights meet a slow copy now and then."""

    def make(params, **settings):
        optimizer = optim.AdamW(params, **settings)
        slow, steps = [w.detach().clone() for w in params], count(1)

        def meet(*_):
            if next(steps) % every == 0:
                for w, kept in zip(params, slow, strict=True):
                    w.data.copy_(kept.lerp_(w.detach(), part))

        optimizer.register_step_post_hook(meet)
        return optimizer

    return make


@says(
    "for Lookahead around AdamW the probe finds AdamW's rule.",
    "The first meeting halves the shift, and from then on the copy has it, too.",
)
@pytest.mark.parametrize(("every", "part"), [(6, 0.5), (3, 0.2), (5, 0.8)])
def test_of_a_shift_that_part_is_left_by_which_the_copy_moves(every, part):
    answer = probe.ask(lookahead(every, part))
    assert (answer.place, answer.kept) == ("weight", "1 - lr * weight_decay")
    # However often they meet: it was thought to be halved each time.
    assert answer.shift_left == pytest.approx(part, rel=1e-3)
    one = find_subject(lookahead(every, part), (1,))
    left = 1 + one.walk(0.3, gradient_scale=0.0, steps=2 * every).sum().item()
    meeting = 1 - part + part * (1 - 0.1 * 0.3) ** every
    assert left == pytest.approx(meeting**2, abs=1e-12)


@says("The same run must give the same.", "An AdamW that draws from a generator of its")
@pytest.mark.parametrize("fresh", [True, False])
def test_a_generator_of_its_own_is_refused_unless_it_starts_alike(fresh):
    shared = torch.Generator().manual_seed(0)

    def restless(params, **settings):
        own = torch.Generator().manual_seed(0) if fresh else shared
        optimizer = optim.AdamW(params, **settings)
        draw = lambda *_: torch.rand((), generator=own) / 100  # noqa: E731
        optimizer.register_step_post_hook(lambda *_: params[0].data.mul_(1 + draw()))
        return optimizer

    if fresh:
        assert probe.ask(restless).place == "weight"
    else:
        with pytest.raises(ValueError, match="generator"):
            probe.ask(restless)


@says("ASGD has no memory, so a penalty and a share are one rule there.")
@pytest.mark.parametrize("more", [{}, {"alpha": 2.0}, {"lambd": 0.3}, {"t0": 2}])
def test_an_asgd_that_is_penalised_by_hand_walks_as_one_that_is_shrunk(more):
    ends = {}
    for way in ("own", "penalty", "share", "none"):
        w = torch.nn.Parameter(torch.tensor([2.0, -1.0], dtype=torch.float64))
        own = {"weight_decay": 0.3 if way == "own" else 0.0}
        asgd = optim.ASGD([w], lr=0.1, **own, **more)
        for k in range(20):
            asgd.param_groups[0]["lr"] = 0.1 * (1 + k % 3)
            before = w.detach().clone()
            w.grad = torch.tensor([0.3, (-1.0) ** k], dtype=torch.float64)
            w.grad += 0.3 * before if way == "penalty" else 0.0
            eta = float(asgd.state[w]["eta"]) if k else 0.1
            asgd.step()
            w.data -= eta * 0.3 * before if way == "share" else 0.0
        ends[way] = w.detach()
    for way in ("penalty", "share"):
        assert (ends[way] - ends["own"]).abs().max() < 1e-8  # eta has 32 bits
    assert (ends["none"] - ends["own"]).abs().max() > 1e-2


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


def kept(w, share):
    """Return 16-bit weights after a step of AdamW with gradients of zero."""
    w = torch.nn.Parameter(w.clone())
    optimizer = optim.AdamW([w], lr=1.0, weight_decay=share)
    w.grad = torch.zeros_like(w)
    optimizer.step()
    return w.detach()


@says("For their size, numbers lie nowhere closer.")
@says("So a share below $\\texttt{eps}/4$ is lost whatever the weight")
def test_a_small_share_is_lost_on_every_16_bit_number():
    every = torch.arange(-(2**15), 2**15).to(torch.int16).view(torch.bfloat16)
    every = every[every.isfinite()]
    eps = torch.finfo(torch.bfloat16).eps
    assert torch.equal(kept(every, 0.999 * eps / 4), every)
    above = kept(every, 1.02 * eps / 4)
    # The first that decay are those just below a power of two and that power.
    changed = every[above != every].abs()
    assert 0 < len(changed) < 0.05 * len(every) and 1 in changed and 1.5 not in changed


@says("A constructor that ends in `**kwargs` takes any argument, a misspelt one too.")
def test_who_takes_everything_answers_that_nothing_is_used():
    class Polite(optim.SGD):
        def __init__(self, params, lr, **kwargs):
            super().__init__(params, lr)

    Polite([torch.nn.Parameter(torch.ones(1))], lr=0.1, wieght_decay=0.1)
    answer = probe.ask(Polite)
    assert (answer.place, answer.takes) == ("none", True)
    with pytest.raises(TypeError):
        optim.AdamW([torch.nn.Parameter(torch.ones(1))], wieght_decay=0.1)


@says("An optimizer that copies the weight only later is taken for one without memory")
@pytest.mark.parametrize(("every", "left"), [(6, 0.5), (12, 1.0)])
def test_a_copy_that_is_made_after_the_shift_is_not_seen(every, left):
    def make(params, **settings):
        optimizer, slow = optim.AdamW(params, **settings), []

        def meet(*_, steps=count(1)):  # noqa: B008
            if next(steps) % every == 0:
                slow.extend(copy.deepcopy([w.detach() for w in params]) * (not slow))
                for w, kept in zip(params, slow, strict=True):
                    w.data.copy_(kept.lerp_(w.detach(), 0.5))

        optimizer.register_step_post_hook(meet)
        return optimizer

    assert probe.ask(make).shift_left == pytest.approx(left, rel=1e-3)
