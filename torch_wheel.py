"""Which wheel of torch pip would take, and a stand-in while the lock is compiled.

``python torch_wheel.py notice`` says, on Linux, what PyTorch's usual wheel costs,
unless pip would take a small one. ``python torch_wheel.py stand-in FOLDER`` writes an
empty wheel of the pinned torch that asks for what torch needs without CUDA: with it
`make lock` resolves no GPU package.
"""

import json
import platform
import re
import subprocess
import sys
import zipfile
from importlib.metadata import requires
from pathlib import Path

PINNED = re.search(
    r"^torch==([\d.]+)",
    Path(__file__).with_name("requirements.txt").read_text("utf8"),
    re.M,
)[1]
NOTICE = f"""\
PyTorch's usual wheel for Linux brings CUDA: several GB that the book does not use.
To do without, press Ctrl-C and give the address of PyTorch's index of CPU wheels, which
the install selector on pytorch.org shows when you choose CPU:
    make book TORCH_INDEX=address
Going on with torch {PINNED} as pip finds it."""


def taken():
    """Return the address of the wheel that pip would install, None if it has torch."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps"]
    command += ["--quiet", "--report", "-", f"torch=={PINNED}"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(run.stdout)["install"] if run.returncode == 0 else []
    return found[0]["download_info"]["url"] if found else None


def notice(system, wheel):
    """Return what to say before this wheel is installed on this system."""
    small = wheel is None or wheel.startswith("file:") or "cpu" in wheel
    return "" if system != "Linux" or small else NOTICE


def stand_in(folder):
    """Write an empty wheel of torch that sorts before every build of that version."""
    name, needs = f"torch-{PINNED}+lock", requires("torch") or []
    light = [n for n in needs if not re.match("nvidia|triton|cuda|pytorch-triton", n)]
    lines = ["Metadata-Version: 2.1", "Name: torch", f"Version: {PINNED}+lock"]
    lines += [f"Requires-Dist: {n}" for n in light if "extra ==" not in n]
    wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    path = Path(folder, f"{name}-py3-none-any.whl")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}.dist-info/METADATA", "\n".join(lines) + "\n")
        file.writestr(f"{name}.dist-info/WHEEL", wheel)
        file.writestr(f"{name}.dist-info/RECORD", "")
    return path


if __name__ == "__main__":
    if sys.argv[1:] == ["notice"]:
        print(notice(platform.system(), taken()), end="", flush=True)
    else:
        stand_in(sys.argv[2])
