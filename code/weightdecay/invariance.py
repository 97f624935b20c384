"""Which matrices of a model a normalisation follows, seen by doubling each."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from weightdecay.grouping import judged

# The eps of a normalisation is felt by less than this part of the output.
UNCHANGED = 1e-2


def scale_invariant(model: nn.Module, inputs: Any) -> set[str]:
    """Return the matrices whose size does not change what the model says of inputs.

    Each is doubled once, in training mode, without touching the model: its running
    averages, its mode and the random numbers are as before.

    Raises ``ValueError`` if the model can't be called with them.
    """
    if any(p.is_meta for p in model.parameters()):
        raise ValueError(
            "inputs: the model is on the meta device and can't be called. Make its "
            "weights, or leave inputs out"
        )
    args, kwargs = _arguments(inputs)
    matrices = [names[0] for names, _, is_matrix in judged(model).values() if is_matrix]
    state = dict(model.named_parameters(remove_duplicate=False))
    before = model.training
    model.train()
    try:
        usual = _said(model, {}, args, kwargs)
        spread = torch.cat([x.flatten() for x in usual]).std().item()
        found = set()
        for name in matrices:
            doubled = {name: 2 * state[name].detach()}
            said = _said(model, doubled, args, kwargs)
            off = max(
                ((a - b).abs().max().item() for a, b in zip(usual, said, strict=True)),
                default=0.0,
            )
            if off <= UNCHANGED * spread:
                found.add(name)
        return found
    finally:
        model.train(before)


def _arguments(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    return (tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)), {}


def _said(
    model: nn.Module,
    weights: dict[str, Tensor],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> list[Tensor]:
    # Buffers are copied: a BatchNorm in training writes into them.
    buffers = {name: b.clone() for name, b in model.named_buffers()}
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        try:
            out = functional_call(model, weights | buffers, args, kwargs)
        except Exception as error:
            raise ValueError(
                f"inputs: the model can't be called with them: {error}. Pass what it "
                f"takes, a tensor, a tuple or a dict"
            ) from error
    return [x.double() for x in _tensors(out) if x.is_floating_point()]


def _tensors(out: Any) -> Iterator[Tensor]:
    if isinstance(out, Tensor):
        yield out
    elif isinstance(out, Mapping):
        for each in out.values():
            yield from _tensors(each)
    elif isinstance(out, (tuple, list)):
        for each in out:
            yield from _tensors(each)
