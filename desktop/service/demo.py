"""The backtest that a newcomer sees first: real prices, a plain idea, a fair comparison."""

from typing import Any

from engine.config import BacktestConfig, parse_config


def demo_config() -> BacktestConfig:
    """Return the demo: the default strategy on five companies, against holding all five."""
    return parse_config(
        {
            "name": "Demo - moving averages",
            # default parameters: nothing was chosen by looking at the result
            "strategy": {"name": "sma_cross"},
            "data": {"source": "demo", "universe": "demo", "benchmark": "EQUAL5"},
        }
    )


def demo_values() -> dict[str, Any]:
    """Return the demo as a configuration file would hold it: what has its default is left out."""
    return demo_config().model_dump(mode="json", exclude_defaults=True)
