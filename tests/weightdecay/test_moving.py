"""Lines that move: their points, as drawn, and nothing else may differ."""

import gzip
import json

import pytest
import torch
from letters import points_of

from weightdecay import figures
from weightdecay.moving import SIDE, moving, name_lines


def drawn(y, **settings):
    curves = {"still": ([0, 1, 2], None), "path": (None, y)}
    look = {"xlabel": "step", "ylabel": "weight", "xlim": (0, 4), "ylim": (0, 2)}
    return figures.compare(curves, markers=None, **look | settings)


def test_points_are_where_the_line_has_them_to_a_part_of_its_axes():
    ys = [[0, 0.5, 1.9], [0.3, 0.7, 1.1]]
    (path,) = moving(map(drawn, ys))
    for frame, y in zip(path["frames"], ys, strict=True):
        expected = [(k / 4, value / 2) for k, value in enumerate(y)]
        for there, here in zip(points_of(path["ways"][frame]), expected, strict=True):
            assert there == pytest.approx(here, abs=0.51 / SIDE)


def test_on_a_logarithmic_axis_a_point_is_where_its_logarithm_is():
    log = {"yscale": "log", "ylim": (0.01, 1)}
    path = moving(drawn([value, 1, 1], **log) for value in (0.1, 0.2))[-1]
    assert points_of(path["ways"][0])[0] == pytest.approx((0, 0.5), abs=1 / SIDE)


def test_a_line_that_stays_is_left_out_and_a_way_that_comes_again_is_kept_once():
    (path,) = moving(drawn([value, 1, 1]) for value in (0.1, 0.2, 0.1))
    assert (path["frames"], len(path["ways"])) == ([0, 1, 0], 2)
    figure = drawn([0.1, 1, 1])
    name_lines(figure, [path["line"]])
    assert figure.svg("s").count('id="s-line-') == 1
    assert figure.axes[0].lines[path["line"]].get_ydata()[0] == 0.1


def test_what_runs_away_keeps_its_direction():
    (path,) = moving([drawn([1, 1, 1]), drawn([1, 1e9, 1])])
    x, y = points_of(path["ways"][1])[1]
    assert y > 900 and abs(x - 0.5) < 0.01


@pytest.mark.parametrize(
    "other",
    [{"ylim": (0, 3)}, {"xlabel": "k"}, {"yscale": "symlog"}],
    ids=["limits", "words", "scale"],
)
def test_figures_that_differ_in_more_than_their_lines_are_refused(other):
    with pytest.raises(ValueError, match="differ only in where lines lie"):
        moving([drawn([0, 1, 2]), drawn([0, 1, 2], **other)])


def test_a_point_that_is_nowhere_is_refused():
    with pytest.raises(ValueError, match="has a point that is nowhere"):
        moving([drawn([0, 1, 2]), drawn([0, float("nan"), 2])])


def test_64_random_walks_of_100_steps_weigh_little():
    generator = torch.Generator().manual_seed(0)
    walks = torch.rand(64, 100, generator=generator).cumsum(1) / 50
    data = json.dumps(moving(map(drawn, walks)))
    assert len(gzip.compress(data.encode())) < 20_000
