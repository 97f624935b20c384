"""Small changes of a module: Cosmic Ray's, but for those that no run can show.

Left out are changes in annotations, in the texts of errors and in what only names a
type, and operators put for others that nobody would mistype.
"""

import ast
import difflib
import hashlib
from collections import Counter
from itertools import islice, zip_longest
from typing import NamedTuple

SEED = 0
# Of Cosmic Ray's replacements those that a person might mistype. Its others, such as
# << for +, raise at once, and would make the share of killed ones large and empty.
SWAPS = {
    "Add": ["Sub"], "Sub": ["Add"], "Mul": ["Div", "Pow"], "Div": ["Mul", "FloorDiv"],
    "FloorDiv": ["Div"], "Mod": ["Div"], "Pow": ["Mul"],
    "BitOr": ["BitAnd"], "BitAnd": ["BitOr"], "BitXor": ["BitOr"],
    "Eq": ["NotEq"], "NotEq": ["Eq"], "Is": ["IsNot"], "IsNot": ["Is"],
    "Lt": ["LtE", "GtE"], "LtE": ["Lt", "Gt"], "Gt": ["GtE", "LtE"],
    "GtE": ["Gt", "Lt"],
}  # fmt: skip


class Mutant(NamedTuple):
    """A changed module: its name, the line, the change as the table shows it, all."""

    module: str
    line: int
    change: str
    source: str


class Essence(ast.NodeTransformer):
    """Takes from code what no run can show: annotations and the texts of errors."""

    def visit_arg(self, node):
        """Take the annotation of an argument."""
        node.annotation = None
        return node

    def visit_FunctionDef(self, node):
        """Take the annotation of what a function returns."""
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node):
        """Take an annotation, and all of the name of a type."""
        if ast.unparse(node.annotation) == "TypeAlias":
            return ast.Pass()
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_Raise(self, node):
        """Take what is told, not what is raised."""
        if isinstance(node.exc, ast.Call):
            node.exc = node.exc.func
        return node


def essence(source):
    """Return what a run could show of code, or None if it does not compile."""
    try:
        compile(source, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return None
    return ast.dump(Essence().visit(ast.parse(source)))


def is_used(operator):
    """Return whether mutants are made by an operator, given by its name."""
    kind, _, swap = operator.partition("_")
    if kind in ("core/ReplaceBinaryOperator", "core/ReplaceComparisonOperator"):
        old, new = swap.split("_")
        return new in SWAPS.get(old, ())
    if kind == "core/ReplaceUnaryOperator":
        return swap.startswith("Delete")
    # These two need a name to put for another.
    return kind not in ("core/VariableReplacer", "core/VariableInserter")


def mutants(module, source):
    """Yield the mutants of a module that differ in what a run could show.

    Their order is drawn from the seed, the operator and the function: an edit in one
    function does not draw others of another.
    """
    # Its parts that parse come first: the others alone fail to load.
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.ast.ast_query import ASTQuery
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    nodes, places = [*ast_nodes(get_ast(source))], []
    for name in filter(is_used, operator_names()):
        operator, before = get_operator(name)(), Counter()
        found = [n for n in nodes for _ in operator.mutation_positions(n)]
        for occurrence, node in enumerate(found):
            function = ASTQuery(node).get_definition_name()
            before[function] += 1
            drawn = f"{SEED} {name} {function} {before[function]}"
            rank = hashlib.sha256(drawn.encode()).hexdigest()
            places.append((rank, occurrence, operator))
    seen = {None, essence(source)}
    for _, occurrence, operator in sorted(places, key=lambda place: place[:2]):
        mutated = mutate_code(source, operator, occurrence)
        shown = essence(mutated)
        if shown not in seen:
            seen.add(shown)
            yield Mutant(module, *changed(module, source, mutated), mutated)


def changed(module, source, mutated):
    """Return the first line that a mutant changes, and the change in one line."""
    old, new = source.splitlines(), mutated.splitlines()
    spans = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    start, end, begin, stop = next(s[1:] for s in spans if s[0] != "equal")
    # With a decorator go the empty lines above it.
    start += next((k for k, line in enumerate(old[start:end]) if line.strip()), 0)
    before, after = " ".join(old[start:end]), " ".join(new[begin:stop]) or "nothing"
    names = [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and (node.decorator_list or [node])[0].lineno <= start + 1 <= node.end_lineno
    ]
    words = f"{'.'.join([module, *names])}: {before} -> {after}".split()
    return start + 1, " ".join(words)


def sample(sources, size):
    """Return so many mutants of modules, as many of each while it has some.

    ``sources`` has the text of each module under its name.
    """
    rows = zip_longest(*(mutants(module, text) for module, text in sources.items()))
    return [*islice((mutant for row in rows for mutant in row if mutant), size)]
