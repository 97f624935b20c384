"""The table of mutants: which are made, what is said of them, and when it fails."""

import json
import sys

import mutants
import pytest
from mutations import Mutant, changed, essence, sample
from waiting import LONG

CODE = '''\
"""A module."""


def half(x: int | None, y: float = 2) -> float:
    """Return a half."""
    if x == 7:
        raise ValueError(f"not {x + 1}")
    return x / y


def count(n):
    """Count down."""
    while n > 0:
        n = n - 1
    return n
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [("int | None", "int & None"), ("-> float", "-> int"), ("{x + 1}", "{x - 1}")],
)
def test_what_no_run_can_show_makes_no_mutant(old, new):
    assert old in CODE
    assert essence(CODE.replace(old, new)) == essence(CODE)


@pytest.mark.parametrize(
    ("old", "new"), [("x / y", "x * y"), ("== 7", "== 8"), ("= 2)", "= 3)")]
)
def test_what_a_run_can_show_makes_one(old, new):
    assert essence(CODE.replace(old, new)) != essence(CODE)


def test_what_does_not_compile_makes_none():
    assert essence(CODE.replace("x / y", "x +/ y")) is None


def test_a_change_is_told_by_its_line_its_function_and_the_line_before_and_after():
    mutated = CODE.replace("x / y", "x *  y")
    wanted = (8, "m.half: return x / y -> return x * y")
    assert changed("m", CODE, mutated) == wanted
    code = "import a\n\n\n@cache\ndef b(): ...\n"
    wanted = (4, "m.b: @cache -> nothing")
    assert changed("m", code, code.replace("\n\n\n@cache", "\n")) == wanted


def test_the_sample_is_the_same_each_time_and_takes_as_much_of_each_module():
    pytest.importorskip("cosmic_ray", reason="`make mutants` installs it")
    drawn = sample({"a": CODE, "b": CODE}, 10)
    assert drawn == sample({"a": CODE, "b": CODE}, 10)
    assert [mutant.module for mutant in drawn] == ["a", "b"] * 5
    sources = [mutant.source for mutant in sample({"a": CODE}, 100)]
    assert len(set(sources)) == len(sources) > 10
    # Each line that does something, and no other.
    lines = {mutant.line for mutant in sample({"a": CODE}, 100)}
    assert lines == {4, 6, 8, 13, 14}


def test_an_edit_of_one_function_draws_no_other_mutants_of_another():
    pytest.importorskip("cosmic_ray", reason="`make mutants` installs it")
    edited = CODE.replace("    n = n - 1", "    n = n - 1 - 0")

    def of_half(source):
        changes = [mutant.change for mutant in sample({"a": source}, 100)]
        return [change for change in changes if change.startswith("a.half")]

    assert of_half(CODE) == of_half(edited) != []


TRIED = [
    (Mutant("a", 3, "a: x < 1 -> x <= 1", ""), "survived"),
    (Mutant("a", 4, "a: x | y -> x & y", ""), "survived"),
    *[(Mutant("b", n, f"b: {n}", ""), "killed") for n in range(17)],
    (Mutant("b", 18, "b: 18", ""), "timed out"),
]


def test_the_table_counts_the_stopped_as_killed_and_asks_for_reasons():
    shown = mutants.table(TRIED, {"a: x < 1 -> x <= 1": "x is never 1"}).splitlines()
    assert "| a | 2 | 0 | 0 | 2 |" in shown
    assert "| b | 18 | 18 | 1 | 0 |" in shown
    assert "90.0% are killed. What survived:" in shown
    assert "| 3 | `a: x < 1 -> x <= 1` | x is never 1 |" in shown
    assert (
        r"| 4 | `a: x \| y -> x & y` | **no reason yet: a test is missing** |" in shown
    )
    assert mutants.share(TRIED) == 0.9


def test_every_reason_is_one_of_a_change():
    for change, reason in mutants.reasons().items():
        assert change.split(".")[0].split(":")[0] in mutants.MODULES
        assert " -> " in change and reason.endswith(".")


def test_every_module_has_tests_that_exist():
    for module, files in mutants.MODULES.items():
        assert (mutants.ROOT / mutants.CODE / f"{module}.py").exists()
        assert files and all((mutants.ROOT / mutants.TESTS / f).exists() for f in files)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Return the root of a module with its tests, of which mutants are tried."""
    for folder in ("code/tiny", "tests/tiny"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "code/tiny/m.py").write_text(CODE)
    (tmp_path / "tests/tiny/test_m.py").write_text(
        "from tiny.m import count, half\n"
        "def test_both():\n"
        "    assert half(6) == 3 and count(2) == 0\n"
    )
    settings = {"ROOT": tmp_path, "WORK": tmp_path / "_build", "TIMES": 0, "MORE": LONG}
    settings |= {"CODE": mutants.Path("code/tiny"), "TESTS": mutants.Path("tests/tiny")}
    settings |= {"MODULES": {"m": ("test_m.py",)}, "HEAVY": (), "WORKERS": 2}
    for name, value in settings.items():
        monkeypatch.setattr(mutants, name, value)
    return tmp_path


def test_each_mutant_meets_the_tests_and_the_code_stays_as_it_was(tiny):
    changes = {
        ("x / y", "x * y"): "killed",
        ("== 7", "== 8"): "survived",
        ("def half", "def third"): "killed",
    }
    jobs = {Mutant("m", 1, "", CODE.replace(*change)): change for change in changes}
    said = {jobs[mutant]: said for mutant, said in mutants.outcomes(jobs)}
    assert said == changes
    assert (tiny / "code/tiny/m.py").read_text() == CODE


def test_a_mutant_that_never_ends_is_stopped(tiny, monkeypatch):
    monkeypatch.setattr(mutants, "MORE", 2)
    loop = Mutant("m", 1, "", CODE.replace("n = n - 1", "n = n + 0"))
    assert list(mutants.outcomes([loop])) == [(loop, "timed out")]


def test_tests_that_fail_without_a_mutant_are_told(tiny):
    (tiny / "code/tiny/m.py").write_text(CODE.replace("x / y", "x * y"))
    with pytest.raises(SystemExit, match=r"(?s)test_m.*fail without.*assert half"):
        list(mutants.outcomes([Mutant("m", 1, "", CODE)]))


def test_a_second_run_tries_what_the_first_has_not_and_fails_below_the_share(
    tiny, monkeypatch, capsys
):
    drawn = [Mutant("m", 6, "m: 7 -> 8", CODE.replace("== 7", "== 8"))]
    monkeypatch.setattr(mutants, "sample", lambda sources, size: drawn)
    monkeypatch.setattr(mutants, "version", lambda name: "1.2")
    monkeypatch.setattr(mutants, "reasons", dict)
    monkeypatch.setattr(sys, "argv", ["mutants", "--table", str(tiny / "table.md")])
    for left in (1, 0):
        with pytest.raises(SystemExit, match=r"Only 0\.0% are killed, fewer than 90%"):
            mutants.main()
        assert f"1 mutants, {left} of them to be tried" in capsys.readouterr().out
        assert "no reason yet" in (tiny / "table.md").read_text()
    assert [*json.loads((tiny / "_build/results.json").read_text()).values()]
    # Another test may see what this one did not.
    (tiny / "tests/tiny/test_m.py").write_text(
        "import pytest\nfrom tiny.m import half\n"
        "def test_seven():\n    pytest.raises(ValueError, half, 7)\n"
    )
    mutants.main()
    assert "1 of them to be tried" in capsys.readouterr().out
