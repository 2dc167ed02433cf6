"""Strategy files of the person run in a process of their own: limited, without secrets, killed when they don't answer.

`frames` is what both sides say to each other, `parcels` how a panel gets there, `host` the far side, `limits` what it
may use, `process` this side, `proxy` the strategy that the engine sees. A child protects the program from accidents;
only with bubblewrap (`limits`) does it protect the person's files from malice.
"""

import sys


def end_all() -> None:
    """End the processes of strategy files, if any was started; costs nothing where none was."""
    proxy = sys.modules.get(f"{__name__}.proxy")
    if proxy is not None:
        proxy.end_children()
