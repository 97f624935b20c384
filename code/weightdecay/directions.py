"""Which way each optimizer steps, without decay: the part that rules share.

Every direction takes ``(g, state, ...)`` and returns ``(u, state)``: the rule steps to
``w - lr u``. Where weight decay enters, before the direction or beside it, is said in
:mod:`weightdecay.updates`.

* ``g``, what the optimizer is given as gradient: a tensor of any shape and floating
  dtype, not changed. ``u`` has its shape and dtype.
* ``state``, a tuple, or ``None`` before the first step.
* Hyperparameters carry PyTorch's names and defaults.
"""

import torch


def momentum_direction(g, state, *, momentum, dampening=0.0, nesterov=False):
    """Sum past gradients: b <- momentum b + (1 - dampening) g, u = b.

    The first b is g, without dampening. With nesterov u = g + momentum b. Raises
    ValueError for dampening with nesterov, and without momentum, where PyTorch has
    no buffer. Source: Sutskever et al., ICML 2013, who keep lr inside b and with
    nesterov take g ahead of w, at what is w here. Twin: the buffer of torch.optim.SGD.
    """
    if dampening != 0 and (nesterov or momentum == 0):
        raise ValueError(
            f"dampening={dampening} needs a momentum other than 0 and no nesterov"
        )
    # A copy: the caller may use the memory of g again.
    b = g.clone() if state is None else momentum * state[0] + (1 - dampening) * g
    return g + momentum * b if nesterov else b, (b,)


def adam_direction(g, state, *, betas=(0.9, 0.999), eps=1e-8, amsgrad=False):
    """Divide the mean gradient by its size: u = m_hat / (sqrt(v_hat) + eps).

    m and v are moving averages of g and g^2, m_hat and v_hat the same without their
    start at zero. With amsgrad, v_hat is made from the largest v so far. Source: Kingma
    & Ba, ICLR 2015, Algorithm 1; amsgrad: Reddi, Kale & Kumar, ICLR 2018. Twin: the
    step of torch.optim.Adam.
    """
    zero = torch.zeros_like(g)
    k, m, v, v_max = state or (0, zero, zero, zero)
    k, m, v = _moments(k, m, v, g, betas)
    v_max = torch.maximum(v_max, v)
    m_hat = m / (1 - betas[0] ** k)
    v_hat = (v_max if amsgrad else v) / (1 - betas[1] ** k)
    return m_hat / (v_hat.sqrt() + eps), (k, m, v, v_max)


def nadam_direction(
    g, state, *, betas=(0.9, 0.999), eps=1e-8, momentum_decay=0.004
):  # fmt: skip
    """Adam, one step ahead: u mixes g and m by a momentum that grows to betas[0].

    Source: Dozat, 2016. Twin: the step of torch.optim.NAdam.
    """
    zero = torch.zeros_like(g)
    k, m, v, product = state or (0, zero, zero, 1.0)
    k, m, v = _moments(k, m, v, g, betas)
    now, later = (
        betas[0] * (1 - 0.5 * 0.96 ** (j * momentum_decay)) for j in (k, k + 1)
    )
    product *= now
    ahead = (1 - now) / (1 - product) * g + later / (1 - product * later) * m
    v_hat = v / (1 - betas[1] ** k)
    return ahead / (v_hat.sqrt() + eps), (k, m, v, product)


def radam_direction(g, state, *, betas=(0.9, 0.999), eps=1e-8):
    """Adam that waits to divide until v is worth it: u = m_hat at first.

    rho is the number of gradients that v stands for; above 5 the step is Adam's times
    the rectification r(rho). Source: Liu et al., ICLR 2020, Algorithm 2, which divides
    above 4. Twin: the step of torch.optim.RAdam.
    """
    zero = torch.zeros_like(g)
    k, m, v = _moments(*(state or (0, zero, zero)), g, betas)
    m_hat, left = m / (1 - betas[0] ** k), 1 - betas[1] ** k
    longest = 2 / (1 - betas[1]) - 1
    rho = longest - 2 * k * betas[1] ** k / left
    if rho <= 5:
        return m_hat, (k, m, v)
    r = (rho - 4) * (rho - 2) * longest / ((longest - 4) * (longest - 2) * rho)
    return (r * left) ** 0.5 * m_hat / (v.sqrt() + eps), (k, m, v)


def rmsprop_direction(
    g, state, *, alpha=0.99, eps=1e-8, momentum=0.0, centered=False
):  # fmt: skip
    """Divide the gradient by its size, then sum: b <- momentum b + g / (sqrt(v) + eps).

    v is the moving average of g^2, without the square of that of g if centered.
    Source: Tieleman & Hinton, 2012; Graves, 2013. Twin: the step of
    torch.optim.RMSprop.
    """
    zero = torch.zeros_like(g)
    v, mean, b = state or (zero, zero, zero)
    v, mean = alpha * v + (1 - alpha) * g**2, alpha * mean + (1 - alpha) * g
    size = (v - mean**2 if centered else v).sqrt() + eps
    b = momentum * b + g / size
    return b, (v, mean, b)


def adagrad_direction(g, state, *, eps=1e-10):
    """Divide the gradient by the size of all so far: u = g / (sqrt(sum g^2) + eps).

    Source: Duchi, Hazan & Singer, JMLR 2011. Twin: the step of torch.optim.Adagrad.
    """
    total = (0 if state is None else state[0]) + g**2
    return g / (total.sqrt() + eps), (total,)


def adadelta_direction(g, state, *, rho=0.9, eps=1e-6):
    """Divide by the size of gradients, multiply by that of steps: u = g RMS(u)/RMS(g).

    Source: Zeiler, arXiv 1212.5701. Twin: the step of torch.optim.Adadelta.
    """
    zero = torch.zeros_like(g)
    v, steps = state or (zero, zero)
    v = rho * v + (1 - rho) * g**2
    u = ((steps + eps) / (v + eps)).sqrt() * g
    return u, (v, rho * steps + (1 - rho) * u**2)


def adamax_direction(g, state, *, betas=(0.9, 0.999), eps=1e-8):
    """Divide the mean gradient by the largest: u = m_hat / max(betas[1] n, |g| + eps).

    n is that maximum one step before. Source: Kingma & Ba, ICLR 2015, Algorithm 2,
    which has no eps. Twin: the step of torch.optim.Adamax.
    """
    zero = torch.zeros_like(g)
    k, m, largest = state or (0, zero, zero)
    k, m = k + 1, betas[0] * m + (1 - betas[0]) * g
    largest = torch.maximum(betas[1] * largest, g.abs() + eps)
    return m / (1 - betas[0] ** k) / largest, (k, m, largest)


def lion_direction(g, state, *, betas=(0.9, 0.99)):
    """Step by the sign alone: u = sign(betas[0] m + (1 - betas[0]) g).

    m is the moving average of g by betas[1], taken after the step. Source: Chen et
    al., NeurIPS 2023, Algorithm 2.
    """
    (m,) = state or (torch.zeros_like(g),)
    u = torch.sign(betas[0] * m + (1 - betas[0]) * g)
    return u, (betas[1] * m + (1 - betas[1]) * g,)


def newton_schulz(g, *, steps=5, coefficients=(3.4445, -4.775, 2.0315), eps=1e-7):
    """Bring the singular values of a matrix near 1: X <- a X + (b A + c A^2) X.

    A is X X^T and the first X is g over its Frobenius norm. The singular values end
    between 0.68 and 1.21, those below 0.002 of that norm lower. Shape (rows, columns).
    Source: Jordan et al., Muon, 2024. PyTorch computes it in bfloat16, this in g's
    dtype.
    """
    a, b, c = coefficients
    x = g.T if g.shape[0] > g.shape[1] else g
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if g.shape[0] > g.shape[1] else x


def polar(g):
    """Set the nonzero singular values of a matrix to 1: U V^T, where g = U S V^T.

    Shape (rows, columns), float32 or float64.
    """
    u, s, vt = torch.linalg.svd(g, full_matrices=False)
    # A direction in which g is zero gets no step, as with the sign of 0.
    return (u * (s > s[0] * max(g.shape) * torch.finfo(g.dtype).eps)) @ vt


def muon_direction(
    g, state, *, momentum=0.95, nesterov=True, orthogonalise=newton_schulz
):  # fmt: skip
    """Step by the sign of a matrix: u = sqrt(max(1, rows / columns)) O(m).

    m is the moving average of g, O is ``newton_schulz`` or ``polar``; with nesterov O
    is taken of (1 - momentum) g + momentum m. Raises ValueError for a g that is not a
    matrix. Source: Jordan et al., Muon, 2024. Twin: the step of torch.optim.Muon.
    """
    if g.ndim != 2:
        raise ValueError(f"Muon steps matrices, got a tensor of shape {tuple(g.shape)}")
    (m,) = state or (torch.zeros_like(g),)
    m = momentum * m + (1 - momentum) * g
    ahead = (1 - momentum) * g + momentum * m if nesterov else m
    scale = max(1, g.shape[0] / g.shape[1]) ** 0.5
    return scale * orthogonalise(ahead), (m,)


def _moments(k, m, v, g, betas):
    """Return the number of steps and the moving averages of g and g^2, one step on."""
    m = betas[0] * m + (1 - betas[0]) * g
    return k + 1, m, betas[1] * v + (1 - betas[1]) * g**2
