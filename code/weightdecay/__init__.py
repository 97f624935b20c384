"""Weight decay, derived, coded and measured: the module behind the book.

``groups(model, weight_decay)`` says which parameters decay, ``report(model, optimizer,
steps=...)`` what that will do and what is wrong, and ``watch(model, optimizer)`` notes
what it does. ``ask(optimizer)`` finds out which decay an optimizer does,
``convert(...)`` turns the ``weight_decay`` of one API into that of another. The rest is
in modules:

* ``updates`` holds the rules, ``directions`` what they share with rules without decay,
  ``settings`` says what each hyperparameter may be, and ``rule`` checks it.
* ``twins`` has the optimizers of PyTorch that the rules follow.
* ``paths`` walks a rule or an optimizer, ``sweep`` a rule or networks over a grid.
* ``networks`` makes small networks and ``examples`` what they train on. ``training``
  trains one, ``batched`` many at once; ``grids`` refuses what can't be trained, and
  ``keeping`` has the table of what came out, which ``heatmap`` draws. ``experiments``
  are sweeps that are too long for a cell, with their tables, and ``tuning`` has those
  that look for the best weight_decay; ``valleys`` finds it in one, how surely, and how
  flat it is there.
* ``scaling`` scales, trains and looks at networks with weights before normalisations,
  ``turning`` notes how far each step turns each matrix.
* ``problems`` gives them something to minimise, ``theory`` predicts where they end,
  ``dynamics`` what the steps on the way keep, and ``equilibrium`` how large a
  normalised matrix is in the end and by which angle steps turn it. ``shrinkage`` says
  what ridge keeps of a fit, ``prior`` which weight_decay is best if the weights to be
  found were drawn, ``shares`` which share of a weight a step takes, where that depends
  on the weight, ``stopping`` what a run keeps of a fit that is stopped early.
  ``double_descent`` says what a fit is worth where examples are about as many as
  weights.
* ``noise`` says which decay noise on the inputs amounts to. ``proximal`` has steps that
  minimise a penalty, ``sparsity`` says where an L1 penalty leads.
* ``factored`` says where decay takes a product of layers, ``kinks`` minimises with
  the penalties that it then amounts to.
* ``conventions`` says what each API means by weight_decay, ``conversion`` turns one
  into another, with what ``runs`` knows of the run.
* ``probe`` asks an optimizer: ``finding`` makes the ``subject`` that is asked,
  ``evidence`` and ``guesses`` look at its steps, ``by_hand`` tries a guess, ``answers``
  is what it says.
* ``grouping`` makes parameter groups. ``reporting`` makes ``reports`` of a run, from
  what ``asking`` an optimizer that was made tells, ``rates``, ``horizons`` and
  ``invariance``; ``faults`` and ``members`` say what is wrong. ``watching`` looks at a
  run. ``commands`` is the command line, which ``__main__`` starts.
* ``figures``, ``sliders`` and ``listing`` show: ``narrow`` draws a figure for a phone,
  ``moving`` finds what a slider moves. ``box`` is the figure on the book's cover.
* ``quoting`` hands results to the prose.
* ``tables`` reads what was measured, ``extras`` says what is not installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weightdecay.conversion import convert
    from weightdecay.grouping import groups
    from weightdecay.probe import ask
    from weightdecay.reporting import report
    from weightdecay.watching import watch

__all__ = ["ask", "convert", "groups", "report", "watch"]

_WHERE = {
    "ask": "probe",
    "convert": "conversion",
    "groups": "grouping",
    "report": "reporting",
    "watch": "watching",
}


def __getattr__(name: str) -> object:
    """Import what is asked for, so that a conversion doesn't wait for torch."""
    if name in _WHERE:
        return getattr(import_module(f"weightdecay.{_WHERE[name]}"), name)
    raise AttributeError(f"weightdecay has no {name!r}: it has {', '.join(__all__)}")
