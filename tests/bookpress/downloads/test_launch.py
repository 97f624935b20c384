"""Opening notebooks elsewhere: off without an address, right with one."""

from types import SimpleNamespace

import pytest

from bookpress.downloads import launch


@pytest.fixture
def offered(tmp_path):
    def addresses(urls):
        (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "b"\n{urls}\n')
        notebook = ("Notebook", "_sources/book/sgd.ipynb")
        context = {"forms": [notebook]}
        app = SimpleNamespace(srcdir=tmp_path)
        launch.offer(app, "book/sgd", "page.html", context, None)
        assert context["forms"].pop(0) == notebook
        return [address for _, address in context["forms"]]

    return addresses


@pytest.mark.parametrize("urls", ["", 'urls = {Repository = "https://example.org/b"}'])
def test_without_a_repository_that_they_know_nothing_is_offered(offered, urls):
    assert offered(urls) == []


def test_colab_and_binder_open_the_notebook_of_the_page(offered):
    colab, binder = offered('urls = {Repository = "https://github.com/a/b"}')
    assert colab.endswith("/github/a/b/blob/gh-pages/_sources/book/sgd.ipynb")
    assert binder.endswith("/gh/a/b/gh-pages?urlpath=lab/tree/_sources/book/sgd.ipynb")
