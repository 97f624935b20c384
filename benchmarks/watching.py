"""What watching a run costs: a step with and without it, in turns.

``python benchmarks/watching.py`` prints medians, on one thread, of a transformer of
four blocks and of an MLP.
"""

import argparse
import time
from statistics import median

import torch
from torch import nn

from weightdecay import groups, watch


def transformer():
    """Return a language model of 1.2 million numbers and what it is called with."""
    layer = nn.TransformerEncoderLayer(
        128, 4, 512, dropout=0.0, batch_first=True, norm_first=True
    )
    model = nn.Sequential(
        nn.Embedding(512, 128), nn.TransformerEncoder(layer, 4), nn.Linear(128, 512)
    )
    return model, torch.randint(512, (8, 64))


def mlp():
    """Return a small network, whose steps are short."""
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    return model, torch.randn(128, 784)


def seconds(make, every, steps):
    """Return how long a step takes, without watching if ``every`` is 0."""
    torch.manual_seed(0)
    model, inputs = make()
    optimizer = torch.optim.AdamW(groups(model, 0.1), lr=1e-3)
    seen = watch(model, optimizer, every=every) if every else None
    started = time.perf_counter()
    for _ in range(steps):
        optimizer.zero_grad()
        model(inputs).square().mean().backward()
        optimizer.step()
    taken = (time.perf_counter() - started) / steps
    if seen:
        seen.close()
    return taken


def main():
    """Print a line for each model and each ``every``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    torch.set_num_threads(1)
    for make, steps in ((transformer, 50), (mlp, 500)):
        ways = (0, 50, 10, 1)
        found = {every: [] for every in ways}
        for _ in range(runs):
            for every in ways:
                found[every].append(seconds(make, every, steps))
        plain = median(found[0])
        for every in ways[1:]:
            # Of pairs, one after the other: the machine is faster at some times.
            more = median(w / p for w, p in zip(found[every], found[0], strict=True))
            print(
                f"{make.__name__}, {1e3 * plain:.2f} ms a step: every={every} takes "
                f"{more - 1:+.1%}"
            )


if __name__ == "__main__":
    main()
