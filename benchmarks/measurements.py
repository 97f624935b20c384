"""Measure what each formula predicts, by running it, for tests to compare with.

``python benchmarks/measurements.py`` writes tests/weightdecay/measurements.json: for
each function that predicts, its arguments, what a run gave, and how far the two may be
apart (a part of the largest measured number). Nothing here calls the functions.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from weightdecay import directions, examples, networks, problems, proximal, updates
from weightdecay.paths import walk

FILE = Path(__file__).parents[1] / "tests/weightdecay/measurements.json"
Row = dict[str, Any]
MINIMUM = torch.tensor([0.5, 1.5, 3.0, -4.0], dtype=torch.float64)
CURVATURE = torch.tensor([0.1, 0.5, 1.0, 1.9], dtype=torch.float64)
BOWL = {"minimum": MINIMUM, "curvature": CURVATURE}
FALLING = [0.3 * (1 - k / 4000) for k in range(4000)]


def bowl(w: Tensor) -> Tensor:
    """Return the loss with that minimum and those curvatures."""
    return (CURVATURE / 2 * (w - MINIMUM) ** 2).sum()


def row(name: str, measured: Any, within: float, **arguments: Any) -> Row:
    """Return one measurement: a tensor or a number, and its arguments."""
    flat = torch.as_tensor(measured, dtype=torch.float64).reshape(-1).tolist()
    coded = {
        key: {"tensor": x.tolist()} if isinstance(x, Tensor) else x
        for key, x in arguments.items()
    }
    return {"function": name, "arguments": coded, "measured": flat, "within": within}


def ends() -> Iterator[Row]:
    """Walk to where training ends, without noise."""
    zero = torch.zeros_like(MINIMUM)
    w = walk(torch.optim.SGD, bowl, zero, steps=900, lr=0.4, weight_decay=0.5)
    yield row("theory.ridge", w[-1], 1e-9, weight_decay=0.5, **BOWL)
    how: Any = {"steps": 4000, "lr": FALLING, "betas": (0.9, 0.9)}
    w = walk(torch.optim.AdamW, bowl, zero, weight_decay=0.5, **how)
    yield row("theory.box", w[-1], 1e-3, minimum=MINIMUM, weight_decay=0.5)
    target = problems.with_singular_values([6.0, 4.0, 1.0], (3, 3), seed=1)
    far = problems.Quadratic(target.flatten(), torch.eye(9, dtype=torch.float64))
    w = walk(
        updates.muon, lambda w: far(w.flatten()), torch.zeros_like(target),
        steps=4000, lr=FALLING, weight_decay=0.5, momentum=0.0,
        orthogonalise=directions.polar,
    )  # fmt: skip
    yield row("theory.spectral_box", w[-1], 1e-2, minimum=target, cap=2.0)
    values = torch.tensor([0.8, 0.6], dtype=torch.float64)
    turned = problems.with_singular_values(values.tolist(), (4, 2), seed=2)
    gains = turned.mT @ directions.newton_schulz(turned)
    gain = torch.linalg.eigvals(gains).real.sort(descending=True).values / values
    yield row("theory.newton_schulz_gain", gain, 1e-9, s=values)


def without_gradient() -> Iterator[Row]:
    """Let momentum's buffer carry the decay of a weight on which nothing pulls."""
    for decay, nesterov in ((0.02, False), (2.0, False), (0.02, True)):
        how: Any = {"lr": 0.1, "weight_decay": decay, "momentum": 0.9}
        how["nesterov"] = nesterov
        path = walk(torch.optim.SGD, lambda w: 0 * w, 1.0, steps=60, **how)
        both = torch.stack([path[20:39], path[19:38]], 1)
        sums = torch.linalg.lstsq(both, path[21:40, None]).solution[:, 0]
        companion = torch.stack([sums, torch.tensor([1.0, 0.0], dtype=torch.float64)])
        z = torch.linalg.eigvals(companion)
        z = z[(z.abs() + 1e-9 * z.imag).argsort(descending=True)]
        parts = torch.view_as_real(z) if z.imag.abs().max() > 1e-9 else z.real
        yield row("theory.momentum_roots", parts, 1e-6, **how)
        k = torch.tensor([1.0, 7.0, 60.0], dtype=torch.float64)
        yield row("theory.momentum_decay", path[k.long()], 1e-9, k=k, **how)
    # Both roots are the root of 0.9.
    how = {"lr": 0.5, "weight_decay": 2 * (1 - 0.9**0.5) ** 2, "momentum": 0.9}
    path = walk(torch.optim.SGD, lambda w: 0 * w, 1.0, steps=60, **how)
    yield row("theory.momentum_decay", path[k.long()], 1e-9, k=k, **how)
    lrs = [0.1 * (1 - k / 60) for k in range(60)]
    path = walk(torch.optim.SGD, lambda w: 0 * w, 1.0, steps=60, lr=lrs, weight_decay=2)
    yield row("dynamics.kept", path[1:], 1e-9, lr=lrs, weight_decay=2.0)
    shares = [_left_of_step(k, lrs) for k in range(60)]
    yield row("dynamics.update_shares", shares, 1e-9, lr=lrs, weight_decay=2.0)
    for momentum in (0.0, 0.5):
        how = {"lr": 0.1, "weight_decay": 0.02, "momentum": momentum}
        path = walk(torch.optim.SGD, lambda w: 0 * w, 1.0, steps=2000, **how)
        rate = (path[1900].log() - path[100].log()) / 1800
        yield row("dynamics.half_life", math.log(0.5) / rate, 1e-6, **how)


def _left_of_step(k: int, lrs: list[float]) -> float:
    """Return what step k, and no other, has put into AdamW's weight at the end."""
    losses = [(lambda w: -1e3 * w) if j == k else (lambda w: 0 * w) for j in range(60)]
    how: Any = {"lr": lrs, "weight_decay": 2.0, "betas": (0.0, 0.0)}
    end = walk(torch.optim.AdamW, losses, 0.0, steps=60, **how)[-1]
    return 2.0 * end.item()


def with_noise() -> Iterator[Row]:
    """Average the weights of many runs whose gradients have noise."""
    noise = torch.tensor([0.5, 2.0, 4.0, 1.0], dtype=torch.float64)
    for name, rule, how in (
        ("theory.adamw_mean", torch.optim.AdamW, {"betas": (0.9, 0.999)}),
        ("theory.adamw_mean", torch.optim.AdamW, {"betas": (0.9, 0.999), "eps": 2.0}),
        ("theory.lion_mean", updates.lion, {"betas": (0.9, 0.99)}),
        ("theory.lion_mean", updates.lion, {"betas": (0.9, 0.5)}),
    ):
        mean = _noisy_mean(rule, noise, weight_decay=0.5, **how)
        given: Any = {**BOWL, "weight_decay": 0.5, "noise": noise}
        lion = name == "theory.lion_mean"
        given |= how if lion else {k: x for k, x in how.items() if k == "eps"}
        yield row(name, mean, 0.05, **given)
    for betas in ((0.9, 0.99), (0.5, 0.9)):
        gradients = torch.tensor([3.0, -0.2], dtype=torch.float64)
        chances = torch.tensor([0.1, 0.9], dtype=torch.float64)
        mean = _mean_direction(gradients, 0.1, betas)
        yield row(
            "theory.adam_mean_direction", mean, 0.1,
            gradients=gradients, chances=chances, betas=betas,
        )  # fmt: skip


def _noisy_mean(rule: Any, noise: Tensor, copies: int = 400, **how: Any) -> Tensor:
    stream = torch.Generator().manual_seed(0)
    steps, shape = 3000, (copies, len(noise))

    def loss() -> Any:
        kick = noise * torch.randn(shape, generator=stream, dtype=torch.float64)
        return lambda w: (CURVATURE / 2 * (w - MINIMUM) ** 2 + kick * w).sum()

    lrs = [0.02 if k < 1000 else 0.004 for k in range(steps)]
    losses = [loss() for _ in range(steps)]
    start = torch.zeros(shape, dtype=torch.float64)
    path = walk(rule, losses, start, steps=steps, lr=lrs, **how)
    return path[2000:].mean((0, 1))


def _mean_direction(values: Tensor, chance: float, betas: Any) -> Tensor:
    """Return the mean step of PyTorch's Adam for lr 1, over copies and late steps."""
    stream, steps = torch.Generator().manual_seed(0), 3000
    w = torch.zeros(8000, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([w], lr=1.0, betas=betas, eps=1e-12)
    for k in range(steps):
        if k == steps // 2:
            before = w.detach().clone()
        rare = torch.rand(8000, generator=stream) < chance
        w.grad = torch.where(rare, values[0], values[1])
        optimizer.step()
    return (before - w.detach()).mean() / (steps - steps // 2)


def flows() -> Iterator[Row]:
    """Let small steps of SGD go for a while, with decay, from a start to a fit."""
    moved = torch.tensor([0.3, 0.6, 2.0], dtype=torch.float64)
    decayed = torch.tensor(0.9, dtype=torch.float64)

    def end(start: Tensor, fit: Tensor) -> Tensor:
        loss = lambda w: (moved / 2 * (w - fit) ** 2).sum()  # noqa: E731
        how: Any = {"steps": 20_000, "lr": 1 / 20_000, "weight_decay": 0.9}
        return walk(updates.sgd_l2, loss, start, **how)[-1]

    none, one = torch.zeros_like(moved), torch.ones_like(moved)
    parts = torch.stack([end(one, none), end(none, one)])
    yield row("theory.flow_parts", parts, 1e-3, moved=moved, decayed=decayed)
    stream = torch.Generator().manual_seed(0)
    truth, start, fit = torch.randn(3, 10**6, 1, generator=stream).double()
    ended = parts[0] * (truth + 2**0.5 * start) + parts[1] * (truth + 0.3**0.5 * fit)
    risk = (ended - truth).square().mean(0)
    given: Any = {"moved": moved, "decayed": decayed, "fit_noise": 0.3}
    yield row("theory.flow_risk", risk, 0.01, start_noise=2.0, **given)


def turned() -> Iterator[Row]:
    """Train weights whose size the loss does not see, with decay and without."""
    how: Any = {"lr": 0.05, "weight_decay": 0.03, "momentum": 0.9}
    path = walk(torch.optim.SGD, lambda w: 0 * w, 1.0, steps=900, **how)
    z = path[-1] / path[-2]
    yield row("dynamics.kept_per_step", z, 1e-6, **how)
    stream = torch.Generator().manual_seed(0)
    a = torch.randn(6, 6, generator=stream, dtype=torch.float64)
    loss = lambda w: w @ (a + a.T) @ w / (w @ w)  # noqa: E731
    start = torch.tensor([1.0, -2.0, 0.5, 0.1, 3.0, -1.0], dtype=torch.float64)
    w = walk(torch.optim.SGD, loss, start, steps=50, **how)
    # Without the factors of decay: what a step adds is lr times gradient and buffer.
    v = w / z ** torch.arange(51)[:, None]
    g = torch.stack([torch.func.grad(loss)(x) for x in v])
    steps, k = v.diff(dim=0), torch.tensor([5.0, 20.0, 49.0], dtype=torch.float64)
    lrs = [-_parts(steps[i], g[i], steps[i - 1])[0] for i in k.long()]
    yield row("dynamics.exponential_lr", lrs, 1e-5, k=k, **how)
    first, buffer = _parts(steps[0], g[0], start)
    b = buffer / first / how["momentum"] * start
    yield row("dynamics.first_buffer", b, 1e-5, w=start, **how)
    kicks = torch.randn(500, 4000, generator=stream, dtype=torch.float64)
    losses = [lambda w, z=z: z @ w / w.norm() / 4000**0.5 for z in kicks]
    far = torch.ones(4000, dtype=torch.float64) * 2 / 4000**0.5
    norm = walk(torch.optim.SGD, losses, far, steps=500, lr=0.3)[-1].norm()
    given = {"norm": 2.0, "lr": 0.3, "gradient_norm": 1.0, "k": 500}
    yield row("dynamics.norm_without_decay", norm, 0.01, **given)
    x = torch.tensor([[1.0], [-1.0]], dtype=torch.float64) * 2e-3
    out = torch.nn.BatchNorm1d(1, eps=1e-5, affine=False, dtype=torch.float64)(x)
    yield row("dynamics.normalised_share", out[0], 1e-9, variance=4e-6, eps=1e-5)


def grokked() -> Iterator[Row]:
    """Forget what no example sees, and count the steps until new inputs are right."""
    stream = torch.Generator().manual_seed(0)
    x = torch.randn(4, 12, generator=stream, dtype=torch.float64)
    seen = torch.linalg.pinv(x) @ x
    w_true = seen @ torch.randn(12, generator=stream, dtype=torch.float64)
    start = 5 * torch.randn(12, generator=stream, dtype=torch.float64)
    for lr, decay, threshold in ((0.1, 0.02, 0.1), (0.2, 0.02, 0.1), (0.1, 0.05, 2.0)):
        loss = lambda w: (x @ (w - w_true)).square().mean() / 2  # noqa: E731
        how: Any = {"lr": lr, "weight_decay": decay}
        path = walk(torch.optim.SGD, loss, start, steps=6000, **how)
        errors = (path - w_true).square().sum(1)
        given = {
            "start": (start - seen @ start).norm().item(),
            "floor": errors[-1].item(), "threshold": threshold, **how,
        }  # fmt: skip
        steps = (errors <= threshold).nonzero()[0].item()
        yield row("dynamics.grokking_steps", steps, 1e-9, **given)


def equilibria() -> Iterator[Row]:
    """Walk where the loss is a new random direction's cosine, until all is steady."""
    stream, d, steps = torch.Generator().manual_seed(0), 1000, 4000
    kicks = torch.randn(steps, d, generator=stream, dtype=torch.float64)
    start = 0.5 * torch.randn(d, generator=stream, dtype=torch.float64)

    def late(rule: Any, losses: list[Any], **how: Any) -> tuple[Any, float, float]:
        path = walk(rule, losses, start, steps=steps, **how)[steps // 2 :]
        turned = torch.nn.functional.cosine_similarity(path[1:], path[:-1])
        size = path.norm(dim=1).mean().item()
        return path, size, turned.mean().acos().item()

    losses = [lambda w, z=z: z @ w / w.norm() for z in kicks]
    # Gradients that go back on the last one: half of it, with the other sign.
    back = kicks.clone()
    back[1:] -= 0.5 * kicks[:-1]
    for momentum, decay, kind in (
        (0.0, 0.002, kicks), (0.9, 0.002, kicks), (0.9, 0.002, back), (0.0, 0.6, kicks),
    ):  # fmt: skip
        of = [lambda w, z=z: z @ w / w.norm() for z in kind]
        how: Any = {"lr": 1.0, "weight_decay": decay, "momentum": momentum}
        path, size, angle = late(torch.optim.SGD, of, **how)
        echo, force = _echo_and_force(path, kind[steps // 2 :], **how)
        given: Any = {**how, "gradient_norm": force, "echo": echo}
        yield row("equilibrium.sgd", [size, angle], 0.01, **given)
    for betas in ((0.9, 0.99), (0.5, 0.99)):
        how = {"lr": 0.02, "weight_decay": 0.1, "betas": betas}
        path, size, angle = late(torch.optim.AdamW, losses, **how)
        yield row("equilibrium.adamw", [size / d**0.5, angle], 0.05, **how)
    k = torch.tensor([150.0, 250.0, 400.0], dtype=torch.float64)
    how = {"lr": 0.02, "weight_decay": 0.1}
    early: Any = {"steps": 400, "betas": (0.9, 0.99), **how}
    path = walk(torch.optim.AdamW, losses[:400], start, **early)
    rms = path[k.long()].norm(dim=1) / d**0.5
    given = {**how, "start": start.norm().item() / d**0.5}
    yield row("equilibrium.adamw_rms", rms, 0.05, k=k, **given)
    falling = [0.02 * (1 - i / 400) for i in range(400)]
    for decays in (0.5, [0.5 * (1 - i / 400) for i in range(400)]):
        path = _by_schedule(losses[:400], start, falling, decays)
        given = {"lr": falling, "weight_decay": decays, "start": path[0].item()}
        # The first steps are those of an Adam that has no memory yet.
        yield row("dynamics.rms_under_schedule", path, 0.1, **given)
    for beta in (0.9, 0.5):
        how = {"lr": 0.02, "weight_decay": 0.005, "betas": (beta, 0.99)}
        path, size, angle = late(torch.optim.Adam, losses, **how)
        given = {**how, "noise": 1 / size}
        yield row("equilibrium.adam_l2", [size / d**0.5, angle], 0.05, **given)
    for betas, decay in (((0.9, 0.9), 0.1), ((0.8, 0.5), 0.1), ((0.9, 0.9), 20.0)):
        how = {"lr": 0.01, "weight_decay": decay, "betas": betas}
        path, size, angle = late(updates.lion, losses, **how)
        yield row("equilibrium.lion", [size / d**0.5, angle], 0.02, **how)


def _by_schedule(
    losses: list[Any], start: Tensor, lrs: list[float], decays: float | list[float]
) -> Tensor:
    """Return the root mean square of AdamW's weights before and after each step."""
    w = start.clone().requires_grad_()
    optimizer = torch.optim.AdamW([w], betas=(0.9, 0.95))
    sizes = [start.square().mean().sqrt()]
    for k, (loss, lr) in enumerate(zip(losses, lrs, strict=True)):
        decay = decays if isinstance(decays, float) else decays[k]
        optimizer.param_groups[0].update(lr=lr, weight_decay=decay)
        optimizer.zero_grad()
        loss(w).backward()
        optimizer.step()
        sizes.append(w.detach().square().mean().sqrt())
    return torch.stack(sizes)


def _echo_and_force(
    path: Tensor, kicks: Tensor, lr: float, weight_decay: float, momentum: float
) -> tuple[float, float]:
    """Return the echo and the root mean square of ||g|| ||w|| along a path of SGD."""
    w = path[:-1] / path[:-1].norm(dim=1, keepdim=True)
    g = (kicks - (kicks * w).sum(1, keepdim=True) * w) / path[:-1].norm(
        dim=1, keepdim=True
    )
    b, products = torch.zeros_like(g[0]), []
    for x, y in zip(g, path, strict=False):
        b = momentum * b + x + weight_decay * y
        products.append((b * x).sum())
    squares = g.square().sum(1)
    echo = 2 * torch.stack(products)[200:].mean() / squares[200:].mean() - 1
    force = (squares * path[:-1].square().sum(1)).mean().sqrt()
    return echo.item(), force.item()


def _parts(total: Tensor, *of: Tensor) -> list[float]:
    """Return how many times each vector is in a sum of them."""
    return (
        torch.linalg.lstsq(torch.stack(of, 1), total[:, None]).solution[:, 0].tolist()
    )


def errors() -> Iterator[Row]:
    """Train a network on digits of which a fifth have a label drawn at random."""
    clean = examples.digits(500)
    noisy = clean.with_label_noise(0.2, seed=0)
    net = networks.mlp((64, 64, 10))(0)
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01, weight_decay=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(noisy.x), noisy.y).backward()
        optimizer.step()
    said, wrong = net(noisy.x).argmax(1), noisy.y != clean.y
    shares = {
        "wrong": wrong.double().mean().item(),
        "memorised": (said == noisy.y)[wrong].double().mean().item(),
        "missed": (said != noisy.y)[~wrong].double().mean().item(),
    }
    error = (said != noisy.y).double().mean()
    yield row("theory.training_error", error, 1e-9, **shares)


def shrunk() -> Iterator[Row]:
    """Train linear regressions to their end, with targets moved or left out."""
    stream = torch.Generator().manual_seed(0)
    x = 0.7 + torch.randn(8, 3, generator=stream, dtype=torch.float64)
    y = torch.randn(8, generator=stream, dtype=torch.float64)
    one, decay = torch.eye(8, dtype=torch.float64), 0.3
    for free in (False, True):
        fits = _trained(x, one, one * 0 + 1, decay, free)
        how: Any = {"x": x, "weight_decay": decay, "intercept": free}
        yield row("shrinkage.hat", fits.T, 1e-9, **how)
        fits = _trained(x, y.expand(8, 8), 1 - one, decay, free)
        yield row("shrinkage.left_out", y - fits.diag(), 1e-9, y=y, **how)
    h = torch.linalg.eigvalsh(x.T @ x / 8)
    kept = _trained(x, one, one * 0 + 1, decay, False).diag().sum()
    yield row("shrinkage.degrees", kept, 1e-9, curvature=h, weight_decay=decay)
    centred = x - x.mean(0)
    loss = lambda w: (centred @ w[:3] + w[3] - y).square().mean() / 2  # noqa: E731
    start = torch.zeros(4, dtype=torch.float64)
    how = {"steps": 900, "lr": 0.3, "weight_decay": decay}
    b = walk(torch.optim.SGD, loss, start, **how)[-1, 3]
    given = {"mean": y.mean().item(), "weight_decay": decay}
    yield row("shrinkage.penalised_intercept", b, 1e-9, **given)


def _trained(x: Tensor, y: Tensor, seen: Tensor, decay: float, free: bool) -> Tensor:
    """Return the fits of each row of targets by SGD; ``free`` has an intercept."""
    w = torch.zeros(len(y), x.shape[1], dtype=torch.float64, requires_grad=True)
    b = torch.zeros(len(y), 1, dtype=torch.float64, requires_grad=free)
    groups = [{"params": [w], "weight_decay": decay}, {"params": [b]}]
    optimizer = torch.optim.SGD(groups, lr=0.3)
    for _ in range(2000):
        optimizer.zero_grad()
        (seen * (w @ x.T + b - y).square()).sum().div(2 * len(x)).backward()
        optimizer.step()
    return (w @ x.T + b).detach()


def drawn() -> Iterator[Row]:
    """Train weights that were drawn, with noise, and average over what was drawn.

    Truth and noise are each as often above zero as below it, so that nothing is left
    to chance.
    """
    curvature = torch.logspace(-1.5, 0.3, 121, dtype=torch.float64)
    decays = torch.logspace(-2, 0.3, 93, dtype=torch.float64)
    noise, spread, n = 1.5, 0.8, 20
    signs = torch.tensor([[1, 1], [1, -1], [-1, 1], [-1, -1]]).double()
    truth = (spread * signs[:, :1]).expand(4, len(curvature))
    fit = truth + noise / (n * curvature).sqrt() * signs[:, 1:]

    def errors(decay: Tensor) -> Tensor:
        loss = lambda w: (curvature / 2 * (w - fit) ** 2).sum()  # noqa: E731
        start = torch.zeros(len(decay), *truth.shape, dtype=torch.float64)
        how: Any = {"lr": 0.5, "weight_decay": decay[:, None, None]}
        for _ in range(30):
            start = walk(updates.sgd_l2, loss, start, steps=20, **how)[-1]
        return (start - truth).square().mean(1)

    known: Any = {"noise": noise, "spread": spread, "n": n}
    for at in (30, 70):
        given = {"curvature": curvature[::40], "weight_decay": decays[at].item()}
        measured = errors(decays[at : at + 1])[0, ::40]
        yield row("prior.risk", measured, 1e-3, **given, **known)
    least = decays[errors(decays).argmin(0)]
    yield row("prior.best_decay", least.mean(), 0.02, **known)
    for times in (0.25, 3.0):
        both = errors(torch.tensor([least.mean(), times * least.mean()]))
        cost = (both[1] / both[0]).max()
        yield row("prior.worst_cost", cost, 0.02, times=times)


def crowded() -> Iterator[Row]:
    """Fit about as many weights as there are examples, and look at the curvatures."""
    stream = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=stream, dtype=torch.float64)

    known: Any = {"noise": 1.5, "spread": 0.8}
    for n in (6, 30):
        x, truth = draw(20_000, n, 16), 0.8 * draw(20_000, 16)
        y = torch.einsum("mnd,md->mn", x, truth) + 1.5 * draw(20_000, n)
        w = (torch.linalg.pinv(x) @ y[..., None])[..., 0]
        error = (w - truth).square().sum(1).mean()
        yield row("double_descent.least_norm", error, 0.015, n=n, d=16, **known)
    for n, decay in ((400, 0.3), (900, 0.1)):
        h = torch.linalg.eigvalsh((lambda x: x.mT @ x / n)(draw(n, 600)))
        of = {"weight_decay": decay, "ratio": 600 / n}
        yield row("double_descent.inverse", (1 / (h + decay)).mean(), 0.01, **of)
        for noise, spread in ((6.0, 0.0), (6.0, 0.5)):
            each = decay**2 * spread**2 + h * noise**2 / n
            error = (each / (h + decay) ** 2).sum()
            given: Any = {"weight_decay": decay, "noise": noise, "spread": spread}
            yield row("double_descent.ridge", error, 0.02, n=n, d=600, **given)
    for n, d, draws in ((400, 1200, 3), (1200, 400, 3), (60, 60, 4000)):
        low = torch.linalg.svdvals(draw(draws, n, d))[:, -1].square() / n
        yield row("double_descent.smallest", low.median(), 0.1, n=n, d=d)
    # Truth and noise in each direction alike, so that nothing is left to chance.
    h = torch.linalg.svdvals(draw(30, 100, 100)).square() / 100
    for noise, spread in ((2.0, 0.0), (0.0, 2.0)):
        signs = torch.tensor([1.0, -1.0], dtype=torch.float64)[:, None, None]
        goal = spread + signs * noise / (100 * h).sqrt()
        loss = lambda w: (h / 2 * (w - goal) ** 2).sum()  # noqa: E731, B023
        w = walk(torch.optim.SGD, loss, 0 * goal, steps=800, lr=0.05)[-1]
        error = (w - spread).square().mean((0, 1)).sum()
        given = {"total": 40.0, "noise": noise, "spread": spread}
        yield row("double_descent.halted", error, 0.05, d=100, **given)
    yield from _beside(draw)


def _beside(draw: Any) -> Iterator[Row]:
    """Fit some inputs beside 40000 small ones, with all that each does to an error."""
    known: Any = {"small": 20.0, "count": 40_000, "n": 40}
    useless = draw(40, 40_000) * (20 / 40_000) ** 0.5
    gram, eye = useless @ useless.T, torch.eye(40, dtype=torch.float64)
    for columns, size, noise, spread, decay in (
        (3, 1.0, 1.5, 0.0, -0.2), (3, 1.0, 0.0, 2.0, 0.2), (3, 1.0, 0.0, 2.0, 5.0),
        (3, 20.0, 0.0, 2.0, -0.2), (30, 0.03, 1.5, 0.0, -0.2),
        (3, 0.03, 1.5, 0.0, -0.2),
    ):  # fmt: skip
        x, truths = size * draw(40, columns), spread * draw(columns, 20_000)
        y = x @ truths + noise * draw(40, 20_000)
        dual = torch.linalg.solve(x @ x.T + gram + 40 * decay * eye, y)
        missed = (x.T @ dual - truths).square().sum(0)
        spilled = 20 / 40_000 * (gram @ dual * dual).sum(0)
        error = (missed + spilled).mean()
        h = torch.linalg.eigvalsh(x.T @ x / 40)
        of = {"curvature": h, "weight_decay": decay, "noise": noise, "spread": spread}
        yield row("double_descent.beside", error, 0.05, **of, **known)


def taken() -> Iterator[Row]:
    """Take the shares of some weights, and count which ones cautious decay takes."""
    w = torch.tensor([0.03, -0.3, 2.0, -10.0], dtype=torch.float64)
    step: Any = {"lr": 0.2, "weight_decay": 0.3}

    def share(penalty: Any) -> Tensor:
        path = walk(torch.optim.SGD, lambda w: penalty(w).sum(), w, steps=1, lr=0.2)
        return 1 - path[1] / path[0]

    elimination = share(lambda w: 0.15 * w**2 / (1 + (w / 1.5) ** 2))
    yield row("shares.elimination", elimination, 1e-9, w=w, scale=1.5, **step)
    yield row("shares.lasso", share(lambda w: 0.3 * w.abs()), 1e-9, w=w, **step)
    hessian = torch.tensor([[1.0, 0.5], [0.5, 0.7]], dtype=torch.float64)
    stream = torch.Generator().manual_seed(0)
    draws = torch.randn(2, 200000, 2, generator=stream, dtype=torch.float64)
    w, minimum = 0.8 * draws[0], 1.5 * draws[1]
    ends = [
        updates.adamw_cautious(w, (w - minimum) @ hessian, lr=0.01, weight_decay=decay)
        for decay in (0.0, 1.0)
    ]
    part = (ends[0][0] != ends[1][0]).double().mean(0)
    given: Any = {"hessian": hessian, "start": 0.8, "goal": 1.5}
    yield row("shares.cautious_part", part, 0.01, **given)


def stopped() -> Iterator[Row]:
    """Stop runs early, and measure how far each weight has come, and what it risks."""
    zero = torch.zeros_like(MINIMUM)

    def come(optimizer: Any, steps: int, **how: Any) -> Tensor:
        return walk(optimizer, bowl, zero, steps=steps, **how)[-1] / MINIMUM

    h: Any = {"curvature": CURVATURE}
    part = come(torch.optim.SGD, 7, lr=0.7)
    yield row("stopping.sgd_filter", part, 1e-9, lr=0.7, k=7, **h)
    part = come(torch.optim.SGD, 4000, lr=0.0005)
    yield row("stopping.flow_filter", part, 1e-2, t=2.0, **h)
    how: Any = {"lr": 0.3, "momentum": 0.8}
    part = come(torch.optim.SGD, 9, **how)
    yield row("stopping.momentum_filter", part, 1e-9, k=9, **how, **h)
    noise, spread, n = 1.5, 0.8, 20
    signs = torch.tensor([[1, 1], [1, -1], [-1, 1], [-1, -1]]).double()
    truth = (spread * signs[:, :1]).expand(4, 4)
    fit = truth + noise / (n * CURVATURE).sqrt() * signs[:, 1:]
    loss = lambda w: (CURVATURE / 2 * (w - fit) ** 2).sum()  # noqa: E731
    w = walk(torch.optim.SGD, loss, 0 * fit, steps=5, lr=0.4)[-1]
    known: Any = {"noise": noise, "spread": spread, "n": n}
    given = {"kept": w[0] / fit[0], **h, **known}
    yield row("stopping.risk", (w - truth).square().mean(0), 1e-9, **given)
    # Nothing but noise: how much more of it a stopped run lets in than a decayed one.
    curvature = torch.logspace(-1.5, 0.0, 301, dtype=torch.float64)
    loss = lambda w: (curvature / 2 * (w - 1) ** 2).sum()  # noqa: E731
    for k, lr in ((None, 0.002), (1, 1.0), (3, 1.0)):
        steps = 2500 if k is None else k
        ends = walk(torch.optim.SGD, loss, 0 * curvature, steps=steps, lr=lr)[-1]
        how = {"weight_decay": 1 / (steps * lr), "steps": 4000, "lr": 0.6}
        ridge = walk(torch.optim.SGD, loss, 0 * curvature, **how)[-1]
        ratio = (ends / ridge).square().max()
        within = 3e-3 if k is None else 1e-4
        yield row("stopping.worst_ratio", ratio, within, k=k)


def disturbed() -> Iterator[Row]:
    """Disturb inputs: by dropout, by what a penalty says, and by Gaussian noise."""
    stream = torch.Generator().manual_seed(0)
    x = 0.3 + torch.randn(8, 3, generator=stream, dtype=torch.float64)
    y = torch.randn(8, generator=stream, dtype=torch.float64)
    torch.manual_seed(0)
    dropped = torch.nn.functional.dropout(x.expand(200000, 8, 3), 0.2)
    added = dropped.square().mean((0, 1)) - x.square().mean(0)
    yield row("noise.dropout_decay", added, 0.02, x=x, p=0.2)
    half = torch.randn(3, 3, generator=stream, dtype=torch.float64)
    for decay in (half.diag().square(), half @ half.T):
        full = torch.diag(decay) if decay.ndim == 1 else decay
        loss = lambda w, c=full: (  # noqa: E731
            (x @ w - y).square().mean() / 2 + w @ c @ w / 2
        )
        w = walk(torch.optim.SGD, loss, torch.zeros_like(x[0]), steps=3000, lr=0.1)
        yield row("noise.decayed_minimum", w[-1], 1e-6, x=x, y=y, decay=decay)
    # Noise on the inputs moves what is said by a Gaussian, here by its quantiles.
    at = (torch.arange(20000, dtype=torch.float64) + 0.5) / 20000
    said, w = torch.special.ndtri(at) * 0.1 * y[:3].norm(), y[:3]
    loss = torch.nn.functional.softplus((x @ w)[:, None] + said)
    gain = loss.mean() - torch.nn.functional.softplus(x @ w).mean()
    yield row("noise.logistic_penalty", gain, 0.01, x=x, w=w, noise=0.1)


def thinned() -> Iterator[Row]:
    """Walk on L1 penalties, and on L2 with decay at other places."""
    how: Any = {"l1": 0.4, "weight_decay": 0.3}
    start = torch.zeros_like(MINIMUM)
    w = walk(proximal.sgd_proximal, bowl, start, steps=900, lr=0.4, **how)[-1]
    yield row("sparsity.elastic_net", w, 1e-9, **BOWL, **how)
    pull = 0.28 * torch.arange(1, 8, dtype=torch.float64).sin()
    line = lambda w: (0.3 * w.abs() - pull * w).sum()  # noqa: E731
    path = walk(torch.optim.SGD, line, 0 * pull + 0.001, steps=5000, lr=0.1)[100:]
    ends = torch.cat([path.min(0).values, path.max(0).values])
    given: Any = {"pull": pull, "lr": 0.1, "l1": 0.3}
    yield row("sparsity.chatter", ends, 0.02, **given)
    size = path.square().mean(0).sqrt()
    yield row("sparsity.chatter_size", size, 0.02, **given)
    for kept, passed in ((0.9, 0.9), (0.8, 1.0), (0.7, 0.5)):
        step = lambda w, g, state=None, *, lr, kept=kept, passed=passed: (  # noqa: E731
            kept * w - passed * lr * g, state,
        )  # fmt: skip
        w = walk(step, lambda w: (w - 1) ** 2 / 2, 0.0, steps=900, lr=0.2)[-1]
        given = {"kept": kept, "passed": passed, "lr": 0.2}
        yield row("sparsity.decay_of", (1 - w) / w, 1e-9, **given)
    how = {"lr": 0.1, "weight_decay": 0.05}
    flat = lambda w: 0 * w  # noqa: E731
    fast = walk(torch.optim.AdamW, flat, 1.0, steps=600, **how)
    slow = walk(proximal.sgd_proximal, flat, 1.0, steps=600, **how)
    k = (fast / slow <= 0.99).nonzero()[0].item()
    yield row("sparsity.steps_apart", k, 0.005, part=0.01, **how)
    last = [_last(rule) for rule in (torch.optim.SGD, proximal.sgd_proximal)]
    yield row("sparsity.largest_lr", last, 1e-2, curvature=3.0, weight_decay=1.0)


def _last(rule: Any) -> float:
    """Return up to which lr a rule settles, on a curvature of 3 and with decay 1."""
    low, high = 0.1, 3.0
    for _ in range(12):
        lr = (low + high) / 2
        how: Any = {"steps": 400, "lr": lr, "weight_decay": 1.0}
        end = walk(rule, lambda w: 3 * w**2 / 2, 1.0, **how)[-1]
        low, high = (lr, high) if end.abs() < 1 else (low, lr)
    return low


def multiplied() -> Iterator[Row]:
    """Train products of factors, of which each decays."""
    values = torch.tensor([2.0, 1.0, 0.4], dtype=torch.float64)
    how: Any = {"lr": 0.05, "weight_decay": 0.3}
    loss = lambda w: (w.prod(0) - values).square().sum() / 2  # noqa: E731
    for factors in (2, 3, 4):
        start = (values ** (1 / factors)).expand(factors, 3)
        w = walk(torch.optim.SGD, loss, start, steps=4000, **how)[-1].prod(0)
        given: Any = {"weight_decay": 0.3, "factors": factors}
        yield row("factored.shrunk", w, 1e-9, values=values, **given)
        # Which of many decays leaves something, and which of many starts.
        decays = torch.linspace(0.002, 2.2, 1100, dtype=torch.float64)
        many = start[..., None].expand(factors, 3, 1100)
        kept = _kept(many, values, decays).sum(1) * decays[0]
        given = {"values": values, "factors": factors}
        yield row("factored.last_decay", kept, 0.02, **given)
    starts = torch.linspace(0.001, 1.0, 1000, dtype=torch.float64)
    kept = _kept(starts.expand(3, 3, 1000), values, torch.tensor(0.45).double())
    first = torch.where(kept.any(1), (1 + (~kept).sum(1)) * starts[0], torch.inf)
    given = {"values": values[:2], "weight_decay": 0.45}
    yield row("factored.watershed", first[:2], 0.01, **given)
    pair = torch.tensor([[0.1], [0.8]], dtype=torch.float64)
    uneven = lambda w: loss(w) + (pair / 2 * w**2).sum()  # noqa: E731
    w = walk(torch.optim.SGD, uneven, start[:2], steps=4000, lr=0.05)[-1].prod(0)
    yield row("factored.joint_decay", (values - w)[0], 1e-6, first=0.1, second=0.8)
    yield from _neurons()


def _kept(start: Tensor, values: Tensor, decays: Tensor) -> Tensor:
    """Return which products are not lost, of those that begin at ``start``."""
    loss = lambda w: (w.prod(0) - values[:, None]).square().sum() / 2  # noqa: E731
    for _ in range(50):
        how: Any = {"steps": 100, "lr": 0.1, "weight_decay": decays}
        start = walk(updates.sgd_l2, loss, start, **how)[-1]
    return start.prod(0) > 1e-3


def _neurons() -> Iterator[Row]:
    """Train ReLU neurons: many small steps, one large one, and three without decay."""
    stream = torch.Generator().manual_seed(0)
    x = torch.randn(30, 3, generator=stream, dtype=torch.float64)
    y = torch.randn(30, 2, generator=stream, dtype=torch.float64)
    start = torch.randn(4, 5, generator=stream, dtype=torch.float64)
    loss = lambda w: ((x @ w[:, :3].T).relu() @ w[:, 3:] - y).square().mean()  # noqa: E731
    surplus = lambda w: w[..., 3:].square().sum(-1) - w[..., :3].square().sum(-1)  # noqa: E731
    for steps, lr, decay in ((500, 1e-4, 10.0), (1, 0.5, 0.4), (3, 0.3, 0.0)):
        path = walk(
            torch.optim.SGD, loss, start, steps=steps, lr=lr, weight_decay=decay
        )
        before = [w.requires_grad_() for w in path[:-1].clone()]
        slopes = torch.stack([torch.autograd.grad(loss(w), w)[0] for w in before])
        given: Any = {"start": surplus(start), "steps": steps, "lr": lr}
        given |= {"weight_decay": decay, "surplus": surplus(slopes).mean(0)}
        within = 1e-4 if steps > 3 else 1e-9
        yield row("factored.imbalance", surplus(path[-1]), within, **given)


def main() -> None:
    """Measure all, and write the table."""
    torch.set_num_threads(1)
    rows = [
        measured
        for part in (
            ends,
            without_gradient,
            with_noise,
            flows,
            turned,
            grokked,
            equilibria,
            errors,
            shrunk,
            drawn,
            crowded,
            taken,
            stopped,
            disturbed,
            thinned,
            multiplied,
        )
        for measured in part()
    ]
    lines = ",\n".join(map(json.dumps, rows))
    FILE.write_text(f"[\n{lines}\n]\n", "utf8")


if __name__ == "__main__":
    main()
