"""Tables beside imported bars: members, companies, actions and figures that lay in imported folders.

Of a table that is there already, what a folder says of its own codes (of its own indexes, for
members) replaces what was known of them; the rest stays.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from storage.market.sidecars import (
    ACTIONS,
    CODES,
    FIELDS,
    INDEXES,
    INSTRUMENTS,
    MEMBERS,
    found,
    read_fields,
    read_reference,
)
from storage.market.tables import read_table
from storage.paths import reference_dir

_KINDS = (MEMBERS, INSTRUMENTS, ACTIONS, FIELDS)


def check_folders(paths: Iterable[Path]) -> None:
    """Read what lies beside the bars of those that are folders, so that nothing odd is kept.

    Raises:
        BacktestValidationError: a file cannot be read; names file, line and column.
    """
    for folder in (path for path in paths if path.is_dir()):
        reference = read_reference(folder)
        read_fields(folder, reference.field_names, ())


def keep_folders(paths: Iterable[Path]) -> None:
    """Keep a copy of what lies beside the bars of those that are folders."""
    for folder in (path for path in paths if path.is_dir()):
        for kind in _KINDS:
            file = found(folder, kind)
            if file is not None:
                _keep(kind, _as_text(file))


def _as_text(file: Path) -> pa.Table:
    """Return a table with its columns as text under plain names; the key is called as we call it."""
    table, _ = read_table(file)
    names = {name.strip().lower(): name for name in table.column_names}
    columns = {}
    for plain, name in names.items():
        ours = "code" if plain in CODES else "index_name" if plain in INDEXES else plain
        columns[ours] = pc.fill_null(pc.cast(table.column(name), pa.string()), "")
    return pa.table(columns)


def _keep(kind: str, fresh: pa.Table) -> None:
    key = "index_name" if kind == MEMBERS else "code"
    if key not in fresh.column_names:  # members of the one index that has no name
        fresh = fresh.append_column(key, pa.array([MEMBERS] * fresh.num_rows, pa.string()))
    place = reference_dir() / f"{kind}.csv"
    if place.is_file():
        known = _as_text(place)
        replaced = pc.is_in(known.column(key), value_set=pc.unique(fresh.column(key)))
        known = known.filter(pc.invert(replaced))
        fresh = pa.concat_tables([known, fresh], promote_options="default")
        fresh = pa.table({n: pc.fill_null(fresh.column(n), "") for n in fresh.column_names})
    part = place.with_suffix(f".{os.getpid()}.part")
    try:
        pcsv.write_csv(fresh, part)
        os.replace(part, place)
    finally:
        part.unlink(missing_ok=True)
