"""Screening on real prices: no decision changes when later bars are cut off, at any bar, splits included."""

import numpy as np

from engine.config import DataConfig
from engine.strategies.screening import Screening
from storage.market.catalog import load_panel

CRITERIA = {
    "where": [
        {"left": "close", "op": ">", "right": "0.97 * ema(20)"},
        {
            "any": [
                {"left": "volume / volume_mean(10)", "op": "top", "right": 2},
                {"left": "rsi(5)", "op": "between", "right": 20, "upto": 80},
                {"left": "close", "op": ">=", "right": "highest(15, skip 1)"},
            ]
        },
        {"left": "dollar_volume(5)", "op": "top_pct", "right": 80},
        {"left": "atr(5) / close", "op": "<", "right": 0.2},
    ],
    "rank_by": "roc(10, skip 2)",
    "top": 2,
    "weigh_by": "inverse_volatility",
    "volatility_bars": 10,
}


def test_no_weight_changes_when_later_bars_are_cut_off_at_any_bar() -> None:
    data = DataConfig.model_validate({"source": "demo", "start": "2005-01-03", "end": "2005-05-31"})
    screening = Screening.make({"criteria": CRITERIA})
    panel = load_panel(data, screening.warmup_bars())
    bars = np.arange(panel.n_bars)

    whole = screening.weights(panel, bars)

    assert len(panel.events) == 1  # AAPL is split in February
    assert (np.nan_to_num(whole) > 0).sum() > 50
    for cut in range(1, panel.n_bars):
        part = screening.weights(panel.slice(0, cut), bars[:cut])
        np.testing.assert_array_equal(part, whole[:cut], err_msg=f"cut at bar {cut}")
