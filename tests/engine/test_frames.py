"""Results as frames and frames as panels: what goes in comes out, in UTC."""

import numpy as np
import pandas as pd
import pytest

from engine.config import BacktestConfig
from engine.errors import BacktestValidationError
from engine.frames import equity_frame, fills_frame, panel_from_frames, trades_frame
from engine.result import BacktestResult, Curve
from engine.types import FILL, NS_PER_DAY, ORDER, TRADE, Reason

TIMES = np.arange(3) * NS_PER_DAY


def result_of(benchmark: bool = False) -> BacktestResult:
    """Return a result of three bars with one trade that a split, not a signal, has ended."""
    trades = np.zeros(1, TRADE)
    trades["trade_no"], trades["side"], trades["symbol"], trades["quantity"] = 1, -1, 1, 5
    trades["entry_bar"], trades["exit_bar"], trades["exit_signal_bar"] = 1, 2, -1
    trades["entry_label"], trades["exit_reason"], trades["pnl"] = 1, Reason.SPLIT, 12.5
    fills = np.zeros(2, FILL)
    fills["time_ns"], fills["symbol"], fills["side"] = TIMES[1:], 1, [-1, 1]
    fills["phase"], fills["reason"], fills["price"] = (
        [2, 0],
        [Reason.SIGNAL, Reason.SPLIT],
        [10.0, 7.5],
    )
    return BacktestResult(
        config=BacktestConfig.model_validate({"strategy": {"name": "buy_and_hold"}}),
        status="completed",
        symbols=("A", "B"),
        time_ns=TIMES,
        fills=fills,
        orders=np.zeros(1, ORDER),
        trades=trades,
        open_positions=(),
        labels=("", "enter short"),
        curve=Curve(
            np.array([100.0, 90, 110]), np.array([100.0, 50, 110]), np.zeros(3), np.array([0, 1, 0])
        ),
        drawdown=np.array([0, -0.1, 0]),
        benchmark=np.array([100.0, 101, 102]) if benchmark else None,
        metrics={},
        undefined={},
        marks=(),
        warnings=(),
        notices=(),
        defects={},
        bars_per_year=252.0,
        timeframe="1d",
        dataset_hash="",
        result_hash="",
        versions={},
    )


def bars(*closes: float, start: str = "2024-01-02", zone: str | None = None) -> pd.DataFrame:
    index = pd.date_range(start, periods=len(closes), freq="D", tz=zone)
    close = np.array(closes)
    return pd.DataFrame(
        {"Open": close, "High": close + 1, "Low": close - 1, "Close": close, "Volume": 9}, index
    )


def test_a_trade_is_a_row_with_names_and_times() -> None:
    frame = trades_frame(result_of())

    row = frame.loc[1]
    assert (row["symbol"], row["side"], row["quantity"], row["pnl"]) == ("B", "short", 5, 12.5)
    assert (row["entry_signal"], row["exit_signal"], row["exit_reason"]) == (
        "enter short",
        "",
        "split",
    )
    assert row["entry_time"] == pd.Timestamp("1970-01-02", tz="UTC")
    assert row["entry_signal_time"] == pd.Timestamp("1970-01-01", tz="UTC")
    assert pd.isna(row["exit_signal_time"])


def test_fills_are_rows_by_time() -> None:
    frame = fills_frame(result_of())

    assert frame.index.tolist() == [
        pd.Timestamp("1970-01-02", tz="UTC"),
        pd.Timestamp("1970-01-03", tz="UTC"),
    ]
    assert frame[["symbol", "side", "at", "reason", "price"]].values.tolist() == [
        ["B", "sell", "close", "signal", 10.0],
        ["B", "buy", "open", "split", 7.5],
    ]


def test_the_equity_curve_has_a_benchmark_only_where_there_is_one() -> None:
    frame = equity_frame(result_of(benchmark=True))

    assert list(equity_frame(result_of())) == ["equity", "cash", "drawdown", "positions"]
    assert frame["benchmark"].tolist() == [100, 101, 102]
    assert frame["equity"].tolist() == [100, 90, 110]
    assert str(frame.index.tz) == "UTC"
    assert frame.index.astype("int64").tolist() == TIMES.tolist()


def test_frames_of_a_result_without_trades_are_empty_with_all_columns() -> None:
    full = result_of()
    object.__setattr__(full, "trades", np.zeros(0, TRADE))

    assert len(full.trades_frame()) == 0
    assert list(full.trades_frame()) == list(trades_frame(result_of()))


def test_frames_make_a_panel_on_the_union_of_their_times() -> None:
    panel = panel_from_frames(
        {"B": bars(5, 6), "A": bars(10, 11, start="2024-01-03")}, currency="EUR"
    )

    assert panel.symbols == ("A", "B")
    assert panel.time_ns.tolist() == [
        pd.Timestamp(d).value for d in ("2024-01-02", "2024-01-03", "2024-01-04")
    ]
    assert panel.close.tolist() == pytest.approx(
        np.array([[np.nan, 5], [10, 6], [11, np.nan]]), nan_ok=True
    )
    assert panel.volume[1].tolist() == [9, 9]
    assert panel.currency == "EUR"


def test_times_with_a_zone_become_utc_and_unsorted_rows_find_their_place() -> None:
    frame = bars(5, 6, zone="Asia/Seoul").iloc[::-1].drop(columns="Volume")

    panel = panel_from_frames({"A": frame})

    assert panel.time_ns[0] == pd.Timestamp("2024-01-01 15:00").value
    assert panel.close[:, 0].tolist() == [5, 6]
    assert np.isnan(panel.volume).all()


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (bars(1, 2).reset_index(drop=True), "no index of times"),
        (pd.concat([bars(1), bars(1)]), "2024-01-02 00:00:00 is there twice"),
        (bars(1).drop(columns=["High", "Low"]), "no column high, low"),
        (bars(1).assign(Open="dear"), "dear"),
    ],
)
def test_a_frame_that_is_no_bars_is_refused_by_name(frame: pd.DataFrame, words: str) -> None:
    with pytest.raises(BacktestValidationError, match=words) as refused:
        panel_from_frames({"GOOG": frame})

    assert refused.value.field == "GOOG"


def test_no_frame_is_refused() -> None:
    with pytest.raises(BacktestValidationError, match="no frame"):
        panel_from_frames({})
