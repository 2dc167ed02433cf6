"""From a configuration file to a validated configuration: TOML or JSON, overrides, relative paths.

A file is untrusted text. TOML is read by the standard library; JSON by a reader that refuses what
silently changes meaning (a key given twice, NaN, infinity) and what only an attack would hold
(megabytes, hundreds of levels).
"""

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from engine.config import BacktestConfig, parse_config
from engine.errors import BacktestNotFoundError, BacktestValidationError, Problem

MAX_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 32
_FORMAT_HINT: Final = "a TOML or JSON file with a [strategy] section is wanted"
_DATA_SUFFIXES: Final = (".csv", ".parquet", ".pq", ".gz", ".txt")


def load_config(path: str | Path, overrides: Iterable[str] = ()) -> BacktestConfig:
    """Read, override and validate a run's configuration.

    Args:
        path: a ``.toml`` or ``.json`` file; ``.json`` is read as JSON, anything else as TOML.
        overrides: texts like ``costs.commission_pct=0.2``.

    Raises:
        BacktestNotFoundError: there is no such file.
        BacktestValidationError: with one problem per key: the key, the value, what is allowed; or the file is one of
            a sweep, which is many runs.
    """
    data = _overridden(path, overrides)
    if "sweep" in data:
        hint = (
            f"try them all with `tradebench sweep {path}`, or take the section out for a single run"
        )
        message = "this section asks for many combinations, and this is for one run"
        raise BacktestValidationError(Problem("sweep", message, hint))
    return parse_config(data)


def load_sweep(path: str | Path, overrides: Iterable[str] = ()) -> tuple[BacktestConfig, Any]:
    """Read a run's configuration that has a ``[sweep]`` section, too; return both, the section unchecked.

    Raises:
        BacktestNotFoundError: there is no such file.
        BacktestValidationError: as for `load_config`, or there is no such section.
    """
    data = _overridden(path, overrides)
    if "sweep" not in data:
        hint = 'add [sweep] with params = { name = [values] } and, say, objective = "sharpe_ratio"'
        raise BacktestValidationError(Problem("sweep", "the file has no such section", hint))
    section = data.pop("sweep")
    return parse_config(data), section


def _overridden(path: str | Path, overrides: Iterable[str]) -> dict[str, Any]:
    file = Path(path).expanduser()
    data = read_mapping(file)
    _resolve_paths(data, file.resolve().parent)
    for text in overrides:
        apply_override(data, text)
    return data


def read_mapping(file: Path) -> dict[str, Any]:
    """Return the tables of a TOML or JSON file as plain values.

    Raises:
        BacktestNotFoundError: there is no such file.
        BacktestValidationError: it can't be read as what its name says.
    """
    if not file.exists():
        raise BacktestNotFoundError(
            f"There is no configuration file {file}", field=str(file), hint="check the path"
        )
    if file.is_dir():
        raise _bad(file, "is a folder", _FORMAT_HINT)
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _bad(file, f"can't be read: {error.strerror}", "check its permissions") from error
    if len(raw) > MAX_BYTES:
        raise _bad(file, f"is larger than {MAX_BYTES:,} bytes", _FORMAT_HINT)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _bad(file, f"is not UTF-8 text (byte {error.start})", _FORMAT_HINT) from error
    if not text.strip():
        raise _bad(file, "is empty", _FORMAT_HINT)
    return parse_json(text, file) if file.suffix.lower() == ".json" else _parse_toml(text, file)


def parse_json(text: str, file: Path) -> dict[str, Any]:
    """Return a JSON object as plain values; see the module's text for what is refused.

    Raises:
        BacktestValidationError: naming the file and, where there is one, the line.
    """
    if _depth(text) > MAX_DEPTH:
        raise _bad(file, f"is nested deeper than {MAX_DEPTH} levels", _FORMAT_HINT)
    try:
        data = json.loads(text, object_pairs_hook=_unique_pairs, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _bad(file, f"is not valid JSON at {place}: {error.msg}", "mend the file") from error
    except (ValueError, RecursionError) as error:
        raise _bad(file, f"is not valid JSON: {error}", "mend the file") from error
    if not isinstance(data, dict):
        raise _bad(file, f"holds a {type(data).__name__}, not an object", _FORMAT_HINT)
    return data


def apply_override(data: dict[str, Any], text: str) -> None:
    """Set one dotted key in place: ``strategy.params.fast=20``.

    The value follows TOML's grammar (numbers, dates, true and false, lists, quoted texts); anything
    else is a text as it stands.

    Raises:
        BacktestValidationError: no ``=``, an empty key, or a key inside something that is no table.
    """
    key, equals, value = text.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts):
        hint = "write --set key=value, for example --set costs.commission_pct=0.2"
        raise BacktestValidationError(Problem("--set", f"{text!r} is not a setting", hint))
    table: Any = data
    for depth, part in enumerate(parts[:-1]):
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            inner = ".".join(parts[: depth + 1])
            message = f"{'.'.join(parts)!r} can't be set: {inner} is a value, not a table"
            raise BacktestValidationError(Problem("--set", message, "check the key"))
    table[parts[-1]] = _toml_value(value.strip())


def _toml_value(text: str) -> Any:
    if "\n" in text or "\r" in text:
        return text
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return parsed["value"] if set(parsed) == {"value"} else text


def _parse_toml(text: str, file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise _bad(file, f"is nested deeper than {MAX_DEPTH} levels", _FORMAT_HINT) from error
    except ValueError as error:
        raise _bad(file, f"is not valid TOML: {error}", "mend the file") from error


def _resolve_paths(data: dict[str, Any], folder: Path) -> None:
    """Make the paths in a file relative to the file, wherever the command was started."""
    section = data.get("data")
    for key in ("source", "finer_source"):
        if isinstance(section, dict) and isinstance(section.get(key), str):
            section[key] = _resolved(section[key], folder, _DATA_SUFFIXES)
    section = data.get("strategy")
    if isinstance(section, dict) and isinstance(section.get("name"), str):
        section["name"] = _resolved(section["name"], folder, (".py",))


def _resolved(text: str, folder: Path, suffixes: tuple[str, ...]) -> str:
    looks_like_path = "/" in text or "\\" in text or text.startswith("~")
    if not looks_like_path and not text.lower().endswith(suffixes):
        return text
    path = Path(text).expanduser()
    return str(path if path.is_absolute() else folder / path)


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} is given twice")
        found[key] = value
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number JSON knows")


def _depth(text: str) -> int:
    """Return the deepest nesting, brackets inside texts left out."""
    deepest = level = 0
    in_text = escaped = False
    for char in text:
        if in_text:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                in_text = False
        elif char == '"':
            in_text = True
        elif char in "[{":
            level += 1
            deepest = max(deepest, level)
        elif char in "]}":
            level -= 1
    return deepest


def _bad(file: Path, message: str, hint: str) -> BacktestValidationError:
    return BacktestValidationError(Problem(str(file), message, hint))
