"""Run another engine on given bars and tell its trades and its last equity as JSON.

A program of its own, so that what the peers import, print and warn of stays out of the tests: jobs come as lines of
JSON on standard input, with the bars in a Parquet file that each names, and the answers are the marked lines of
standard output. One process answers all, as importing a peer takes seconds.
"""

import json
import sys
import traceback
from typing import Any

import numpy as np
import pandas as pd

Job = dict[str, Any]
MARK = "\x02"  # what the peers themselves print is not an answer


def bars_of(job: Job) -> pd.DataFrame:
    return pd.read_parquet(job["bars"]).set_index("time")


def by_backtesting(job: Job) -> Any:
    """Orders given bar by bar, filled at the next open; stop and target as prices."""
    from backtesting import Backtest, Strategy

    orders = {int(bar): order for bar, order in job["orders"].items()}

    class Given(Strategy):
        def init(self) -> None:
            self.left = self.I(lambda: np.zeros(len(self.data)), name="nothing")

        def next(self) -> None:
            order = orders.get(len(self.data) - 1)
            if order is None:
                return
            if not self.position:
                enter = self.buy if order["side"] > 0 else self.sell
                enter(size=order["size"], sl=order.get("stop"), tp=order.get("target"))

    frame = bars_of(job).rename(columns=str.capitalize)
    made = Backtest(frame, Given, cash=job["cash"], commission=job["commission"])
    stats = made.run()
    trades = stats["_trades"]
    columns = ["Size", "EntryBar", "ExitBar", "EntryPrice", "ExitPrice"]
    return {
        "equity": stats["_equity_curve"]["Equity"].iloc[-1],
        "trades": trades[columns].values.tolist(),
    }


def by_vectorbt(job: Job) -> Any:
    """Signals, all cash in whole shares, at the close or at an open; stops from the price of the fill."""
    import vectorbt as vbt

    frame = bars_of(job)
    portfolio = vbt.Portfolio.from_signals(
        frame["close"],
        entries=np.array(job["entries"]),
        exits=np.array(job["exits"]),
        open=frame["open"],
        high=frame["high"],
        low=frame["low"],
        price=frame[job["price"]],
        sl_stop=job.get("sl", np.nan),
        tp_stop=job.get("tp", np.nan),
        size=np.inf,
        size_granularity=1.0,
        fees=job["fees"],
        slippage=job["slippage"],
        init_cash=job["cash"],
        freq="1D",
    )
    records = portfolio.orders.records
    records["side"] = 1 - 2 * records["side"]  # theirs is 0 for a purchase
    columns = ["idx", "side", "size", "price", "fees"]
    return {"equity": portfolio.final_value(), "orders": records[columns].values.tolist()}


def by_vectorbt_weights(job: Job) -> Any:
    """Weights of several symbols that share one account, traded at the open."""
    import vectorbt as vbt

    frame = bars_of(job)
    portfolio = vbt.Portfolio.from_orders(
        frame.xs("close", axis=1, level=1),
        size=np.array(job["weights"], np.float64),
        size_type="targetpercent",
        price=frame.xs("open", axis=1, level=1),
        init_cash=job["cash"],
        cash_sharing=True,
        group_by=True,
        call_seq="auto",
        freq="1D",
    )
    return {"equity": portfolio.final_value(), "curve": portfolio.value().tolist()}


def by_bt(job: Job) -> Any:
    """Equal weights on the first session of every month, in fractions, at its close."""
    import bt

    algos = [bt.algos.RunMonthly(), bt.algos.SelectAll(), bt.algos.WeighEqually()]
    return curve_of(algos, job)


def by_bt_weights(job: Job) -> Any:
    """Weights given for every bar, in fractions, at its close."""
    import bt

    frame = bars_of(job)
    weights = pd.DataFrame(job["weights"], index=frame.index, columns=frame.columns)
    return curve_of([bt.algos.WeighTarget(weights)], job)


def curve_of(algos: list[Any], job: Job) -> Any:
    """Rebalance by what algos say and return the account's values bar by bar."""
    import bt

    made = bt.Backtest(
        bt.Strategy("ours", [*algos, bt.algos.Rebalance()]),
        bars_of(job),
        initial_capital=job["cash"],
        integer_positions=False,
        progress_bar=False,
    )
    values = bt.run(made).backtests["ours"].strategy.values
    # the first row is before the first bar
    return {"equity": values.iloc[-1], "curve": values.iloc[1:].tolist()}


PEERS = {
    "backtesting": by_backtesting,
    "vectorbt": by_vectorbt,
    "vectorbt_weights": by_vectorbt_weights,
    "bt": by_bt,
    "bt_weights": by_bt_weights,
}


def answer(job: Job) -> Any:
    """Return what a peer says, or why it can't."""
    try:
        return PEERS[job["peer"]](job)
    except Exception:
        return {"error": traceback.format_exc()}


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(f"\n{MARK}{json.dumps(answer(json.loads(line)))}\n")
        sys.stdout.flush()
