"""The losses and data sets of the book, with the answers that are known in advance."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from weightdecay.extras import extra
from weightdecay.paths import Loss, gradient
from weightdecay.settings import FINITE, POSITIVE, Number, check, demand


def penalised(loss: Loss, weight_decay: Number) -> Loss:
    """Add the L2 penalty to a loss: loss(w) + (weight_decay / 2) ||w||^2.

    Its gradient is that of the loss plus ``weight_decay * w``, which is what
    PyTorch's optimizers mean by ``weight_decay``.
    """
    demand("weight_decay", weight_decay, FINITE)
    return lambda w: loss(w) + weight_decay / 2 * w.square().sum()


def box_minimum(
    loss: Loss, start: Tensor, edge: float, *, steps: int, lr: float
) -> Tensor:
    """Minimise a convex loss over the weights between -edge and edge.

    Steps against the gradient, each time back to the nearest point of the box, with a
    momentum that grows and starts anew when it points uphill. ``start`` lies in the box
    and has shape (d,), ``lr`` is at most 1 / (largest curvature). Source: Beck &
    Teboulle, SIAM J. Imaging Sciences 2009; O'Donoghue & Candes, Found. Comput. Math.
    2015.
    """
    check(edge=edge, steps=steps, lr=lr)
    w, ahead, k = start, start, 0
    for _ in range(steps):
        before = w
        w = (ahead - lr * torch.func.grad(loss)(ahead)).clamp(-edge, edge)
        k = 0 if (ahead - w) @ (w - before) > 0 else k + 1
        ahead = w + k / (k + 3) * (w - before)
    return w


def ball_minimum(
    loss: Loss, start: Tensor, radius: float, *, steps: int, lr: float
) -> Tensor:
    """Walk to the least loss on the ball ||w|| <= radius.

    Steps against the gradient, each time back to the nearest point of
    the ball. For a convex loss, and lr below 2 / (largest curvature).
    Returns the start and all steps, of shape (steps + 1, d).
    """
    check(edge=radius, steps=steps, lr=lr)
    path = [start]
    for _ in range(steps):
        w = path[-1] - lr * gradient(loss, path[-1])
        path.append(w * (radius / w.norm()).clamp(max=1))
    return torch.stack(path)


@dataclass(frozen=True)
class Quadratic:
    """The loss (w - minimum)^T hessian (w - minimum) / 2.

    ``minimum`` has shape (d,), ``hessian`` is symmetric, positive definite and of
    shape (d, d).
    """

    minimum: Tensor
    hessian: Tensor

    def __post_init__(self) -> None:
        """Refuse a hessian that doesn't fit the minimum."""
        d = tuple(self.minimum.shape)
        if len(d) != 1 or tuple(self.hessian.shape) != 2 * d:
            raise ValueError(
                f"hessian must have shape (d, d) for a minimum of shape (d,), got "
                f"{tuple(self.hessian.shape)} for {d}"
            )

    def __call__(self, w: Tensor) -> Tensor:
        """Return the loss at ``w``, a scalar."""
        away = w - self.minimum
        return away @ self.hessian @ away / 2

    def penalised_minimum(self, weight_decay: float) -> Tensor:
        """Return the minimum with the L2 penalty, (H + weight_decay I)^-1 H minimum."""
        check(weight_decay=weight_decay)
        identity = torch.eye(len(self.minimum), dtype=self.hessian.dtype)
        pull = self.hessian @ self.minimum
        w: Tensor = torch.linalg.solve(self.hessian + weight_decay * identity, pull)
        return w


@dataclass(frozen=True)
class Logistic:
    """The mean loss of logistic regression, log(1 + exp(-y x.w)), without intercept.

    ``x`` has shape (n, d), ``y`` shape (n,) and the values -1 and 1.
    """

    x: Tensor
    y: Tensor

    def __post_init__(self) -> None:
        """Refuse classes other than -1 and 1, and another number of them than rows."""
        if self.x.ndim != 2 or self.y.shape != self.x.shape[:1]:
            raise ValueError(
                f"y must have one class for each row of x, got the shapes "
                f"{tuple(self.y.shape)} and {tuple(self.x.shape)}"
            )
        if not (self.y.abs() == 1).all():
            raise ValueError(f"y must be -1 or 1, got {self.y.unique().tolist()}")

    def __call__(self, w: Tensor) -> Tensor:
        """Return the mean loss at ``w``, a scalar."""
        return torch.nn.functional.softplus(-self.y * (self.x @ w)).mean()

    def penalised_minimum(self, weight_decay: float) -> Tensor:
        """Return the minimum with the L2 penalty, by Newton's method from zero.

        Raises ``ValueError`` if ``weight_decay`` is not above 0, where there may be no
        minimum, or too small for the method.
        """
        loss = penalised(self, weight_decay)
        w = torch.zeros_like(self.x[0])
        for _ in range(30):
            slope, curvature = torch.func.grad(loss)(w), torch.func.hessian(loss)(w)
            w = w - torch.linalg.solve(curvature, slope)
        if not (weight_decay > 0 and torch.func.grad(loss)(w).norm() < 1e-12):
            raise ValueError(f"no minimum found with weight_decay={weight_decay}")
        return w

    def minibatches(self, batch_size: int, steps: int, seed: int) -> "list[Logistic]":
        """Return ``steps`` losses, each over its own ``batch_size`` random rows.

        The rows come from one shuffle after another; what is left of a shuffle when
        it is shorter than a batch is dropped. Raises ``ValueError`` if ``batch_size``
        is not between 1 and n.
        """
        n = len(self.y)
        if not 1 <= batch_size <= n:
            raise ValueError(f"batch_size must be 1 to {n}, got {batch_size}")
        check(steps=steps, seed=seed)
        generator = torch.Generator().manual_seed(seed)
        batches: list[Logistic] = []
        while len(batches) < steps:
            rows = torch.randperm(n, generator=generator).split(batch_size)
            full = [r for r in rows if len(r) == batch_size]
            batches += [Logistic(self.x[r], self.y[r]) for r in full]
        return batches[:steps]


def with_singular_values(
    values: Sequence[float],
    shape: tuple[int, int],
    seed: int,
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    """Return a matrix of ``shape`` with these singular values and random directions.

    Raises ``ValueError`` if their number is not the smaller side of ``shape``.
    """
    if len(values) != min(shape):
        raise ValueError(
            f"{len(values)} singular values for a matrix of shape {shape}: it takes "
            f"{min(shape)}"
        )
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(*shape, generator=generator, dtype=dtype)
    u, _, vt = torch.linalg.svd(noise, full_matrices=False)
    matrix: Tensor = u @ (torch.tensor(values, dtype=dtype)[:, None] * vt)
    return matrix


def breast_cancer(dtype: torch.dtype = torch.float64) -> Logistic:
    """Return logistic regression on 569 tumours, 30 measurements of each.

    Wisconsin Diagnostic Breast Cancer data, from scikit-learn; y is 1 for a benign
    tumour, -1 for a malignant one. Each column of x has mean 0 and variance 1.
    """
    with extra("book"):
        from sklearn.datasets import load_breast_cancer
    x, y = load_breast_cancer(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return Logistic(torch.tensor(x, dtype=dtype), torch.tensor(2 * y - 1, dtype=dtype))


@dataclass(frozen=True)
class Regressions:
    """Linear regressions, many in one tensor: the sum of their mean losses.

    The loss of one is the mean of (x.w - y)^2 / 2. ``x`` has shape (m, n, d) for m
    regressions of n examples, ``y`` shape (m, n), ``truth``, the weights that made
    the examples, (m, d). Weights have shape (..., m, d).
    """

    x: Tensor
    y: Tensor
    truth: Tensor

    def __call__(self, w: Tensor) -> Tensor:
        """Return the sum of all losses at ``w``, a scalar."""
        residual = torch.einsum("...md,mnd->...mn", w, self.x) - self.y
        return residual.square().sum() / 2 / self.y.shape[1]

    def risk(self, w: Tensor) -> Tensor:
        """Return what ``w`` loses on new examples, beyond their noise: (..., m).

        Their x has mean 0 and variance 1 in each entry, so it is ||w - truth||^2 / 2.
        """
        return (w - self.truth).square().sum(-1) / 2

    def minibatches(
        self, batch_size: int, steps: int, seed: int
    ) -> "list[Regressions]":
        """Return ``steps`` losses, each over its own rows, drawn with replacement."""
        check(steps=steps, seed=seed)
        if batch_size < 1:
            raise ValueError(f"batch_size must be 1 or more, got {batch_size}")
        generator = torch.Generator().manual_seed(seed)
        m, n = self.y.shape
        draws = torch.randint(n, (steps, m, batch_size), generator=generator)
        each = torch.arange(m)[:, None]
        return [
            Regressions(self.x[each, rows], self.y[each, rows], self.truth)
            for rows in draws
        ]

    def penalised_minimum(self, weight_decay: Number) -> Tensor:
        """Return the minima with the L2 penalty: (..., m, d).

        ``weight_decay`` is a number above 0, or a tensor of shape (..., 1, 1).
        """
        demand("weight_decay", weight_decay, POSITIVE)
        n = self.y.shape[1]
        h, basis = torch.linalg.eigh(self.x.mT @ self.x / n)
        slope = (basis.mT @ self.x.mT @ self.y[..., None])[..., 0] / n
        # Rounding may leave a curvature of zero below it.
        along = slope / (h.clamp(min=0) + weight_decay)
        return torch.einsum("mde,...me->...md", basis, along)

    def flow(
        self, start: Tensor, total: Number, weight_decay: Number, size: Number = 1.0
    ) -> Tensor:
        """Return where gradient flow with decay is after ``total``, the sum of lr.

        It follows dw = -(gradient / size + weight_decay w) d total, exactly, in the
        eigenvectors of the Hessian. ``total`` and ``weight_decay`` are numbers or
        tensors of shape (..., 1, 1); the result has shape (..., m, d).
        """
        check(total=total, weight_decay=weight_decay, size=size)
        n = self.y.shape[1]
        h, basis = torch.linalg.eigh(self.x.mT @ self.x / n)
        turned = "mde,...md->...me"
        slope = (self.x.mT @ self.y[..., None])[..., 0] / n
        pull = torch.einsum(turned, basis, slope) / size
        rate = h / size + weight_decay
        end = pull / rate
        way = end + torch.exp(-rate * total) * (
            torch.einsum(turned, basis, start) - end
        )
        return torch.einsum("mde,...me->...md", basis, way)


def regressions(
    m: int, n: int, d: int, noise: float, seed: int
) -> tuple[Regressions, Tensor]:
    """Return ``m`` regressions whose truth and x are standard normal, and a start.

    y is x.truth plus normal noise with standard deviation ``noise``. The start is the
    truth plus standard normal noise, as if pretrained on other examples: (m, d).
    """
    check(m=m, n=n, d=d, noise=noise, seed=seed)
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    truth, x = normal(m, d), normal(m, n, d)
    y = torch.einsum("md,mnd->mn", truth, x) + noise * normal(m, n)
    return Regressions(x, y, truth), truth + normal(m, d)
