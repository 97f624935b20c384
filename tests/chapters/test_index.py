"""The first page: what it says of every chapter holds for every chapter."""

import re

import pages
import pytest
import torch
from claims import ROOT, on

from weightdecay import paths

says = on("index")
PAGES = [p for p in ROOT.glob("book/*.md") if "{code-cell}" in p.read_text("utf8")]
CHAPTERS = [chapter.stem for chapter in pages.CHAPTERS]


@says(
    "Each chapter runs alone and links to what it takes from the others, so you can "
    "also start with the question that you have.",
    "A chapter opens with its answer, derives it, codes it, and compares it with",
)
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_has_all_parts_and_imports_no_other_chapter(chapter):
    source = (ROOT / f"book/{chapter}.md").read_text("utf8")
    opening = source.split("\n## ")[0]
    assert "{answer}" in opening or "\n## Question\n" in source  # before the mould
    places = [source.find(part) for part in ("$$ ", ":pyobject: ", "torch.optim")]
    assert -1 not in places and places[0] < places[1]
    cells = "".join(re.findall(r"```{code-cell}.*?```", source, flags=re.DOTALL))
    assert not re.findall(r"\bopen\(|read_text|%store|papermill|\.pkl|\.npy", cells)
    assert "from weightdecay" in cells
    others = [c for c in CHAPTERS if c != chapter]
    # The first chapter takes nothing, so it need not link before its summary.
    assert chapter == "sgd" or any(f"({c}.md)" in source for c in others)


@says("What the pages measure is checked as the book is built")
def test_every_chapter_asserts_in_its_cells():
    for page in PAGES:
        cells = re.findall(r"```{code-cell}.*?```", page.read_text("utf8"), flags=re.S)
        if page.stem in CHAPTERS:
            assert any(re.search(r"^ *assert ", c, flags=re.M) for c in cells), page


@says("[](sign_and_spectral.md): how large Lion and Muon let a weight get, and")
def test_the_chapter_on_signs_asks_how_large_a_weight_can_get():
    source = (ROOT / "book/sign_and_spectral.md").read_text("utf8")
    assert "How large can a weight get?" in source.split("## Derive")[0]


@says(
    "except those of other packages' optimizers, in [](conventions.md), "
    "[](probe.md), [](noise_and_sparsity.md) and [](census.md), and of many networks "
    "in [](sweeps.md), "
    "[](best_decay_in_a_network.md) and [](grokking.md): these were measured "
    "beforehand and stored."
)
def test_seven_pages_alone_read_what_was_measured_before():
    reads = re.compile(r"census\(\)|conventions\.measured\(\)|experiments\.table\(")
    stored = {p.stem for p in PAGES if reads.search(p.read_text("utf8"))}
    networks = {"sweeps", "best_decay_in_a_network", "grokking"}
    assert stored == networks | {"conventions", "probe", "census", "noise_and_sparsity"}
    # No other module has stored numbers to give.
    modules = (ROOT / "code/weightdecay").glob("*.py")
    readers = {p.stem for p in modules if ".csv" in p.read_text("utf8")}
    # The last one writes what a reader's run was seen to do.
    assert readers == {"conventions", "experiments", "probe", "watching"}


@says(
    "The same number in the same argument does two different things.",
    "Here their curves are one, because training has time to end.",
)
@pytest.mark.parametrize("minimum", [2.0, -3.0])
@pytest.mark.parametrize("curvature", [1.0, 4.0])
def test_the_order_of_the_ends_is_the_same_for_other_minima(minimum, curvature):
    lr = [0.1 * (1 - k / 800) for k in range(800)]
    loss = lambda w: curvature * (w - minimum) ** 2 / 2  # noqa: E731
    start = torch.tensor(0.0, dtype=torch.float64)
    for decay in (0.25, 4.0):
        settings = {"steps": 800, "lr": lr, "weight_decay": decay}
        sgd = paths.walk(torch.optim.SGD, loss, start, **settings)[-1]
        settings["betas"] = (0.9, 0.9)
        adam = paths.walk(torch.optim.Adam, loss, start, **settings)[-1]
        adamw = paths.walk(torch.optim.AdamW, loss, start, **settings)[-1]
        ridge = curvature * minimum / (curvature + decay)
        assert sgd.item() == pytest.approx(ridge, abs=1e-3)
        assert adam.item() == pytest.approx(ridge, abs=1e-3)
        edge = min(abs(minimum), 1 / decay)
        assert abs(adamw.item()) == pytest.approx(edge, abs=2e-2)


@says("In a short run they differ, as [](adam.md) shows.")
def test_in_a_short_and_noisy_run_sgd_and_adam_part():
    noise = torch.randn(400, 200, generator=torch.Generator().manual_seed(0)) * 100
    noise = torch.cat([noise, -noise], dim=1).double()
    noisy = [lambda w, kick=kick: ((w - 2) ** 2 / 2 + kick * w).sum() for kick in noise]
    exact = [lambda w: ((w - 2) ** 2 / 2).sum()] * 400
    # Curvature and decay leave nothing of the start to SGD, and much of it to Adam.
    lr = [0.1 * (1 - k / 400) for k in range(400)]
    settings = {"start": torch.zeros(400).double(), "steps": 400, "lr": lr}
    settings["weight_decay"] = 1.0
    more = {"betas": (0.9, 0.9)}
    ends = {
        (name, losses is noisy): walk[-1].mean().item()
        for losses in (exact, noisy)
        for name, walk in (
            ("sgd", paths.walk(torch.optim.SGD, losses, **settings)),
            ("adam", paths.walk(torch.optim.Adam, losses, **settings, **more)),
        )
    }
    assert ends["sgd", False] == pytest.approx(1, abs=1e-3)
    assert ends["adam", False] == pytest.approx(1, abs=1e-3)
    assert ends["sgd", True] == pytest.approx(1, abs=1e-3)
    assert ends["adam", True] < 0.7
