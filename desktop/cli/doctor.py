"""``doctor``: whether everything that the program stands on is well."""

from typing import Final

from desktop.cli.options import AsJson

NAME: Final = "doctor"
_UNAVAILABLE: Final = 5
_LOOKS: Final = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "red")}


def command(as_json: AsJson = False) -> int:
    """Check the database, the market data, the kernels and the disk."""
    from rich.text import Text

    from desktop.cli.output import console, emit
    from desktop.service.health import check_all

    health = check_all()
    if as_json:
        emit(health.as_json())
    else:
        out = console()
        out.print(f"Tradebench {health.version}")
        for part in health.parts:
            sign, style = _LOOKS[part.state]
            out.print(
                Text.assemble((f"{sign} ", style), (f"{part.name:<12}", "bold"), part.message)
            )
    return 0 if health.ok else _UNAVAILABLE
