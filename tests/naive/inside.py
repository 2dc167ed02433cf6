"""Inside a bar: which levels are met, in which order, by the assumption that is made about it."""

from dataclasses import dataclass, field

from engine.market import Panel
from engine.types import TIMEFRAME_NS, Intrabar, OrderKind, Phase, Reason
from tests.naive.account import Account
from tests.naive.instant import Instant
from tests.naive.levels import has_passed, is_met, is_stop_leg, level_of
from tests.naive.orders import Order


@dataclass
class Span:
    """The prices of one symbol in a bar, or in a finer bar inside it."""

    symbol: int
    open: float
    high: float
    low: float
    close: float


def inside(account: Account, bar: int) -> None:
    """Let the prices between the open and the close meet the resting orders."""
    symbols = sorted({o.symbol for o in account.waiting if account.trades(bar, o.symbol)})
    spans = {s: span_of(account.panel, bar, s) for s in symbols}
    if account.rules.intrabar == Intrabar.PATH:
        walk(account, bar, spans)
        return
    finer = account.panel.finer if account.rules.intrabar == Intrabar.MAGNIFIER else None
    rows = finer_rows(account, bar, finer)
    steps = [{s: span for s in symbols if (span := finer_span(finer, row, s))} for row in rows]
    magnified = {s for step in steps for s in step}
    pessimistic(account, bar, {s: spans[s] for s in symbols if s not in magnified})
    for step in steps:
        at_finer_opens(account, bar, step)
        pessimistic(account, bar, step)


def span_of(panel: Panel, row: int, symbol: int) -> Span:
    prices = (panel.open, panel.high, panel.low, panel.close)
    return Span(symbol, *(float(column[row, symbol]) for column in prices))


# ---- finer bars


def finer_rows(account: Account, bar: int, finer: Panel | None) -> list[int]:
    """The finer bars that begin inside this bar."""
    if finer is None:
        return []
    begin = account.times[bar]
    end = begin + TIMEFRAME_NS[account.panel.timeframe]
    if bar + 1 < len(account.times):
        end = min(end, account.times[bar + 1])
    return [row for row, time in enumerate(finer.time_ns.tolist()) if begin <= time < end]


def finer_span(finer: Panel | None, row: int, symbol: int) -> Span | None:
    if finer is None:
        return None
    span = span_of(finer, row, symbol)
    return span if span.close == span.close else None


def at_finer_opens(account: Account, bar: int, step: dict[int, Span]) -> None:
    """What the open of a finer bar has passed fills at it."""
    raws = {}
    for order in resting(account, bar, step):
        price = account.meets(bar, order.symbol, order.side, step[order.symbol].open)
        if has_passed(order, price):
            raws[order] = price
    Instant(account, bar, Phase.INSIDE, account.opens[bar], account.equity_at_open).trade(raws)


# ---- pessimistic: stops before targets, then entries by the bar of their signal


@dataclass
class Visit:
    """What has happened in one (finer) bar."""

    spans: dict[int, Span]
    tried: set[Order] = field(default_factory=set)
    entered: set[Order] = field(default_factory=set)


def resting(account: Account, bar: int, spans: dict[int, Span]) -> list[Order]:
    """Orders that wait for a price."""
    return [
        order
        for order in account.waiting
        if order.decided < bar
        and order.symbol in spans
        and order not in account.tried  # it works on later bars
        and (order.is_stop or order.is_limit)
    ]


def pessimistic(account: Account, bar: int, spans: dict[int, Span]) -> None:
    visit = Visit(spans)
    account.undecided.clear()
    note_ambiguous(account, bar, spans)
    while True:
        touched = [
            order
            for order in resting(account, bar, spans)
            if order not in visit.tried and touches(account, bar, spans[order.symbol], order)
        ]
        touched = [o for o in touched if not (o.is_limit and o.parent in visit.entered)]
        if not touched:
            return
        order = min(touched, key=lambda o: urgency(account, o))
        visit.tried.add(order)
        meet(account, bar, order, level_of(order), visit, rests_at_once=False)


def touches(account: Account, bar: int, span: Span, order: Order) -> bool:
    return reaches(account, bar, order, span.low, span.high)


def reaches(account: Account, bar: int, order: Order, *prices: float) -> bool:
    """Whether one of some prices meets the order."""
    return any(is_met(order, account.meets(bar, order.symbol, order.side, p)) for p in prices)


def urgency(account: Account, order: Order) -> tuple[float, ...]:
    """Stops that reduce what is held, then limits that do, then entries; by signal, symbol, creation.

    Of several that reduce it, what a price that moves their way meets first comes first.
    """
    reduces = account.quantity(order.symbol) * order.side < 0
    rank = 2 if not reduces else 0 if order.is_stop else 1
    rises = order.is_limit == (order.side < 0)
    near = level_of(order) * (1 if rises else -1) if rank < 2 else 0.0
    return (rank, order.decided, order.symbol, near, order.row)


def note_ambiguous(account: Account, bar: int, spans: dict[int, Span]) -> None:
    """Both levels within reach: the assumption decides."""
    for entry in {o.parent for o in resting(account, bar, spans) if o.parent is not None}:
        span = spans[entry.symbol]
        if lies_both_ways(account, bar, entry, span.low, span.high):
            account.undecided.add((bar, entry))


def lies_both_ways(account: Account, bar: int, entry: Order, low: float, high: float) -> bool:
    legs = [leg for leg in entry.legs if leg.is_working and leg not in account.tried]
    legs = [leg for leg in legs if leg.is_stop or leg.is_limit]
    reached = [leg for leg in legs if reaches(account, bar, leg, low, high)]
    return any(is_stop_leg(leg) for leg in reached) and any(
        leg.cause is Reason.TARGET for leg in reached
    )


def meet(
    account: Account, bar: int, order: Order, raw: float, visit: Visit, rests_at_once: bool
) -> None:
    """A price inside the bar has met an order: it fills there, or it is triggered and rests."""
    n_legs = len(order.legs)
    if order.is_stop:
        order.triggered = True
        if order.kind is OrderKind.STOP_LIMIT:
            order.just_touched = is_met(order, raw)
            if not order.just_touched:
                if rests_at_once:
                    visit.tried.discard(order)
                return
    filled = order.filled
    instant = Instant(account, bar, Phase.INSIDE, account.opens[bar], account.equity_at_open)
    instant.trade({order: raw})
    order.just_touched = False
    if order.filled > filled and not order.is_exit and order.legs and n_legs == 0:
        visit.entered.add(order)
        if not rests_at_once:
            ignore_target(account, bar, order, visit.spans[order.symbol])


def ignore_target(account: Account, bar: int, entry: Order, span: Span) -> None:
    """Of an entry inside the bar the target does not count on it; where it was within reach, that decided."""
    if lies_both_ways(account, bar, entry, span.low, span.high):
        account.undecided.add((bar, entry))
    for leg in entry.legs:
        if leg.is_working and leg.cause is Reason.TARGET and touches(account, bar, span, leg):
            account.ambiguous.add((bar, entry.symbol))
            next(fill for fill in reversed(account.fills) if fill.order == entry.row).ambiguous = 1


# ---- path: open, the nearer of high and low, the other, close


def points_of(span: Span) -> list[float]:
    high_first = span.high - span.open < span.open - span.low
    turns = [span.high, span.low] if high_first else [span.low, span.high]
    return [span.open, *turns, span.close]


def walk(account: Account, bar: int, spans: dict[int, Span]) -> None:
    visit = Visit(spans)
    note_ambiguous(account, bar, spans)
    paths = {symbol: points_of(span) for symbol, span in spans.items()}
    where = dict.fromkeys(spans, 0.0)
    while True:
        met = []
        for order in resting(account, bar, spans):
            if order in visit.tried:
                continue
            path = [
                account.meets(bar, order.symbol, order.side, price) for price in paths[order.symbol]
            ]
            found = when_met(path, where[order.symbol], order)
            if found is not None:
                key, raw = found
                place = (key, order.decided, order.symbol, order.row)
                met.append((place, raw, order))
        if not met:
            return
        (key, *_), raw, order = min(met, key=lambda one: one[0])
        where[order.symbol] = key
        visit.tried.add(order)
        entered = len(visit.entered)
        meet(account, bar, order, raw, visit, rests_at_once=True)
        if len(visit.entered) > entered:
            note_ambiguous_after(account, bar, order, paths[order.symbol], key)


def when_met(path: list[float], start: float, order: Order) -> tuple[float, float] | None:
    """The first place from ``start`` on (leg number + share of the leg) that meets an order, and the price there."""
    for number in range(int(start), 3):
        begin, end = path[number], path[number + 1]
        share = max(start - number, 0.0)
        here, level = begin + (end - begin) * share, level_of(order)
        if is_met(order, here):
            return number + share, level if abs(here - level) <= 1e-9 * level else here
        if is_met(order, end):
            return number + (level - begin) / (end - begin), level
    return None


def note_ambiguous_after(
    account: Account, bar: int, entry: Order, path: list[float], key: float
) -> None:
    """Both levels on what is left of the path after an entry inside the bar."""
    number = int(key)
    here = path[number] + (path[number + 1] - path[number]) * (key - number)
    left = [here, *path[number + 1 :]]
    if lies_both_ways(account, bar, entry, min(left), max(left)):
        account.undecided.add((bar, entry))
