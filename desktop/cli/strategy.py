"""``strategy``: the person's own strategies. One sub-command a file."""

import typer

from desktop.cli import strategy_delete, strategy_save, strategy_show

app = typer.Typer(help="Save strategies under a name, and look at them.", no_args_is_help=True)

for module in (strategy_save, strategy_show, strategy_delete):
    app.command(module.NAME)(module.command)
