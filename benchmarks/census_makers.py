"""Ways of making an optimizer that the census asks, from its class and own settings.

Each returns what :func:`weightdecay.probe.ask` calls with a list of parameters, lr and
weight_decay.
"""

import inspect
from functools import partial

import torch


def plainly(optimizer, own):
    """Make it of the parameters, under whatever names it has for lr and the other."""
    return partial(optimizer, **own)


def in_groups(optimizer, own):
    """Make it of a group that says whether Muon's rule steps it."""

    def make(params, **settings):
        muon = params[0].ndim == 2
        group = {"params": params, "use_muon": muon, **settings}
        return optimizer([group], **settings, **own)

    return make


def in_groups_alone(optimizer, own):
    """Make it of such a group, which has all the settings."""

    def make(params, **settings):
        muon = params[0].ndim == 2
        return optimizer([{"params": params, "use_muon": muon, **settings, **own}])

    return make


def grouped(optimizer, own):
    """Make it of a group that has its own settings."""
    return lambda params, **settings: optimizer([{"params": params, **own}], **settings)


def in_two(optimizer, own):
    """Make it of the matrices and of the others."""

    def make(params, **settings):
        two = [[p for p in params if (p.ndim == 2) == muon] for muon in (True, False)]
        return optimizer(*two, **settings, **own)

    return make


def in_training(optimizer, own):
    """Make it and tell it that the model is in training."""

    def make(params, **settings):
        made = optimizer(params, **settings, **own)
        made.train()
        return made

    return make


def of_a_model(optimizer, own):
    """Make it of a module."""
    return lambda params, **settings: optimizer(
        torch.nn.ParameterList(params), **settings, **own
    )


def of_named(optimizer, own):
    """Make it of pairs of a name and a parameter."""
    return lambda params, **settings: optimizer(
        [(f"layer.{k}", p) for k, p in enumerate(params)], **settings, **own
    )


def around_sgd(optimizer, own):
    """Put it around torch's SGD."""
    return lambda params, **settings: optimizer(
        torch.optim.SGD(params, **settings), **own
    )


def of_a_class(optimizer, own):
    """Make one of its kind of the class of torch's SGD."""
    return optimizer(torch.optim.SGD, **own)


def sampled(optimizer, own):
    """Make one that takes the gradient at a weight that it draws."""

    def make(params, **settings):
        made = optimizer(params, **settings, **own)
        step = made.step

        def sample_and_step():
            with made.sampled_params(train=True):
                pass
            step()

        made.step = sample_and_step
        return made

    return make


def configured(optimizer, own):
    """Make it with an object that has its settings."""
    config = type(inspect.signature(optimizer).parameters["config"].default)
    return lambda params, **settings: optimizer(params, config(**settings, **own))


def with_decay_object(optimizer, own):
    """Make it with an object that does the decay."""
    decay = type(inspect.signature(optimizer).parameters["weight_decay"].default)

    def make(params, lr, **settings):
        objects = {k: decay(v, **own) for k, v in settings.items()}
        return optimizer(params, lr=lr, **objects)

    return make


def twice_as_wide(optimizer, own):
    """Make it of parameters of a model that is twice as wide as its base."""
    from mup.infshape import InfDim, InfShape

    def make(params, **settings):
        for p in params:
            p.infshape = InfShape([InfDim(n / 2, n) for n in p.shape])
        return optimizer(params, **settings, **own)

    return make


MAKERS = {
    make.__name__: make
    for make in (
        plainly,
        in_groups,
        in_groups_alone,
        grouped,
        in_two,
        in_training,
        of_a_model,
        of_named,
        around_sgd,
        of_a_class,
        sampled,
        configured,
        with_decay_object,
        twice_as_wide,
    )
}
