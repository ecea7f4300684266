"""The only writer of quotes: what really changed gets one new version, in one transaction, by bulk statements.

Nothing here commits. The caller commits once, and only then tells anybody.
"""

import dataclasses
import datetime as dt
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import lazyload

from webapp.extensions import db
from webapp.models import FeedVersion, Finding, InstrumentRow, QuoteRow, Tick
from webapp.records import Instrument, LiveQuote, Quote, Session, Split, State, in_currency
from webapp.standings import with_standings
from webapp.upserts import insert
from webapp.vendors import title_of
from webapp.versions import next_version
from worker import holds, spark
from worker.providers.simulator import Simulator
from worker.trust import FUTURE, Judgement, Verdict, adjusted, best_previous_close, judge, judge_figures

log = logging.getLogger(__name__)

PROBLEM_LENGTH = 300
# A day's high or low so many times beyond the price is no figure of that day.
BEYOND_PRICE = 3

# What a row keeps of its sparkline; see spark.py.
Spark = dict[str, Any] | None
# Gives the day's prices before the first that we fetched, where a source knows them: times and prices, oldest first.
DayPath = Callable[[Instrument], Sequence[tuple[dt.datetime, Decimal]]]


def store_quotes(quotes: Iterable[Quote], now: dt.datetime, day_path: DayPath | None = None) -> list[LiveQuote]:
    """Store what is new in the quotes and return the changed rows, all with one new version; see store_readings()."""
    return store_readings(quotes, now, day_path).changed


@dataclasses.dataclass(frozen=True, slots=True)
class Stored:
    """What became of readings: the rows that changed, and the instruments whose reading was not taken."""

    changed: list[LiveQuote]
    refused: set[int]


def store_readings(quotes: Iterable[Quote], now: dt.datetime, day_path: DayPath | None = None, *,
                   streamed: bool = False) -> Stored:
    """Store what is new in the quotes; the changed rows have one new version.

    Each is judged first (trust.py): one that cannot be right, or waits to be confirmed, is kept with its reason, and
    its row says so. One that is older than what is there is passed over. A row whose price is as known is only marked
    as fetched; if all are, no version is spent. Where trades are `streamed`, the day's range only widens.
    """
    newest = {quote.instrument_id: quote for quote in quotes}
    if not newest:
        return Stored([], set())
    batch = _Batch(next_version(), now, _known(newest), streamed=streamed)
    changed: list[tuple[LiveQuote, Spark]] = []
    unchanged = []
    for instrument, row in _rows(newest):
        live = batch.merged(instrument, row, newest[instrument.id])
        if live is None:
            unchanged.append(instrument.id)
        else:
            path = _path(row, live.quote, instrument, day_path) if live.quote and not live.problem else _spark(row)
            changed.append((live, path))
    _mark_fetched([number for number in unchanged if number not in batch.refused], now)
    if not changed:
        _give_back_version()
    written = _write(changed)
    holds.note(batch.notes, now)
    holds.keep_closes(batch.closes)
    return Stored(written, batch.refused)


def _known(quotes: Mapping[int, Quote]) -> holds.Known:
    """Return what is known of the instruments; of simulated prices nothing is asked."""
    return holds.load([number for number, quote in quotes.items() if quote.source != Simulator.name])


class _Batch:
    """The quotes of one call on their way into the database."""

    def __init__(self, version: int, now: dt.datetime, known: holds.Known, *, streamed: bool = False) -> None:
        self.version, self.now, self.known, self.streamed = version, now, known, streamed
        self.notes: list[holds.Note] = []
        self.refused: set[int] = set()
        self.closes: dict[int, tuple[dt.date, Decimal, str]] = {}

    def merged(self, instrument: Instrument, row: QuoteRow | None, sent: Quote) -> LiveQuote | None:
        """Return the row with the quote in it, or with what is wrong with it; None if there is nothing to change."""
        stored = row.quote() if row else None
        held = self.known.held.get(instrument.id)
        try:
            quote = in_currency(sent, instrument)
        except ValueError as error:
            return self._refused(instrument, row, sent, Judgement(Verdict.REJECTED, str(error)))
        base = stored if stored is not None and _counts(stored, quote, self.now) else None
        if self.streamed and base is not None and base.day == quote.day:
            quote = _widened(quote, base)
        quote = self._plausible(quote)
        splits = self.known.splits.get(instrument.id, ())
        if quote.source == Simulator.name:  # its prices jump as it likes
            judgement = judge_figures(quote, base, self.now) or Judgement(Verdict.TAKEN)
        else:
            judgement = judge(quote, base, held, splits, row.deviation if row else None, self.now)
        if judgement.verdict is Verdict.OLDER:
            if stored is not None and stored.source == quote.source:
                self.notes.append(holds.Note(Finding.OLDER, quote, judgement.reason))
            return None
        if judgement.verdict is not Verdict.TAKEN:
            return self._refused(instrument, row, quote, judgement)
        if judgement.outcome:
            holds.release(instrument.id, judgement.outcome, self.now)
        if judgement.split:
            holds.note_split(instrument.id, judgement.split, quote.source, self.now)
            splits = (*splits, judgement.split)
        quote = self.measured(quote, base, splits)
        if base is not None and row is not None and not row.problem and _says_the_same(base, quote, self.now):
            return None
        return LiveQuote(instrument, self.version, quote, fetched_at=self.now)

    def _refused(self, instrument: Instrument, row: QuoteRow | None, quote: Quote,
                 judgement: Judgement) -> LiveQuote | None:
        """Keep what was not taken; return the row with the reason, None where it stands there already."""
        self.refused.add(instrument.id)
        self.notes.append(holds.Note(holds.FINDINGS[judgement.verdict], quote, judgement.reason))
        if judgement.verdict in {Verdict.UNCONFIRMED, Verdict.SPLIT}:
            holds.hold(quote, judgement, self.known.held.get(instrument.id), self.now)
        text = told(instrument, quote, judgement)
        log.warning("%s: %s", instrument.key, text)
        if row is None:
            return LiveQuote(instrument, self.version, problem=text)
        return None if row.problem == text else dataclasses.replace(row.live(), version=self.version, problem=text)

    def _plausible(self, quote: Quote) -> Quote:
        """Return the quote without a day's high or low that is out of all proportion to the price."""
        if quote.price.is_finite() and quote.price > 0 and quote.source != Simulator.name and (
                (quote.high or quote.price) > quote.price * BEYOND_PRICE
                or (quote.low or quote.price) * BEYOND_PRICE < quote.price):
            self.notes.append(holds.Note(Finding.REJECTED, quote, "a day's range far from the price; it was left out"))
            return dataclasses.replace(quote, high=None, low=None)
        return quote

    def measured(self, quote: Quote, stored: Quote | None, splits: Sequence[Split]) -> Quote:
        """Return the quote with the close that its change is measured against, checked against what else says it."""
        if quote.source == Simulator.name:
            return quote
        own = _own_close(quote, stored, splits)
        older = stored.previous_close if stored is not None and stored.day == quote.previous_day else None
        close, doubt = best_previous_close(quote, own, older, splits)
        if doubt:
            self.notes.append(holds.Note(Finding.CHANGE, quote, doubt))
        if close is not None and quote.previous_day and (stored is None or stored.day != quote.day):
            self.closes[quote.instrument_id] = (quote.previous_day, close, quote.source)
        return dataclasses.replace(quote, previous_close=close)


def told(instrument: Instrument, quote: Quote, judgement: Judgement) -> str:
    """Say on a page why a reading was not taken."""
    title = title_of(quote.source)
    if judgement.verdict is Verdict.REJECTED:
        return f"The provider sent {judgement.reason}; it was not taken."
    price = f"{quote.price:f} {instrument.currency} of {title}"
    if judgement.verdict is Verdict.SPLIT:
        return f"Unconfirmed: {price} is withheld, because {judgement.reason}."
    return f"Unconfirmed: {price}, {judgement.reason}, waits for a second reading."


def _counts(stored: Quote, quote: Quote, now: dt.datetime) -> bool:
    """Tell whether a stored price is one to judge another by: of the same kind, and not from a clock that was ahead."""
    return _same_kind(stored, quote) and stored.as_of <= now + FUTURE


def _widened(quote: Quote, stored: Quote) -> Quote:
    """Return the quote with the day's range of both: another call may have brought a wider one meanwhile."""
    highs = [price for price in (quote.high, stored.high) if price is not None]
    lows = [price for price in (quote.low, stored.low) if price is not None]
    return dataclasses.replace(quote, high=max(highs, default=None), low=min(lows, default=None))


def _own_close(quote: Quote, stored: Quote | None, splits: Sequence[Split]) -> Decimal | None:
    """Return the close of the session before as we know it ourselves, None where we do not."""
    if stored is None:
        return None
    if stored.day == quote.day:
        return stored.previous_close
    if stored.day == quote.previous_day and stored.state in {State.CLOSED, State.END_OF_DAY}:
        return adjusted(stored.price, splits, stored.day, quote.day)
    return None


def take_held(quote: Quote, outcome: str, now: dt.datetime, split: tuple[Split, str] | None = None) -> list[LiveQuote]:
    """Store a reading that was held, because a person or a split answers for it; return the changed row.

    It is as old as it is: one that is older than what came meanwhile is passed over. `outcome` is kept in its finding;
    `split` is the one that explains it, and who knows of it.
    """
    version = next_version()  # first of all, as every writer of quotes does: else two may wait for each other
    holds.release(quote.instrument_id, outcome, now)
    if split is not None:
        holds.note_split(quote.instrument_id, split[0], split[1], now)
    [(instrument, row)] = _rows([quote.instrument_id])
    stored = row.quote() if row else None
    if row is not None and stored is not None and _same_kind(stored, quote) and quote.as_of < stored.as_of:
        return _write([(dataclasses.replace(row.live(), version=version, problem=""), _spark(row))])
    batch = _Batch(version, now, holds.load([quote.instrument_id]))
    quote = batch.measured(quote, stored, batch.known.splits.get(quote.instrument_id, ()))
    written = _write([(LiveQuote(instrument, version, quote, fetched_at=now), _path(None, quote, instrument, None))])
    holds.note(batch.notes, now)
    holds.keep_closes(batch.closes)
    return written


def drop_held(instrument_id: int, outcome: str, now: dt.datetime) -> list[LiveQuote]:
    """Forget a reading that was held; return the row, which no longer speaks of it."""
    version = next_version()
    holds.release(instrument_id, outcome, now)
    [(instrument, row)] = _rows([instrument_id])
    live = row.live() if row else LiveQuote(instrument)
    return _write([(dataclasses.replace(live, version=version, problem=""), _spark(row))])


def store_problem(ids: Collection[int], text: str) -> list[LiveQuote]:
    """Say on these rows why they are not fresher; return those of which it was not said before."""
    text = text[:PROBLEM_LENGTH]
    told = set(db.session.scalars(select(QuoteRow.instrument_id).where(
        QuoteRow.instrument_id.in_(ids), QuoteRow.problem == text)))
    if told.issuperset(ids):
        return []
    version = next_version()
    changed = []
    for instrument, row in _rows(set(ids) - told):
        before = row.live() if row else LiveQuote(instrument)
        changed.append((dataclasses.replace(before, version=version, problem=text), _spark(row)))
    return _write(changed)


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
               if name not in {"instrument_id", "deviation"}}
    db.session.execute(statement.on_conflict_do_update(index_elements=["instrument_id"], set_=columns),
                       [_values(live, path) for live, path in changed])
    ticks = [_tick(live.version, live.quote) for live, _path in changed if live.quote and not live.problem]
    if ticks:
        db.session.execute(
            insert(Tick).on_conflict_do_nothing(index_elements=["instrument_id", "as_of", "source"]), ticks)
    return with_standings([dataclasses.replace(live, spark=tuple((path or {}).get("prices", [])))
                           for live, path in changed])


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
