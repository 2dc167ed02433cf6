"""From a selection to a panel: the right range, warm-up, benchmark and words."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.config import DataConfig
from engine.errors import BacktestError, BacktestNotFoundError, BacktestValidationError
from engine.market import Panel
from engine.types import EventKind
from storage.errors import CorruptDatabaseError
from storage.market.benchmarks import splits_of
from storage.market.catalog import (
    list_benchmarks,
    list_sources,
    list_symbols,
    list_universes,
    load_panel,
)
from storage.market.demo import DemoSource, equal_weight_index
from storage.market.local import import_bars, imported
from storage.market.universe import select
from storage.paths import market_dir


def load(warmup_bars: int = 0, **data: Any) -> Panel:
    """Load the panel of a selection."""
    return load_panel(DataConfig(**data), warmup_bars, account_currency="USD")


def write_days(path: Path, n: int, first: str = "2010-01-01", price: float = 10.0) -> Path:
    """Write daily bars of rising prices."""
    start = dt.date.fromisoformat(first)
    rows = [
        f"{start + dt.timedelta(i)},{price + i},{price + i + 1},{price + i - 1},{price + i},5"
        for i in range(n)
    ]
    path.write_text("Date,Open,High,Low,Close,Volume\n" + "\n".join(rows) + "\n")
    return path


def dates(panel: Panel) -> list[str]:
    """Return the dates of the counted bars."""
    counted = panel.time_ns[panel.first_counted :]
    return counted.astype("datetime64[ns]").astype("datetime64[D]").astype(str).tolist()


def test_the_demo_data_are_the_five_stocks_with_their_splits() -> None:
    panel = load()

    moves = [
        (panel.symbols[e["symbol"]], dates(panel)[e["bar"]], EventKind(e["kind"]).name, e["value"])
        for e in panel.events
    ]
    assert panel.symbols == ("AAPL", "FB", "GOOG", "IBM", "MSFT")
    assert (panel.n_bars, dates(panel)[0], dates(panel)[-1]) == (3270, "2000-03-01", "2013-03-01")
    assert moves == [
        ("AAPL", "2000-06-21", "SPLIT", 2.0),
        ("MSFT", "2003-02-18", "SPLIT", 2.0),
        ("AAPL", "2005-02-28", "SPLIT", 2.0),
    ]
    assert (panel.adjustment, panel.has_dividends, panel.currency) == ("raw", False, "USD")
    assert panel.labels == ("DEMO",)
    assert panel.membership_known is False


def test_no_split_of_the_demo_data_is_left_in_its_returns() -> None:
    source = DemoSource()

    worst = []
    for symbol, bars in source.bars([i.symbol for i in source.symbols()]).items():
        close = bars.close.copy()
        for ex_date, ratio in splits_of(select(source, DataConfig()), symbol):
            close[bars.time_ns >= ex_date] *= ratio
        worst.append(np.abs(np.diff(np.log(close))).max())

    assert max(worst) < 0.74  # AAPL lost 52 % on 2000-09-29: news, not a split
    assert sorted(worst)[-2] < 0.25


def test_the_demo_benchmark_moves_by_the_mean_return_of_what_traded_on_both_days() -> None:
    times, values = equal_weight_index()
    panel = load(symbols=["AAPL", "IBM", "MSFT"])

    first = panel.close[1] / panel.close[0] - 1
    split = int(panel.events[0]["bar"])
    on_split = panel.close[split] / panel.close[split - 1] * np.array([2.0, 1.0, 1.0]) - 1

    assert (len(times), values[0]) == (3270, 100.0)
    np.testing.assert_allclose(values[1] / values[0] - 1, first.mean(), rtol=1e-12)
    np.testing.assert_allclose(values[split] / values[split - 1] - 1, on_split.mean(), rtol=1e-12)
    assert np.isfinite(values).all()


def test_warm_up_bars_lie_before_the_start_and_do_not_count() -> None:
    panel = load(20, symbols=["AAPL"], start="2001-01-02", end="2001-01-05")

    assert (panel.first_counted, panel.n_bars) == (20, 24)
    assert dates(panel) == ["2001-01-02", "2001-01-03", "2001-01-04", "2001-01-05"]


def test_warm_up_is_cut_where_the_data_begin() -> None:
    panel = load(500, symbols=["AAPL"], start="2000-03-08", end="2000-03-20")

    assert (panel.first_counted, dates(panel)[0]) == (5, "2000-03-08")


def test_the_bars_do_not_depend_on_the_order_of_the_symbols() -> None:
    one = load(symbols=["MSFT", "AAPL"], start="2010-01-04", end="2010-06-30")
    other = load(symbols=["AAPL", "MSFT"], start="2010-01-04", end="2010-06-30")

    assert one.content_hash() == other.content_hash()


def test_splits_outside_the_range_are_no_events() -> None:
    on_first = load(symbols=["AAPL"], start="2005-02-28", end="2005-12-30")
    before = load(symbols=["AAPL"], start="2004-01-02", end="2005-02-25")
    on_last = load(symbols=["AAPL"], start="2004-01-02", end="2005-02-28")

    assert (len(on_first.events), len(before.events), len(on_last.events)) == (0, 0, 1)


def test_a_benchmark_is_known_as_of_each_bar_and_from_the_bar_before() -> None:
    panel = load(5, symbols=["AAPL"], start="2004-01-02", end="2006-01-03", benchmark="EQUAL5")
    times, values = equal_weight_index()

    at = np.searchsorted(times, panel.time_ns)

    assert panel.benchmark is not None
    np.testing.assert_array_equal(panel.benchmark.values, values[at])
    assert panel.benchmark.base == values[at[0] - 1]


def test_a_benchmark_that_begins_later_is_unknown_until_then() -> None:
    panel = load(symbols=["AAPL"], start="2004-08-16", end="2004-08-23", benchmark="GOOG")

    assert panel.benchmark is not None
    assert np.isnan(panel.benchmark.values).tolist() == [True, True, True, False, False, False]
    assert np.isnan(panel.benchmark.base)


def test_a_split_of_the_benchmark_is_no_fall() -> None:
    panel = load(symbols=["IBM"], start="2005-02-22", end="2005-03-04", benchmark="AAPL")

    assert panel.benchmark is not None
    assert np.abs(np.diff(np.log(panel.benchmark.values))).max() < 0.1


def test_a_benchmark_value_is_carried_over_a_gap_never_back(tmp_path: Path) -> None:
    folder = tmp_path / "bars"
    folder.mkdir()
    write_days(folder / "AAA.csv", 6)
    (folder / "BBB.csv").write_text(
        "Date,Open,High,Low,Close\n2010-01-02,1,1,1,1\n2010-01-05,2,2,2,2\n"
    )

    panel = load(source=str(folder), symbols=["AAA"], benchmark="BBB")

    assert panel.benchmark is not None
    np.testing.assert_array_equal(panel.benchmark.values, [np.nan, 1, 1, 1, 2, 2])


def test_a_calendar_brings_sessions_and_bars_a_year() -> None:
    panel = load(symbols=["IBM"], start="2009-01-02", end="2010-12-31", calendar="XNYS")

    assert panel.sessions is not None
    assert panel.sessions[0] == panel.time_ns[0]
    assert panel.sessions[-1] > panel.time_ns[-1]
    assert panel.bars_per_year == 252.0


def test_a_member_without_bars_in_the_range_is_left_out_with_a_notice() -> None:
    panel = load(universe="demo", start="2005-01-03", end="2006-12-29")

    assert panel.symbols == ("AAPL", "GOOG", "IBM", "MSFT")
    assert panel.notices == ("FB has no bars in the range and is left out",)


@pytest.mark.parametrize(
    ("data", "kind", "told"),
    [
        ({"symbols": ["AAPLE"]}, BacktestNotFoundError, "did you mean AAPL"),
        ({"symbols": ["aapl"]}, BacktestNotFoundError, "did you mean AAPL"),
        ({"symbols": ["XXXXXX"]}, BacktestNotFoundError, "there are AAPL, FB"),
        ({"universe": "sp500"}, BacktestNotFoundError, "there are demo, all"),
        ({"benchmark": "SPY"}, BacktestNotFoundError, "there are EQUAL5"),
        ({"calendar": "XNYY"}, BacktestNotFoundError, "did you mean XNYS"),
        ({"source": "/no/such/file.csv"}, BacktestNotFoundError, "/no/such/file.csv"),
        ({"source": "local"}, BacktestValidationError, "data import"),
        ({"timeframe": "1h"}, BacktestValidationError, "daily"),
        ({"start": "2013-03-02"}, BacktestValidationError, "2013-03-01"),
        ({"end": "2000-02-29"}, BacktestValidationError, "2000-03-01"),
        ({"start": "2013-03-01"}, BacktestValidationError, "only one bar"),
        ({"start": "2001-01-06", "end": "2001-01-07"}, BacktestValidationError, "no bars"),
        ({"symbols": ["FB"], "end": "2010-01-01"}, BacktestValidationError, "2012-05-18"),
        (
            {"symbols": ["FB", "AAPL"], "end": "2010-01-01"},
            BacktestValidationError,
            "FB has no bars",
        ),
    ],
)
def test_what_cannot_be_had_is_told_by_name(
    data: dict[str, Any], kind: type[BacktestError], told: str
) -> None:
    with pytest.raises(kind) as failure:
        load(**data)

    assert told in f"{failure.value.message} {failure.value.hint}"


def test_symbols_of_another_currency_are_refused() -> None:
    with pytest.raises(BacktestValidationError, match="USD"):
        load_panel(DataConfig(symbols=("AAPL",)), account_currency="EUR")


def test_a_file_is_a_source(tmp_path: Path) -> None:
    path = write_days(tmp_path / "one.csv", 30)

    panel = load(3, source=str(path), symbols=["ANY"], start="2010-01-10")

    assert (panel.symbols, panel.first_counted, panel.n_bars) == (("ANY",), 3, 24)
    assert panel.labels == (str(path),)


def test_the_content_does_not_depend_on_where_it_came_from(tmp_path: Path) -> None:
    one = load(source=str(write_days(tmp_path / "AAA.csv", 10)), symbols=["AAA"])
    (tmp_path / "folder").mkdir()
    write_days(tmp_path / "folder" / "AAA.csv", 10)

    other = load(source=str(tmp_path / "folder"), symbols=["AAA"])

    assert one.content_hash() == other.content_hash()


def test_a_bad_bar_names_file_symbol_and_row(tmp_path: Path) -> None:
    path = write_days(tmp_path / "AAA.csv", 5)
    path.write_text(path.read_text().replace("2010-01-03,12.0,13.0", "2010-01-03,12.0,1.0"))

    with pytest.raises(BacktestValidationError, match=r"AAA.csv: AAA row 3 \(2010-01-03\)"):
        load(source=str(path), symbols=["AAA"])

    dropped = load(source=str(path), symbols=["AAA"], on_bad_bars="drop")
    assert (dropped.n_bars, sum(dropped.defects.values())) == (4, 1)


def test_a_bad_bar_outside_the_range_is_nobodys_business(tmp_path: Path) -> None:
    path = write_days(tmp_path / "AAA.csv", 30)
    path.write_text(path.read_text().replace("2010-01-03,12.0,13.0", "2010-01-03,12.0,1.0"))

    panel = load(2, source=str(path), symbols=["AAA"], start="2010-01-10")

    assert panel.first_counted == 2


def test_imported_bars_are_a_source_and_listed(tmp_path: Path) -> None:
    path = write_days(tmp_path / "AAA.csv", 10)

    (first,) = import_bars([path])
    (again,) = import_bars([path])
    path.unlink()

    panel = load(source="local")
    (info,) = list_symbols(DataConfig(source="local"))
    assert (first.replaced, again.replaced) == (False, True)
    assert (panel.symbols, panel.n_bars) == (("AAA",), 10)
    assert (info.symbol, info.timeframe, info.n_bars, info.origin) == ("AAA", "1d", 10, str(path))


def test_an_import_with_one_bad_file_keeps_nothing(tmp_path: Path) -> None:
    good = write_days(tmp_path / "AAA.csv", 10)
    bad = tmp_path / "BBB.csv"
    bad.write_text("Date,Open,High,Low,Close\n2010-01-04,1,1,1,-1\n")

    with pytest.raises(BacktestValidationError):
        import_bars([good, bad])

    assert imported() == ()


def test_the_timeframe_of_an_import_is_found(tmp_path: Path) -> None:
    minutes = "\n".join(f"2010-01-04T09:{m:02d},1,1,1,1" for m in range(0, 60, 5))
    (tmp_path / "A.csv").write_text(f"time,open,high,low,close\n{minutes}\n")

    (brought,) = import_bars([tmp_path / "A.csv"])

    assert brought.info.timeframe == "5m"
    assert load(source="local", timeframe="5m").n_bars == 12


@pytest.mark.parametrize(
    "symbol", ["../../evil", "a/b", "CON", "삼성전자", "x" * 255, "BRK.B", "a b"]
)
def test_the_name_of_a_symbol_is_no_path(tmp_path: Path, symbol: str) -> None:
    path = write_days(tmp_path / "AAA.csv", 3)

    import_bars([path], symbol=symbol)

    assert [i.symbol for i in imported()] == [symbol]
    (file,) = market_dir().rglob("*.parquet")
    assert file.parent == market_dir() / "1d"


def test_symbols_that_differ_in_case_alone_are_two(tmp_path: Path) -> None:
    path = write_days(tmp_path / "AAA.csv", 3)

    import_bars([path], symbol="abc")
    import_bars([path], symbol="ABC")

    assert [i.symbol for i in imported()] == ["ABC", "abc"]


def test_damaged_imports_say_what_to_do(tmp_path: Path) -> None:
    import_bars([write_days(tmp_path / "AAA.csv", 3)])
    (file,) = market_dir().rglob("*.parquet")
    file.write_bytes(b"junk")

    with pytest.raises(CorruptDatabaseError, match="damaged") as failure:
        load(source="local")

    assert "import them again" in failure.value.hint


def test_sources_universes_and_benchmarks_are_listed() -> None:
    demo, local = list_sources()

    assert (demo.name, demo.n_symbols, demo.timeframes) == ("demo", 5, ("1d",))
    assert (local.name, local.n_symbols, local.first_ns) == ("local", 0, None)
    assert list_universes(DataConfig()) == ("demo", "all")
    assert list_benchmarks(DataConfig()) == ("EQUAL5", "AAPL", "FB", "GOOG", "IBM", "MSFT")
