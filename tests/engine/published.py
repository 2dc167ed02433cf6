"""What the published results are compared with: their data as panels, and runs in a few words."""

import json
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.config import parse_config
from engine.market import Panel
from engine.result import BacktestResult
from engine.simulate import run_backtest
from engine.strategies.registry import get
from engine.validate import build_panel, check_bars
from tests.shared import shared_path


def published(name: str) -> Any:
    """Read a file of published figures."""
    return json.loads(shared_path("published", name).read_text(encoding="utf-8"))


def bars_panel(symbol: str, frame: pd.DataFrame, time: str, **more: Any) -> Panel:
    """Build a panel of one symbol from a frame with open, high, low, close and volume."""
    columns = [frame[name] for name in ("open", "high", "low", "close", "volume")]
    bars = check_bars(symbol, nanoseconds(frame[time]), *columns)
    return build_panel({symbol: bars}, **more)


def nanoseconds(times: "pd.Series[Any]") -> NDArray[np.int64]:
    """Return dates or times as UTC nanoseconds."""
    stamps = pd.to_datetime(times, utc=True).dt.tz_localize(None)
    return stamps.to_numpy().astype("datetime64[ns]").astype(np.int64)


def run(panel: Panel, strategy: str, params: dict[str, Any], **sections: Any) -> BacktestResult:
    """Run a built-in strategy without costs but for those that are given."""
    costs = {"commission_pct": 0, "slippage_bps": 0, **sections.pop("costs", {})}
    config = parse_config(
        {"strategy": {"name": strategy, "params": params}, "costs": costs, **sections}
    )
    made = get(strategy).make(config.strategy.params)
    return run_backtest(config, panel, made, clock=lambda: 0.0)
