"""The tables of runs as statements for the team's database name them: with their schema.

The columns are those of `storage.schema`; the migrations are the same, too.
"""

from typing import Final

import sqlalchemy as sa

from storage import schema

SCHEMA: Final = "backtesting"

# Every login has a user, and nobody can set this one: that is whose run it is.
ME: Final = sa.cast(sa.literal_column("session_user"), sa.Text)

_metadata: Final = sa.MetaData(schema=SCHEMA)


def _shared(table: sa.Table) -> sa.Table:
    return table.to_metadata(_metadata)


strategies: Final = _shared(schema.strategies)
datasets: Final = _shared(schema.datasets)
backtest_runs: Final = _shared(schema.backtest_runs)
backtest_metrics: Final = _shared(schema.backtest_metrics)
ROWS: Final = {
    local: _shared(local)
    for local in (
        schema.backtest_orders,
        schema.backtest_fills,
        schema.backtest_trades,
        schema.backtest_snapshots,
    )
}
WRITTEN: Final = tuple(
    table.name for table in (strategies, datasets, backtest_runs, backtest_metrics, *ROWS.values())
)
