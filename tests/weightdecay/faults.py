"""Faults in the decay of a rule, each to be planted in any rule."""

from weightdecay import updates

RULES = [
    rule
    for rule in vars(updates).values()
    if getattr(rule, "__module__", None) == updates.__name__
]
L2 = {rule for rule in RULES if rule.__name__.endswith("_l2")}
# Their decay is another than 1 - lr weight_decay for every weight.
SPECIAL = {updates.adamw_paper, updates.adamw_corrected, updates.adamw_cautious}


def twice(rule):
    """Decay with twice the weight_decay."""

    def broken(w, g, state, *, weight_decay, **settings):
        return rule(w, g, state, weight_decay=2 * weight_decay, **settings)

    return broken


def l2_for_decay(rule):
    """Add decay to the gradient."""

    def broken(w, g, state, *, weight_decay, **settings):
        g = None if g is None else g + weight_decay * w
        return rule(w, g, state, weight_decay=0, **settings)

    return broken


def decay_for_l2(rule):
    """Decay beside the step, by lr times weight_decay."""

    def broken(w, g, state, *, lr, weight_decay, **settings):
        stepped, state = rule(w, g, state, lr=lr, weight_decay=0, **settings)
        return (w if g is None else stepped - lr * weight_decay * w), state

    return broken


def not_times_lr(rule):
    """Leave lr out of the decay."""

    def broken(w, g, state, *, lr, weight_decay, **settings):
        return rule(w, g, state, lr=lr, weight_decay=weight_decay / lr, **settings)

    return broken


def times_the_first_lr(rule):
    """Decay by the lr that the schedule began with."""

    def broken(w, g, state, *, lr, weight_decay, **settings):
        first, state = state or (lr, None)
        settings |= {"lr": lr, "weight_decay": weight_decay * first / lr}
        w, state = rule(w, g, state, **settings)
        return w, (first, state)

    return broken


def after_the_step(rule):
    """Decay what the step has left, not what it was given."""

    def broken(w, g, state, *, lr, weight_decay, **settings):
        settings |= {"lr": lr}
        decayed, _ = rule(w, g, state, weight_decay=weight_decay, **settings)
        stepped, state = rule(w, g, state, weight_decay=0, **settings)
        # The share of the old weight that the rule takes, off the new one.
        share = lr * weight_decay if rule in L2 else (stepped - decayed) / w
        return (w if g is None else (1 - share) * stepped), state

    return broken


def not_in_one_dimension(rule):
    """Spare biases and the like."""

    def broken(w, g, state, *, weight_decay, **settings):
        weight_decay = 0 if w.ndim <= 1 else weight_decay
        return rule(w, g, state, weight_decay=weight_decay, **settings)

    return broken


def without_a_gradient(rule):
    """Decay a weight that got no gradient, too."""

    def broken(w, g, state, *, lr, weight_decay, **settings):
        if g is None:
            return (1 - lr * weight_decay) * w, state
        return rule(w, g, state, lr=lr, weight_decay=weight_decay, **settings)

    return broken


# Each fault, and for which rules it is none.
FAULTS = {
    twice: set(),
    # It is what these do; and for plain SGD the two are one.
    l2_for_decay: L2 | {updates.sgd_decoupled},
    decay_for_l2: {*RULES} - SPECIAL - L2 | {updates.sgd_l2},
    not_times_lr: set(),
    times_the_first_lr: set(),
    after_the_step: set(),
    not_in_one_dimension: {updates.muon},  # steps nothing but matrices
    without_a_gradient: set(),
}
