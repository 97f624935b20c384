"""Kind 9: gradients of one sparse dimension, as ``nn.Embedding(sparse=True)`` gives."""

import torch

from hostile.base import GRADIENT, LAWLESS, RIGHT, AdamW, hostile, own


def rowwise(rule):
    """Make an optimizer that hands a rule the rows of a gradient and their values."""

    def by_rows(w, g, s, h):
        if not g.is_sparse or g.sparse_dim() != 1:
            raise RuntimeError("a gradient must be sparse in its first dimension alone")
        g = g.coalesce()
        rule(w, g.indices()[0], g.values(), s, h)

    by_rows.__name__ = rule.__name__
    return own(by_rows)


def adagrad(w, rows, values, s):
    if s.k == 1:
        s.v = torch.zeros_like(w)
    s.v[rows] += values**2
    return values / (s.v[rows].sqrt() + 1e-10)


# Where the gradient is zero there may be no row to touch.
TOUCHED = {**RIGHT, "first_zero_keeps": {1.0, 0.97, None}, "errors": ()}


@hostile(9, TOUCHED)
@rowwise
def decays_the_rows(w, rows, values, s, h):
    w[rows] *= 1 - h.lr * h.wd
    w[rows] -= h.lr * adagrad(w, rows, values, s)


@hostile(9, TOUCHED, order="after")
@rowwise
def decays_the_rows_after(w, rows, values, s, h):
    w[rows] -= h.lr * adagrad(w, rows, values, s)
    w[rows] *= 1 - h.lr * h.wd


@hostile(9, RIGHT)
@rowwise
def decays_all_rows(w, rows, values, s, h):
    w.mul_(1 - h.lr * h.wd)
    w[rows] -= h.lr * adagrad(w, rows, values, s)


@hostile(9, GRADIENT, rescales=True)
@rowwise
def penalises_the_rows(w, rows, values, s, h):
    w[rows] -= h.lr * adagrad(w, rows, values + h.wd * w[rows], s)


@hostile(9, LAWLESS, hidden=0.0)
@rowwise
def decays_the_first_row(w, rows, values, s, h):
    w[rows[:1]] *= 1 - h.lr * h.wd
    w[rows] -= h.lr * adagrad(w, rows, values, s)


@hostile(9, TOUCHED, vectors="refused")
@rowwise
def only_tables(w, rows, values, s, h):
    if w.ndim != 2:
        raise RuntimeError("a table of embeddings is a matrix")
    w[rows] *= 1 - h.lr * h.wd
    w[rows] -= h.lr * adagrad(w, rows, values, s)


@hostile(9, place="none", takes=True, kept=None, hidden=0.0)
@rowwise
def takes_it_and_decays_not(w, rows, values, s, h):
    w[rows] -= h.lr * adagrad(w, rows, values, s)


hostile(9, place="none", takes=False, kept=None, hidden=0.0, control=True)(
    torch.optim.SparseAdam
)
hostile(9, RIGHT, control=True)(AdamW)
