"""Parameter groups for any model: which parameters decay, and why.

:func:`groups` judges a parameter by the module that it belongs to and by its shape. Its
name counts only in modules of the reader's own, where a bias may have two dimensions.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.rnn import RNNCellBase
from torch.nn.parameter import UninitializedParameter
from torch.nn.utils.parametrize import ParametrizationList

from weightdecay.settings import check

EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)
# What normalises; torch before 2.4 has no RMSNorm.
NORMALISATIONS: tuple[type, ...] = tuple(
    kind
    for kind in (_NormBase, nn.LayerNorm, nn.GroupNorm, getattr(nn, "RMSNorm", None))
    if kind
)
# Whose weights multiply what comes in, also where a side of them is 1.
LAYERS: dict[type, str] = {nn.Linear: "linear", nn.Bilinear: "bilinear"}
LAYERS |= {_ConvNd: "convolution", nn.MultiheadAttention: "attention"}
LAYERS |= {nn.RNNBase: "recurrent", RNNCellBase: "recurrent"}
SHOWN = 3


@dataclass(frozen=True)
class Choice:
    """What was decided of one parameter.

    ``names`` are all that it has in the model: a tied one has several. ``kind`` is what
    it was taken for, ``frozen`` says that it needs no gradient and is in no group.
    """

    names: tuple[str, ...]
    shape: tuple[int, ...]
    numbers: int
    kind: str
    weight_decay: float
    frozen: bool = False


class Groups(list[dict[str, Any]]):
    """Groups for an optimizer, with ``choices``: one for each parameter, in order.

    ``print`` shows what decays and why.
    """

    def __init__(
        self, groups: list[dict[str, Any]], choices: tuple[Choice, ...]
    ) -> None:
        """Hold the groups."""
        super().__init__(groups)
        self.choices = choices

    def __str__(self) -> str:
        """Return a line for each kind, those that decay first."""
        kinds: dict[tuple[bool, float, str], list[Choice]] = defaultdict(list)
        for choice in self.choices:
            kinds[choice.frozen, -choice.weight_decay, choice.kind].append(choice)
        rows = []
        for (frozen, minus, kind), found in sorted(kinds.items(), key=lambda k: k[0]):
            decay = "frozen" if frozen else f"{0 - minus:g}"
            numbers = f"{sum(choice.numbers for choice in found):,}"
            rows.append((decay, numbers, kind, _listed(found)))
        head = ("weight_decay", "numbers", "kind", "parameters")
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        a, b, c, _ = widths
        lines = [f"{w:>{a}}  {n:>{b}}  {k:{c}}  {p}" for w, n, k, p in (head, *rows)]
        if not any(group["weight_decay"] for group in self):
            lines.append("Nothing decays.")
        return "\n".join(lines)


def groups(
    model: nn.Module,
    weight_decay: float,
    *,
    embeddings: bool = True,
    override: Mapping[str, bool | float] | None = None,
) -> Groups:
    """Return parameter groups in which matrices decay, and biases and gains don't.

    A list for any torch optimizer, ``torch.optim.AdamW(groups(model, 0.1), lr=1e-3)``,
    with a group for each weight_decay; ``print`` it to see what decays and why.

    Matrices are the weights of layers (linear, convolutional, recurrent, attention) and
    what has two dimensions above 1. Parameters of a normalisation, biases, gains,
    slopes and scalars are left out, and whatever the model's own ``no_weight_decay()``
    names, as in timm. A tied parameter is in one group, a frozen one in none. Of a
    weight under ``weight_norm`` the direction decays and the size does not.

    model
        Any module whose lazy parameters have been made.
    weight_decay
        That of the matrices.
    embeddings
        Whether embeddings decay; a head tied to one is an embedding.
    override
        Names or patterns, such as ``{"head.*": 0.01, "gate": True}``: ``True`` decays,
        ``False`` does not, a number is a weight_decay. The last one that fits counts.

    Raises ``TypeError`` or ``ValueError``, with what to do, for what is no module, has
    no parameters to train, lazy or flattened ones, and for a pattern that fits none.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"model must be an nn.Module, got {type(model).__name__}: "
            f"for a list of parameters there is nothing that says what they are"
        )
    check(weight_decay=weight_decay)
    model = unwrapped(model)
    owned = _owned(model)
    asked = _asked(model)
    found: dict[int, tuple[Tensor, Choice]] = {}
    for key, (parameter, names, kinds) in owned.items():
        kind, decays = _decided(kinds, embeddings)
        if asked & set(names):
            kind, decays = "in no_weight_decay()", False
        choice = Choice(
            tuple(names),
            tuple(parameter.shape),
            parameter.numel(),
            kind,
            weight_decay if decays else 0.0,
            not parameter.requires_grad,
        )
        found[key] = parameter, choice
    chosen = _overridden(found, weight_decay, override or {})
    trained: dict[float, list[Tensor]] = defaultdict(list)
    for parameter, choice in chosen.values():
        if not choice.frozen:
            trained[choice.weight_decay].append(parameter)
    if not trained:
        raise ValueError(
            "model has no parameter to train: all are frozen. Set requires_grad of "
            "those that shall be trained"
        )
    return Groups(
        [
            {"params": trained[decay], "weight_decay": decay}
            for decay in sorted(trained, reverse=True)
        ],
        tuple(choice for _, choice in chosen.values()),
    )


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model inside what compiles it or spreads it over processes."""
    while True:
        if isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            model = inner
        elif isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        else:
            return model


def judged(model: nn.Module) -> dict[int, tuple[tuple[str, ...], str, bool]]:
    """Return for each parameter, by its ``id``: its names, its kind, if it is a matrix.

    Of a tied one that is a matrix anywhere. Raises as :func:`groups` does.
    """
    return {
        key: (tuple(names), *_decided(kinds, True))
        for key, (_, names, kinds) in _owned(model).items()
    }


def _owned(
    model: nn.Module,
) -> dict[int, tuple[Tensor, list[str], list[tuple[str, bool]]]]:
    """Return each parameter once, with its names and what it is at each of them."""
    owned: dict[int, tuple[Tensor, list[str], list[tuple[str, bool]]]] = {}
    modules = dict(model.named_modules(remove_duplicate=False))
    for path, module in modules.items():
        for attribute, parameter in module.named_parameters(recurse=False):
            name = f"{path}.{attribute}" if path else attribute
            _refuse(name, parameter)
            _, names, kinds = owned.setdefault(id(parameter), (parameter, [], []))
            names.append(name)
            kinds.append(_kind(modules, path, attribute, parameter))
    if not owned:
        raise ValueError("model has no parameters: there is nothing to decay")
    return owned


def _refuse(name: str, parameter: Tensor) -> None:
    if isinstance(parameter, UninitializedParameter):
        raise ValueError(
            f"{name} has no shape yet, as its layer is lazy: run one batch through the "
            f"model first"
        )
    if getattr(parameter, "_is_flat_param", False):
        raise ValueError(
            f"{name} holds several parameters in one, flattened by FSDP: nothing says "
            f"which of its numbers are matrices. Make the groups from a model wrapped "
            f"with use_orig_params=True"
        )


def _kind(
    modules: dict[str, nn.Module], path: str, attribute: str, parameter: Tensor
) -> tuple[str, bool]:
    """Return what a parameter is in one module, and whether it is a matrix."""
    module = modules[path]
    if isinstance(module, ParametrizationList):
        # Of what it parametrizes, unless it is smaller: then it is a size.
        owner, _, attribute = path.rpartition(".parametrizations.")
        if path.startswith("parametrizations."):
            owner, attribute = "", path.removeprefix("parametrizations.")
        others = module.parameters(recurse=False)
        if parameter.numel() < max(other.numel() for other in others):
            return "size under a parametrization", False
        module = modules[owner]
    return _kind_in(module, attribute, parameter)


def _kind_in(
    module: nn.Module, attribute: str, parameter: Tensor
) -> tuple[str, bool]:  # fmt: skip
    if isinstance(module, NORMALISATIONS):
        return "normalisation", False
    if isinstance(module, EMBEDDINGS):
        return "embedding", True
    if isinstance(module, nn.PReLU):
        return "slope, PReLU", False
    layers = (word for kind, word in LAYERS.items() if isinstance(module, kind))
    layer = next(layers, None)
    if "bias" in attribute:
        return f"bias, {layer or type(module).__name__}", False
    if layer and attribute.endswith("_g") and hasattr(module, f"{attribute[:-1]}v"):
        return "size under weight_norm", False
    if layer and (attribute.startswith("weight") or attribute.endswith("_weight")):
        return f"matrix, {layer}", True
    name = type(module).__name__
    if sum(side > 1 for side in parameter.shape) > 1:
        return f"matrix by its shape, {name}", True
    return f"{'vector' if parameter.numel() > 1 else 'scalar'}, {name}", False


def _decided(kinds: list[tuple[str, bool]], embeddings: bool) -> tuple[str, bool]:
    """Return the kind of a parameter that may be tied, and whether it decays."""
    embedding = next((kind for kind, _ in kinds if kind.startswith("embedding")), None)
    if embedding:
        return embedding, embeddings
    return next((kind for kind in kinds if kind[1]), kinds[0])


def _asked(model: nn.Module) -> set[str]:
    """Return which parameters the model itself does not want to decay."""
    names = getattr(model, "no_weight_decay", None)
    return set(names()) if callable(names) else set()


def _overridden(
    found: dict[int, tuple[Tensor, Choice]],
    weight_decay: float,
    override: Mapping[str, bool | float],
) -> dict[int, tuple[Tensor, Choice]]:
    chosen = dict(found)
    names = [name for _, choice in found.values() for name in choice.names]
    for pattern, asked in override.items():
        fits = {
            key: (parameter, choice)
            for key, (parameter, choice) in chosen.items()
            if any(fnmatchcase(name, pattern) for name in choice.names)
        }
        if not fits:
            near = get_close_matches(pattern, names, n=3) or names[:SHOWN]
            raise ValueError(
                f"override: no parameter is called {pattern!r}. There are "
                f"{', '.join(near)}"
            )
        check(weight_decay=asked)
        decay = weight_decay if asked is True else float(asked)
        for key, (parameter, choice) in fits.items():
            chosen[key] = (
                parameter,
                replace(choice, weight_decay=decay, kind=f"as asked, {choice.kind}"),
            )
    return chosen


def _listed(choices: list[Choice]) -> str:
    shown = [" = ".join(choice.names) for choice in choices[:SHOWN]]
    more = len(choices) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
