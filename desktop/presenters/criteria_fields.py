"""What stands below the rows of criteria: ranking, number and weights, as fields of the set-up form."""

from typing import Final

from desktop.messages import QT_TRANSLATE_NOOP
from desktop.presenters.fields import Editor, Field
from engine.criteria import Criteria

_TR = "SetupPanel"
PATH: Final = "strategy.criteria"


def _field(
    name: str, label: str, editor: Editor, unit: str = "", choices: tuple[tuple[str, str], ...] = ()
) -> Field:
    info = Criteria.model_fields[name]
    return Field(
        f"{PATH}.{name}", label, editor, unit, info.description or "", info.default, choices
    )


RANKING: Final = (
    _field("rank_by", QT_TRANSLATE_NOOP(_TR, "Rank by"), "text"),
    _field(
        "order",
        QT_TRANSLATE_NOOP(_TR, "Order"),
        "choice",
        choices=(
            ("descending", QT_TRANSLATE_NOOP(_TR, "Greatest first")),
            ("ascending", QT_TRANSLATE_NOOP(_TR, "Least first")),
        ),
    ),
    _field("top", QT_TRANSLATE_NOOP(_TR, "Hold the first"), "integer"),
    _field(
        "weigh_by",
        QT_TRANSLATE_NOOP(_TR, "Weigh by"),
        "choice",
        choices=(
            ("equal", QT_TRANSLATE_NOOP(_TR, "Equal parts")),
            ("market_cap", QT_TRANSLATE_NOOP(_TR, "Market cap")),
            ("inverse_volatility", QT_TRANSLATE_NOOP(_TR, "Low volatility")),
            ("expression", QT_TRANSLATE_NOOP(_TR, "Expression")),
        ),
    ),
    _field("weight", QT_TRANSLATE_NOOP(_TR, "Weight expression"), "text"),
    _field("max_weight_pct", QT_TRANSLATE_NOOP(_TR, "Most of one symbol"), "number", "%"),
)
