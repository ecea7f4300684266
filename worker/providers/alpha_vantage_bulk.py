"""Bulk quotes of Alpha Vantage: live prices of up to a hundred stocks of the United States, on some paid plans."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from webapp.records import Instrument, Quote, Session, State
from worker.providers.alpha_vantage_answers import EASTERN, NAME, TITLE, Body, plain_fields
from worker.providers.answers import unknown_symbol
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.figures import FIRST, LAST, MISSING, FigureError, check_range, parse_price
from worker.providers.freshness import check_time, times_of_regular, times_of_trade
from worker.providers.histories import whole_shares
from worker.providers.rest import as_list, as_object, stated_change

if TYPE_CHECKING:
    from webapp.markets import SessionBook

MOST_BULK = 100
STAMP = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?")


def read_bulk(body: Body, symbols: Mapping[int, str], now: dt.datetime,
              sessions: SessionBook) -> Callable[[Instrument], Quote]:
    """Return what makes a quote of the answer for each instrument; `symbols` are the vendor's, by instrument.

    Raise where the answer as a whole cannot be believed.
    """
    rows = bulk_rows(body, set(symbols.values()))

    def read(instrument: Instrument) -> Quote:
        found = rows.get(symbols[instrument.id], [])
        if len(found) > 1:
            raise FigureError("it has the symbol twice")
        if not found:
            raise unknown_symbol(TITLE)
        return read_row(found[0], instrument, now, sessions)

    return read


def bulk_rows(body: Body, symbols: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the symbols asked for; raise where they are not the market's.

    To a key that is not entitled the vendor sends made-up prices, and says so in "message" alone. So only an answer
    that says "success" there is believed; CSV does not say it.
    """
    if isinstance(body, str):
        raise FigureError("it does not say that its prices are real")
    message = str(body.get("message") or "").strip().lower()
    if any(word in message for word in ("premium", "artificial", "sample", "entitle", "subscribe", "demo")):
        raise ProviderError(ErrorKind.NOT_ENTITLED,
                            f"The plan of {TITLE} has no realtime prices. Check ALPHA_VANTAGE_ENTITLEMENT.")
    if message.rstrip(".!") not in {"success", "ok"}:
        raise FigureError("it does not say that its prices are real")
    rows = [plain_fields(as_object(row, "a row")) for row in as_list(body.get("data"))]
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        symbol = str(row.get("symbol") or "").upper()
        if symbol in symbols:
            found.setdefault(symbol, []).append(row)
    if rows and not found:
        raise FigureError("it is for another symbol")
    return found


def read_row(fields: dict[str, Any], instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Quote:
    """Return the record of one row.

    "close" is the price of the regular session, "extended hours quote" the newest from outside it, and "timestamp" that
    of the newer of the two. So outside regular hours the price is the close before, and the other stands beside it.
    """
    price, moment = parse_price(fields.get("close"), "the price"), parse_eastern(fields.get("timestamp"))
    extended = parse_price(fields.get("extended hours quote"), "the extended price")
    if price is None and moment is None and extended is None:
        raise unknown_symbol(TITLE)
    if price is None or moment is None:
        raise FigureError("the price or its time is missing")
    moment = check_time(moment, now)
    first, high, low = (parse_price(fields.get(key), key) for key in ("open", "high", "low"))
    check_range(low, high, price, first)
    as_of, day, outside = regular_time(moment, instrument.mic, sessions)
    extended = extended if outside else None
    times = (times_of_trade if extended else times_of_regular)(moment, State.LIVE, now, sessions, instrument.mic)
    return Quote(
        instrument_id=instrument.id, price=price, as_of=as_of, day=day, source=NAME, state=times.state,
        session=times.session, previous_close=parse_price(fields.get("previous close"), "the previous close"),
        open=first, high=high, low=low, volume=whole_shares(fields.get("volume")), extended_price=extended,
        extended_as_of=moment if extended else None, stale_at=times.stale_at,
        stated_change=stated_change(fields.get("change")))


def regular_time(moment: dt.datetime, mic: str, sessions: SessionBook) -> tuple[dt.datetime, dt.date, bool]:
    """Return when the regular price of a row was made, its day, and whether the row's time is outside that session."""
    day = moment.astimezone(EASTERN).date()
    session = sessions.session_on(mic, day)
    if session is None:
        return moment, day, False
    if moment >= session.closes_at:
        return session.closes_at, day, moment > session.closes_at
    before = sessions.last_completed(mic, moment)
    if session.part_at(moment) is Session.REGULAR or before is None:
        return moment, day, False
    return before.closes_at, before.day, True


def parse_eastern(text: object) -> dt.datetime | None:
    """Return a moment that is written as New York's clocks show it: 2024-10-30 19:59:57.644."""
    if text in MISSING:
        return None
    found = STAMP.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise FigureError("the time is not one")
    try:
        shown = dt.datetime.fromisoformat(f"{found[1]}T{found[2]}{(found[3] or '.0')[:7]:0<7}")
    except ValueError:
        raise FigureError("the time is not one") from None
    moment = shown.replace(tzinfo=EASTERN).astimezone(dt.UTC) if 1990 <= shown.year < 2100 else FIRST
    if not FIRST < moment < LAST:
        raise FigureError("the time is not one")
    return moment
