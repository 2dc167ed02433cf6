"""Saved strategies as the window and the command line know them: keep one, find one, use one in a run."""

import dataclasses
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.service.configfile import read_mapping
from engine.config import SCREENING, BacktestConfig, StrategyConfig, parse_config
from engine.errors import BacktestValidationError, Problem
from storage import paths
from storage.records import StrategySpec
from storage.runs import RunStore
from storage.saved import SavedStrategy, parse_reference, save_strategy, saved_strategy
from storage.strategies import is_file_name, source_of

if TYPE_CHECKING:
    from engine.strategies.protocol import Strategy

_PART_OF_SOURCE = re.compile(r"^# --- (\S.*\.py) ---$", flags=re.MULTILINE)


def keep(store: RunStore, file: Path, name: str) -> tuple[SavedStrategy, bool]:
    """Check what a file says and keep it under a name; return it and whether it is a new version.

    Args:
        store: where to.
        file: a configuration (its ``[strategy]`` counts), or a strategy file (.py).
        name: of the saved strategy, without a version.

    Raises:
        BacktestNotFoundError: there is no such file or strategy.
        BacktestValidationError: what it says is no strategy, or the name cannot be taken.
    """
    if is_file_name(file.name):
        section: dict[str, Any] = {"name": str(file.expanduser().absolute())}
    else:
        section = read_mapping(file.expanduser()).get("strategy", {})
    return keep_section(store, parse_config({"strategy": section}).strategy, name)


def keep_section(store: RunStore, section: StrategyConfig, name: str) -> tuple[SavedStrategy, bool]:
    """Keep a ``[strategy]`` section that was checked before; see `keep`."""
    from desktop.service.running import spec_of, strategy_of
    from engine.strategies import registry

    if name.strip() in (*registry.BUILT_IN, SCREENING):
        raise BacktestValidationError(
            Problem("name", f"{name} is the name of a built-in strategy", "choose another")
        )
    if parse_reference(section.name):
        section = StrategyConfig.model_validate(
            saved_strategy(store.database, section.name).section
        )
    strategy = strategy_of(BacktestConfig(strategy=section), store)
    spec = spec_of(strategy, section.name)
    if section.criteria is not None:
        plain = section.criteria.model_dump(mode="json")
        source = json.dumps(plain, indent=2, ensure_ascii=False) + "\n"
        return save_strategy(store.database, name, spec.kind, {"criteria": plain}, source)
    kept = {"name": _lasting_name(section.name), "params": spec.params}
    return save_strategy(store.database, name, spec.kind, kept, spec.source_text)


def summary_of(saved: SavedStrategy) -> str:
    """Return a saved strategy in one sentence."""
    section = StrategyConfig.model_validate(saved.section)
    if section.criteria is not None:
        return section.criteria.text
    params = ", ".join(f"{name} = {value}" for name, value in section.params.items())
    return f"{section.name}: {params}" if params else section.name


def _lasting_name(name: str) -> str:
    """Return the name without the folder, which may be gone when the strategy is used again."""
    return Path(name).name if is_file_name(name) else name


def section_of(config: BacktestConfig, store: RunStore | None) -> StrategyConfig:
    """Return the strategy section that a run goes by: of a saved strategy the one that was saved.

    Parameters that the configuration gives beside ``name@version`` replace those that were saved.

    Raises:
        RecordNotFoundError: there is no such version.
        BacktestValidationError: saved criteria are given parameters.
    """
    section = config.strategy
    if is_file_name(section.name) or parse_reference(section.name) is None or store is None:
        return section
    saved = saved_strategy(store.database, section.name)
    values = dict(saved.section)
    if section.params:
        if "criteria" in values:
            problem = Problem("strategy.params", f"{section.name} are criteria", "leave them out")
            raise BacktestValidationError(problem)
        values["params"] = {**values.get("params", {}), **section.params}
    if is_file_name(str(values.get("name", ""))):
        values["name"] = str(_written_out(saved))
    return StrategyConfig.model_validate(values)


def spec_of_saved(config: BacktestConfig, store: RunStore, strategy: "Strategy") -> StrategySpec:
    """Describe the strategy of a run for the database, a saved one under its own name and version."""
    from desktop.service.running import spec_of

    spec = spec_of(strategy, section_of(config, store).name)
    if parse_reference(config.strategy.name) is None or is_file_name(config.strategy.name):
        return spec
    saved = saved_strategy(store.database, config.strategy.name)
    return dataclasses.replace(
        spec,
        name=saved.name,
        version=saved.version,
        defaults=saved.params,
        source_text=saved.source_text,
        source_hash=saved.source_hash,
        path=None,
    )


def _written_out(saved: SavedStrategy) -> Path:
    """Write the code of a saved file where Python can import it; the same code has the same place."""
    first, *rest = _PART_OF_SOURCE.split(saved.source_text)
    texts = {saved.section["name"]: first}
    for name, text in zip(rest[::2], rest[1::2], strict=True):
        texts[name] = text.removeprefix("\n")
    # `source_of` puts one line end before each part that it adds
    texts = {
        k: t.removesuffix("\n") if i + 1 < len(texts) else t
        for i, (k, t) in enumerate(texts.items())
    }
    digest = hashlib.sha256(saved.source_text.encode()).hexdigest()[:16]
    folder = paths.cache_dir() / "saved_strategies" / digest
    for name, text in texts.items():
        place = folder / name
        if not place.resolve().is_relative_to(folder.resolve()):
            raise BacktestValidationError(
                Problem("strategy.name", f"{saved.reference} holds a module outside its folder")
            )
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not place.exists() or place.read_text(encoding="utf-8") != text:
            place.write_text(text, encoding="utf-8")
    main = folder / str(saved.section["name"])
    if source_of(main) != saved.source_text:
        raise BacktestValidationError(
            Problem(
                "strategy.name", f"the code of {saved.reference} cannot be written out as it was"
            )
        )
    return main
