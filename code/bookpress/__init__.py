"""What prints the book: one small Sphinx extension a file. Knows no weight decay."""
