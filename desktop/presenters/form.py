"""The set-up form, section by section: which settings it shows, what they are called, in which unit."""

from typing import get_args

from desktop.messages import QT_TRANSLATE_NOOP
from desktop.presenters.fields import Section, chosen_of, field_of
from engine.config import Period, SizingMethod
from engine.pacing import PaceMode
from engine.sections import LengthWithin

_TR = "SetupPanel"

_LENGTHS = tuple((length, length) for length in get_args(LengthWithin))
_DECIDES = ((None, QT_TRANSLATE_NOOP(_TR, "One by one")), *_LENGTHS)
_FINER = ((None, QT_TRANSLATE_NOOP(_TR, "None")), *_LENGTHS)
_SIZING = (
    (None, QT_TRANSLATE_NOOP(_TR, "Automatic")),
    (SizingMethod.PERCENT_OF_EQUITY.value, QT_TRANSLATE_NOOP(_TR, "Percent of equity")),
    (SizingMethod.EQUAL_WEIGHT.value, QT_TRANSLATE_NOOP(_TR, "Equal weight")),
    (SizingMethod.TARGET_WEIGHT.value, QT_TRANSLATE_NOOP(_TR, "Target weight")),
    (SizingMethod.FIXED_CASH.value, QT_TRANSLATE_NOOP(_TR, "Fixed cash")),
    (SizingMethod.FIXED_QUANTITY.value, QT_TRANSLATE_NOOP(_TR, "Fixed quantity")),
    (SizingMethod.RISK_PER_TRADE.value, QT_TRANSLATE_NOOP(_TR, "Risk per trade")),
    (SizingMethod.VOLATILITY_TARGET.value, QT_TRANSLATE_NOOP(_TR, "Volatility target")),
    (SizingMethod.MARKET_CAP_WEIGHT.value, QT_TRANSLATE_NOOP(_TR, "Market-cap weight")),
    (SizingMethod.KELLY.value, QT_TRANSLATE_NOOP(_TR, "Kelly fraction")),
)
_PERIODS = (
    (Period.DAILY.value, QT_TRANSLATE_NOOP(_TR, "Daily")),
    (Period.WEEKLY.value, QT_TRANSLATE_NOOP(_TR, "Weekly")),
    (Period.MONTHLY.value, QT_TRANSLATE_NOOP(_TR, "Monthly")),
    (Period.QUARTERLY.value, QT_TRANSLATE_NOOP(_TR, "Quarterly")),
    (Period.YEARLY.value, QT_TRANSLATE_NOOP(_TR, "Yearly")),
    (Period.BARS.value, QT_TRANSLATE_NOOP(_TR, "Every so many bars")),
    (Period.DRIFT.value, QT_TRANSLATE_NOOP(_TR, "On drift")),
)


_PACES = (
    (PaceMode.MAX.value, QT_TRANSLATE_NOOP(_TR, "Full speed")),
    (PaceMode.ACCELERATED.value, QT_TRANSLATE_NOOP(_TR, "Accelerated")),
    (PaceMode.REAL_TIME.value, QT_TRANSLATE_NOOP(_TR, "Real time")),
)

SECTIONS: tuple[Section, ...] = (
    Section(
        "name",
        QT_TRANSLATE_NOOP(_TR, "Run"),
        (field_of("name", QT_TRANSLATE_NOOP(_TR, "Name, if it should have one"), "line"),),
        False,
    ),
    Section(
        "data",
        QT_TRANSLATE_NOOP(_TR, "Data"),
        (
            field_of("data.source", QT_TRANSLATE_NOOP(_TR, "Source"), "text"),
            field_of("data.symbols", QT_TRANSLATE_NOOP(_TR, "Symbols"), "symbols"),
            field_of("data.start", QT_TRANSLATE_NOOP(_TR, "From"), "date"),
            field_of("data.end", QT_TRANSLATE_NOOP(_TR, "To"), "date"),
            field_of("data.timeframe", QT_TRANSLATE_NOOP(_TR, "Timeframe"), "choice"),
            field_of("data.benchmark", QT_TRANSLATE_NOOP(_TR, "Benchmark"), "text"),
        ),
        True,
    ),
    Section(
        "account",
        QT_TRANSLATE_NOOP(_TR, "Account"),
        (
            field_of(
                "account.initial_capital", QT_TRANSLATE_NOOP(_TR, "Initial capital"), "number"
            ),
            field_of("account.currency", QT_TRANSLATE_NOOP(_TR, "Currency"), "text"),
            field_of(
                "account.risk_free_rate", QT_TRANSLATE_NOOP(_TR, "Risk-free rate, yearly"), "number"
            ),
            field_of("account.initial_margin", QT_TRANSLATE_NOOP(_TR, "Initial margin"), "number"),
            field_of(
                "account.maintenance_margin", QT_TRANSLATE_NOOP(_TR, "Maintenance margin"), "number"
            ),
        ),
        True,
    ),
    Section(
        "costs",
        QT_TRANSLATE_NOOP(_TR, "Costs"),
        (
            field_of(
                "costs.commission_pct", QT_TRANSLATE_NOOP(_TR, "Commission"), "number", "% of value"
            ),
            field_of("costs.slippage_bps", QT_TRANSLATE_NOOP(_TR, "Slippage"), "number", "bps"),
            field_of(
                "costs.commission_per_share",
                QT_TRANSLATE_NOOP(_TR, "Commission per share"),
                "number",
            ),
            field_of("costs.commission_min", QT_TRANSLATE_NOOP(_TR, "Least commission"), "number"),
            field_of("costs.spread_bps", QT_TRANSLATE_NOOP(_TR, "Spread"), "number", "bps"),
            field_of(
                "costs.sell_tax_pct", QT_TRANSLATE_NOOP(_TR, "Sell tax"), "number", "% of value"
            ),
            field_of("costs.impact", QT_TRANSLATE_NOOP(_TR, "Market impact"), "number"),
            field_of("costs.slippage_ticks", QT_TRANSLATE_NOOP(_TR, "Slippage, ticks"), "number"),
            field_of("costs.borrow_rate", QT_TRANSLATE_NOOP(_TR, "Borrow rate, yearly"), "number"),
            field_of("costs.margin_rate", QT_TRANSLATE_NOOP(_TR, "Margin rate, yearly"), "number"),
        ),
        False,
    ),
    Section(
        "execution",
        QT_TRANSLATE_NOOP(_TR, "Execution"),
        (
            field_of(
                "execution.fill_at",
                QT_TRANSLATE_NOOP(_TR, "Fill at"),
                "choice",
                next_open=QT_TRANSLATE_NOOP(_TR, "Next open"),
                next_close=QT_TRANSLATE_NOOP(_TR, "Next close"),
                same_close=QT_TRANSLATE_NOOP(_TR, "Same close (optimistic)"),
            ),
            field_of(
                "execution.when_short_of_cash",
                QT_TRANSLATE_NOOP(_TR, "When short of cash"),
                "choice",
                scale=QT_TRANSLATE_NOOP(_TR, "Scale all down"),
                first_come=QT_TRANSLATE_NOOP(_TR, "First come"),
                reject=QT_TRANSLATE_NOOP(_TR, "Reject"),
            ),
            field_of(
                "execution.intrabar",
                QT_TRANSLATE_NOOP(_TR, "Stop and target in one bar"),
                "choice",
                pessimistic=QT_TRANSLATE_NOOP(_TR, "Stop first"),
                path=QT_TRANSLATE_NOOP(_TR, "Nearer extreme first"),
                magnifier=QT_TRANSLATE_NOOP(_TR, "Finer bars decide"),
            ),
            field_of(
                "execution.bracket_base",
                QT_TRANSLATE_NOOP(_TR, "Levels count from"),
                "choice",
                fill=QT_TRANSLATE_NOOP(_TR, "The fill"),
                signal_close=QT_TRANSLATE_NOOP(_TR, "The signal's close"),
            ),
            chosen_of("data.finer", QT_TRANSLATE_NOOP(_TR, "Finer bars"), _FINER),
            field_of("data.finer_source", QT_TRANSLATE_NOOP(_TR, "Source of finer bars"), "text"),
            field_of("execution.lot_size", QT_TRANSLATE_NOOP(_TR, "Lot size"), "number"),
            field_of("execution.tick_size", QT_TRANSLATE_NOOP(_TR, "Tick size"), "number"),
            field_of("execution.volume_limit", QT_TRANSLATE_NOOP(_TR, "Share of volume"), "number"),
            field_of("execution.multiplier", QT_TRANSLATE_NOOP(_TR, "Multiplier"), "number"),
            chosen_of("data.decide_on", QT_TRANSLATE_NOOP(_TR, "Decide on ticks"), _DECIDES),
            field_of(
                "execution.fractional", QT_TRANSLATE_NOOP(_TR, "Fractions of a share"), "switch"
            ),
        ),
        False,
    ),
    Section(
        "entries",
        QT_TRANSLATE_NOOP(_TR, "Entry orders"),
        (
            field_of(
                "entries.order",
                QT_TRANSLATE_NOOP(_TR, "Order"),
                "choice",
                market=QT_TRANSLATE_NOOP(_TR, "Market"),
                limit=QT_TRANSLATE_NOOP(_TR, "Limit"),
                stop=QT_TRANSLATE_NOOP(_TR, "Stop"),
                stop_limit=QT_TRANSLATE_NOOP(_TR, "Stop-limit"),
                moo=QT_TRANSLATE_NOOP(_TR, "At the open"),
                moc=QT_TRANSLATE_NOOP(_TR, "At the close"),
            ),
            field_of(
                "entries.time_in_force",
                QT_TRANSLATE_NOOP(_TR, "Good"),
                "choice",
                gtc=QT_TRANSLATE_NOOP(_TR, "Until cancelled"),
                day=QT_TRANSLATE_NOOP(_TR, "For a day"),
                gtd=QT_TRANSLATE_NOOP(_TR, "For some days"),
            ),
            field_of("entries.offset_pct", QT_TRANSLATE_NOOP(_TR, "Offset"), "number", "%"),
            field_of(
                "entries.limit_offset_pct", QT_TRANSLATE_NOOP(_TR, "Limit's offset"), "number", "%"
            ),
            field_of("entries.good_days", QT_TRANSLATE_NOOP(_TR, "Good for days"), "integer"),
        ),
        False,
    ),
    Section(
        "exits",
        QT_TRANSLATE_NOOP(_TR, "Stops and targets"),
        (
            field_of("exits.stop_loss_pct", QT_TRANSLATE_NOOP(_TR, "Stop-loss"), "number", "%"),
            field_of("exits.take_profit_pct", QT_TRANSLATE_NOOP(_TR, "Take-profit"), "number", "%"),
            field_of("exits.trail_pct", QT_TRANSLATE_NOOP(_TR, "Trailing stop"), "number", "%"),
            field_of("exits.trail_amount", QT_TRANSLATE_NOOP(_TR, "Trailing, in price"), "number"),
            field_of("exits.trail_atr", QT_TRANSLATE_NOOP(_TR, "Trailing, in ATR"), "number"),
            field_of("exits.atr_bars", QT_TRANSLATE_NOOP(_TR, "Bars of the ATR"), "integer"),
        ),
        False,
    ),
    Section(
        "sizing",
        QT_TRANSLATE_NOOP(_TR, "Sizing and rebalancing"),
        (
            chosen_of("sizing.method", QT_TRANSLATE_NOOP(_TR, "Size of an entry"), _SIZING),
            field_of("sizing.value", QT_TRANSLATE_NOOP(_TR, "Value"), "number"),
            chosen_of("rebalance.period", QT_TRANSLATE_NOOP(_TR, "Rebalance"), _PERIODS),
            field_of("rebalance.bars", QT_TRANSLATE_NOOP(_TR, "Bars"), "integer"),
            field_of("rebalance.drift_pct", QT_TRANSLATE_NOOP(_TR, "Drift, points"), "number"),
        ),
        False,
    ),
    Section(
        "pacing",
        QT_TRANSLATE_NOOP(_TR, "Speed"),
        (
            chosen_of("pacing.mode", QT_TRANSLATE_NOOP(_TR, "Begins"), _PACES),
            field_of("pacing.acceleration_factor", QT_TRANSLATE_NOOP(_TR, "Factor"), "number"),
        ),
        False,
    ),
)
