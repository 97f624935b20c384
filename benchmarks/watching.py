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
    """Return a language model of 0.9 million numbers and what it is called with."""
    layers = [
        nn.TransformerEncoderLayer(
            128, 4, 512, dropout=0.0, batch_first=True, norm_first=True
        )
        for _ in range(4)
    ]
    model = nn.Sequential(nn.Embedding(512, 128), *layers, nn.Linear(128, 512))
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
    parser.add_argument("--runs", type=int, default=16)
    runs = parser.parse_args().runs
    torch.set_num_threads(1)
    for make, steps in ((transformer, 50), (mlp, 500)):
        ways = (0, 50, 10, 1)
        found = {every: [] for every in ways}
        for run in range(runs):
            # Each way is first, second and so on as often as the others.
            for every in ways[run % 4 :] + ways[: run % 4]:
                found[every].append(seconds(make, every, steps))
        plain = median(found[0])
        noted = median(found[1]) / plain - 1
        print(
            f"{make.__name__}, {1e3 * plain:.2f} ms a step: noting takes {noted:+.1%}"
        )
        for every in ways[1:-1]:
            more = median(found[every]) / plain - 1
            print(
                f"  every={every}: {more:+.1%}, of which {noted / every:+.2%} is noting"
            )


if __name__ == "__main__":
    main()
