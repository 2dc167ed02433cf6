"""The tables of runs, one model for the local SQLite and the shared PostgreSQL.

Rows of a run (trades, orders, fills, snapshots, metrics, artifacts, events) go with it; data sets
and strategies stay while a run uses them. Every figure is bounded from both sides, which refuses
NaN and infinity in PostgreSQL too. The migrations build what stands here, and a test compares the
two.
"""

import sqlalchemy as sa

from storage.columns import (
    MONEY_SCALE,
    PRICE_SCALE,
    BarTime,
    ExactDecimal,
    Json,
    Names,
    RowNumber,
    RunId,
    UtcDateTime,
)

# Indexes into JSON and arrays, which SQLite does not have: (table, column), made by the migration.
GIN_INDEXES = (
    ("datasets", "symbols"),
    ("backtest_runs", "strategy_snapshot"),
    ("backtest_runs", "config_snapshot"),
    ("events", "payload"),
)
APPLICATION_ID = 0x54424E43  # "TBNC" in the header of the file
STATUSES = ("queued", "running", "paused", "completed", "failed", "cancelled", "interrupted")

METRICS = (
    "total_return", "cagr", "volatility", "sharpe_ratio", "sortino_ratio", "max_drawdown",
    "max_drawdown_date", "max_drawdown_peak_date", "max_drawdown_recovery_date",
    "max_drawdown_duration", "calmar_ratio", "total_trades", "winning_trades", "losing_trades",
    "breakeven_trades", "win_rate", "profit_factor", "profit_loss_ratio", "avg_win", "avg_loss",
    "expectancy", "avg_holding_period", "avg_holding_bars", "beta", "alpha",
    "information_ratio", "benchmark_return", "exposure", "turnover", "var_95", "cvar_95", "sqn",
    "kelly", "ulcer_index", "tail_ratio", "recovery_factor", "skew", "kurtosis",
    "final_balance", "final_pnl",
)  # fmt: skip
COUNT_METRICS = ("total_trades", "winning_trades", "losing_trades", "breakeven_trades")
MONEY_METRICS = ("avg_win", "avg_loss", "expectancy", "final_balance", "final_pnl")
DATE_METRICS = ("max_drawdown_date", "max_drawdown_peak_date", "max_drawdown_recovery_date")
RATIO_METRICS = tuple(
    name for name in METRICS if name not in (*COUNT_METRICS, *MONEY_METRICS, *DATE_METRICS)
)

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _price() -> ExactDecimal:
    return ExactDecimal(20, PRICE_SCALE)


def _quantity() -> ExactDecimal:
    return ExactDecimal(24, PRICE_SCALE)


def _money() -> ExactDecimal:
    return ExactDecimal(24, MONEY_SCALE)


def _number(column: str) -> str:
    return f"CAST({column} AS DOUBLE PRECISION)"


def _positive(column: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{_number(column)} > 0 AND {_number(column)} < 1e17", name=name)


def _finite(column: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} BETWEEN -1.7e308 AND 1.7e308", name=f"{column}_finite")


def _one_of(column: str, values: tuple[str, ...], name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} IN ({', '.join(repr(v) for v in values)})", name=name)


def _run(primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(
        "run_id",
        RunId,
        sa.ForeignKey("backtest_runs.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


datasets = sa.Table(
    "datasets",
    metadata,
    sa.Column("id", RunId, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("symbols", Names, nullable=False),
    sa.Column("timeframe", sa.String(8), nullable=False),
    sa.Column("start_date", BarTime, nullable=False),
    sa.Column("end_date", BarTime, nullable=False),
    sa.Column("adjustment", sa.String(16), nullable=False),
    sa.Column("content_hash", sa.String(64), nullable=False),
    sa.Column("bar_count", sa.BigInteger, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("content_hash"),
    sa.CheckConstraint("start_date < end_date", name="range"),
    sa.CheckConstraint("length(content_hash) = 64", name="hash"),
    sa.CheckConstraint("bar_count > 0", name="bars"),
    sa.Index("ix_datasets_range", "start_date", "end_date"),
    sa.Index("ix_datasets_lower_timeframe", sa.text("lower(timeframe)")),
)

strategies = sa.Table(
    "strategies",
    metadata,
    sa.Column("id", RunId, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("version", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("params", Json, nullable=False),
    sa.Column("source_text", sa.Text, nullable=False),
    sa.Column("source_hash", sa.String(64), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("name", "version"),
    sa.CheckConstraint("length(source_hash) = 64", name="hash"),
)

backtest_runs = sa.Table(
    "backtest_runs",
    metadata,
    sa.Column("id", RunId, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column(
        "strategy_id", RunId, sa.ForeignKey("strategies.id", ondelete="RESTRICT"), nullable=False
    ),
    sa.Column("dataset_id", RunId, sa.ForeignKey("datasets.id", ondelete="RESTRICT")),
    sa.Column("strategy_name", sa.Text, nullable=False),
    sa.Column("strategy_type", sa.String(16), nullable=False),
    sa.Column("instrument_symbol", sa.Text, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("timeframe", sa.String(8), nullable=False),
    sa.Column("strategy_snapshot", Json, nullable=False),
    sa.Column("config_snapshot", Json, nullable=False),
    sa.Column("config_hash", sa.String(64), nullable=False),
    sa.Column("start_date", BarTime),
    sa.Column("end_date", BarTime),
    sa.Column("initial_capital", _money(), nullable=False),
    sa.Column(
        "initial_capital_real",
        sa.Double,
        sa.Computed(_number("initial_capital"), persisted=True),
        nullable=False,
    ),
    sa.Column("rebalancing_period", sa.String(16), nullable=False),
    sa.Column("commission_rate", sa.Double, nullable=False),
    sa.Column("slippage_rate", sa.Double, nullable=False),
    sa.Column("position_sizing", sa.String(32)),
    sa.Column("benchmark", sa.Text),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("progress", sa.Double, nullable=False, server_default=sa.text("0")),
    sa.Column("cancel_requested", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Column("error_message", sa.Text),
    sa.Column("traceback", sa.Text),
    sa.Column("execution_duration_seconds", sa.Double),
    sa.Column("data_source", sa.Text, nullable=False),
    sa.Column("engine_version", sa.String(32), nullable=False),
    sa.Column("summary", Json),
    sa.Column("result_hash", sa.String(64)),
    sa.Column("content_hash", sa.String(64)),
    sa.Column("reproduced_from_run_id", RunId),
    sa.Column("name", sa.Text),
    sa.Column("notes", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("tags", Names, nullable=False),
    sa.Column("visibility", sa.String(16), nullable=False, server_default=sa.text("'private'")),
    sa.Column("starred", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Column("runner_host", sa.Text),
    sa.Column("runner_pid", sa.BigInteger),
    sa.Column("runner_started", sa.Double),
    sa.Column("trashed_at", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("started_at", UtcDateTime),
    sa.Column("completed_at", UtcDateTime),
    _positive("initial_capital", "capital"),
    sa.CheckConstraint("end_date > start_date", name="range"),
    _one_of("status", STATUSES, "status"),
    _one_of("visibility", ("private", "team"), "visibility"),
    sa.CheckConstraint("progress BETWEEN 0 AND 1", name="progress"),
    sa.CheckConstraint("commission_rate BETWEEN 0 AND 1", name="commission"),
    sa.CheckConstraint("slippage_rate BETWEEN 0 AND 1", name="slippage"),
    sa.CheckConstraint("length(config_hash) = 64", name="config_hash"),
    sa.CheckConstraint("length(result_hash) = 64", name="result_hash"),
    sa.CheckConstraint("length(content_hash) = 64", name="content_hash"),
    sa.CheckConstraint(
        "status <> 'completed' OR (result_hash IS NOT NULL AND dataset_id IS NOT NULL "
        "AND completed_at IS NOT NULL)",
        name="complete",
    ),
    sa.Index("ix_backtest_runs_owner", "owner", "created_at", "id"),
    sa.Index("ix_backtest_runs_strategy", "strategy_name", "created_at", "id"),
    sa.Index("ix_backtest_runs_instrument", "instrument_symbol", "created_at", "id"),
    sa.Index("ix_backtest_runs_status", "status"),
    sa.Index("ix_backtest_runs_config_hash", "config_hash"),
    sa.Index("ix_backtest_runs_dataset", "dataset_id"),
    sa.Index("ix_backtest_runs_strategy_id", "strategy_id"),
)

backtest_trades = sa.Table(
    "backtest_trades",
    metadata,
    sa.Column("id", RowNumber, primary_key=True),
    _run(),
    sa.Column("trade_no", sa.BigInteger, nullable=False),
    sa.Column("position_no", sa.BigInteger, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("side", sa.String(5), nullable=False),
    sa.Column("order_type", sa.String(16), nullable=False),
    sa.Column("quantity", _quantity(), nullable=False),
    sa.Column("entry_signal_time", BarTime),
    sa.Column("entry_time", BarTime, nullable=False),
    sa.Column("entry_price", _price(), nullable=False),
    sa.Column("exit_signal_time", BarTime),
    sa.Column("exit_time", BarTime, nullable=False),
    sa.Column("exit_price", _price(), nullable=False),
    sa.Column("commission", _money(), nullable=False),
    sa.Column("slippage", _money(), nullable=False),
    sa.Column("tax", _money(), nullable=False),
    sa.Column("dividends", _money(), nullable=False),
    sa.Column("pnl", _money(), nullable=False),
    sa.Column("pnl_percent", sa.Double, nullable=False),
    sa.Column("bars_held", sa.BigInteger, nullable=False),
    sa.Column("mae", _money(), nullable=False),
    sa.Column("mae_bars", sa.BigInteger, nullable=False),
    sa.Column("mfe", _money(), nullable=False),
    sa.Column("mfe_bars", sa.BigInteger, nullable=False),
    sa.Column("ambiguous_bar", sa.Boolean, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("entry_reason", sa.Text, nullable=False),
    sa.Column("exit_reason", sa.Text, nullable=False),
    sa.Column("exit_kind", sa.SmallInteger, nullable=False),
    sa.Column("entry_label", sa.SmallInteger, nullable=False),
    sa.Column("exit_label", sa.SmallInteger, nullable=False),
    sa.UniqueConstraint("run_id", "trade_no"),
    _one_of("side", ("long", "short"), "side"),
    _positive("quantity", "quantity"),
    sa.CheckConstraint("exit_time >= entry_time AND bars_held >= 0", name="order_of_time"),
    _finite("pnl_percent"),
    sa.Index("ix_backtest_trades_exit", "run_id", "exit_time"),
    sa.Index("ix_backtest_trades_symbol", "run_id", "symbol"),
)

backtest_orders = sa.Table(
    "backtest_orders",
    metadata,
    _run(primary_key=True),
    sa.Column("order_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("side", sa.String(6), nullable=False),
    sa.Column("order_type", sa.String(16), nullable=False),
    sa.Column("quantity", _quantity(), nullable=False),
    sa.Column("level", _price()),
    sa.Column("created_at", BarTime, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("closed_at", BarTime),
    sa.Column("action", sa.SmallInteger, nullable=False),
    sa.Column("size_kind", sa.SmallInteger, nullable=False),
    sa.Column("size", sa.Double, nullable=False),
    sa.Column("cause", sa.SmallInteger, nullable=False),
    sa.Column("label", sa.SmallInteger, nullable=False),
    sa.Column("stop_rate", sa.Double, nullable=False),
    sa.Column("target_rate", sa.Double, nullable=False),
    _one_of("side", ("buy", "sell", "target"), "side"),
    _one_of("status", ("working", "filled", "refused", "expired", "cancelled"), "status"),
    sa.CheckConstraint(
        f"{_number('quantity')} >= 0 AND {_number('quantity')} < 1e17", name="quantity"
    ),
    sqlite_with_rowid=False,
)

backtest_fills = sa.Table(
    "backtest_fills",
    metadata,
    _run(primary_key=True),
    sa.Column("fill_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("order_no", sa.BigInteger),
    sa.Column("trade_date", sa.Date, nullable=False),
    sa.Column("at", BarTime, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("action", sa.String(4), nullable=False),
    sa.Column("quantity", _quantity(), nullable=False),
    sa.Column("price", _price(), nullable=False),
    sa.Column("commission", _money(), nullable=False),
    sa.Column("tax", _money(), nullable=False),
    sa.Column("slippage", _money(), nullable=False),
    sa.Column("total_cost", _money(), nullable=False),
    sa.Column("at_close", sa.Boolean, nullable=False),
    sa.Column("reason", sa.String(16), nullable=False),
    _one_of("action", ("BUY", "SELL"), "action"),
    _positive("quantity", "quantity"),
    sa.CheckConstraint(f"abs({_number('price')}) < 1e12", name="price"),
    sa.CheckConstraint(f"abs({_number('total_cost')}) < 1e17", name="total_cost"),
    sqlite_with_rowid=False,
)

backtest_snapshots = sa.Table(
    "backtest_snapshots",
    metadata,
    _run(primary_key=True),
    sa.Column("at", BarTime, primary_key=True, autoincrement=False),
    sa.Column("snapshot_date", sa.Date, nullable=False),
    sa.Column("cash", _money(), nullable=False),
    sa.Column("positions", Json, nullable=False),
    sa.Column("position_values", Json, nullable=False),
    sa.Column("total_value", _money(), nullable=False),
    sa.Column("drawdown_pct", sa.Double, nullable=False),
    sa.Column("open_positions", sa.BigInteger, nullable=False),
    sa.CheckConstraint("drawdown_pct <= 0 AND drawdown_pct >= -1.7e308", name="drawdown"),
    sa.CheckConstraint("open_positions >= 0", name="open_positions"),
    sqlite_with_rowid=False,
)

backtest_metrics = sa.Table(
    "backtest_metrics",
    metadata,
    _run(primary_key=True),
    *(sa.Column(name, sa.Double) for name in RATIO_METRICS),
    *(sa.Column(name, sa.BigInteger) for name in COUNT_METRICS),
    *(sa.Column(name, _money()) for name in MONEY_METRICS),
    *(sa.Column(name, sa.Date) for name in DATE_METRICS),
    sa.Column(
        "final_balance_real", sa.Double, sa.Computed(_number("final_balance"), persisted=True)
    ),
    sa.Column("final_pnl_real", sa.Double, sa.Computed(_number("final_pnl"), persisted=True)),
    sa.Column("further", Json, nullable=False),
    sa.Column("undefined", Json, nullable=False),
    sa.CheckConstraint(
        "total_trades = winning_trades + losing_trades + breakeven_trades", name="trades_add_up"
    ),
    sa.CheckConstraint("max_drawdown <= 0", name="drawdown"),
    *(_finite(name) for name in RATIO_METRICS),
)

artifacts = sa.Table(
    "artifacts",
    metadata,
    sa.Column("id", RunId, primary_key=True),
    _run(),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("content", sa.LargeBinary),
    sa.Column("reference", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("run_id", "kind", "name"),
    sa.CheckConstraint("size >= 0", name="size"),
    sa.CheckConstraint("length(sha256) = 64", name="sha256"),
    sa.CheckConstraint("(content IS NULL) <> (reference IS NULL)", name="one_place"),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", RowNumber, primary_key=True),
    _run(),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("level", sa.String(8), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("payload", Json, nullable=False),
    _one_of("level", ("debug", "info", "warning", "error"), "level"),
    sa.Index("ix_events_run", "run_id", "at"),
)

# Not a child of the run: a run that is gone may still have to be taken back from the shared side.
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("seq", RowNumber, primary_key=True),
    sa.Column("run_id", RunId, nullable=False),
    sa.Column("op", sa.String(16), nullable=False),
    sa.Column("attempts", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("next_try", UtcDateTime),
    sa.Column("last_error", sa.Text),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("sent_at", UtcDateTime),
    _one_of("op", ("push", "update", "delete"), "op"),
    _one_of("state", ("waiting", "sent", "held"), "state"),
    sa.CheckConstraint("attempts >= 0", name="attempts"),
    sa.Index("ix_outbox_state", "state", "seq"),
)
