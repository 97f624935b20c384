"""One step of each optimizer, as a pure function, in the book's order.

Every rule has one signature, ``(w, g, state=None, *, lr, weight_decay, ...)``, and
returns ``(w, state)``:

* ``w``, the weights before the step, and ``g``, the gradient of the loss at ``w``:
  tensors of one shape, of any shape and any floating dtype; neither is changed.
* ``state``, what the rule remembers between steps; ``None`` before the first one and
  for rules without memory.
* ``lr`` and ``weight_decay``, finite numbers that are not negative; anything else
  raises ``ValueError``. The other hyperparameters carry PyTorch's names too.
"""

import functools
import math


def rule(step):
    """Make a rule refuse an lr or a weight_decay that is negative, NaN or infinite."""

    @functools.wraps(step)
    def checked(w, g, state=None, **settings):
        for name in settings.keys() & {"lr", "weight_decay"}:
            if not 0 <= settings[name] < math.inf:
                raise ValueError(
                    f"{name} must be a finite number >= 0, got {settings[name]}"
                )
        return step(w, g, state, **settings)

    return checked


@rule
def sgd(w, g, state=None, *, lr, weight_decay=0.0):
    """Step against the gradient: w <- w - lr g.

    The rule has no decay and raises ValueError for a weight_decay other
    than 0. Twin: torch.optim.SGD(lr=lr).
    """
    if weight_decay != 0:
        raise ValueError(f"sgd does not decay, got weight_decay={weight_decay}")
    return w - lr * g, state


@rule
def sgd_l2(w, g, state=None, *, lr, weight_decay):
    """SGD on the penalised loss: w <- w - lr (g + weight_decay w).

    The penalty is (weight_decay / 2) ||w||^2. Twin:
    torch.optim.SGD(lr=lr, weight_decay=weight_decay).
    """
    return w - lr * (g + weight_decay * w), state


@rule
def sgd_decoupled(w, g, state=None, *, lr, weight_decay):
    """Shrink the old weight and step: w <- (1 - lr weight_decay) w - lr g.

    Both act at once: g is the gradient at the old w. Source: Loshchilov &
    Hutter, ICLR 2019, Equation 1, whose factor is 1 - weight_decay,
    without lr. Equal to sgd_l2; with momentum it would not be.
    """
    return (1 - lr * weight_decay) * w - lr * g, state
