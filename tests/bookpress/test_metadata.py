"""What a page says about itself."""

from docutils import nodes

from bookpress.metadata import description


def test_the_description_is_the_one_in_the_front_matter():
    meta = [
        nodes.meta(name="author", content="x"),
        nodes.meta(name="description", content="y"),
    ]
    assert description(nodes.container("", *meta)) == "y"
    assert description(nodes.container("")) == ""
