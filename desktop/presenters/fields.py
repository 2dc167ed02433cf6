"""The fields of the set-up form, declared once: path, label, editor, unit. Help and bounds come from the model."""

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from desktop.messages import QT_TRANSLATE_NOOP
from engine.config import BacktestConfig, Period, SizingMethod
from engine.strategies.registry import ParameterInfo

Editor = Literal["text", "line", "number", "integer", "date", "choice", "switch", "symbols"]

_TR = "SetupPanel"


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


def _field(path: str, label: str, editor: Editor, unit: str = "", **labels: str) -> Field:
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


_SIZING = (
    (None, QT_TRANSLATE_NOOP(_TR, "Automatic")),
    (SizingMethod.PERCENT_OF_EQUITY.value, QT_TRANSLATE_NOOP(_TR, "Percent of equity")),
    (SizingMethod.EQUAL_WEIGHT.value, QT_TRANSLATE_NOOP(_TR, "Equal weight")),
    (SizingMethod.TARGET_WEIGHT.value, QT_TRANSLATE_NOOP(_TR, "Target weight")),
    (SizingMethod.FIXED_CASH.value, QT_TRANSLATE_NOOP(_TR, "Fixed cash")),
    (SizingMethod.FIXED_QUANTITY.value, QT_TRANSLATE_NOOP(_TR, "Fixed quantity")),
)
_PERIODS = (
    (Period.DAILY.value, QT_TRANSLATE_NOOP(_TR, "Daily")),
    (Period.WEEKLY.value, QT_TRANSLATE_NOOP(_TR, "Weekly")),
    (Period.MONTHLY.value, QT_TRANSLATE_NOOP(_TR, "Monthly")),
    (Period.QUARTERLY.value, QT_TRANSLATE_NOOP(_TR, "Quarterly")),
    (Period.YEARLY.value, QT_TRANSLATE_NOOP(_TR, "Yearly")),
)


def _chosen(path: str, label: str, choices: tuple[tuple[Any, str], ...]) -> Field:
    plain = _field(path, label, "choice")
    default = getattr(plain.default, "value", plain.default)
    return Field(path, plain.label, "choice", "", plain.help, default, choices)


SECTIONS: tuple[Section, ...] = (
    Section(
        "name",
        QT_TRANSLATE_NOOP(_TR, "Run"),
        (_field("name", QT_TRANSLATE_NOOP(_TR, "Name, if it should have one"), "line"),),
        False,
    ),
    Section(
        "data",
        QT_TRANSLATE_NOOP(_TR, "Data"),
        (
            _field("data.source", QT_TRANSLATE_NOOP(_TR, "Source"), "text"),
            _field("data.symbols", QT_TRANSLATE_NOOP(_TR, "Symbols"), "symbols"),
            _field("data.start", QT_TRANSLATE_NOOP(_TR, "From"), "date"),
            _field("data.end", QT_TRANSLATE_NOOP(_TR, "To"), "date"),
            _field("data.timeframe", QT_TRANSLATE_NOOP(_TR, "Timeframe"), "choice"),
            _field("data.benchmark", QT_TRANSLATE_NOOP(_TR, "Benchmark"), "text"),
        ),
        True,
    ),
    Section(
        "account",
        QT_TRANSLATE_NOOP(_TR, "Account"),
        (
            _field("account.initial_capital", QT_TRANSLATE_NOOP(_TR, "Initial capital"), "number"),
            _field("account.currency", QT_TRANSLATE_NOOP(_TR, "Currency"), "text"),
            _field(
                "account.risk_free_rate", QT_TRANSLATE_NOOP(_TR, "Risk-free rate, yearly"), "number"
            ),
        ),
        True,
    ),
    Section(
        "costs",
        QT_TRANSLATE_NOOP(_TR, "Costs"),
        (
            _field(
                "costs.commission_pct", QT_TRANSLATE_NOOP(_TR, "Commission"), "number", "% of value"
            ),
            _field("costs.slippage_bps", QT_TRANSLATE_NOOP(_TR, "Slippage"), "number", "bps"),
            _field(
                "costs.commission_per_share",
                QT_TRANSLATE_NOOP(_TR, "Commission per share"),
                "number",
            ),
            _field("costs.commission_min", QT_TRANSLATE_NOOP(_TR, "Least commission"), "number"),
            _field("costs.spread_bps", QT_TRANSLATE_NOOP(_TR, "Spread"), "number", "bps"),
            _field(
                "costs.sell_tax_pct", QT_TRANSLATE_NOOP(_TR, "Sell tax"), "number", "% of value"
            ),
        ),
        False,
    ),
    Section(
        "execution",
        QT_TRANSLATE_NOOP(_TR, "Execution"),
        (
            _field(
                "execution.fill_at",
                QT_TRANSLATE_NOOP(_TR, "Fill at"),
                "choice",
                next_open=QT_TRANSLATE_NOOP(_TR, "Next open"),
                next_close=QT_TRANSLATE_NOOP(_TR, "Next close"),
                same_close=QT_TRANSLATE_NOOP(_TR, "Same close (optimistic)"),
            ),
            _field(
                "execution.when_short_of_cash",
                QT_TRANSLATE_NOOP(_TR, "When short of cash"),
                "choice",
                scale=QT_TRANSLATE_NOOP(_TR, "Scale all down"),
                first_come=QT_TRANSLATE_NOOP(_TR, "First come"),
                reject=QT_TRANSLATE_NOOP(_TR, "Reject"),
            ),
            _field("execution.lot_size", QT_TRANSLATE_NOOP(_TR, "Lot size"), "number"),
            _field(
                "execution.fractional", QT_TRANSLATE_NOOP(_TR, "Fractions of a share"), "switch"
            ),
        ),
        False,
    ),
    Section(
        "sizing",
        QT_TRANSLATE_NOOP(_TR, "Sizing and rebalancing"),
        (
            _chosen("sizing.method", QT_TRANSLATE_NOOP(_TR, "Size of an entry"), _SIZING),
            _field("sizing.value", QT_TRANSLATE_NOOP(_TR, "Value"), "number"),
            _chosen("rebalance.period", QT_TRANSLATE_NOOP(_TR, "Rebalance"), _PERIODS),
        ),
        False,
    ),
)

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
