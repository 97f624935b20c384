"""The figures say what they were given, twice the same, and leave no global trace."""

import gzip
import re
from base64 import b64decode
from io import BytesIO

import matplotlib as mpl
import torch
from matplotlib.image import imread

from weightdecay import figures, problems
from weightdecay.narrow import narrowed

CURVES = {"one": ([0, 1, 2], [0, 1, 2]), "two": ([0, 2, 4], [0, 2, 4])}
BOWL = problems.Quadratic(torch.ones(2).double(), torch.eye(2).double())


def compared():
    return figures.compare(CURVES, xlabel="step", ylabel="weight")


def shown(figure):
    return figure._repr_mimebundle_()


def test_a_figure_is_svg_on_the_page_and_pdf_in_print():
    bundle = shown(compared())
    assert bundle["image/svg+xml"].startswith("<svg")
    assert b64decode(bundle["application/pdf"]).startswith(b"%PDF")


def test_a_figure_is_an_opaque_picture_where_svg_is_refused():
    picture = imread(BytesIO(b64decode(shown(compared())["image/png"])))
    assert picture.shape[1] > 600 and (picture[0, 0] == 1).all()


def test_the_same_figure_gives_the_same_bytes():
    assert shown(compared()) == shown(compared())


def test_the_predicted_is_a_line_and_the_measured_are_markers_of_one_colour():
    predicted, measured = compared().axes[0].lines[1:3]
    assert (predicted.get_marker(), measured.get_linestyle()) == ("none", "None")
    assert predicted.get_color() == measured.get_color()


def test_no_two_curves_share_colour_line_style_or_marker():
    ax = compared().axes[0]
    first, second = ax.lines[0], ax.lines[3]
    for look in ("color", "linestyle", "marker"):
        assert first.properties()[look] != second.properties()[look]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["one", "two"]


def test_what_was_not_predicted_or_not_measured_is_not_compared():
    curves = {"measured": (None, [1, 2]), "predicted": ([1, 2], None)}
    ax = figures.compare(curves, xlabel="x", ylabel="y").axes[0]
    assert ax.lines[1].get_linestyle() == "None"
    assert ax.lines[3].get_marker() == "none" and len(ax.lines) == 4


def test_contours_hold_the_paths_the_curve_and_the_points():
    path = torch.tensor([[0.0, 0.0], [0.5, 0.25]])
    settings = {"curve": ("curve", 2 * path), "points": {"point": (1, 1)}}
    figure = figures.contours(
        BOWL, {"path": path}, xlim=(0, 2), ylim=(0, 2), **settings
    )
    lines = {x.get_label(): x.get_xydata().tolist() for x in figure.axes[0].lines}
    assert lines == {
        "path": path.tolist(),
        "curve": (2 * path).tolist(),
        "point": [[1.0, 1.0]],
    }


def test_drawing_leaves_the_settings_of_matplotlib_alone():
    before = dict(mpl.rcParams)
    shown(compared())
    assert dict(mpl.rcParams) == before


def test_the_page_can_set_each_colour_of_a_figure():
    svg = compared().svg()
    assert "var(--figure-0072b2, #0072b2)" in svg
    assert re.findall(r": ?#[0-9a-f]{6}", svg) == []


def test_a_figure_brings_no_style_which_would_hold_for_the_whole_page():
    saved = compared()._saved("svg", {"Date": None}).decode()
    assert saved.count("<style") == 1
    assert "*{stroke-linejoin: round; stroke-linecap: butt}" in saved
    assert "<style" not in compared().svg()
    # Inherited by all that is drawn; butt is what SVG does by itself.
    assert compared().svg().count('<svg stroke-linejoin="round"') == 2


def test_a_legend_that_a_cell_draws_has_no_frame_which_would_be_white_in_the_dark():
    figure, ax = figures.axes(xlabel="step", ylabel="weight")
    ax.plot([1, 2], label="a line")
    ax.legend()
    svg = figure.svg()
    assert "a line" in svg and "ffffff" not in svg


def test_two_figures_on_a_page_share_no_name_and_refer_to_their_own():
    other = figures.compare(CURVES, xlabel="step", ylabel="other")
    names = [set(re.findall(r'\bid="([^"]+)"', f.svg())) for f in (compared(), other)]
    assert not names[0] & names[1]
    for figure, known in zip((compared(), other), names, strict=True):
        referred = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', figure.svg())
        assert referred and {a or b for a, b in referred} <= known


def test_text_in_a_figure_is_text():
    assert ">weight</text>" in compared().svg()


def test_thousands_of_marks_are_an_image_and_weigh_little():
    noise = torch.randn(20_000, generator=torch.Generator().manual_seed(0)).cumsum(0)
    curves = {"walk": (None, noise)}
    dense = figures.compare(curves, xlabel="x", ylabel="y", markers=None).svg()
    # In the drawing for a phone, too.
    assert dense.count("<image") == 2 and ">x</text>" in dense
    assert len(gzip.compress(dense.encode())) < 120_000
    few = figures.compare(curves, xlabel="x", ylabel="y", markers=20).svg()
    assert "<image" not in few


def test_a_number_in_a_label_keeps_its_digits_and_a_place_loses_them():
    figure = figures.compare({"0.123456": ([1], [1])}, xlabel="1.00001", ylabel="y")
    assert ">0.123456</text>" in figure.svg() and ">1.00001</text>" in figure.svg()
    assert re.findall(r' (?:d|x|y)="[^"]*\.\d{3}', figure.svg()) == []


def test_panels_are_drawn_side_by_side_and_afterwards_figures_stand_alone():
    one = figures.panels([compared, compared], ["left", "right"])
    assert [ax.get_title(loc="left") for ax in one.axes] == ["left", "right"]
    assert len(one.legends) == 1 and one.axes[0].get_legend() is None
    assert type(compared()) is figures.BookFigure


def two_below_each_other():
    looks = {"xlabel": "x", "ylabel": "above"}, {"xlabel": "x", "ylabel": "below"}
    figure, below = figures.stacked(*looks)
    for ax in below:
        ax.plot([1, 2], label="line")
    below[0].legend()
    return figure


def test_axes_below_each_other_keep_their_height_on_a_phone_and_side_by_side():
    def height(figure):
        return figure.get_window_extent().height

    one, side = two_below_each_other(), figures.panels([compared] * 2, ["a", "b"])
    assert [ax.get_ylabel() for ax in one.axes] == ["above", "below"]
    with narrowed(one), narrowed(alone := compared()):
        assert height(one) > 1.7 * height(alone)
    pairs = figures.panels([two_below_each_other] * 2, ["left", "right"])
    assert height(pairs) > 1.7 * height(side)
    assert [ax.get_title(loc="left") for ax in pairs.axes] == ["left", "", "right", ""]
