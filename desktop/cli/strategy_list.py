"""``strategy list``: what can be run: built in, files of the person, saved under a name."""

from typing import Any, Final

from desktop.cli.options import AsJson

NAME: Final = "list"


def command(as_json: AsJson = False) -> None:
    """List built-in, own and saved strategies."""
    from desktop.cli.output import console, emit
    from desktop.cli.session import open_service
    from desktop.service.ownfiles import own_files
    from engine.strategies.registry import BUILT_IN
    from storage.saved import saved_strategies

    with open_service() as service:
        saved = saved_strategies(service.store.database)
    items: list[dict[str, Any]] = [
        {"kind": "built in", "name": s.name, "title": s.title, "form": s.form, "summary": s.summary}
        for s in BUILT_IN.values()
    ]
    items += [
        {
            "kind": "file",
            "name": str(own.path),
            "title": own.path.stem,
            "trusted": own.trusted,
            "summary": own.problem or ("" if own.trusted else "not run before in this version"),
        }
        for own in own_files()
    ]
    items += [
        {"kind": "saved", "name": one.reference, "title": one.name, "summary": one.kind}
        for one in saved
    ]
    if as_json:
        emit({"items": items, "next_cursor": None, "total": len(items)})
        return
    out = console()
    for kind in ("built in", "file", "saved"):
        rows = [item for item in items if item["kind"] == kind]
        if rows:
            out.print(kind.capitalize(), style="bold")
        for item in rows:
            out.print(f"  {item['name']:<22} {item['summary']}")
