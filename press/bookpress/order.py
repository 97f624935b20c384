"""What happens when: every hook of the extensions, in the order of Sphinx's events.

One who looks for what changes a page on its way finds the event here, who comes before,
and who after. At one event the smaller number comes first, and of equal numbers the
extension that is earlier in ``EXTENSIONS``; Sphinx's own and others' have 500. A number
other than 500 has its reason beside it. Transforms, which Sphinx orders by numbers of
their own, are in the extensions.
"""

import atexit
import gc
import sys
from functools import partial

EXTENSIONS = [
    "execute.execution",
    "write.outdated",
    "write.checks",
    "write.publish",
    "write.repeatable",
    "execute.executed",
    "page.opening",
    "page.numbers",
    "page.folds",
    "page.names",
    "page.listings",
    "downloads.parts",
    "downloads.printed",
    "page.references",
    "page.inline_svg",
    "page.on_demand",
    "page.mathematics",
    "page.formula_fonts",
    "downloads.notebooks",
    "downloads.launch",
    "downloads.wheel",
    "downloads.markdown_pages",
    "downloads.pdf",
    "site.look",
    "page.image_sizes",
    "page.accessible",
    "site.last_changed",
    "site.address",
    "site.metadata",
    "site.root_pages",
    "page.previews",
    "site.search",
    "page.citing",
]
HOOKS = {
    "config-inited": [
        (1, "write.publish.begin"),
        (500, "execute.execution.warm_early"),
        (500, "downloads.parts.remember"),
        (500, "page.mathematics.configure"),
        (500, "site.look.use_folder"),
        (500, "site.address.read"),
    ],
    "builder-inited": [
        (500, "execute.execution.remember"),
        (500, "write.outdated.remember"),
        (500, "write.publish.leave_what_is_read"),
        (500, "downloads.markdown_pages.keep_sources"),
        (500, "site.look.use_sheet"),
        (500, "site.search.take_over"),
        (500, "write.live.keep_templates"),
        (997, "write.publish.put_back"),
        (998, "write.live.wait_for_save"),
        (999, "write.live.leave_unfinished"),
    ],
    "env-get-outdated": [
        (500, "execute.execution.changed_below"),
        (500, "write.outdated.changed"),
    ],
    "env-before-read-docs": [
        (500, "execute.execution.run_stale"),
    ],
    "env-purge-doc": [
        (500, "execute.execution.forget"),
    ],
    "source-read": [
        # Before other extensions change what they are given.
        (100, "execute.execution.add_digest"),
    ],
    "doctree-read": [
        (500, "execute.execution.write_notebook"),
        (500, "write.outdated.note"),
        (500, "write.publish.note"),
        (500, "site.metadata.note"),
    ],
    "env-get-updated": [
        # Before all who number, and after them.
        (1, "downloads.parts.as_on_the_page"),
        (999, "downloads.parts.as_tex_counts"),
        # When all is numbered.
        (1000, "write.publish.choose_pages"),
    ],
    "env-check-consistency": [
        # Sphinx has stored its environment, and not yet written a page.
        (500, "write.repeatable.without_times"),
        (500, "page.formula_fonts.copy_styles"),
    ],
    "doctree-resolved": [
        (500, "page.folds.leave_out"),
        (500, "downloads.notebooks.write_notebook"),
        (500, "downloads.markdown_pages.write_page"),
        (500, "page.image_sizes.on_pages"),
        # After all who look for formulas and the text around them.
        (900, "page.mathematics.keep_together"),
        # After the notebook and the text, which have headings for them.
        (950, "page.folds.fold_solutions"),
    ],
    "html-collect-pages": [
        (500, "site.search.search_page"),
    ],
    "html-page-context": [
        (400, "downloads.notebooks.offer_notebook"),
        (450, "downloads.wheel.offer"),
        (500, "page.on_demand.take_out"),
        (500, "page.mathematics.finish_page"),
        (500, "downloads.markdown_pages.offer_page"),
        (500, "page.image_sizes.rewrite"),
        (500, "site.last_changed.tell"),
        (500, "site.metadata.add"),
        (500, "page.citing.add_citation"),
        # After the other forms that can be read.
        (520, "downloads.pdf.offer"),
        # After the notebook was named.
        (550, "downloads.launch.offer"),
        # After what a page can become.
        (600, "page.citing.offer_links"),
        (900, "site.look.load_what_is_used"),
        # After the theme, which writes the contents.
        (900, "page.accessible.mend"),
    ],
    "build-finished": [
        (1, "write.publish.copy_written"),
        # When all pages are written, before anyone looks at what they use.
        (400, "page.previews.add_previews"),
        # When all pages are written, before anyone publishes them.
        (450, "site.search.write"),
        (500, "execute.execution.end"),
        (500, "page.mathematics.close"),
        (500, "page.formula_fonts.cut_fonts"),
        (500, "downloads.wheel.write"),
        (500, "downloads.markdown_pages.write_list"),
        (500, "downloads.pdf.finish"),
        (500, "site.address.write"),
        (500, "site.metadata.write"),
        # After sphinx-external-toc, whose index.html it replaces.
        (600, "site.root_pages.write"),
        # After everybody who works on the output, and before it is published.
        (995, "write.checks.check"),
        (999, "write.publish.finish"),
    ],
}


def connect(app, module):
    """Connect what ``HOOKS`` has of one extension, by the name of its module."""
    extension = module.removeprefix("bookpress.")
    for event, handlers in HOOKS.items():
        for priority, name in handlers:
            where, _, function = name.rpartition(".")
            if where == extension:
                handler = getattr(sys.modules[module], function)
                if event == "build-finished":
                    handler = partial(finishing, handler)
                app.connect(event, handler, priority)


def finishing(handler, app, error):
    """Let a handler work on the output, unless there is none.

    By Sphinx's convention it leaves the output alone when it is told of an error. Here
    it is told so, too, when nothing was written: ``app.unwritten`` says why.
    """
    return handler(app, error or getattr(app, "unwritten", None))


def setup(app):
    """Register all extensions with Sphinx."""
    # A build makes millions of objects, few of which are garbage before its end. To
    # look for them as often as Python does takes a seventh of its time.
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)
    # And at its end all is garbage, which the system takes back at once.
    atexit.register(gc.freeze)
    for extension in EXTENSIONS:
        app.setup_extension(f"bookpress.{extension}")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
