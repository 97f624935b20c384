"""How long a step of a network takes, trained alone and together with others.

In turns, so that a busy moment hurts all alike: the loop that everybody writes, with
PyTorch's AdamW as it is, with ``foreach`` and with ``fused``; ``sweep``'s ways of one
network and of many; the latter compiled; and, for the order of magnitude, ridge
regressions solved by scikit-learn. CPU time of one thread. Writes
``benchmarks/networks.md``. Run it on a machine that has nothing else to do.
"""

import argparse
import platform
import resource
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median

import torch
from sklearn.linear_model import Ridge
from torch.func import functional_call, grad_and_value, vmap
from torch.nn import functional

from weightdecay import batched, examples, networks, training

TABLE = Path(__file__).with_suffix(".md")
EXAMPLES = 1000
# Widths and batch size: those of the table, and a larger network beside it.
SMALL, LARGE = ((64, 32, 10), 16), ((64, 64, 10), 32)
# Steps of many networks, at least, and of one.
SHORT, LONG = 50, 4000
COUNTS = (1, 8, 64, 512)
DATA = examples.digits(EXAMPLES)
NOTE = """\
Microseconds of CPU time for one step of one network: the median of {runs} runs in
turns, one thread, {machine}, torch {torch}, Python {python}. Made by `make networks`.

Each network is {widths} with ReLU, in float32, on batches of {batch_size} of {examples}
digits, stepped by AdamW with the lr and weight_decay of its own. What happens once,
from the network to the measurement at its end, is included, over {long} steps of one
network and {short} of {most}. The loop makes one network after the other; *foreach* and
*fused* are that loop with PyTorch's argument;
*sweep* is what `sweep.train` does, for one network its own loop. *Compiled* is the
gradients and the rule of many networks under `torch.compile`, whose compilation took
{compiling:.0f} s and is left out. *Ridge* solves a regression for each weight_decay, by
scikit-learn, on the same examples: not a step, all of the training. A process that had
trained {most} networks at once held {peak:.0f} MB at most; before, {before:.0f} MB.

The larger a network, the less of its step is Python: of {large_widths} on batches of
{large_batch}, a step takes the loop {large_loop:.0f} microseconds at 64 networks and
*sweep* {large_swept:.0f}, {large_times:.1f} times less.
"""


def task(steps, size=SMALL):
    """Return the task of a benchmark: so many steps of AdamW."""
    widths, batch_size = size
    return training.Task(
        networks.mlp(widths), DATA, torch.optim.AdamW, (1.0,) * steps, batch_size,
        functional.cross_entropy, lambda name: True, 0, 0, 0, {},
    )  # fmt: skip


def points(count):
    """Return so many points of a grid."""
    return [(1e-3 * (1 + i % 8), 0.01 * (i // 8), 0) for i in range(count)]


def loop(count, steps, size=SMALL, **how):
    """Train and measure as everybody does, one network after the other."""
    mine = task(steps, size)
    for lr, weight_decay, seed in points(count):
        model = mine.make(seed)
        optimizer = torch.optim.AdamW(
            model.parameters(), lr=lr, weight_decay=weight_decay, **how
        )
        for rows in training.batches(mine, seed):
            optimizer.zero_grad()
            functional.cross_entropy(model(DATA.x[rows]), DATA.y[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            for _, x, y in DATA.sets():
                out = model(x)
                functional.cross_entropy(out, y).item()
                (out.argmax(-1) != y).double().mean().item()


def swept(count, steps, size=SMALL):
    """Train as ``sweep.train`` does."""
    mine = task(steps, size)
    if count == 1:
        training.train_alone(mine, points(1)[0])
    else:
        batched.train_together(mine, *batched.rule_of(mine), points(count))


class Compiled:
    """The gradients and the rule of many networks, compiled for each number of them."""

    def __init__(self):
        """Compile nothing yet."""
        self.steps, self.network = {}, task(1).make(0)

    def __call__(self, count, steps):
        """Train so many networks."""
        step = self.steps.setdefault(count, torch.compile(self.step, dynamic=False))
        numbers = torch.tensor([p[:2] for p in points(count)])
        named = self.network.named_parameters()
        w = {n: torch.stack([x.detach()] * count) for n, x in named}
        state = {n: (torch.zeros_like(x), torch.zeros_like(x)) for n, x in w.items()}
        for k, rows in enumerate(training.batches(task(steps), 0), start=1):
            scales = torch.tensor([1 - 0.9**k, 1 - 0.999**k])
            x, y = DATA.x[rows], DATA.y[rows]
            w, state = step(w, state, numbers, scales, x, y)

    def step(self, w, state, numbers, scales, x, y):
        """Return the weights and both moments after a step of AdamW."""

        def loss(w):
            return functional.cross_entropy(functional_call(self.network, w, (x,)), y)

        gradients, _ = vmap(grad_and_value(loss))(w)
        new, after = {}, {}
        for name, g in gradients.items():
            lr, decay = (n.view(-1, *[1] * (g.dim() - 1)) for n in numbers.T)
            m, v = state[name]
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            u = (m / scales[0]) / ((v / scales[1]).sqrt() + 1e-8)
            new[name], after[name] = (1 - lr * decay) * w[name] - lr * u, (m, v)
        return new, after


def ridge(count):
    """Solve so many regressions of the classes' indicators."""
    x, y = DATA.x.numpy(), functional.one_hot(DATA.y, 10).numpy()
    for _, weight_decay, _ in points(count):
        Ridge(alpha=EXAMPLES * (weight_decay + 1e-3)).fit(x, y)


def seconds(train):
    """Return the CPU time of a call."""
    start = time.process_time()
    train()
    return time.process_time() - start


def per_step(train, count):
    """Return the microseconds of a network's step, what happens once included."""
    steps = max(SHORT, LONG // count)
    return seconds(partial(train, count, steps)) / steps / count * 1e6


def held():
    """Return how many MB this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    torch.set_num_threads(1)
    compiled = Compiled()
    ways = {
        "loop": loop,
        "foreach": lambda *run: loop(*run, foreach=True),
        "fused": lambda *run: loop(*run, fused=True),
        "sweep": swept,
        "compiled": compiled,
    }
    before = held()
    swept(COUNTS[-1], SHORT)
    peak = held()
    compiling = sum(seconds(partial(compiled, count, 2)) for count in COUNTS)
    lines = [
        "| Networks | " + " | ".join(ways) + " | loop / sweep | ridge |",
        "|---:" * (len(ways) + 3) + "|",
    ]
    for count in COUNTS:
        found = {name: [] for name in (*ways, "ridge")}
        for _ in range(runs):
            for name, train in ways.items():
                found[name].append(per_step(train, count))
            found["ridge"].append(seconds(partial(ridge, count)) / count * 1e6)
        us = {name: median(times) for name, times in found.items()}
        solved, ratio = us.pop("ridge"), us["loop"] / us["sweep"]
        cells = [f"{x:.0f}" for x in us.values()]
        lines.append(f"| {count} | {' | '.join(cells)} | {ratio:.1f} | {solved:.0f} |")
        print(lines[-1], flush=True)
    large_loop, large_swept = (
        median(per_step(partial(train, size=LARGE), 64) for _ in range(runs))
        for train in (loop, swept)
    )
    said = NOTE.format(
        runs=runs, machine=f"{platform.system()} on {platform.machine()}",
        torch=version("torch"), python=platform.python_version(),
        widths="-".join(map(str, SMALL[0])), batch_size=SMALL[1], examples=EXAMPLES,
        large_widths="-".join(map(str, LARGE[0])), large_batch=LARGE[1],
        large_loop=large_loop, large_swept=large_swept,
        large_times=large_loop / large_swept,
        compiling=compiling, most=COUNTS[-1], long=LONG, short=SHORT, peak=peak,
        before=before,
    )  # fmt: skip
    TABLE.write_text("# Networks\n\n" + said + "\n" + "\n".join(lines) + "\n", "utf8")


if __name__ == "__main__":
    main()
