"""Market data beside the checkout, written out as folders that the program reads."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tests.shared import shared_path

_BARS = ["symbol", "date", "open", "high", "low", "close", "volume"]


def _write(folder: Path, bars: pd.DataFrame, **beside: pd.DataFrame) -> Path:
    folder.mkdir(exist_ok=True)
    days = pd.to_datetime(bars["date"])
    table = pa.Table.from_pandas(bars.assign(date=days.dt.date)[_BARS], preserve_index=False)
    pq.write_table(table, folder / "bars.parquet")
    for name, frame in beside.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    return folder


def pystock(folder: Path) -> Path:
    """Write 650 American stocks of 2015 to 2017, 220 of which leave, with their lives."""
    source = shared_path("data", "us_pystock_2015_2017")
    listing = pd.read_csv(source / "listing.csv")
    lives = pd.DataFrame(
        {
            "code": listing["symbol"],
            "market": "NASDAQ",
            "currency": "USD",
            "listed_on": listing["first_date"].where(listing["status"] == "entered"),
            "delisted_on": listing["last_date"].where(listing["status"] == "left"),
        }
    )
    return _write(folder, pd.read_parquet(source / "ohlcv_daily.parquet"), instruments=lives)


def zipline9(folder: Path) -> Path:
    """Write nine American stocks with splits, dividends and the end of DELL."""
    source = shared_path("data", "us_zipline9")
    splits = pd.read_csv(source / "splits.csv")
    dividends = pd.read_csv(source / "dividends.csv")
    actions = pd.concat(
        [
            splits.assign(kind="split", value=1 / splits["ratio"]),
            dividends.assign(kind="dividend", value=dividends["amount"]),
        ]
    )
    bars = pd.read_parquet(source / "ohlcv_daily.parquet")
    lives = pd.DataFrame({"code": sorted(bars["symbol"].unique()), "market": "NYSE"})
    lives["delisted_on"] = lives["code"].map({"DELL": "2013-10-29"})
    return _write(
        folder,
        bars,
        corporate_actions=actions[["symbol", "ex_date", "kind", "value"]],
        instruments=lives,
    )


def marcap(folder: Path) -> Path:
    """Write the whole Korean market of January and February 2024 with its market caps."""
    frame = pd.read_parquet(shared_path("data", "kr_marcap_windows", "krx_2024_jan_feb.parquet"))
    caps = frame[["symbol", "date", "market_cap_krw"]].rename(
        columns={"symbol": "code", "date": "as_of_date", "market_cap_krw": "market_cap"}
    )
    last = frame["date"].max()
    lives = frame.groupby("symbol").agg(market=("market", "last"), end=("date", "max"))
    lives = lives.reset_index().rename(columns={"symbol": "code"}).assign(currency="KRW")
    lives["delisted_on"] = lives["end"].where(lives["end"] < last)
    return _write(folder, frame, stock_info=caps, instruments=lives.drop(columns="end"))
