"""What an answer says, word by word."""

import dataclasses

import pytest

from weightdecay.answers import Answer

WEIGHT = Answer("weight", default=0.0)
SHAPES = (((3,), "alike"), ((4, 5, 6), "otherwise"), ((), "refused"))


def lines(answer):
    return dict(answer._lines())


def test_an_answer_claims_nothing_that_was_not_found():
    defaults = {f.name: f.default for f in dataclasses.fields(Answer)}
    assert defaults | {"place": None} == {
        "place": None, "takes": True, "form": "1 - {x}", "times": 1.0, "lr_power": 1,
        "base_lr_power": 0, "lag": 0, "order": "before", "shares": (), "at_first": True,
        "remembers": False, "rescales": False, "decays_none": False,
        "decays_none_later": False, "first_zero_keeps": 1.0, "formula_keeps": None,
        "shift_left": 1.0, "errors": (), "shape": (), "shapes": (), "asked": "",
        "default": None, "hidden": 0.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"place": "none"}, "is none: weight_decay is taken and not used"),
        (
            {"place": "none", "takes": False},
            "is none: weight_decay is no argument of it",
        ),
        (
            {"place": "none", "asked": "bfloat16, lr 0.1"},
            "is none: weight_decay is taken and not used, or lost in rounding",
        ),
        ({"place": "weight", "order": "after"}, "shrinks the weight after it moved"),
        (
            {"place": "weight", "order": "beside"},
            "shrinks the weight, beside a move that starts from the whole",
        ),
        (
            {"place": "weight", "order": "cautious"},
            "shrinks the weight where the move shrinks it",
        ),
        (
            {"place": "weight", "order": "gated", "at_first": False},
            "shrinks the weight where the gradient shrinks it, and not yet in the "
            "first steps",
        ),
        ({"place": "weight", "times": -1.0}, "makes grow the weight before it moves"),
        (
            {"place": "gradient", "times": 3.0},
            "goes through the gradient: 3 * weight_decay * w is added to it",
        ),
        (
            {"place": "gradient", "remembers": True},
            "goes through the gradient: weight_decay * w is added to it, before its "
            "momentum",
        ),
        (
            {"place": "gradient", "rescales": True},
            "goes through the gradient: weight_decay * w is added to it, before its "
            "preconditioner",
        ),
        (
            {"place": "gradient", "rescales": True, "remembers": True},
            "goes through the gradient: weight_decay * w is added to it, before its "
            "preconditioner and all that it remembers",
        ),
        (
            {"place": "either"},
            "goes through the gradient or shrinks the weight, which is one rule here",
        ),
        (
            {"place": "memory"},
            "goes into what later steps remember, and not through the gradient",
        ),
        (
            {"place": "varying", "shares": (0.5, 0.125, 0.25)},
            "shrinks the weight before it moves, by a share that varies: here from "
            "0.125 to 0.5",
        ),
        ({"place": "other"}, "is of a kind that no rule tried here repeats"),
    ],
)
def test_the_first_line_says_where_the_decay_enters(fields, says):
    assert lines(Answer(**fields))["Decay"] == says


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({}, "1 - lr * weight_decay"),
        ({"times": 2.0, "form": "(1 - {x})^2"}, "(1 - 2 * lr * weight_decay)^2"),
        ({"times": 0.33333}, "1 - 0.3333 * lr * weight_decay"),
        ({"times": -1.0}, "1 + lr * weight_decay"),
        ({"times": -1.0, "form": "exp(-{x})"}, "exp(lr * weight_decay)"),
        ({"times": -2.0, "form": "1 / (1 + {x})"}, "1 / (1 - 2 * lr * weight_decay)"),
        ({"lag": 1}, "1 - previous_lr * weight_decay"),
        ({"lr_power": 0}, "1 - weight_decay"),
        (
            {"lr_power": 2, "base_lr_power": -1},
            "1 - base_lr^-1 * lr^2 * weight_decay",
        ),
        ({"lr_power": 0, "base_lr_power": 1}, "1 - base_lr * weight_decay"),
    ],
)
def test_what_a_step_keeps_is_a_formula(fields, kept):
    assert Answer("weight", **fields).kept == kept
    assert lines(Answer("either", **fields))["A step keeps"] == kept
    assert lines(Answer("memory", **fields))["The step itself keeps"] == kept
    for place in ("none", "gradient", "varying", "other"):
        assert Answer(place, **fields).kept is None


@pytest.mark.parametrize(
    ("fields", "label", "says"),
    [
        ({"first_zero_keeps": 0.97}, "A first gradient of zero", "leaves 0.97 of 1"),
        (
            {"first_zero_keeps": 0.99999},
            "A first gradient of zero",
            "leaves 1 - 1e-05 of 1",
        ),
        ({"first_zero_keeps": 1.0}, "A first gradient of zero", "leaves 1 of 1"),
        (
            {"first_zero_keeps": 1.0, "formula_keeps": 0.97},
            "A first gradient of zero",
            "leaves 1 of 1, where the formula says 0.97",
        ),
        ({}, "A gradient of None", "leaves it alone"),
        (
            {"decays_none": True, "decays_none_later": True},
            "A gradient of None",
            "decays it",
        ),
        (
            {"decays_none_later": True},
            "A gradient of None",
            "leaves it alone at first, decays it later",
        ),
        ({"decays_none": None}, "A gradient of None", "leaves it alone"),
        (
            {"shift_left": 0.25},
            "What it took",
            "is given back: 0.25 of it is left thirteen steps later",
        ),
        (
            {"errors": ("a gradient of zero gives NaN",)},
            "A gradient of zero",
            "gives NaN",
        ),
        (
            {"errors": ("a gradient of None raises KeyError",), "decays_none": None}
            | {"decays_none_later": None},
            "A gradient of None",
            "raises KeyError",
        ),
        ({"default": 0.01}, "The default", "is 0.01"),
        ({"default": None}, "The default", "is unknown"),
        (
            {"hidden": 0.02},
            "Without weight_decay",
            "a step still loses 0.02 * lr of the weight",
        ),
        (
            {"hidden": None},
            "Without weight_decay",
            "a move depends on the weight, too",
        ),
        ({"shapes": SHAPES}, "A vector", "decays alike"),
        ({"shapes": SHAPES}, "Shape (4, 5, 6)", "decays otherwise"),
        ({"shapes": SHAPES}, "Shape ()", "is refused"),
    ],
)
def test_each_line_says_one_thing(fields, label, says):
    assert lines(dataclasses.replace(WEIGHT, **fields))[label] == says


def test_what_was_not_found_has_no_line():
    assert list(lines(WEIGHT)) == [
        "Decay", "A step keeps", "A first gradient of zero", "A gradient of None",
        "The default",
    ]  # fmt: skip
    assert list(lines(Answer("none"))) == ["Decay"]
    assert list(lines(Answer("none", shapes=SHAPES))) == [
        "Decay", "Shape (4, 5, 6)", "Shape ()",
    ]  # fmt: skip
    silent = {"decays_none": None, "decays_none_later": None, "first_zero_keeps": None}
    assert "A gradient of None" not in lines(Answer("other", **silent))
    assert "A first gradient of zero" not in lines(Answer("other", **silent))
    near = dataclasses.replace(WEIGHT, shift_left=1.0005)
    assert lines(near) == lines(WEIGHT)
    assert lines(dataclasses.replace(WEIGHT, shift_left=None)) == lines(WEIGHT)


def test_it_says_what_was_asked_and_leaves_out_what_was_refused():
    asked = dataclasses.replace(WEIGHT, shape=(3, 2), shapes=SHAPES, asked="float64")
    label, words = str(asked).splitlines()[-1].split(maxsplit=1)
    assert label == "Asked" and words == "with (3, 2) and (3,) and (4, 5, 6), float64"
    assert "Asked" not in asked.sentence()
    assert len({line.find("  ") for line in str(WEIGHT).splitlines()}) > 1
    columns = {len(line) - len(line.partition("  ")[2].lstrip()) for line in
               str(WEIGHT).splitlines()}  # fmt: skip
    assert len(columns) == 1


@pytest.mark.parametrize(
    ("shape", "shapes", "vectors"),
    [
        ((3, 2), (((3,), "not decayed"),), "not decayed"),
        ((3, 2), (((4, 4), "otherwise"), ((3,), "refused")), "refused"),
        ((3,), (((3, 2), "refused"),), "only"),
        ((3,), (((3, 2), "alike"),), "alike"),
        ((3, 2), (), "alike"),
    ],
)
def test_vectors_are_what_the_first_vector_is(shape, shapes, vectors):
    assert Answer("weight", shape=shape, shapes=shapes).vectors == vectors


def test_the_shares_of_two_runs_need_not_be_the_same_for_the_same_answer():
    assert Answer("varying", shares=(0.1,)) == Answer("varying", shares=(0.2,))


def test_the_sentence_begins_each_line_with_a_small_letter():
    answer = Answer("weight", default=0.5, first_zero_keeps=0.97)
    assert answer.sentence() == (
        "Decay shrinks the weight before it moves; a step keeps 1 - lr * weight_decay; "
        "a first gradient of zero leaves 0.97 of 1; a gradient of None leaves it "
        "alone; the default is 0.5."
    )
