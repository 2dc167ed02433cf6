"""Asking once for each version of a strategy file whether it may be run."""

import sys
from pathlib import Path

import typer


def agree_to(name: str, *, trust: bool) -> None:
    """Note that the person agrees to a strategy file: by ``--trust``, or by answering where somebody is there to.

    Nothing happens for a strategy that is no file, or whose version was agreed to before; without an answer the run
    itself says what is missing.
    """
    from storage.strategies import closure_of, hash_of, is_file_name
    from storage.trust import Trust

    if not is_file_name(name):
        return
    path = Path(name).expanduser().absolute()
    digest, known = hash_of(path), Trust()
    if known.has(digest):
        return
    if trust or (sys.stdin.isatty() and sys.stderr.isatty() and _answered(path, closure_of(path))):
        known.add(digest)


def _answered(path: Path, files: tuple[Path, ...]) -> bool:
    from desktop.cli.output import note
    from desktop.service.child.limits import barrier

    others = ", ".join(file.name for file in files[1:])
    note(f"{path}{f' (with {others})' if others else ''} has not been run before in this version.")
    note(
        "It runs in a process of its own, without network and away from your files."
        if barrier() == "bubblewrap"
        else "It runs in a process of its own, but with your rights: it can read and change your files."
    )
    return typer.confirm("Run it?", default=False, err=True)
