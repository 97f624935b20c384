"""The package: what an import costs, what it says of itself, and its example."""

import doctest
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import weightdecay
from weightdecay import updates

FOLDER = Path(weightdecay.__file__).parent


def run(script):
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )


def test_the_docstring_of_the_package_names_all_its_modules():
    modules = [module.name for module in pkgutil.iter_modules([str(FOLDER)])]
    assert [m for m in modules if f"``{m}``" not in weightdecay.__doc__] == []


def test_the_package_gives_five_functions_and_says_what_else_it_has_not():
    assert weightdecay.ask is weightdecay.probe.ask
    for name in ("groups", "report", "watch"):
        assert getattr(weightdecay, name).__name__ == name
    assert weightdecay.convert(1, "torch.SGD", "torch.SGD") == 1
    with pytest.raises(
        AttributeError, match="has no 'asks': it has ask, convert, groups"
    ):
        weightdecay.asks  # noqa: B018


def test_a_conversion_needs_no_torch_and_a_walk_no_extra():
    done = run("""
import sys, weightdecay
weightdecay.convert(0.1, "torch.AdamW", "optax.adamw", lr=0.1)
assert "torch" not in sys.modules
from weightdecay import groups, report, watch
from weightdecay import probe, problems, sweep, theory, updates
for extra in ("sklearn", "matplotlib", "IPython", "pandas", "joblib", "typer"):
    assert extra not in sys.modules, extra
""")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("package", "use", "extra"),
    [
        ("matplotlib", "from weightdecay import figures", "plot"),
        ("IPython", "from weightdecay import quoting", "book"),
        ("sklearn", "from weightdecay import problems as p; p.breast_cancer()", "book"),
        ("mnist1d", "from weightdecay import examples as e; e.mnist1d(9)", "sweep"),
        (
            "pandas",
            "import torch; from weightdecay import keeping; "
            "keeping.Kept(None, [], {}).table()",
            "sweep",
        ),
    ],
)
def test_what_is_missing_is_said_with_the_command_that_brings_it(package, use, extra):
    missing = run(f"import sys; sys.modules['{package}'] = None; {use}")
    last = missing.stderr.splitlines()[-1]
    assert last.startswith(f"ModuleNotFoundError: {package}")
    assert last.endswith(f"is not installed: pip install 'weightdecay[{extra}]'")


def test_the_example_of_the_rules_trains_a_module():
    tried = doctest.testmod(updates)
    assert tried.attempted > 5 and tried.failed == 0


def test_types_are_shipped():
    assert (FOLDER / "py.typed").exists()
