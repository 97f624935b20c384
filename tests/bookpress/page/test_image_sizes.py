"""The size of an image: its own, unless the source gives one."""

from docutils import nodes

from bookpress.page.image_sizes import add_sizes, as_attributes

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="75pt" height="30pt"></svg>'


def test_an_image_gets_its_own_size_in_pixels(tmp_path):
    (tmp_path / "a.svg").write_text(SVG)
    image = nodes.image(uri="a.svg")
    add_sizes(nodes.container("", image), tmp_path)
    assert (image["width"], image["height"]) == ("100", "40")


def test_a_size_that_is_given_stays(tmp_path):
    (tmp_path / "a.svg").write_text(SVG)
    image = nodes.image(uri="a.svg", width="50%")
    add_sizes(nodes.container("", image), tmp_path)
    assert image["width"] == "50%" and "height" not in image


def test_a_size_becomes_a_pair_of_attributes():
    style = '<img style="width: 100px; height: 40px;">'
    assert as_attributes(style) == '<img width="100" height="40">'
