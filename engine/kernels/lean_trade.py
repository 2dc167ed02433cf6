"""The fills of the lean simulation: out of a position, and into one.

At one instant the exit is filled before the entry, and an entry finds the account flat: so the whole of `trade` comes
down to the two functions here, with the same arithmetic in the same order.
"""

from typing import Any

import numpy as np
from numba import njit

from engine.kernels.lean import Entry, Scratch
from engine.kernels.lean_costs import (
    FLAT,
    PNL_NOISE,
    SLACK,
    Costs,
    commission_nb,
    lots_for_nb,
    money_needed_nb,
    price_nb,
    quantity_for_nb,
    tax_nb,
    whole_lots_nb,
)
from engine.types import ShortOfCash, SizeKind

Record = Any

_OPENS = np.bool_(True)
_CLOSES = np.bool_(False)
_QUANTITY = np.int64(SizeKind.QUANTITY)
_CASH = np.int64(SizeKind.CASH)
_PERCENT = np.int64(SizeKind.PERCENT)
_SCALE = np.int64(ShortOfCash.SCALE)
_REJECT = np.int64(ShortOfCash.REJECT)


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def pay_nb(account: Record, side: int, quantity: float, price: float, charged: float) -> None:
    """Move cash for a fill; what rounding leaves below zero is not a debt."""
    cash = account.cash - side * (quantity * price) - charged
    if cash < 0.0 and cash > -1e-9 * max(1.0, quantity * price):
        cash = 0.0
    account.cash = cash
    account.traded += quantity * price
    account.n_fills += 1


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def leave_nb(scratch: Scratch, costs: Costs, bar: int, raw: float) -> None:
    """Close the position and write down the round trip."""
    account = scratch.account[0]
    entered = 1 if account.quantity > 0.0 else -1
    side = -entered
    quantity = abs(account.quantity)
    price = price_nb(raw, side, _CLOSES, costs)
    commission = commission_nb(quantity, price, costs)
    tax = tax_nb(quantity, price, side, costs)
    paid, got = account.price * quantity, price * quantity
    brings = got - commission - tax
    if side < 0 and brings < 0.0 and account.cash + brings < -1e-9 * max(1.0, got):
        account.beyond = 1  # the sale would cost more than there is, and is refused
    pay_nb(account, side, quantity, price, commission + tax)
    # A lot knows its costs per share (see `trades`), which rounds.
    commissions = account.commission / quantity * quantity + commission
    taxes = account.tax / quantity * quantity + tax
    pnl = entered * (got - paid) - commissions - taxes
    trade = scratch.closed[account.n_trades]
    trade.entry_bar = account.entry_bar
    trade.exit_bar = bar
    trade.quantity = account.quantity
    trade.entry_price = account.price
    trade.exit_price = price
    trade.pnl = 0.0 if abs(pnl) <= PNL_NOISE * (paid + got) else pnl
    account.n_trades += 1
    account.quantity = 0.0


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def wanted_nb(costs: Costs, entry: Entry, side: int, equity: float, price: float) -> float:
    """Return the unrounded quantity that an entry asks for."""
    if entry.size_kind == _QUANTITY:
        return entry.size
    if entry.size_kind == _CASH:
        money = entry.size
    elif entry.size_kind == _PERCENT:
        money = equity * entry.size / 100.0
    else:
        money = equity * entry.size
    money = abs(money)
    if price <= 0.0:
        return 0.0
    return quantity_for_nb(money, price, side, costs) if side > 0 else money / price


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def affordable_nb(costs: Costs, wanted: float, side: int, price: float, cash: float) -> float:
    """Round to lots what fits into free cash; 0 when nothing does, or not all and that is not enough."""
    money = cash
    if costs.short_of_cash == _SCALE:
        need = money_needed_nb(whole_lots_nb(wanted, costs.lot), price, side, costs)
        short = need > max(cash, 0.0) * (1.0 + SLACK)
        money = max(cash, 0.0) / need * need if short else np.inf
    if wanted == 0.0:
        return 0.0
    quantity = whole_lots_nb(wanted, costs.lot)
    if quantity == 0.0:
        return 0.0
    if money_needed_nb(quantity, price, side, costs) > money * (1.0 + SLACK):
        if costs.short_of_cash == _REJECT:
            return 0.0
        quantity = min(quantity, lots_for_nb(money, price, side, costs))
    return quantity


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def enter_nb(
    account: Record, costs: Costs, entry: Entry, side: int, bar: int, raw: float, equity: float
) -> None:
    """Open a position; ``equity`` is what the account was worth before this instant's first fill."""
    if equity < 0.0:
        account.beyond = 1  # who owes more than there is does not enter
    price = price_nb(raw, side, _OPENS, costs)
    wanted = wanted_nb(costs, entry, side, equity, price)
    quantity = affordable_nb(costs, wanted, side, price, account.cash)
    if quantity <= 0.0:
        return
    commission = commission_nb(quantity, price, costs)
    tax = tax_nb(quantity, price, side, costs)
    pay_nb(account, side, quantity, price, commission + tax)
    if quantity < FLAT:
        return
    account.quantity = side * quantity
    account.price = price
    account.entry_bar = bar
    account.commission = commission
    account.tax = tax
