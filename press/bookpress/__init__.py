"""What prints the book: one small Sphinx extension a file. Knows no weight decay.

Each file says which fault of the tools it mends, and when it can be deleted.

What a chapter may say: ``opening`` (the answer first, a takeaway for each section),
``folds`` (checks and solutions to be opened), ``names`` (short ones, for links),
``references`` (works, as the text cites them).
What a page shows: ``mathematics`` (KaTeX at build time), ``numbers`` (those that a cell
computed), ``listings`` (code, without what it says to tools), ``inline_svg``,
``image_sizes``, ``accessible``.
How it looks, and what it loads: ``look``, with its folder of styles, fonts, scripts and
templates; ``on_demand`` (drawings and sliders, when they are needed).
What it offers: ``notebooks``, ``launch``, ``plain`` (Markdown and llms.txt); both texts
are written by ``markdown``; ``previews`` (what a reference points to), ``citing``,
``wheel`` (the package that notebooks import), ``pdf``,
``search`` (of each section, read by ``sections``, its formulas by ``linear``).
How it is found: ``address``, ``metadata``, ``entrances``, ``last_changed``.
In print: ``latex``, with the style; ``printed``, ``parts``.
How it is built: ``execution`` (with ``reading``, ``running``, ``outputs``; what cells
depend on, ``dependencies``, as ``recorder`` notes it; and the kernels of
``warm_kernels`` and ``warm_process``), ``outdated``, ``settings``, ``checks``,
``publish``, ``repeatable``, ``executed`` (when each page ran).
How it is written: ``live``, ``chapter``.
"""
