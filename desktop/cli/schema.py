"""``schema``: the JSON Schema of a configuration, or of one strategy's parameters."""

import json
import sys
from typing import Annotated, Final

import typer

NAME: Final = "schema"


def command(
    strategy: Annotated[
        str | None,
        typer.Option("--strategy", metavar="NAME", help="Parameters of this built-in strategy."),
    ] = None,
) -> None:
    """Print the JSON Schema of the configuration file."""
    from desktop.service.kernel_cache import prepare

    prepare()  # before anything imports Numba
    from engine.config import BacktestConfig
    from engine.strategies import registry

    model = BacktestConfig if strategy is None else registry.get(strategy).Params
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **model.model_json_schema(),
    }
    sys.stdout.write(json.dumps(schema, indent=2) + "\n")
