"""Files of bars: read when they are plain, refused by line and column when they are not."""

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import BacktestError, BacktestNotFoundError, BacktestValidationError
from engine.types import NS_PER_DAY
from storage.market.files import read_bars
from storage.market.parsing import MISSING_TIME

HEADER = "Date,Open,High,Low,Close,Volume\n"
ROW = "2010-01-04,10,11,9,10.5,1000\n"


def write(folder: Path, text: str | bytes, name: str = "bars.csv") -> Path:
    """Write a file."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def day(text: str) -> int:
    """Return a date as nanoseconds."""
    return (dt.date.fromisoformat(text) - dt.date(1970, 1, 1)).days * NS_PER_DAY


@pytest.mark.parametrize(
    "header",
    [
        "Date,Open,High,Low,Close,Volume",
        "date,open,high,low,close,volume",
        "TIMESTAMP,OPEN,HIGH,LOW,CLOSE,VOL",
        "datetime,o,h,l,c,v",
        "trade_date,open_price,high_price,low_price,close_price,volume",
        '"Date","Open","High","Low","Close","Volume"',
        "\ufeffDate,Open,High,Low,Close,Volume",
        " Date , Open , High , Low , Close , Volume ",
    ],
)
def test_columns_are_recognised_in_any_case(tmp_path: Path, header: str) -> None:
    path = write(tmp_path, f"{header}\n{ROW}")

    (bars,) = read_bars(path, "1d").values()

    assert bars.time_ns.tolist() == [day("2010-01-04")]
    assert [c.tolist() for c in (bars.open, bars.high, bars.low, bars.close)] == [
        [10],
        [11],
        [9],
        [10.5],
    ]
    assert bars.volume is not None and bars.volume.tolist() == [1000]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_usual_separators_are_read(tmp_path: Path, delimiter: str, newline: str) -> None:
    text = (HEADER + ROW * 2).replace(",", delimiter).replace("\n", newline)

    (bars,) = read_bars(write(tmp_path, text), "1d").values()

    assert bars.close.tolist() == [10.5, 10.5]


def test_a_first_column_without_a_name_does_not_shift_the_others(tmp_path: Path) -> None:
    path = write(tmp_path, "\tDate\tOpen\tHigh\tLow\tClose\n0\t2010-01-04\t10\t11\t9\t10.5\n")

    (bars,) = read_bars(path, "1d").values()

    assert (bars.open.tolist(), bars.close.tolist()) == ([10], [10.5])


def test_odd_columns_are_mapped(tmp_path: Path) -> None:
    path = write(tmp_path, "d,first,top,bottom,last price\n2010-01-04,10,11,9,10.5\n")
    columns = {"date": "d", "open": "first", "high": "top", "low": "bottom", "close": "last price"}

    (bars,) = read_bars(path, "1d", columns).values()

    assert (bars.close.tolist(), bars.volume) == ([10.5], None)


def test_an_adjusted_close_beside_the_close_is_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path, "Date,Open,High,Low,Close,Adj Close\n2010-01-04,10,11,9,10.5,5\n")

    (bars,) = read_bars(path, "1d").values()

    assert bars.close.tolist() == [10.5]


def test_symbols_of_a_column_are_taken_apart(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "ticker,date,open,high,low,close\nB,2010-01-04,2,2,2,2\nA,2010-01-04,1,1,1,1\nB,2010-01-05,3,3,3,3\n",
    )

    bars = read_bars(path, "1d")

    assert {s: b.close.tolist() for s, b in bars.items()} == {"A": [1], "B": [2, 3]}


def test_a_file_without_symbols_takes_the_one_asked_for_or_its_name(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + ROW, "msft.us.csv")

    assert list(read_bars(path, "1d", only=("MSFT",))) == ["MSFT"]
    assert list(read_bars(path, "1d")) == ["msft.us"]
    with pytest.raises(BacktestValidationError, match="2 symbols"):
        read_bars(path, "1d", only=("A", "B"))


def test_a_folder_of_files_is_one_source(tmp_path: Path) -> None:
    write(tmp_path, HEADER + ROW, "AAA.csv")
    write(tmp_path, "not bars", "notes.md")
    table = pa.table(
        {
            "symbol": ["BBB"],
            "date": [dt.date(2010, 1, 4)],
            "open": [1.5],
            "high": [1.5],
            "low": [1.5],
            "close": [1.5],
        }
    )
    pq.write_table(table, tmp_path / "more.parquet")

    bars = read_bars(tmp_path, "1d", only=("AAA", "BBB"))

    assert {s: b.close.tolist() for s, b in bars.items()} == {"AAA": [10.5], "BBB": [1.5]}


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2010-01-04", "2010-01-04T00:00"),
        ("20100104", "2010-01-04T00:00"),
        ("2010/01/04", "2010-01-04T00:00"),
        ("1/25/2010", "2010-01-25T00:00"),
        ("25/01/2010", "2010-01-25T00:00"),
        ("2010-01-04 09:30", "2010-01-04T09:30"),
        ("2010-01-04T09:30:15.25", "2010-01-04T09:30:15.25"),
        ("2010-01-04T09:30:00Z", "2010-01-04T09:30"),
        ("2010-01-04T09:30:00-05:00", "2010-01-04T14:30"),
        ("2010-01-04 09:30:00+0900", "2010-01-04T00:30"),
        ("1262597400", "2010-01-04T09:30"),
        ("1262597400000", "2010-01-04T09:30"),
    ],
)
def test_times_are_read_as_utc(tmp_path: Path, text: str, time: str) -> None:
    path = write(tmp_path, HEADER + ROW.replace("2010-01-04", text))

    (bars,) = read_bars(path, "1m").values()

    assert bars.time_ns.tolist() == [int(np.datetime64(time, "ns").astype(np.int64))]


@pytest.mark.parametrize(
    "text", ["2010-01-04T00:00:00+09:00", "2010-01-04 16:00", "2010-01-04T23:59:59-05:00"]
)
def test_a_daily_bar_is_labelled_with_the_date_as_written(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, HEADER + ROW.replace("2010-01-04", text))

    (bars,) = read_bars(path, "1d").values()

    assert bars.time_ns.tolist() == [day("2010-01-04")]


def test_a_parquet_time_with_a_zone_is_labelled_with_its_own_date(tmp_path: Path) -> None:
    times = pa.array([dt.datetime(2010, 1, 4)]).cast(pa.timestamp("us")).cast(pa.int64())
    seoul = pa.compute.subtract(times, 9 * 3_600_000_000).cast(pa.timestamp("us", "Asia/Seoul"))
    table = pa.table({"date": seoul, "open": [1.5], "high": [1.5], "low": [1.5], "close": [1.5]})
    pq.write_table(table, tmp_path / "a.parquet")

    (bars,) = read_bars(tmp_path / "a.parquet", "1d").values()

    assert bars.time_ns.tolist() == [day("2010-01-04")]


def test_a_date_and_a_time_of_day_in_two_columns_belong_together(tmp_path: Path) -> None:
    path = write(tmp_path, "Date,Time,Open,High,Low,Close\n2010-01-04,09:31,1,1,1,1\n")

    (bars,) = read_bars(path, "1m").values()

    assert bars.time_ns.tolist() == [day("2010-01-04") + (9 * 60 + 31) * 60_000_000_000]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "empty (0 bytes)"),
        (HEADER, "no bars, only names of columns"),
        ("a,b\n1,2\n", "no column for time, open, high, low, close"),
        ("Date,Open,High,Low\n2010-01-04,1,2,3\n", "no column for close"),
        (
            HEADER + ROW + "2010-01-05,10,11,x,10.5,1000\n",
            "line 3, column 'Low': 'x' is not a number",
        ),
        (HEADER + ROW + "\n\n2010-01-05,10,11,9,ten,1000\n", "line 5, column 'Close': 'ten'"),
        (HEADER + ROW.replace("10.5", "nan"), "line 2, column 'Close': 'nan'"),
        (HEADER + ROW.replace("10.5", "inf"), "'inf' is not a number"),
        (HEADER + ROW.replace("1000", "1_000"), "column 'Volume': '1_000'"),
        (HEADER + ROW.replace("10.5", "0x1F"), "'0x1F' is not a number"),
        (HEADER + ROW.replace("10.5", "١٢"), "'١٢' is not a number"),
        (HEADER + ROW.replace("10.5", '"1,234.5"'), "'1,234.5' is not a number"),
        (HEADER + ROW.replace("2010-01-04", "soon"), "line 2, column 'Date': 'soon'"),
        (
            HEADER + ROW.replace("2010-01-04", "2010-02-30"),
            "'2010-02-30' is not a day of the calendar",
        ),
        (HEADER + ROW.replace("2010-01-04", "1/4/2010"), "without doubt"),
        (HEADER + "13/1/2010,1,1,1,1,1\n1/13/2010,1,1,1,1,1\n", "without doubt"),
        (HEADER + "2010-01-04,10,11\n", "3 columns instead of 6"),
        (HEADER.encode() + ROW.replace("10.5", "ü").encode("latin-1"), "UTF-8"),
        ((HEADER + ROW).encode("utf-16"), "UTF-8"),
        (
            "Date,Open,High,Low,Close,close_price\n2010-01-04,1,1,1,1,1\n",
            "both look like the close",
        ),
        (
            "Date,Open,High,Low,Close,Close\n2010-01-04,1,1,1,1,1\n",
            "two columns are called 'Close'",
        ),
        (",".join(f"c{i}" for i in range(300)) + "\n", "300 columns"),
        (HEADER + ROW.replace("10.5", "9" * 2_000_000), "is not a number"),
        (HEADER + ROW.replace("10.5", "1e999"), "'1e999' is not a number that"),
        (
            HEADER + "".join(f"2010-01-04T09:3{m},1,1,1,1,1\n" for m in range(3)),
            "several bars a day",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_told_by_place_and_value(
    tmp_path: Path, content: str | bytes, told: str
) -> None:
    path = write(tmp_path, content)

    with pytest.raises(BacktestValidationError) as failure:
        read_bars(path, "1d")

    assert told in failure.value.message
    assert str(path) in failure.value.message
    assert (failure.value.exit_code, len(failure.value.message) < 600) == (2, True)


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(BacktestNotFoundError, match=r"none\.csv"):
        read_bars(tmp_path / "none.csv", "1d")


def test_a_folder_without_bars_says_so(tmp_path: Path) -> None:
    with pytest.raises(BacktestValidationError, match="no CSV or Parquet"):
        read_bars(tmp_path, "1d")


def test_a_file_that_only_pretends_to_be_parquet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BacktestValidationError, match="Parquet"):
        read_bars(write(tmp_path, HEADER + ROW, "a.parquet"), "1d")


def test_empty_cells_are_missing_not_zero(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + "2010-01-04,10,11,9,,\n,10,11,9,10,5\n")

    (bars,) = read_bars(path, "1d").values()

    assert np.isnan(bars.close[0]) and bars.volume is not None and np.isnan(bars.volume[0])
    assert bars.time_ns.tolist() == [day("2010-01-04"), MISSING_TIME]


@pytest.mark.parametrize(
    ("columns", "told"),
    [({"price": "Close"}, "no column of bars"), ({"close": "Last"}, "no column 'Last'")],
)
def test_a_mapping_that_cannot_be_is_refused(
    tmp_path: Path, columns: dict[str, str], told: str
) -> None:
    path = write(tmp_path, HEADER + ROW)

    with pytest.raises(BacktestValidationError, match=told):
        read_bars(path, "1d", columns)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=200).map(lambda t: (HEADER + t).encode("utf-8", "ignore")),
    )
)
def test_no_content_of_a_file_is_more_than_an_error_of_the_person(
    tmp_path: Path, content: bytes
) -> None:
    path = write(tmp_path, content)

    try:
        read = read_bars(path, "1d")
    except BacktestError as error:
        assert str(path) in error.message
    else:
        assert min(len(bars.time_ns) for bars in read.values()) > 0
