"""How vendors write a stock, where their rules do not say it. Nothing here commits."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping

from sqlalchemy import delete, func, select, update

from webapp import clock, site
from webapp.audit import Actor, note
from webapp.errors import Conflict, Refused
from webapp.extensions import db
from webapp.models import IngestRun, InstrumentRow, ProviderCall, RunState, VendorSymbol
from webapp.stocks.rows import CHANGED, digest, lock_row
from webapp.stocks.telling import Told
from webapp.upserts import upsert
from webapp.vendors import SIMULATOR, VENDORS, title_of

# The simulator makes up what it is asked for, whatever it is called.
MAPPABLE = tuple(vendor for vendor in VENDORS.values() if vendor.name != SIMULATOR)
# Vendors take several symbols with commas between them.
SYMBOL = re.compile(r"[A-Za-z0-9^][A-Za-z0-9.^=:/_+*$&-]{0,39}")
# Of the others only the letters count, small or not; Massive writes preferred shares ABCpA.
CASE_COUNTS = {"massive"}
# So long a stock is not asked for again that a vendor did not know; see worker/planner.py and history/runs.py.
LONGEST_REST, REST_OF_BARS = dt.timedelta(days=1), dt.timedelta(days=8)
FORMER = " under a former symbol"


def symbols_of(stock_id: int) -> dict[str, str]:
    """Return how vendors write the stock, by provider, where an admin has said it; "" where it is not to be asked."""
    query = select(VendorSymbol.provider, VendorSymbol.symbol).where(VendorSymbol.instrument_id == stock_id)
    return dict(db.session.execute(query.order_by(VendorSymbol.provider)).tuples().all())


def symbols_version(symbols: Mapping[str, str]) -> str:
    """Return a short text that is another one when any of the symbols is."""
    return digest(*sorted(symbols.items()))


def map_symbols(stock_id: int, seen: str, wanted: Mapping[str, str], actor: Actor) -> Told:
    """Set how vendors write the stock: by provider, "" where it is not to be asked, left out where its rules hold.

    What was not found under a former symbol is soon asked for again. Raise Conflict where the symbols are not any more
    as they were `seen`, Refused with the provider as `field` for a bad one.
    """
    row = lock_row(stock_id)
    site.lock("vendor symbols")  # of two stocks that are given one symbol at once the second is refused
    before = symbols_of(stock_id)
    if seen != symbols_version(before):
        raise Conflict(CHANGED)
    after = {provider: _checked(provider, symbol.strip(), stock_id) for provider, symbol in wanted.items()}
    differ = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if not differ:
        return Told()
    db.session.execute(delete(VendorSymbol).where(VendorSymbol.instrument_id == stock_id,
                                                  VendorSymbol.provider.in_(differ)))
    rows = [{"instrument_id": stock_id, "provider": name, "symbol": after[name]} for name in differ if name in after]
    if rows:
        db.session.execute(upsert(VendorSymbol, on=("instrument_id", "provider"), change=("symbol",)), rows)
    _forget_rests(row, differ)
    note(actor, "stock.map", row.record().key, {name: before.get(name) for name in differ},
         {name: after.get(name) for name in differ})
    return Told()


def _checked(provider: str, symbol: str, stock_id: int) -> str:
    """Return the symbol as it is stored; raise Refused where it cannot be one, or another stock has it."""
    if provider not in {vendor.name for vendor in MAPPABLE}:
        raise Refused("There is no such provider.", field=provider)
    if not symbol:
        return ""
    if not SYMBOL.fullmatch(symbol):
        raise Refused("A symbol has at most 40 letters, digits and signs such as . - ^ and no spaces or commas.",
                      field=provider)
    stored = VendorSymbol.symbol
    same = stored == symbol if provider in CASE_COUNTS else func.upper(stored) == symbol.upper()
    taken = db.session.scalars(
        select(InstrumentRow).join(VendorSymbol, VendorSymbol.instrument_id == InstrumentRow.id)
        .where(VendorSymbol.provider == provider, same, VendorSymbol.instrument_id != stock_id)).first()
    if taken is not None:
        raise Refused(f"{title_of(provider)} writes {taken.record().key} so, as is said there.", field=provider)
    return symbol


def _forget_rests(row: InstrumentRow, providers: list[str]) -> None:
    """Let nobody wait for what came of the stock under a former symbol; the calls stay counted."""
    now, key = clock.now(), row.record().key
    names = [name for provider in providers for name in (provider, f"{provider}/stock")]
    db.session.execute(
        update(ProviderCall).where(ProviderCall.provider.in_(names), ProviderCall.subject == key,
                                   ProviderCall.started_at > now - LONGEST_REST)
        .values(subject=key + FORMER), execution_options={"synchronize_session": False})
    db.session.execute(
        update(IngestRun).where(
            IngestRun.instrument_id == row.id, IngestRun.source.in_(providers),
            IngestRun.started_at > now - REST_OF_BARS,
            IngestRun.state.in_((RunState.REFUSED.value, RunState.FAILED.value)))
        .values(state=RunState.SKIPPED.value, subject=IngestRun.subject + FORMER),
        execution_options={"synchronize_session": False})
