"""The tables of runs: data sets, strategies, runs and everything that belongs to a run."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.columns import BarTime, ExactDecimal, Json, Names, RowNumber, RunId, UtcDateTime

revision = "0001"
down_revision = None

_TABLES = (
    "datasets", "strategies", "backtest_runs", "backtest_trades", "backtest_orders",
    "backtest_fills", "backtest_snapshots", "backtest_metrics", "artifacts", "events", "outbox",
)  # fmt: skip
_GIN_INDEXES = (
    ("datasets", "symbols"),
    ("backtest_runs", "strategy_snapshot"),
    ("backtest_runs", "config_snapshot"),
    ("events", "payload"),
)
_RATIOS = (
    "total_return", "cagr", "volatility", "sharpe_ratio", "sortino_ratio", "max_drawdown",
    "max_drawdown_duration", "calmar_ratio", "win_rate", "profit_factor", "profit_loss_ratio",
    "avg_holding_period", "avg_holding_bars", "beta", "alpha", "information_ratio",
    "benchmark_return", "exposure", "turnover", "var_95", "cvar_95", "sqn", "kelly",
    "ulcer_index", "tail_ratio", "recovery_factor", "skew", "kurtosis",
)  # fmt: skip
_DATES = ("max_drawdown_date", "max_drawdown_peak_date", "max_drawdown_recovery_date")
_COUNTS = ("total_trades", "winning_trades", "losing_trades", "breakeven_trades")
_MONEY = ("avg_win", "avg_loss", "expectancy", "final_balance", "final_pnl")


def upgrade() -> None:
    """Make the tables, their indexes and the rule that a run's birth never changes."""
    _make_datasets()
    _make_strategies()
    _make_backtest_runs()
    _make_backtest_trades()
    _make_backtest_orders()
    _make_backtest_fills()
    _make_backtest_snapshots()
    _make_backtest_metrics()
    _make_artifacts()
    _make_events()
    _make_outbox()
    if op.get_context().dialect.name == "postgresql":
        for table, column in _GIN_INDEXES:
            op.create_index(f"ix_{table}_{column}", table, [column], postgresql_using="gin")
        _guard_created_at_in_postgresql()
    else:
        op.execute(
            "CREATE TRIGGER backtest_runs_created_at BEFORE UPDATE OF created_at ON backtest_runs "
            "WHEN NEW.created_at IS NOT OLD.created_at "
            "BEGIN SELECT RAISE(ABORT, 'created_at never changes'); END"
        )
        op.execute("PRAGMA user_version = 1")


def downgrade() -> None:
    """Remove everything."""
    for table in reversed(_TABLES):
        op.drop_table(table)
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION keep_created_at()")
    else:
        op.execute("PRAGMA user_version = 0")


def _belongs_to_run(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["run_id"], ["backtest_runs.id"], name=op.f(f"fk_{table}_run_id"), ondelete="CASCADE"
    )


def _check(name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{name}"))


def _positive(column: str, name: str, table: str) -> sa.CheckConstraint:
    number = f"CAST({column} AS DOUBLE PRECISION)"
    return sa.CheckConstraint(f"{number} > 0 AND {number} < 1e17", name=op.f(f"ck_{table}_{name}"))


def _guard_created_at_in_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION keep_created_at() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.created_at IS DISTINCT FROM OLD.created_at THEN "
        "RAISE EXCEPTION 'created_at never changes'; END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER backtest_runs_created_at BEFORE UPDATE OF created_at ON backtest_runs "
        "FOR EACH ROW EXECUTE FUNCTION keep_created_at()"
    )


def _make_datasets() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", RunId, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("symbols", Names, nullable=False),
        sa.Column("timeframe", sa.String(length=8), nullable=False),
        sa.Column("start_date", BarTime(), nullable=False),
        sa.Column("end_date", BarTime(), nullable=False),
        sa.Column("adjustment", sa.String(length=16), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("bar_count", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        _check("datasets_bars", "bar_count > 0"),
        _check("datasets_hash", "length(content_hash) = 64"),
        _check("datasets_range", "start_date < end_date"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets")),
        sa.UniqueConstraint("content_hash", name=op.f("uq_datasets_content_hash")),
    )
    op.create_index("ix_datasets_range", "datasets", ["start_date", "end_date"])
    op.create_index("ix_datasets_lower_timeframe", "datasets", [sa.text("lower(timeframe)")])


def _make_strategies() -> None:
    op.create_table(
        "strategies",
        sa.Column("id", RunId, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("params", Json, nullable=False),
        sa.Column("source_text", sa.Text(), nullable=False),
        sa.Column("source_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        _check("strategies_hash", "length(source_hash) = 64"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategies")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_strategies_name_version")),
    )


def _make_backtest_runs() -> None:
    op.create_table("backtest_runs", *_what_was_run(), *_what_became_of_it(), *_rules_of_runs())
    op.create_index("ix_backtest_runs_config_hash", "backtest_runs", ["config_hash"])
    op.create_index("ix_backtest_runs_dataset", "backtest_runs", ["dataset_id"])
    op.create_index(
        "ix_backtest_runs_instrument", "backtest_runs", ["instrument_symbol", "created_at", "id"]
    )
    op.create_index("ix_backtest_runs_owner", "backtest_runs", ["owner", "created_at", "id"])
    op.create_index("ix_backtest_runs_status", "backtest_runs", ["status"])
    op.create_index(
        "ix_backtest_runs_strategy", "backtest_runs", ["strategy_name", "created_at", "id"]
    )
    op.create_index("ix_backtest_runs_strategy_id", "backtest_runs", ["strategy_id"])


def _what_was_run() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("id", RunId, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("strategy_id", RunId, nullable=False),
        sa.Column("dataset_id", RunId),
        sa.Column("strategy_name", sa.Text(), nullable=False),
        sa.Column("strategy_type", sa.String(length=16), nullable=False),
        sa.Column("instrument_symbol", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("timeframe", sa.String(length=8), nullable=False),
        sa.Column("strategy_snapshot", Json, nullable=False),
        sa.Column("config_snapshot", Json, nullable=False),
        sa.Column("config_hash", sa.String(length=64), nullable=False),
        sa.Column("start_date", BarTime()),
        sa.Column("end_date", BarTime()),
        sa.Column("initial_capital", ExactDecimal(24, 4), nullable=False),
        sa.Column(
            "initial_capital_real",
            sa.Double(),
            sa.Computed("CAST(initial_capital AS DOUBLE PRECISION)", persisted=True),
            nullable=False,
        ),
    )


def _what_became_of_it() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("rebalancing_period", sa.String(length=16), nullable=False),
        sa.Column("commission_rate", sa.Double(), nullable=False),
        sa.Column("slippage_rate", sa.Double(), nullable=False),
        sa.Column("position_sizing", sa.String(length=32)),
        sa.Column("benchmark", sa.Text()),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("progress", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "cancel_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("error_message", sa.Text()),
        sa.Column("traceback", sa.Text()),
        sa.Column("execution_duration_seconds", sa.Double()),
        sa.Column("data_source", sa.Text(), nullable=False),
        sa.Column("engine_version", sa.String(length=32), nullable=False),
        sa.Column("summary", Json),
        sa.Column("result_hash", sa.String(length=64)),
        sa.Column("content_hash", sa.String(length=64)),
        sa.Column("reproduced_from_run_id", RunId),
        sa.Column("name", sa.Text()),
        sa.Column("notes", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("tags", Names, nullable=False),
        sa.Column(
            "visibility", sa.String(length=16), server_default=sa.text("'private'"), nullable=False
        ),
        sa.Column("starred", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("runner_host", sa.Text()),
        sa.Column("runner_pid", sa.BigInteger()),
        sa.Column("runner_started", sa.Double()),
        sa.Column("trashed_at", UtcDateTime()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime()),
        sa.Column("completed_at", UtcDateTime()),
    )


def _rules_of_runs() -> tuple[sa.Constraint, ...]:
    return (
        _check(
            "backtest_runs_complete",
            "status <> 'completed' OR (result_hash IS NOT NULL AND dataset_id IS NOT NULL "
            "AND completed_at IS NOT NULL)",
        ),
        _check(
            "backtest_runs_status",
            "status IN ('queued', 'running', 'paused', 'completed', 'failed', 'cancelled', "
            "'interrupted')",
        ),
        _check("backtest_runs_visibility", "visibility IN ('private', 'team')"),
        _positive("initial_capital", "capital", "backtest_runs"),
        _check("backtest_runs_commission", "commission_rate BETWEEN 0 AND 1"),
        _check("backtest_runs_range", "end_date > start_date"),
        _check("backtest_runs_config_hash", "length(config_hash) = 64"),
        _check("backtest_runs_content_hash", "length(content_hash) = 64"),
        _check("backtest_runs_result_hash", "length(result_hash) = 64"),
        _check("backtest_runs_progress", "progress BETWEEN 0 AND 1"),
        _check("backtest_runs_slippage", "slippage_rate BETWEEN 0 AND 1"),
        sa.ForeignKeyConstraint(
            ["dataset_id"],
            ["datasets.id"],
            name=op.f("fk_backtest_runs_dataset_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["strategy_id"],
            ["strategies.id"],
            name=op.f("fk_backtest_runs_strategy_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backtest_runs")),
    )


def _make_backtest_trades() -> None:
    op.create_table(
        "backtest_trades",
        sa.Column("id", RowNumber, nullable=False),
        sa.Column("run_id", RunId, nullable=False),
        sa.Column("trade_no", sa.BigInteger(), nullable=False),
        sa.Column("position_no", sa.BigInteger(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.String(length=5), nullable=False),
        sa.Column("order_type", sa.String(length=16), nullable=False),
        sa.Column("quantity", ExactDecimal(24, 8), nullable=False),
        sa.Column("entry_signal_time", BarTime()),
        sa.Column("entry_time", BarTime(), nullable=False),
        sa.Column("entry_price", ExactDecimal(20, 8), nullable=False),
        sa.Column("exit_signal_time", BarTime()),
        sa.Column("exit_time", BarTime(), nullable=False),
        sa.Column("exit_price", ExactDecimal(20, 8), nullable=False),
        sa.Column("commission", ExactDecimal(24, 4), nullable=False),
        sa.Column("slippage", ExactDecimal(24, 4), nullable=False),
        sa.Column("tax", ExactDecimal(24, 4), nullable=False),
        sa.Column("dividends", ExactDecimal(24, 4), nullable=False),
        sa.Column("pnl", ExactDecimal(24, 4), nullable=False),
        sa.Column("pnl_percent", sa.Double(), nullable=False),
        sa.Column("bars_held", sa.BigInteger(), nullable=False),
        sa.Column("mae", ExactDecimal(24, 4), nullable=False),
        sa.Column("mae_bars", sa.BigInteger(), nullable=False),
        sa.Column("mfe", ExactDecimal(24, 4), nullable=False),
        sa.Column("mfe_bars", sa.BigInteger(), nullable=False),
        sa.Column("ambiguous_bar", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("entry_reason", sa.Text(), nullable=False),
        sa.Column("exit_reason", sa.Text(), nullable=False),
        sa.Column("exit_kind", sa.SmallInteger(), nullable=False),
        sa.Column("entry_label", sa.SmallInteger(), nullable=False),
        sa.Column("exit_label", sa.SmallInteger(), nullable=False),
        _check("backtest_trades_side", "side IN ('long', 'short')"),
        _positive("quantity", "quantity", "backtest_trades"),
        _check("backtest_trades_order_of_time", "exit_time >= entry_time AND bars_held >= 0"),
        _check("backtest_trades_pnl_percent_finite", "pnl_percent BETWEEN -1.7e308 AND 1.7e308"),
        _belongs_to_run("backtest_trades"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backtest_trades")),
        sa.UniqueConstraint("run_id", "trade_no", name=op.f("uq_backtest_trades_run_id_trade_no")),
    )
    op.create_index("ix_backtest_trades_exit", "backtest_trades", ["run_id", "exit_time"])
    op.create_index("ix_backtest_trades_symbol", "backtest_trades", ["run_id", "symbol"])


def _make_backtest_orders() -> None:
    op.create_table(
        "backtest_orders",
        sa.Column("run_id", RunId, nullable=False),
        sa.Column("order_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.String(length=6), nullable=False),
        sa.Column("order_type", sa.String(length=16), nullable=False),
        sa.Column("quantity", ExactDecimal(24, 8), nullable=False),
        sa.Column("level", ExactDecimal(20, 8)),
        sa.Column("created_at", BarTime(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("closed_at", BarTime()),
        sa.Column("action", sa.SmallInteger(), nullable=False),
        sa.Column("size_kind", sa.SmallInteger(), nullable=False),
        sa.Column("size", sa.Double(), nullable=False),
        sa.Column("cause", sa.SmallInteger(), nullable=False),
        sa.Column("label", sa.SmallInteger(), nullable=False),
        sa.Column("stop_rate", sa.Double(), nullable=False),
        sa.Column("target_rate", sa.Double(), nullable=False),
        _check("backtest_orders_side", "side IN ('buy', 'sell', 'target')"),
        _check(
            "backtest_orders_status",
            "status IN ('working', 'filled', 'refused', 'expired', 'cancelled')",
        ),
        _check(
            "backtest_orders_quantity",
            "CAST(quantity AS DOUBLE PRECISION) >= 0 AND CAST(quantity AS DOUBLE PRECISION) < 1e17",
        ),
        _belongs_to_run("backtest_orders"),
        sa.PrimaryKeyConstraint("run_id", "order_no", name=op.f("pk_backtest_orders")),
        sqlite_with_rowid=False,
    )


def _make_backtest_fills() -> None:
    op.create_table(
        "backtest_fills",
        sa.Column("run_id", RunId, nullable=False),
        sa.Column("fill_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_no", sa.BigInteger()),
        sa.Column("trade_date", sa.Date(), nullable=False),
        sa.Column("at", BarTime(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=4), nullable=False),
        sa.Column("quantity", ExactDecimal(24, 8), nullable=False),
        sa.Column("price", ExactDecimal(20, 8), nullable=False),
        sa.Column("commission", ExactDecimal(24, 4), nullable=False),
        sa.Column("tax", ExactDecimal(24, 4), nullable=False),
        sa.Column("slippage", ExactDecimal(24, 4), nullable=False),
        sa.Column("total_cost", ExactDecimal(24, 4), nullable=False),
        sa.Column("at_close", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        _check("backtest_fills_action", "action IN ('BUY', 'SELL')"),
        _positive("quantity", "quantity", "backtest_fills"),
        _check("backtest_fills_price", "abs(CAST(price AS DOUBLE PRECISION)) < 1e12"),
        _check("backtest_fills_total_cost", "abs(CAST(total_cost AS DOUBLE PRECISION)) < 1e17"),
        _belongs_to_run("backtest_fills"),
        sa.PrimaryKeyConstraint("run_id", "fill_no", name=op.f("pk_backtest_fills")),
        sqlite_with_rowid=False,
    )


def _make_backtest_snapshots() -> None:
    op.create_table(
        "backtest_snapshots",
        sa.Column("run_id", RunId, nullable=False),
        sa.Column("at", BarTime(), autoincrement=False, nullable=False),
        sa.Column("snapshot_date", sa.Date(), nullable=False),
        sa.Column("cash", ExactDecimal(24, 4), nullable=False),
        sa.Column("positions", Json, nullable=False),
        sa.Column("position_values", Json, nullable=False),
        sa.Column("total_value", ExactDecimal(24, 4), nullable=False),
        sa.Column("drawdown_pct", sa.Double(), nullable=False),
        sa.Column("open_positions", sa.BigInteger(), nullable=False),
        _check("backtest_snapshots_drawdown", "drawdown_pct <= 0 AND drawdown_pct >= -1.7e308"),
        _check("backtest_snapshots_open_positions", "open_positions >= 0"),
        _belongs_to_run("backtest_snapshots"),
        sa.PrimaryKeyConstraint("run_id", "at", name=op.f("pk_backtest_snapshots")),
        sqlite_with_rowid=False,
    )


def _make_backtest_metrics() -> None:
    op.create_table(
        "backtest_metrics",
        sa.Column("run_id", RunId, nullable=False),
        *(sa.Column(name, sa.Double()) for name in _RATIOS),
        *(sa.Column(name, sa.BigInteger()) for name in _COUNTS),
        *(sa.Column(name, ExactDecimal(24, 4)) for name in _MONEY),
        *(sa.Column(name, sa.Date()) for name in _DATES),
        *(
            sa.Column(
                f"{name}_real",
                sa.Double(),
                sa.Computed(f"CAST({name} AS DOUBLE PRECISION)", persisted=True),
            )
            for name in ("final_balance", "final_pnl")
        ),
        sa.Column("further", Json, nullable=False),
        sa.Column("undefined", Json, nullable=False),
        _check(
            "backtest_metrics_trades_add_up",
            "total_trades = winning_trades + losing_trades + breakeven_trades",
        ),
        _check("backtest_metrics_drawdown", "max_drawdown <= 0"),
        *(
            sa.CheckConstraint(
                f"{name} BETWEEN -1.7e308 AND 1.7e308",
                name=op.f(f"ck_backtest_metrics_{name}_finite"),
            )
            for name in _RATIOS
        ),
        _belongs_to_run("backtest_metrics"),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_backtest_metrics")),
    )


def _make_artifacts() -> None:
    op.create_table(
        "artifacts",
        sa.Column("id", RunId, nullable=False),
        sa.Column("run_id", RunId, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary()),
        sa.Column("reference", sa.Text()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        _check("artifacts_one_place", "(content IS NULL) <> (reference IS NULL)"),
        _check("artifacts_sha256", "length(sha256) = 64"),
        _check("artifacts_size", "size >= 0"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["backtest_runs.id"], name=op.f("fk_artifacts_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifacts")),
        sa.UniqueConstraint("run_id", "kind", "name", name=op.f("uq_artifacts_run_id_kind_name")),
    )


def _make_events() -> None:
    op.create_table(
        "events",
        sa.Column("id", RowNumber, nullable=False),
        sa.Column("run_id", RunId, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("payload", Json, nullable=False),
        _check("events_level", "level IN ('debug', 'info', 'warning', 'error')"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["backtest_runs.id"], name=op.f("fk_events_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_run", "events", ["run_id", "at"])


def _make_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("seq", RowNumber, nullable=False),
        sa.Column("run_id", RunId, nullable=False),
        sa.Column("op", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_try", UtcDateTime()),
        sa.Column("last_error", sa.Text()),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime()),
        _check("outbox_op", "op IN ('push', 'update', 'delete')"),
        _check("outbox_state", "state IN ('waiting', 'sent', 'held')"),
        _check("outbox_attempts", "attempts >= 0"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_state", "outbox", ["state", "seq"])
