"""Waiting for what must come, however slow the machine: no test measures a time."""

import time

# Seconds. Nothing takes so long that goes on at all: who waits so long hangs.
LONG = 180


def until(it_happened):
    """Return what a function returns once that is true; it is asked again and again."""
    for _ in range(LONG * 20):
        if found := it_happened():
            return found
        time.sleep(0.05)
    raise TimeoutError("it hangs: what the test waits for does not come")
