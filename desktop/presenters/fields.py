"""What a field of the set-up form is: path, label, editor, unit. Help, default and bounds come from the model."""

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from engine.config import BacktestConfig
from engine.strategies.registry import ParameterInfo

Editor = Literal["text", "line", "number", "integer", "date", "choice", "switch", "symbols"]


@dataclass(frozen=True)
class Field:
    """One field of the form.

    Attributes:
        path: dotted path in the configuration.
        label: what stands above the editor (source text; the view translates it).
        editor: which editor fits.
        unit: stands at the right of the editor ("%", "bps").
        help: one sentence.
        default: shown as placeholder while the field is empty.
        choices: (value, label) of a choice.
    """

    path: str
    label: str
    editor: Editor
    unit: str = ""
    help: str = ""
    default: Any = None
    choices: tuple[tuple[Any, str], ...] = ()

    @property
    def is_wide(self) -> bool:
        """Whether it takes a line of its own; the others stand two on a line."""
        longest = max((len(label) for _, label in self.choices), default=0)
        return bool(self.unit) or self.editor in ("line", "symbols", "switch") or longest > 14


@dataclass(frozen=True)
class Section:
    """Fields under one heading; ``open`` says whether it starts unfolded."""

    name: str
    title: str
    fields: tuple[Field, ...]
    open: bool


def field_of(path: str, label: str, editor: Editor, unit: str = "", /, **labels: str) -> Field:
    """Return the field of a setting; ``labels`` are what the values of a choice are called."""
    model: type[BaseModel] = BacktestConfig
    *parents, name = path.split(".")
    for parent in parents:
        annotation = model.model_fields[parent].annotation
        assert isinstance(annotation, type)
        model = annotation
    info = model.model_fields[name]
    default = info.get_default(call_default_factory=True)
    choices: tuple[tuple[Any, str], ...] = ()
    if get_origin(info.annotation) is Literal:
        choices = tuple((v, labels.get(v, str(v))) for v in get_args(info.annotation))
    return Field(path, label, editor, unit, info.description or "", default, choices)


def chosen_of(path: str, label: str, choices: tuple[tuple[Any, str], ...]) -> Field:
    """Return the field of a setting with the choices given."""
    plain = field_of(path, label, "choice")
    default = getattr(plain.default, "value", plain.default)
    return Field(path, plain.label, "choice", "", plain.help, default, choices)


_PARAMETER_EDITORS: dict[str, Editor] = {
    "int": "integer",
    "float": "number",
    "bool": "switch",
    "choice": "choice",
    "text": "text",
}


def parameter_field(info: ParameterInfo) -> Field:
    """Return the field of a strategy's parameter."""
    return Field(
        f"strategy.params.{info.name}",
        info.title,
        _PARAMETER_EDITORS[info.kind],
        "",
        info.help + _range_of(info),
        info.default,
        tuple((choice, str(choice).replace("_", " ").capitalize()) for choice in info.choices),
    )


def _range_of(info: ParameterInfo) -> str:
    if info.minimum is None and info.maximum is None:
        return ""
    low = "…" if info.minimum is None else f"{info.minimum:g}"
    high = "…" if info.maximum is None else f"{info.maximum:g}"
    return f" ({low} – {high})"
