"""Folders of bars with what lies beside them, written in as few words as a test needs."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.config import DataConfig
from engine.market import Panel
from engine.types import NS_PER_DAY
from storage.market.catalog import load_panel

MONDAY = dt.date(2024, 1, 8)


def weekdays(count: int, first: dt.date = MONDAY) -> list[dt.date]:
    """Return so many days from Monday to Friday."""
    days, day = [], first
    while len(days) < count:
        if day.weekday() < 5:
            days.append(day)
        day += dt.timedelta(days=1)
    return days


def folder_of(
    folder: Path, closes: Mapping[str, Sequence[float | None]], **beside: Sequence[str]
) -> Path:
    """Write bars (None: no bar on that day) and the files beside them, given as lines."""
    folder.mkdir(exist_ok=True)
    lines = ["date,symbol,open,high,low,close,volume"]
    for symbol, prices in closes.items():
        for day, price in zip(weekdays(len(prices)), prices, strict=True):
            if price is not None:
                lines.append(f"{day},{symbol},{price},{price},{price},{price},1000")
    (folder / "bars.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, rows in beside.items():
        (folder / f"{name}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def panel_of(folder: Path, **data: Any) -> Panel:
    """Load what a folder has."""
    return load_panel(DataConfig.model_validate({"source": str(folder), **data}))


def events_of(panel: Panel) -> list[tuple[str, str, int, float]]:
    """Return the events of a panel as (date or "after", symbol, kind, value)."""
    days = [
        str(dt.date(1970, 1, 1) + dt.timedelta(days=int(t) // NS_PER_DAY)) for t in panel.time_ns
    ]
    return [
        (
            (*days, "after")[int(e["bar"])],
            panel.symbols[int(e["symbol"])],
            int(e["kind"]),
            float(e["value"]),
        )
        for e in panel.events
    ]
