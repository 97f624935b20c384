"""What a page can become: a notebook, Markdown, the package, the PDF."""
