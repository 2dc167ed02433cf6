"""A trade file is whole or absent, exact to the digit, and harmless in a spreadsheet."""

import csv
import os
import time
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.service.export import TRADE_COLUMNS, cell, trade_rows, write_csv
from engine.errors import BacktestError
from engine.types import TRADE

FORMULA_STARTS = "=+-@\t\r\n＝＋－＠"


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def test_the_columns_are_these_in_this_order():
    assert ", ".join(TRADE_COLUMNS) == (
        "run_id, trade_no, symbol, side, quantity, entry_signal_time, entry_time, entry_price, entry_reason, "
        "exit_signal_time, exit_time, exit_price, exit_reason, bars_held, days_held, gross_pnl, commission, "
        "slippage, tax, net_pnl, net_pnl_pct, cum_pnl, equity_after, mfe, mfe_pct, mfe_bars, mae, mae_pct, "
        "mae_bars, currency, ambiguous_bar, tags"
    )


@pytest.mark.parametrize("start", list(FORMULA_STARTS))
def test_a_text_that_starts_a_formula_is_disarmed(start):
    assert cell(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"


@pytest.mark.parametrize("text", ["-5", "+1.5", "-1e5", "-.5", "AAPL", "A=B", "", "'quoted", "−5"])
def test_numbers_and_plain_texts_stay_as_they_are(text):
    assert cell(text) == text


@given(st.text())
def test_no_cell_of_text_starts_a_formula_unless_it_is_a_number(text):
    written = cell(text)

    assert written == text or written == f"'{text}"
    assert not written or written[0] not in FORMULA_STARTS or Decimal(written) is not None


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2),
        max_size=5,
    )
)
def test_what_is_written_reads_back(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("csv") / "t.csv"

    write_csv(file, ("a", "b"), rows)

    assert read(file) == [["a", "b"], *rows]


def test_lines_end_as_rfc_4180_says_and_texts_are_utf_8(tmp_path):
    write_csv(tmp_path / "t.csv", ("a", "b"), [("삼성, 전자", 'say "hi"')])

    assert (tmp_path / "t.csv").read_bytes() == 'a,b\r\n"삼성, 전자","say ""hi"""\r\n'.encode()


def test_a_failure_halfway_leaves_the_old_file_and_no_other(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("old")

    def rows():
        yield ("1",)
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        write_csv(file, ("a",), rows())

    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_not_there_is_told_with_its_name(tmp_path):
    with pytest.raises(BacktestError, match="nowhere") as caught:
        write_csv(tmp_path / "nowhere" / "t.csv", ("a",), [])

    assert caught.value.hint


def test_a_target_that_is_a_folder_is_told_and_left_alone(tmp_path):
    (tmp_path / "t.csv").mkdir()

    with pytest.raises(BacktestError, match="can't be written"):
        write_csv(tmp_path / "t.csv", ("a",), [])

    assert os.listdir(tmp_path) == ["t.csv"]


def hostile_run(n_trades: int = 3) -> tuple[Any, Any]:
    """Return a run whose every text starts a formula, and whose amounts are awkward."""
    trades = np.zeros(n_trades, TRADE)
    trades["trade_no"] = np.arange(1, n_trades + 1)
    trades["side"] = -1
    trades["quantity"], trades["entry_price"] = 0.00000001, 0.1
    trades["exit_bar"], trades["entry_signal_bar"] = 1, -1
    trades["pnl"], trades["commission"], trades["tax"] = -0.1, 0.07, 0.03
    record = SimpleNamespace(run_id="0198", tags=("@tag", "b"), currency="USD")
    result = SimpleNamespace(
        trades=trades,
        time_ns=np.array([0, 86_400_000_000_000], np.int64),
        symbols=("=SYM()",),
        labels=("+label",),
        curve=SimpleNamespace(equity=np.array([1000.0, 999.9])),
    )
    return record, result


def test_texts_of_a_run_are_disarmed_and_its_figures_are_exact(tmp_path):
    record, result = hostile_run()

    write_csv(tmp_path / "t.csv", TRADE_COLUMNS, trade_rows(record, result))

    rows = [dict(zip(TRADE_COLUMNS, row, strict=True)) for row in read(tmp_path / "t.csv")[1:]]
    assert [row["cum_pnl"] for row in rows] == ["-0.1000", "-0.2000", "-0.3000"]
    assert {
        "symbol": "'=SYM()",
        "side": "short",
        "quantity": "0.00000001",
        "entry_price": "0.10000000",
        "entry_reason": "'+label",
        "exit_reason": "'+label",
        "tags": "'@tag; b",
        "gross_pnl": "0.0000",
        "commission": "0.0700",
        "tax": "0.0300",
        "net_pnl": "-0.1000",
        "entry_signal_time": "",
        "entry_time": "1970-01-01T00:00:00Z",
        "exit_time": "1970-01-02T00:00:00Z",
        "days_held": "1.0000",
        "equity_after": "999.9000",
        "ambiguous_bar": "no",
    }.items() <= rows[0].items()


def test_a_hundred_thousand_trades_are_written_in_seconds(tmp_path):
    record, result = hostile_run(100_000)

    began = time.process_time()
    count = write_csv(tmp_path / "t.csv", TRADE_COLUMNS, trade_rows(record, result))
    seconds = time.process_time() - began

    assert count == 100_000
    assert seconds < 20
