"""Small models of the kinds that people train, for what reads models."""

import torch
from torch import nn


class ConvNet(nn.Module):
    """Two convolutions before a BatchNorm, and a head."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, bias=False)
        self.norm1 = nn.BatchNorm2d(8)
        self.body = nn.Conv2d(8, 8, 3, bias=False)
        self.norm2 = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        """Return logits."""
        x = self.norm1(self.stem(x)).relu()
        return self.head(self.norm2(self.body(x)).relu().mean((2, 3)))


class Transformer(nn.Module):
    """A language model of one block, its head tied to its embedding."""

    def __init__(self, tokens=16, width=8):
        super().__init__()
        self.embed = nn.Embedding(tokens, width)
        self.block = nn.TransformerEncoderLayer(
            width, 2, 16, dropout=0.0, batch_first=True, norm_first=True
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, tokens, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, x):
        """Return logits."""
        return self.head(self.norm(self.block(self.embed(x))))


def mlp():
    return nn.Sequential(
        nn.Linear(8, 16), nn.LayerNorm(16), nn.ReLU(), nn.Linear(16, 3)
    )


MODELS = {
    "ConvNet": (ConvNet, lambda: torch.randn(16, 1, 8, 8)),
    "Transformer": (Transformer, lambda: torch.arange(64).reshape(4, 16) % 16),
    "MLP": (mlp, lambda: torch.randn(16, 8)),
}


def made(name):
    """Return a model with what it is called with, alike at each call."""
    torch.manual_seed(0)
    make, inputs = MODELS[name]
    return make(), inputs()
