"""``strategy``: the person's own strategies. One sub-command a file."""

import typer

from desktop.cli import (
    strategy_check,
    strategy_delete,
    strategy_list,
    strategy_new,
    strategy_save,
    strategy_show,
)

app = typer.Typer(help="Write, check, list and save strategies.", no_args_is_help=True)

for module in (
    strategy_new,
    strategy_check,
    strategy_list,
    strategy_save,
    strategy_show,
    strategy_delete,
):
    app.command(module.NAME)(module.command)
