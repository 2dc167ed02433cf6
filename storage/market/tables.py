"""Tables as they stand in files: CSV as text, Parquet as it is typed, in pieces that can be stopped.

What cannot be read is refused by `refusal`, which names file, line and column.
"""

import re
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from engine.errors import BacktestValidationError, Problem
from storage.stopping import ShouldStop, check, never

TEXT_ENDINGS: Final = (".csv", ".txt", ".csv.gz")
PARQUET_ENDINGS: Final = (".parquet", ".pq")
_MOST_COLUMNS: Final = 256
_BLOCK_BYTES: Final = 4 << 20
_BLOCK_ROWS: Final = 131_072


def refusal(file: Path, place: str, message: str, hint: str = "") -> BacktestValidationError:
    """Return the error that says what is wrong with a file, and where."""
    return BacktestValidationError(Problem(f"{file}{place}", message, hint))


def read_table(file: Path, should_stop: ShouldStop = never) -> tuple[pa.Table, bool]:
    """Return the table of a file, text columns of a CSV unread, and whether it is a CSV.

    Raises:
        BacktestValidationError: it cannot be read.
        Stopped: ``should_stop`` said so.
    """
    check(should_stop)
    try:
        if file.stat().st_size == 0:
            raise refusal(file, "", "the file is empty (0 bytes)")
        if file.name.lower().endswith(PARQUET_ENDINGS):
            return read_parquet(file, should_stop), False
        return _read_csv(file, should_stop), True
    except pa.ArrowInvalid as error:
        raise refusal(file, *_told(str(error))) from error
    except OSError as error:
        raise refusal(file, "", f"cannot be read ({error.strerror or error})") from error


def _told(text: str) -> tuple[str, str, str]:
    """Translate Arrow's finding: place, message, hint."""
    expected = re.search(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+)", text)
    if expected:
        place = f" line {expected.group(1)}" if expected.group(1) else ""
        return place, f"{expected.group(3)} columns instead of {expected.group(2)}", ""
    if "UTF8" in text or "utf8" in text:
        return "", "is not UTF-8 text", "save it as UTF-8"
    if "straddl" in text:
        return "", "a line is longer than a million characters", "this is not a file of bars"
    if "Parquet" in text or "magic" in text or "footer" in text:
        return "", "is not a Parquet file, or is damaged", ""
    return "", f"cannot be read ({text.splitlines()[0][:120]})", ""


def read_parquet(file: Path, should_stop: ShouldStop) -> pa.Table:
    """Return the table of a Parquet file; what is wrong with it is raised as Arrow raises it."""
    batches = []
    with pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(_BLOCK_ROWS):
            check(should_stop)
            batches.append(batch)
        return pa.Table.from_batches(batches, parquet.schema_arrow)


def _read_csv(file: Path, should_stop: ShouldStop) -> pa.Table:
    compressed = file.name.lower().endswith(".gz")
    with pa.input_stream(str(file), compression="gzip" if compressed else None) as stream:
        head = stream.read(65_536)
    first = head.split(b"\n", 1)[0].decode("utf-8-sig", errors="replace")
    if "\x00" in first:
        raise refusal(file, " line 1", "is not UTF-8 text", "save it as UTF-8")
    delimiter = max((",", ";", "\t"), key=first.count)
    names = [name.strip().strip('"') for name in first.rstrip("\r").split(delimiter)]
    if len(names) > _MOST_COLUMNS:
        raise refusal(file, " line 1", f"{len(names)} columns; at most {_MOST_COLUMNS} are read")
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise refusal(file, " line 1", f"two columns are called {sorted(repeated)[0]!r}")
    schema = pa.schema([(name, pa.string()) for name in names])
    if b"\n" not in head.rstrip(b"\r\n"):
        return schema.empty_table()  # the stream would call it empty, though it names its columns
    batches = []
    with pcsv.open_csv(
        file,
        read_options=pcsv.ReadOptions(
            column_names=names, skip_rows=1, use_threads=False, block_size=_BLOCK_BYTES
        ),
        parse_options=pcsv.ParseOptions(delimiter=delimiter),
        convert_options=pcsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    ) as reader:
        for batch in reader:
            check(should_stop)
            batches.append(batch)
    return pa.Table.from_batches(batches, schema)
