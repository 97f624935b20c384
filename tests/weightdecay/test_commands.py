"""The command line: what it prints, as text and as JSON, and how it refuses."""

import json
import subprocess
import sys

import pytest

from weightdecay.conversion import approximate, convert
from weightdecay.horizons import horizon


def said(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "weightdecay", *arguments],
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


def answered(*arguments):
    code, out, err = said(*arguments)
    assert code == 0 and err == "", err
    return out


def test_help_names_each_command_and_the_exit_codes():
    text = answered("--help")
    for words in (
        "probe",
        "convert",
        "horizon",
        "apis",
        "Exit codes: 0",
        "weightdecay",
    ):
        assert words in text
    for command in ("probe", "convert", "horizon"):
        assert "--json" in answered(command, "--help")


RUN = ("--lr", "1e-3", "--weight-decay", "0.1", "--steps", "10000")


def test_a_horizon_is_the_library_s():
    how = ("--schedule", "cosine", "--dtype", "bfloat16")
    told = horizon(1e-3, 0.1, 10000, "cosine", "bfloat16")
    assert answered("horizon", *RUN, *how) == f"{told}\n"
    assert json.loads(answered("horizon", *RUN, *how, "--json")) == told.as_dict()


def test_a_conversion_is_the_library_s():
    asked = ("convert", "0.01", "keras.AdamW", "optax.adamw", "--lr", "0.001")
    number = convert(0.01, "keras.AdamW", "optax.adamw", lr=0.001, multipliers=[1.0])
    assert float(answered(*asked, "--schedule", "constant")) == number
    found = json.loads(answered(*asked, "--schedule", "constant", "--json"))
    assert found == {"weight_decay": number}
    asked = ("convert", "0.01", "keras.SGD", "torch.SGD", "--momentum", "0.9")
    more = ("--lr", "0.1", "--schedule", "constant", "--steps", "50")
    more += ("--dampening", "0", "--near", "--json")
    start = approximate(
        0.01, "keras.SGD", "torch.SGD",
        lr=0.1, momentum=0.9, multipliers=[1.0] * 50, dampening=0.0, steps=50,
    )  # fmt: skip
    assert json.loads(answered(*asked, *more)) == start._asdict()
    assert "torch.AdamW\n" in answered("apis")


def test_an_optimizer_is_asked_with_its_settings():
    assert "A step keeps" in answered("probe", "torch.optim.AdamW")
    sgd = ("probe", "torch.optim.SGD", "--set", "momentum=0.9", "--json")
    answer = json.loads(answered(*sgd))
    assert answer["place"] == "gradient" and answer["remembers"]
    alone = json.loads(answered("probe", "torch.optim.SGD", "--json"))
    assert alone["place"] == "either" and alone["kept"] == "1 - lr * weight_decay"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("probe", "AdamW"), 1, "give the whole path, such as torch.optim.AdamW"),
        (("probe", "torch.optim.Adamw"), 1, "torch.optim has no Adamw"),
        (("probe", "nothing.Here"), 1, "Is the package installed?"),
        (("probe", "torch.pi"), 1, "torch.pi is no class or function"),
        (("probe", "torch.optim.AdamW", "--set", "momentum=0.9"), 1,
         "takes no momentum. It takes lr, betas"),
        (("probe", "torch.optim.SGD", "--set", "momentum"), 1,
         "--set momentum: write it as name=value"),
        (("convert", "-1", "torch.SGD", "torch.SGD"), 2, "No such option"),
        (("convert", "nan", "torch.SGD", "torch.SGD"), 1, "weight_decay must be"),
        (("convert", "0.1", "torch.Sgd", "torch.SGD"), 1, "no API 'torch.Sgd' here"),
        (("convert", "0.01", "keras.SGD", "torch.SGD", "--momentum", "0.9"), 1,
         "Pass --schedule constant"),
        (("horizon", *RUN[:-1], "0"), 1, "steps must be"),
        (("horizon", *RUN[:-1], "many"), 2, "--steps"),
        (("horizon", *RUN, "--schedule", "cosin"), 1, "one of constant, linear"),
        (("horizon", "--lr", "1", "--weight-decay", "2", "--steps", "3"), 1,
         "must be below 1, got 2"),
        ((), 2, "Usage"),
        (("horizons",), 2, "horizon"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_do_and_exits_with_its_code(arguments, code, message):
    found, out, err = said(*arguments)
    assert found == code and message in out + err, out + err
    assert "Traceback" not in err


def test_where_typer_is_missing_the_extra_is_named():
    script = "import sys; sys.modules['typer'] = None; import weightdecay.__main__ as m"
    done = subprocess.run(
        [sys.executable, "-c", f"{script}; m.main()"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == "typer is not installed: pip install 'weightdecay[cli]'\n"
