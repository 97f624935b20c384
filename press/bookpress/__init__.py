"""What prints the book: one small Sphinx extension a file. Knows no weight decay.

Each file says which fault of the tools it mends, and when it can be deleted. They lie
in rooms, by what they do:

``execute``: cells are run, and what they said is kept. ``execution`` has the hooks and
settings, with ``reading`` (a page with cells), ``runner``, ``output_cache``; what cells
depend on, ``dependencies``, as ``recorder`` notes it; the kernels of ``warm_kernels``
and ``warm_process``; ``executed`` (when each page ran).

``page``: what a page says and shows. ``opening`` (the answer first, a takeaway for each
section), ``folds`` (checks and solutions to be opened), ``names`` (short ones, for
links), ``references`` and ``citing``, ``mathematics`` (KaTeX at build time) with
``formula_fonts``, ``numbers`` (those that a cell computed), ``listings`` (code, without
what it says to tools), ``inline_svg``, ``image_sizes``, ``on_demand`` (drawings and
sliders, when they are needed), ``previews`` (what a reference points to),
``accessible``.

``downloads``: what a page can become. ``notebooks``, ``launch``, ``wheel`` (the package
that notebooks import), ``markdown_pages`` and llms.txt, both texts written by
``markdown`` and ``editions``; ``pdf``, and for print ``latex`` with the style,
``printed``, ``parts``.

``site``: ``look``, with its folder of styles, fonts, scripts and templates; ``search``
(of each section, read by ``sections``, its formulas by ``linear``); how it is found:
``address``, ``metadata``, ``root_pages``, ``last_changed``.

``write``: from a save to a published book. ``live`` and ``chapter`` for who writes;
``outdated`` (what is read again), ``checks``, ``publish`` with ``shared`` (what makes
it write all pages), ``repeatable``.

What happens when, of all of them, is in ``order``: begin there. ``settings`` reads
what the book's own files say of it.
"""

from bookpress.order import setup

__all__ = ["setup"]
