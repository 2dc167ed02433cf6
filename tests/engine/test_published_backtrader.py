"""Crosses of price and average on the bars of 2006, against the fills that backtrader's own tests publish."""

import pandas as pd
import pytest

from engine.types import Side
from tests.engine.published import bars_panel, published, run
from tests.shared import shared_path

pytestmark = pytest.mark.needs_shared


def test_backtrader_crosses_of_price_and_average_of_15_give_the_same_23_fills() -> None:
    wanted = published("backtrader_sma15.json")["published"]
    frame = pd.read_csv(shared_path("data", "backtrader_2006", "2006_day_001.csv"))

    result = run(
        bars_panel("INDEX", frame, "date"),
        "sma_cross",
        {"fast": 1, "slow": 15, "enter_on": "cross"},
        account={"initial_capital": 10_000},
        sizing={"method": "fixed_quantity", "value": 1},
    )

    fills, close = result.fills, frame["close"].to_numpy()
    bought, sold = fills["side"] == Side.BUY, fills["side"] == Side.SELL
    decided = result.orders["decided"][fills["order"]]
    assert fills["price"][bought].tolist() == wanted["buy_fills"]
    assert fills["price"][sold].tolist() == wanted["sell_fills"]
    assert close[decided[bought]].tolist() == wanted["buy_signal_closes"]
    assert close[decided[sold]].tolist() == wanted["sell_signal_closes"]
    assert result.curve.cash[-1] == pytest.approx(wanted["final_cash"], abs=0.00501)
    assert result.curve.equity[-1] == pytest.approx(wanted["final_value"], abs=0.00501)
