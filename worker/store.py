"""The only writer of quotes: what really changed gets one new version, in one transaction, by bulk statements.

Nothing here commits. The caller commits once, and only then tells anybody.
"""

import dataclasses
import datetime as dt
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import lazyload

from webapp.extensions import db
from webapp.models import FeedVersion, InstrumentRow, QuoteRow, Tick
from webapp.records import Instrument, LiveQuote, Quote, Session, State, in_currency
from worker import spark
from worker.database import insert
from worker.providers.simulator import Simulator

log = logging.getLogger(__name__)

PROBLEM_LENGTH = 300
# A price this many times beyond the day's own range is a mix-up of units or of columns, not a price.
BEYOND_RANGE = 2
# Clocks differ; a price from later than this is not one.
FUTURE = dt.timedelta(minutes=2)

# What a row keeps of its sparkline; see spark.py.
Spark = dict[str, Any] | None
# Gives the day's prices before the first that we fetched, where a source knows them: times and prices, oldest first.
DayPath = Callable[[Instrument], Sequence[tuple[dt.datetime, Decimal]]]


def store_quotes(quotes: Iterable[Quote], now: dt.datetime, day_path: DayPath | None = None) -> list[LiveQuote]:
    """Store what is new in the quotes and return the changed rows, all with one new version.

    A price that cannot be right is not stored: its row says so. One that is older than what is there is passed over.
    A row whose price is as known is only marked as fetched; if all are, no version is spent.
    """
    newest = {quote.instrument_id: quote for quote in quotes}
    if not newest:
        return []
    version = _next_version()
    changed: list[tuple[LiveQuote, Spark]] = []
    unchanged = []
    for instrument, row in _rows(newest):
        quote = in_currency(newest[instrument.id], instrument)
        live = _merged(instrument, row, quote, version, now)
        if live is None:
            unchanged.append(instrument.id)
        else:
            changed.append((live, _path(row, quote, instrument, day_path) if live.quote is quote else _spark(row)))
    _mark_fetched(unchanged, now)
    if not changed:
        _give_back_version()
    return _write(changed)


def store_problem(ids: Collection[int], text: str) -> list[LiveQuote]:
    """Say on these rows why they are not fresher; return those of which it was not said before."""
    text = text[:PROBLEM_LENGTH]
    told = set(db.session.scalars(select(QuoteRow.instrument_id).where(
        QuoteRow.instrument_id.in_(ids), QuoteRow.problem == text)))
    if told.issuperset(ids):
        return []
    version = _next_version()
    changed = []
    for instrument, row in _rows(set(ids) - told):
        before = row.live() if row else LiveQuote(instrument)
        changed.append((dataclasses.replace(before, version=version, problem=text), _spark(row)))
    return _write(changed)


def flaw(quote: Quote, now: dt.datetime) -> str:
    """Return why the figures cannot be right, "" where they can."""
    prices = [quote.price, quote.previous_close, quote.open, quote.high, quote.low, quote.bid, quote.ask,
              quote.extended_price]
    if any(price is not None and (not price.is_finite() or price <= 0) for price in prices):
        return "a price that is not a positive number"
    if quote.high is not None and quote.low is not None and quote.low > quote.high:
        return "a day's low above its high"
    if quote.high is not None and quote.price > quote.high * BEYOND_RANGE:
        return "a price far above the day's high"
    if quote.low is not None and quote.price * BEYOND_RANGE < quote.low:
        return "a price far below the day's low"
    if quote.volume is not None and quote.volume < 0:
        return "a negative volume"
    return "a price from the future" if not quote.as_of_is_day and quote.as_of > now + FUTURE else ""


def _next_version() -> int:
    """Count the feed up; the row's lock keeps every other writer of quotes waiting until the commit."""
    count_up = update(FeedVersion).values(value=FeedVersion.value + 1).returning(FeedVersion.value)
    version = db.session.scalar(count_up)
    if version is None:
        db.session.execute(insert(FeedVersion).values(id=1, value=0).on_conflict_do_nothing())
        version = db.session.scalars(count_up).one()
    return version


def _give_back_version() -> None:
    """Count back down: nobody has seen the number, whose row is still locked."""
    db.session.execute(update(FeedVersion).values(value=FeedVersion.value - 1))


def _rows(ids: Collection[int]) -> list[tuple[Instrument, QuoteRow | None]]:
    """Return the instruments with their rows as they are now, whatever the session remembers of them."""
    query = (select(InstrumentRow, QuoteRow)
             .outerjoin(QuoteRow, QuoteRow.instrument_id == InstrumentRow.id)
             .where(InstrumentRow.id.in_(ids)).order_by(InstrumentRow.id)
             .options(lazyload(QuoteRow.instrument)).execution_options(populate_existing=True))
    return [(instrument.record(), row) for instrument, row in db.session.execute(query)]


def _merged(instrument: Instrument, row: QuoteRow | None, quote: Quote, version: int,
            now: dt.datetime) -> LiveQuote | None:
    """Return the row with the quote in it, or with what is wrong with the quote; None if there is nothing to change."""
    stored = row.quote() if row else None
    problem = row.problem if row else ""
    wrong = flaw(quote, now)
    if wrong:
        text = f"The provider sent {wrong}; it was not taken."
        log.warning("%s: %s", instrument.key, text)
        if row is None:
            return LiveQuote(instrument, version, problem=text)
        return None if problem == text else dataclasses.replace(row.live(), version=version, problem=text)
    if stored is not None and quote.as_of < stored.as_of and _same_kind(stored, quote):
        return None
    if stored is not None and not problem and _says_the_same(stored, quote, now):
        return None
    return LiveQuote(instrument, version, quote, fetched_at=now)


def _says_the_same(stored: Quote, quote: Quote, now: dt.datetime) -> bool:
    """Tell whether the row may stay as it is: the same figures, and they do not soon pass for stale."""
    if dataclasses.replace(quote, stale_at=stored.stale_at) != stored:
        return False
    if stored.stale_at is None or quote.stale_at is None:
        return stored.stale_at == quote.stale_at
    return (stored.stale_at - now) * 2 > quote.stale_at - now


def _same_kind(one: Quote, other: Quote) -> bool:
    """Tell whether both prices are simulated, or both are not: only then is the later one the better one."""
    return (one.source == Simulator.name) == (other.source == Simulator.name)


def _spark(row: QuoteRow | None) -> Spark:
    return row.spark if row else None


def _path(row: QuoteRow | None, quote: Quote, instrument: Instrument, day_path: DayPath | None) -> Spark:
    """Return the row's sparkline with the new price; one that begins anew starts with what its source knows."""
    path = row.spark if row and row.source == quote.source else None
    if day_path is not None and (path is None or path["day"] != quote.day.isoformat()):
        path = None
        for as_of, price in day_path(instrument):
            path = spark.extended(path, quote.day, as_of, price)
    return spark.extended(path, quote.day, quote.as_of, quote.price)


def _mark_fetched(ids: Collection[int], now: dt.datetime) -> None:
    if ids:
        db.session.execute(update(QuoteRow).where(QuoteRow.instrument_id.in_(ids)).values(fetched_at=now),
                           execution_options={"synchronize_session": False})


def _write(changed: Sequence[tuple[LiveQuote, Spark]]) -> list[LiveQuote]:
    """Upsert the rows, append the ticks, return the rows as pages show them."""
    if not changed:
        return []
    statement = insert(QuoteRow)
    columns = {name: statement.excluded[name] for name in QuoteRow.__table__.columns.keys()  # noqa: SIM118
               if name != "instrument_id"}
    db.session.execute(statement.on_conflict_do_update(index_elements=["instrument_id"], set_=columns),
                       [_values(live, path) for live, path in changed])
    ticks = [_tick(live.version, live.quote) for live, _path in changed if live.quote and not live.problem]
    if ticks:
        db.session.execute(
            insert(Tick).on_conflict_do_nothing(index_elements=["instrument_id", "as_of", "source"]), ticks)
    return [dataclasses.replace(live, spark=tuple((path or {}).get("prices", [])))
            for live, path in changed]


def _values(live: LiveQuote, path: Spark) -> dict[str, Any]:
    """Return the row's columns; without a quote, those of a row that only says why there is none."""
    quote = live.quote
    values: dict[str, Any] = {"instrument_id": live.instrument.id, "version": live.version, "problem": live.problem,
                              "fetched_at": live.fetched_at, "spark": path}
    fields = [field.name for field in dataclasses.fields(Quote) if field.name != "instrument_id"]
    if quote is None:
        empty = {"as_of_is_day": False, "source": "", "state": State.UNKNOWN.value,
                 "session": Session.CLOSED.value, "unit": "", "sent_unit": "", "delay": ""}
        return {**dict.fromkeys(fields), **empty, **values}
    # The drivers are given plain text: one of them would write an enum's name.
    return {**{name: getattr(quote, name) for name in fields}, "state": quote.state.value,
            "session": quote.session.value, "delay": (quote.delay or "") and str(quote.delay), **values}


def _tick(version: int, quote: Quote) -> dict[str, Any]:
    return {"instrument_id": quote.instrument_id, "version": version, "as_of": quote.as_of, "price": quote.price,
            "volume": quote.volume, "source": quote.source}
