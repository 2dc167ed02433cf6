"""Python's collector of cycles, kept from halting the window.

A full collection looks at every object there is, and nothing else runs meanwhile: not the window either when a run's
own thread set it off. With the libraries loaded there are some 200,000 objects, nearly all of which stay until the
end; looking at them takes 70 ms alone and 300 ms beside a busy thread. Set aside, they are looked at no more.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# A collection of everything after some 350,000 more objects than are lost meanwhile: loading the kernels makes 100,000.
_THRESHOLDS: Final = (700, 10, 50)


@contextmanager
def short_collections() -> Iterator[None]:
    """For the block, look only at what is made in it; enter when what stays has been loaded.

    Collections may have been off until then: they are on in the block and after it.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    gc.enable()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def set_aside() -> None:
    """Look no more at what there is by now: for once, in the block, after the first run, which loads the kernels."""
    gc.freeze()
