"""Data to train networks on: examples that packages ship or make, offline."""

import functools
import operator
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from weightdecay.extras import extra
from weightdecay.settings import PART, Range, check, demand


@dataclass(frozen=True)
class Examples:
    """Examples to train on, and others to validate on.

    ``x`` has shape (n, ...), ``y`` shape (n,): classes as whole numbers, or numbers of
    x's dtype. ``x_val`` and ``y_val`` are the same for other examples.
    """

    x: Tensor
    y: Tensor
    x_val: Tensor
    y_val: Tensor

    def __post_init__(self) -> None:
        """Refuse targets that are not as many as the examples, or of two kinds."""
        for name, x, y in self.sets():
            if len(x) == 0 or y.shape[:1] != x.shape[:1]:
                raise ValueError(
                    f"the {name} set must have one y for each x, got the shapes "
                    f"{tuple(y.shape)} and {tuple(x.shape)}"
                )
        if self.y.dtype != self.y_val.dtype or self.x.shape[1:] != self.x_val.shape[1:]:
            raise ValueError(
                "both sets must have the same dtypes and the same shape of x"
            )

    def sets(self) -> Iterator[tuple[str, Tensor, Tensor]]:
        """Yield the name, the x and the y of both sets."""
        yield "train", self.x, self.y
        yield "val", self.x_val, self.y_val

    def to(self, place: torch.device | torch.dtype | str) -> "Examples":
        """Return the same examples on a device, or with an x of another dtype."""
        if isinstance(place, torch.dtype):
            return replace(self, x=self.x.to(place), x_val=self.x_val.to(place))
        x, y, x_val, y_val = (
            t.to(place) for t in (self.x, self.y, self.x_val, self.y_val)
        )
        return Examples(x, y, x_val, y_val)

    def with_label_noise(self, share: float, seed: int) -> "Examples":
        """Return the same examples, a share of the training classes drawn at random.

        One of them in as many as there are classes is right by chance. Raises
        ``ValueError`` if y is no class.
        """
        check(p=share, seed=seed)
        if self.y.is_floating_point():
            raise ValueError("label noise is for classes, and y has numbers")
        generator = torch.Generator().manual_seed(seed)
        n, classes = len(self.y), int(self.y.max()) + 1
        wrong = torch.randperm(n, generator=generator)[: round(share * n)]
        y = self.y.cpu().clone()
        y[wrong] = torch.randint(classes, (len(wrong),), generator=generator)
        return replace(self, y=y.to(self.y.device))


def digits(n: int, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> Examples:
    """Return ``n`` handwritten digits to train on, the others to validate.

    The 1797 of scikit-learn, of 8 x 8 pixels, from the UCI repository; ``seed``
    shuffles them. x has shape (n, 64), pixels from 0 to 1. Raises ``ValueError``
    unless 1 <= n < 1797.
    """
    with extra("book"):
        from sklearn.datasets import load_digits
    x, y = load_digits(return_X_y=True)
    return _split(torch.tensor(x / 16, dtype=dtype), torch.tensor(y), n, seed)


def mnist1d(n: int, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> Examples:
    """Return ``n`` examples of MNIST-1D to train on, as many as are left to validate.

    Ten digits as curves of 40 points, which the package ``mnist1d`` makes with its own
    seed: 5000 in all; ``seed`` shuffles them. Raises ``ValueError`` unless 1 <= n <
    5000. Source: Greydanus & Kobak, Scaling Down Deep Learning with MNIST-1D, ICML
    2024.
    """
    with extra("sweep"):
        from mnist1d.data import get_dataset_args, make_dataset
    made = make_dataset(get_dataset_args())
    x = torch.tensor(made["x"], dtype=dtype)
    x_test = torch.tensor(made["x_test"], dtype=dtype)
    y = [torch.tensor(made[name]) for name in ("y", "y_test")]
    return _split(torch.cat([x, x_test]), torch.cat(y).long(), n, seed)


def diabetes(n: int, *, seed: int = 0, dtype: torch.dtype = torch.float64) -> Examples:
    """Return n of 442 patients to train on, the others to validate on.

    x has shape (n, 10), measurements of a patient; y is the progress of diabetes a year
    later. The data are scikit-learn's, after Efron, Hastie, Johnstone & Tibshirani,
    Annals of Statistics 2004. Over all patients each column and y have mean 0 and
    variance 1. ``seed`` shuffles them.
    """
    x, y = _patients()
    return _split(x.to(dtype), y.to(dtype), n, seed)


@functools.cache
def _patients() -> tuple[Tensor, Tensor]:
    with extra("book"):
        from sklearn.datasets import load_diabetes
    raw = load_diabetes(return_X_y=True, scaled=False)
    x, y = (torch.tensor(part, dtype=torch.float64) for part in raw)
    x, y = ((t - t.mean(0)) / t.std(0, correction=0) for t in (x, y))
    return x, y


def addition(
    p: int, share: float, *, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Examples:
    """Return all sums (a + b) mod p, a share of them to train on.

    x has shape (n, 2 p): a and b, each as p numbers of which one is 1; the class is
    the sum. ``seed`` shuffles the p^2 pairs. Raises ``ValueError`` for p < 2, or unless
    both sets get a pair.
    """
    demand("p", p, Range("a whole number > 1", lambda x: operator.index(x) > 1))
    demand("share", share, PART)
    pairs = torch.cartesian_prod(torch.arange(p), torch.arange(p))
    x = torch.nn.functional.one_hot(pairs, p).flatten(1).to(dtype)
    return _split(x, pairs.sum(1) % p, round(share * p * p), seed)


def _split(x: Tensor, y: Tensor, n: int, seed: int) -> Examples:
    check(seed=seed)
    if not 1 <= n < len(x):
        raise ValueError(f"n must be 1 to {len(x) - 1}, got {n}")
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    first, rest = order[:n], order[n:]
    return Examples(x[first], y[first], x[rest], y[rest])
