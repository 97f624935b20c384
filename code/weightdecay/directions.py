"""Which way each optimizer steps, without decay: the part that rules share.

Every direction takes ``(g, state, ...)`` and returns ``(u, state)``: the rule steps to
``w - lr u``. Where weight decay enters, before the direction or beside it, is said in
:mod:`weightdecay.updates`.

* ``g``, what the optimizer is given as gradient: a tensor of any shape and floating
  dtype, not changed. ``u`` has its shape and dtype.
* ``state``, a tuple that only this direction reads, or ``None`` before the first step.
* Hyperparameters carry PyTorch's names and defaults; those outside their range in
  ``weightdecay.settings.RANGES`` are refused.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from weightdecay.rule import State, Step, direction
from weightdecay.settings import Betas, Number, check, every

# Five steps with these are Muon's: a, b and c of Jordan et al., 2024.
NEWTON_SCHULZ = (3.4445, -4.775, 2.0315)


@direction
def momentum_direction(
    g: Tensor, state: State, *,
    momentum: Number, dampening: Number = 0.0, nesterov: bool = False,
) -> Step:  # fmt: skip
    """Sum past gradients: b <- momentum b + (1 - dampening) g, u = b.

    The first b is g, undampened. With nesterov u = g + momentum b.
    Raises ValueError for dampening with nesterov, and without momentum,
    where PyTorch has no buffer. Source: Sutskever et al., ICML 2013; lr
    is inside their b, and with nesterov they take g ahead of w, at what
    is w here. Twin: the buffer of torch.optim.SGD.
    """
    heavy = every(momentum != 0) and not nesterov
    if not (every(dampening == 0) or heavy):
        needs = "needs a momentum other than 0 and no nesterov"
        raise ValueError(f"{dampening=} {needs}")
    # A copy: the caller may use the memory of g again.
    b = g.clone()
    if state is not None:
        b = momentum * state[0] + (1 - dampening) * g
    return g + momentum * b if nesterov else b, (b,)


@direction
def adam_direction(
    g: Tensor, state: State, *,
    betas: Betas = (0.9, 0.999), eps: Number = 1e-8,
    amsgrad: bool = False,
) -> Step:  # fmt: skip
    """Divide a mean gradient by its size: m_hat / (sqrt(v_hat) + eps).

    m and v are moving averages of g and g^2, m_hat and v_hat the same
    without their start at zero. With amsgrad, v_hat is made from the
    largest v so far. Source: Kingma & Ba, ICLR 2015, Algorithm 1;
    amsgrad: Reddi, Kale & Kumar, ICLR 2018. Twin: torch.optim.Adam.
    """
    zero = torch.zeros_like(g)
    k, m, v, v_max = state or (0, zero, zero, zero)
    k, m, v = _moments(k, m, v, g, betas)
    v_max = torch.maximum(v_max, v) if amsgrad else v_max
    m_hat = m / (1 - betas[0] ** k)
    v_hat = (v_max if amsgrad else v) / (1 - betas[1] ** k)
    return m_hat / (v_hat.sqrt() + eps), (k, m, v, v_max)


@direction
def nadam_direction(
    g: Tensor, state: State, *,
    betas: Betas = (0.9, 0.999), eps: Number = 1e-8,
    momentum_decay: Number = 0.004,
) -> Step:  # fmt: skip
    """Adam, one step ahead: u mixes g and m by a growing momentum.

    It grows to betas[0]. Source: Dozat, 2016. Twin: torch.optim.NAdam.
    """
    zero = torch.zeros_like(g)
    k, m, v, product = state or (0, zero, zero, 1.0)
    k, m, v = _moments(k, m, v, g, betas)
    grown = (0.96 ** (j * momentum_decay) for j in (k, k + 1))
    mu, next_mu = (betas[0] * (1 - 0.5 * left) for left in grown)
    product *= mu
    ahead = (1 - mu) / (1 - product) * g
    ahead = ahead + next_mu / (1 - product * next_mu) * m
    v_hat = v / (1 - betas[1] ** k)
    return ahead / (v_hat.sqrt() + eps), (k, m, v, product)


@direction
def radam_direction(
    g: Tensor, state: State, *,
    betas: Betas = (0.9, 0.999), eps: Number = 1e-8,
) -> Step:  # fmt: skip
    """Adam that waits to divide until v is worth it: first u = m_hat.

    rho is the number of gradients that v stands for; above 5 the step
    is Adam's times the rectification r(rho). Source: Liu et al., ICLR
    2020, Algorithm 2, which divides above 4. Twin: torch.optim.RAdam.
    """
    zero = torch.zeros_like(g)
    k, m, v = state or (0, zero, zero)
    k, m, v = _moments(k, m, v, g, betas)
    m_hat, left = m / (1 - betas[0] ** k), 1 - betas[1] ** k
    longest = 2 / (1 - betas[1]) - 1
    rho = longest - 2 * k * betas[1] ** k / left
    if rho <= 5:
        return m_hat, (k, m, v)
    r = (rho - 4) * (rho - 2) / rho
    r = r * longest / ((longest - 4) * (longest - 2))
    return (r * left) ** 0.5 * m_hat / (v.sqrt() + eps), (k, m, v)


@direction
def rmsprop_direction(
    g: Tensor, state: State, *,
    alpha: Number = 0.99, eps: Number = 1e-8,
    momentum: Number = 0.0, centered: bool = False,
) -> Step:  # fmt: skip
    """Divide by the size, b <- momentum b + g / (sqrt(v) + eps).

    v is the moving average of g^2, if centered without the square of
    that of g. Source: Tieleman & Hinton, 2012; Graves, 2013. Twin:
    torch.optim.RMSprop.
    """
    zero = torch.zeros_like(g)
    v, mean, b = state or (zero, zero, zero)
    v = alpha * v + (1 - alpha) * g**2
    mean = alpha * mean + (1 - alpha) * g
    size = (v - mean**2 if centered else v).sqrt() + eps
    b = momentum * b + g / size
    return b, (v, mean, b)


@direction
def adagrad_direction(
    g: Tensor, state: State, *, eps: Number = 1e-10
) -> Step:  # fmt: skip
    """Divide by the size of all gradients, g / (sqrt(sum g^2) + eps).

    Source: Duchi, Hazan & Singer, JMLR 2011. Twin: torch.optim.Adagrad.
    """
    total = (0 if state is None else state[0]) + g**2
    return g / (total.sqrt() + eps), (total,)


@direction
def adadelta_direction(
    g: Tensor, state: State, *, rho: Number = 0.9, eps: Number = 1e-6
) -> Step:
    """Divide by the size of gradients, multiply by that of steps.

    u = g RMS(u) / RMS(g). Source: Zeiler, arXiv 1212.5701. Twin:
    torch.optim.Adadelta.
    """
    zero = torch.zeros_like(g)
    v, steps = state or (zero, zero)
    v = rho * v + (1 - rho) * g**2
    u = ((steps + eps) / (v + eps)).sqrt() * g
    return u, (v, rho * steps + (1 - rho) * u**2)


@direction
def adamax_direction(
    g: Tensor, state: State, *,
    betas: Betas = (0.9, 0.999), eps: Number = 1e-8,
) -> Step:  # fmt: skip
    """Divide by the largest, m_hat / max(betas[1] n, abs(g) + eps).

    n is that maximum one step before. Source: Kingma & Ba, ICLR 2015,
    Algorithm 2, which has no eps. Twin: torch.optim.Adamax.
    """
    zero = torch.zeros_like(g)
    k, m, largest = state or (0, zero, zero)
    k, m = k + 1, betas[0] * m + (1 - betas[0]) * g
    largest = torch.maximum(betas[1] * largest, g.abs() + eps)
    return m / (1 - betas[0] ** k) / largest, (k, m, largest)


@direction
def lion_direction(
    g: Tensor, state: State, *, betas: Betas = (0.9, 0.99)
) -> Step:  # fmt: skip
    """Step by the sign alone: u = sign(betas[0] m + (1 - betas[0]) g).

    m is the moving average of g by betas[1], taken after the step.
    Source: Chen et al., NeurIPS 2023, Algorithm 2.
    """
    (m,) = state or (torch.zeros_like(g),)
    u = torch.sign(betas[0] * m + (1 - betas[0]) * g)
    return u, (betas[1] * m + (1 - betas[1]) * g,)


def newton_schulz(
    g: Tensor, *, steps: int = 5,
    coefficients: tuple[float, float, float] = NEWTON_SCHULZ, eps: float = 1e-7,
) -> Tensor:  # fmt: skip
    """Bring the singular values of a matrix near 1: X <- a X + (b A + c A^2) X.

    A is X X^T and the first X is g over its Frobenius norm. The singular values end
    between 0.68 and 1.21, those below 0.002 of that norm lower. Shape (rows, columns).
    Source: Jordan et al., Muon, 2024. PyTorch computes it in bfloat16, this in g's
    dtype.
    """
    _refuse_other_than_matrices("newton_schulz", g)
    check(steps=steps, eps=eps, coefficients=coefficients)
    a, b, c = coefficients
    tall = g.shape[0] > g.shape[1]
    x: Tensor = g.T if tall else g
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


def polar(g: Tensor) -> Tensor:
    """Set nonzero singular values to 1: U S V^T becomes U V^T.

    Shape (rows, columns), float32 or float64.
    """
    _refuse_other_than_matrices("polar", g)
    u, s, vt = torch.linalg.svd(g, full_matrices=False)
    # A direction in which g is zero gets no step: the sign of 0 is 0.
    moves = s > s[0] * max(g.shape) * torch.finfo(g.dtype).eps
    factor: Tensor = (u * moves) @ vt
    return factor


@direction
def muon_direction(
    g: Tensor, state: State, *,
    momentum: Number = 0.95, nesterov: bool = True,
    orthogonalise: Callable[[Tensor], Tensor] = newton_schulz,
) -> Step:  # fmt: skip
    """Step by a matrix's sign: u = sqrt(max(1, rows / columns)) O(m).

    m is the moving average of g, O is ``newton_schulz`` or ``polar``;
    with nesterov O is taken of (1 - momentum) g + momentum m. Raises
    ValueError for a g that is no matrix. Source: Jordan et al., 2024,
    Muon. Twin: torch.optim.Muon.
    """
    _refuse_other_than_matrices("Muon", g)
    (m,) = state or (torch.zeros_like(g),)
    m = momentum * m + (1 - momentum) * g
    ahead = (1 - momentum) * g + momentum * m if nesterov else m
    scale = max(1, g.shape[0] / g.shape[1]) ** 0.5
    return scale * orthogonalise(ahead), (m,)


def _refuse_other_than_matrices(name: str, g: Tensor) -> None:
    if g.ndim != 2:
        raise ValueError(
            f"{name} steps matrices, got a tensor of shape {tuple(g.shape)}: "
            f"reshape it to (rows, columns), or step it by another rule"
        )


def _moments(
    k: int, m: Tensor, v: Tensor, g: Tensor, betas: Betas
) -> tuple[int, Tensor, Tensor]:
    """Return the number of steps and the moving averages of g and g^2, one step on."""
    m = betas[0] * m + (1 - betas[0]) * g
    return k + 1, m, betas[1] * v + (1 - betas[1]) * g**2
