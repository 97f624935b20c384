"""``python -m weightdecay``: the command line, also installed as ``weightdecay``."""

from weightdecay.extras import extra


def main() -> None:
    """Run the command line; say what to install where that is missing."""
    try:
        with extra("cli"):
            from weightdecay.commands import app
    except ModuleNotFoundError as missing:
        raise SystemExit(str(missing)) from None
    app(prog_name="weightdecay")


if __name__ == "__main__":
    main()
