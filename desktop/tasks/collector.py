"""Python's collector of cycles, kept from halting the window.

A full collection looks at every object there is, and nothing else runs meanwhile: not the window either when a run's
own thread set it off. With the libraries loaded there are some 200,000 objects, nearly all of which stay until the
end; looking at them takes 70 ms alone and 300 ms beside a busy thread. Set aside, they are looked at no more.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def short_collections() -> Iterator[None]:
    """For the block, look only at what is made in it; enter when everything that stays has been loaded."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
