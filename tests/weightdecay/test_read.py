"""The census beside what was read in the sources, before anybody saw the answers."""

import ast
import csv
from pathlib import Path

import pytest

from weightdecay import probe

TABLE = Path(__file__).with_name("read.csv")
READ = list(csv.DictReader(TABLE.read_text("utf8").splitlines()))
# Where the two part, and why.
SCALED = (
    "the reading takes the lr that the optimizer stores, the probe that it was given"
)
CORRECTED = (
    "what is remembered is corrected for its start, so no one response is repeated"
)
DIRECTION = "its move depends on where a weight points; the probe asks how long it is"
MOVED = (
    "the weight that it remembers is one of its own: started elsewhere, it moves alike"
)
EXPLAINED = {
    "torch ASGD()": "its rate falls by less than a thousandth in these steps",
    "pytorch_optimizer AdamP()": DIRECTION,
    "timm AdamP()": DIRECTION,
    "pytorch_optimizer Adai(stable_weight_decay=True)": CORRECTED,
    "pytorch_optimizer ScheduleFreeAdamW()": CORRECTED,
    "schedulefree AdamWScheduleFree()": CORRECTED,
    "schedulefree RAdamScheduleFree()": CORRECTED,
    "pytorch_optimizer FOCUS()": MOVED,
    "pytorch_optimizer Ranger()": MOVED,
    "pytorch_optimizer GrokFastAdamW()": SCALED,
    "pytorch_optimizer MARS(weight_decouple=False)": "no rule, so none at first either",
    "pytorch_optimizer Prodigy(fixed_decay=True)": "its distance is measured on the "
    "decayed weight: for vectors a decay beside the step fits, before it does not",
    "pytorch_optimizer Tiger(weight_decouple=False)": "no sign is turned by 0.01 here",
    "timm Lamb(decoupled_decay=True)": "at weight_decay=0 its step is another one, so "
    "no decay by hand can repeat it",
    "lion-pytorch cautious_lion.Lion(cautious_wd=True)": "a weight that does not move "
    "does not decay, which is no rule that is tried",
    "ranger-adabelief RangerAdaBelief()": "no law that is tried repeats it, nor does a "
    "share for all elements",
    # The reading was wrong: the class takes adam_wd and its step never hands it on.
    "torch-optimi Adan(adam_wd=True)": "the argument is not handed on",
}


def key(row):
    """Return a row's package, optimizer and settings, however they are written."""
    call = ast.parse(f"f({row['setting']})", mode="eval").body
    settings = tuple(sorted((k.arg, ast.unparse(k.value)) for k in call.keywords))
    package = row["package"].lower().replace("_", "-").replace(".", "-")
    return package, row["optimizer"].rpartition(".")[2], settings


ASKED = {key(row): row for row in probe.census() if not row["refusal"]}
BOTH = [row for row in READ if key(row) in ASKED]


def differences(read):
    """Return in what the answer parts from the reading, as far as that goes."""
    asked, fields = ASKED[key(read)], ["place"]
    shrinks = read["place"] in ("weight", "either")
    if shrinks:
        fields += ["form", "times", "lr_power", "base_lr_power", "order"]
    if read["place"] == "gradient":
        fields += ["times"]
    if read["place"] != "none":
        fields += ["at_first", "vectors", "default", "decays_none", "hidden"]
    told = {**read, "hidden": {"yes": "0", "no": "other"}.get(read["hidden_zero"], "")}
    return {
        field: (told[field], asked[field])
        for field in fields
        if told[field] and not same(told[field], asked[field])
    }


def same(read, asked):
    words = {"yes": "True", "no": "False"}
    if read == "other":
        return asked != "0"
    try:
        return float(read) == pytest.approx(float(asked), rel=5e-3)
    except ValueError:
        return words.get(read, read) == asked


def name(row):
    return f"{row['package']} {row['optimizer']}({row['setting']})"


@pytest.mark.parametrize("read", BOTH, ids=name)
def test_what_was_asked_is_what_stands_in_the_source(read):
    assert bool(differences(read)) == (name(read) in EXPLAINED), differences(read)


def test_enough_was_read_and_all_of_it_is_located():
    assert len(BOTH) >= 200
    assert len({row["package"] for row in BOTH}) >= 20
    assert all(row["file"] and row["lines"] for row in READ)
    assert EXPLAINED.keys() <= {name(row) for row in BOTH}
