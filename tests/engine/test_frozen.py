"""What others build on stays as released: record layouts, codes, the configuration's schema and its one text.

A change here is a change of stored data and of other people's files. Where it is meant, the fixture is changed by hand
in the same commit as the migration or version that goes with it.
"""

import enum
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from engine import types
from engine.config import SNAPSHOT_VERSION, BacktestConfig, parse_config

FROZEN = Path(__file__).resolve().parents[1] / "fixtures" / "frozen_engine.json"


def frozen(part: str) -> Any:
    return json.loads(FROZEN.read_text(encoding="utf-8"))[part]


def layouts() -> dict[str, Any]:
    """Describe every record: name, format and offset of each field, and the size of a row."""
    found = {}
    for name, value in vars(types).items():
        if isinstance(value, np.dtype):
            fields = {key: [kind.str, offset] for key, (kind, offset, *_) in value.fields.items()}
            found[name] = {"size": value.itemsize, "fields": fields}
    return found


def codes() -> dict[str, dict[str, int]]:
    """List every enumeration with its stored codes."""
    kinds = (
        value
        for value in vars(types).values()
        if isinstance(value, type) and issubclass(value, enum.IntEnum) and value is not enum.IntEnum
    )
    return {kind.__name__: {member.name: int(member) for member in kind} for kind in kinds}


def schema_shape() -> dict[str, Any]:
    """Reduce the JSON Schema of a configuration to what a file or a form relies on; wording is free."""
    schema = BacktestConfig.model_json_schema()
    parts = {"BacktestConfig": schema, **schema["$defs"]}
    return {name: wordless(part) for name, part in parts.items() if name != "$defs"}


def wordless(value: Any) -> Any:
    if isinstance(value, list):
        return [wordless(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {k: wordless(v) for k, v in value.items() if k not in ("title", "description", "$defs")}


SAMPLE = {
    "name": "A sample (1)",
    "strategy": {"name": "sma_cross", "params": {"slow": 20, "fast": 10}},
    "data": {"symbols": ["MSFT", "AAPL", "MSFT"], "start": "2010-01-04", "benchmark": "한국"},
    "account": {"initial_capital": 10_000},
    "costs": {"commission_rate": 0.002, "slippage_rate": 0.0005},
    "sizing": {"method": "percent_of_equity", "value": 100},
}


def test_record_layouts_stay() -> None:
    assert layouts() == frozen("layouts")


def test_codes_stay() -> None:
    assert codes() == frozen("codes")


def test_the_shape_of_a_configuration_stays() -> None:
    assert schema_shape() == frozen("schema")


def test_a_configuration_keeps_its_text_and_fingerprint() -> None:
    config = parse_config(SAMPLE)

    assert config.canonical_json() == frozen("canonical_json")
    assert config.fingerprint() == frozen("fingerprint")
    assert frozen("snapshot_version") == SNAPSHOT_VERSION


def test_the_fingerprint_is_that_of_the_text_without_the_name() -> None:
    unnamed = {key: value for key, value in SAMPLE.items() if key != "name"}

    text = parse_config(unnamed).canonical_json()

    assert parse_config(SAMPLE).fingerprint() == hashlib.sha256(text.encode()).hexdigest()


def test_a_configuration_survives_its_own_text() -> None:
    config = parse_config(SAMPLE)

    assert parse_config(json.loads(config.canonical_json())) == config
