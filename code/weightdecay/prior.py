"""Which weight_decay is best when the weights to be found were drawn from a prior.

Linear regression with the mean loss ||X w - y||^2 / (2 n). The weights that made the
examples have mean zero and the standard deviation ``spread`` each, the targets noise
of the standard deviation ``noise``, both uncorrelated. Curvatures are the eigenvalues
of X^T X / n. Nothing else is assumed of X. For random weights see Dobriban & Wager,
Annals of Statistics 2018.
"""

from torch import Tensor

from weightdecay.settings import (
    NOT_NEGATIVE,
    POSITIVE,
    Number,
    check,
    demand,
)


def best_decay(noise: Number, spread: Number, n: Number) -> Number:
    """Return the weight_decay of the least expected risk.

    noise^2 / (n spread^2), for n examples and a mean loss. It is also
    the one whose penalised minimum is the posterior's mode, if noise
    and prior are Gaussian. Raises ``ValueError`` unless noise >= 0 and
    the others are above 0.
    """
    check(noise=noise)
    demand("spread", spread, POSITIVE)
    demand("n", n, POSITIVE)
    return noise**2 / (n * spread**2)


def risk(
    curvature: Tensor,
    weight_decay: Number,
    *,
    noise: Number,
    spread: Number,
    n: Number,
) -> Tensor:
    """Return the expected squared error of ridge in each direction.

    (weight_decay^2 spread^2 + h noise^2 / n) / (h + weight_decay)^2
    along the eigenvector with curvature h. For weights that are given
    and not drawn ``spread`` is their size in each direction, a tensor.
    All broadcast. NaN where curvature and weight_decay are both zero.
    """
    check(weight_decay=weight_decay, noise=noise)
    demand("curvature", curvature, NOT_NEGATIVE)
    demand("spread", spread, NOT_NEGATIVE)
    demand("n", n, POSITIVE)
    missed = weight_decay**2 * spread**2
    shaken = curvature * noise**2 / n
    return (missed + shaken) / (curvature + weight_decay) ** 2


def worst_cost(times: Number) -> Number:
    """Return by what a wrong weight_decay multiplies ``risk`` at most.

    (1 + times)^2 / (4 times) for ``times`` the best one: reached where
    the curvature is ``times`` the best weight_decay. Raises
    ``ValueError`` unless times > 0.
    """
    demand("times", times, POSITIVE)
    return (1 + times) ** 2 / (4 * times)
