"""From a save to a published book: what is read again, checked, and published."""
