"""What formulas predict beside what was measured, and a factor 2 planted in each.

``benchmarks/measurements.py`` wrote the measurements; nothing is trained here.
"""

import ast
import copy
import importlib
import inspect
import json
from pathlib import Path

import pytest
import torch

ROWS = json.loads(Path(__file__).with_name("measurements.json").read_text("utf8"))
MODULES = [
    "theory",
    "dynamics",
    "equilibrium",
    "shrinkage",
    "prior",
    "shares",
    "stopping",
    "noise",
    "sparsity",
    "double_descent",
    "factored",
]
# These predict nothing by themselves: who calls them does.
TOOLS = {"theory.root"}
# Where a factor changes nothing, in the code's order: twice a function has the same
# root, a wider bracket holds it too, and an integral's ends lie where nothing is left.
BRACKET = [
    "torch.zeros_like(minimum + noise)", "minimum + noise", "minimum", "noise",
    "none", "none + 1", "none", "1",
]  # fmt: skip
HARMLESS = {
    "theory.root": ["torch.as_tensor(x, dtype=torch.float64)", "x", "low", "high"],
    "theory.momentum_roots": ["z"],  # in "if z.imag"
    "theory.adamw_mean": [
        "weight_decay * size * share * minimum.abs() - pull", *BRACKET,
    ],
    "theory.lion_mean": [
        "weight_decay * share * minimum.abs() - torch.erf(pull / spread)", *BRACKET,
    ],
    "theory.adam_mean_direction": [
        "1e-09 / squares.max()", "1e-09", "squares.max()", "squares",
        "40 / squares.min()", "40", "squares.min()", "squares",
        "high / low", "high", "low", "1",
        "low * beta2 ** (-steps.double())", "low", "beta2 ** (-steps.double())",
        "1 - beta2 ** 0.5", "1", "beta2 ** 0.5", "beta2", "0.5",
    ],
    "dynamics.kept_per_step": [  # the bound above which it refuses
        "(1 - math.sqrt(momentum)) ** 2", "1 - math.sqrt(momentum)", "1",
        "math.sqrt(momentum)",
    ],
    # The largest share that it takes, and how many steps its sum has.
    "equilibrium.sgd": ["2 * (1 + momentum)", "2", "1 + momentum", "1", "momentum"],
    "equilibrium.adamw": ["1"],
    "equilibrium.adamw_rms": ["1"],
    "equilibrium.adam_l2": ["1"],
    "equilibrium.lion": [
        "1", "math.ceil(40 / (1 - beta2))", "40 / (1 - beta2)", "40", "1 - beta2", "1",
    ],
    "dynamics.grokking_steps": ["floor", "floor"],  # above which a threshold must be
    "shares.cautious_part": ["-1", "1", "1"],  # between which rounding must stay
    "dynamics.update_shares": ["later"],  # whose dtype ones take
    "stopping.worst_ratio": [  # the same root, and a bracket that holds it
        "x.exp() - 1 - x - x ** 2", "3.0",
        "1 - left(x) ** steps - x * (1 + x) * left(x) ** (steps - 1)", "0.5",
    ],
    "sparsity.elastic_net": ["minimum"],  # whose sign it takes
    # Where an iteration begins and stops, and what stands where a value is lost.
    "factored.shrunk": [
        "torch.where(lost, 1.0, values ** (1 / factors))", "1.0",
        "values ** (1 / factors)", "values", "1 / factors", "1", "factors", "a",
        "1.0",
    ],
    "factored.watershed": ["torch.zeros_like(values)", "values", "a"],
}  # fmt: skip


def module(name):
    return importlib.import_module(f"weightdecay.{name}")


def formulas(name):
    """Return the functions of a module that hold a formula, helpers too."""
    own = vars(module(name)).values()
    functions = [x for x in own if inspect.isfunction(x)]
    return [f for f in functions if f.__module__ == f"weightdecay.{name}"]


def argument(coded):
    if isinstance(coded, dict):
        return torch.tensor(coded["tensor"], dtype=torch.float64)
    return tuple(coded) if isinstance(coded, list) and len(coded) == 2 else coded


def numbers(predicted):
    """Return what a function gave as one row of real numbers."""
    parts = predicted if isinstance(predicted, tuple) else (predicted,)
    rows = [[x.real, x.imag] if isinstance(x, complex) else x for x in parts]
    tensors = [torch.as_tensor(x, dtype=torch.float64) for x in rows]
    return torch.cat([x.reshape(-1) for x in tensors])


def off(row):
    """Return how far prediction and measurement are apart, in what may be."""
    home, function = row["function"].split(".")
    given = {key: argument(x) for key, x in row["arguments"].items()}
    predicted = numbers(getattr(module(home), function)(**given))
    measured = torch.tensor(row["measured"], dtype=torch.float64)
    # A part of each number; of the largest where others are rounding.
    size = measured.abs().clamp(min=1e-3 * measured.abs().max())
    return ((predicted - measured).abs() / size / row["within"]).max().item()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["function"])
def test_what_was_measured_is_what_the_formula_predicts(row):
    assert off(row) < 1


@pytest.mark.parametrize("name", MODULES)
def test_each_function_that_predicts_was_measured(name):
    public = {f"{name}.{f.__name__}" for f in formulas(name) if f.__name__[0] != "_"}
    assert public - TOOLS <= {row["function"] for row in ROWS}


class _Twice:
    """Double a number or a tensor of them, and remember whether it did."""

    def __init__(self):
        self.did = False

    def __call__(self, x):
        numeric = isinstance(x, (int, float, complex)) and not isinstance(x, bool)
        is_tensor = isinstance(x, torch.Tensor) and x.dtype != torch.bool
        if not (numeric or is_tensor):
            return x
        self.did = self.did or bool(is_tensor or x != 0)
        return 2 * x


class _Plant(ast.NodeTransformer):
    """Double the ``at``-th number of an expression in a function."""

    def __init__(self, at):
        self.at, self.count, self.planted = at, 0, None

    def visit_Expr(self, node):  # a check or a docstring
        return node

    def visit_arguments(self, node):
        return node

    def visit_AnnAssign(self, node):
        node.value = self.visit(node.value)
        return node

    def visit_Compare(self, node):  # which form is taken is not what comes out
        return node

    def visit_Subscript(self, node):
        return self.plant(node, lambda node: node)

    def visit_If(self, node):  # when an error is raised is not what is predicted
        raises = any(isinstance(x, ast.Raise) for x in node.body)
        return node if raises else self.generic_visit(node)

    def visit_FunctionDef(self, node):
        node.body = [self.visit(x) for x in node.body]
        return node

    def visit_For(self, node):
        node.body = [self.visit(x) for x in node.body]
        return node

    def visit_BinOp(self, node):
        return self.plant(node, self.generic_visit)

    visit_UnaryOp = visit_BinOp  # noqa: N815

    def visit_Call(self, node):
        def inside(node):
            node.args = [self.visit(x) for x in node.args]
            if isinstance(node.func, ast.Attribute):
                node.func.value = self.visit(node.func.value)
            return node

        return self.plant(node, inside)

    def visit_Name(self, node):
        return self.plant(node, lambda node: node)

    def visit_Constant(self, node):
        is_number = isinstance(node.value, (int, float))
        return self.plant(node, lambda node: node) if is_number else node

    def plant(self, node, inside):
        self.count += 1
        is_read = isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        if self.count - 1 == self.at and is_read:
            self.planted = ast.unparse(node)
            return ast.Call(ast.Name("twice", ast.Load()), [node], [])
        return inside(node)


def planted(name, function):
    """Yield what was doubled, and the function with the factor in that place."""
    tree = ast.parse(inspect.getsource(function))
    counter = _Plant(-1)
    counter.visit(copy.deepcopy(tree))
    for at in range(counter.count):
        plant = _Plant(at)
        changed = ast.fix_missing_locations(plant.visit(copy.deepcopy(tree)))
        if plant.planted is None:
            continue
        twice = _Twice()
        scope = {**vars(module(name)), "twice": twice}
        exec(compile(changed, f"<{function.__name__}>", "exec"), scope)
        yield plant.planted, scope[function.__name__], twice


def notices(row):
    try:
        return not off(row) < 1
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError):
        return True


CASES = [(name, f) for name in MODULES for f in formulas(name)]


@pytest.mark.parametrize(
    ("name", "function"), CASES, ids=lambda x: getattr(x, "__name__", x)
)
def test_a_factor_2_planted_in_a_formula_is_noticed(name, function, monkeypatch):
    survived, tried, own = [], 0, f"{name}.{function.__name__}"
    # Its own measurements first: they notice nearly all.
    rows = sorted(ROWS, key=lambda row: row["function"] != own)
    for what, changed, twice in planted(name, function):
        monkeypatch.setattr(module(name), function.__name__, changed)
        noticed = any(map(notices, rows))
        tried += twice.did
        if twice.did and not noticed:
            survived.append(what)
    assert tried > len(survived)
    assert survived == HARMLESS.get(own, [])
