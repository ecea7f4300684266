"""What merging one stock into another one will do, counted before it is done. It reads, and changes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import Integer, cast, func, select

from webapp.bars.events import SAME_EVENT, SAME_RATIO
from webapp.benchmark import USUAL_BENCHMARKS
from webapp.errors import Refused
from webapp.extensions import db
from webapp.instruments import LISTED
from webapp.models import (
    BarSeries,
    Close,
    DividendRow,
    HeldQuote,
    IngestRun,
    InstrumentRow,
    QuoteFinding,
    QuoteRow,
    RunState,
    SplitRow,
    Tick,
    VendorSymbol,
    WatchlistItem,
)
from webapp.records import Instrument
from webapp.stocks.rows import digest
from webapp.vendors import VENDORS, title_of

Event = TypeVar("Event", SplitRow, DividendRow)
GOING_ON = (RunState.WAITING.value, RunState.RUNNING.value)


class How(StrEnum):
    """Why two are the same: one was never a stock of its own, or one is what the other was called once."""

    DUPLICATE = "duplicate"
    FORMER = "former"


@dataclass(frozen=True, slots=True)
class Share:
    """So many of a kind go to the other stock, so many are dropped."""

    kept: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Series:
    """Bars of one source; they go to the other stock where that `goes`, and are dropped where it has bars of it."""

    id: int
    source: str
    interval: str
    bars: int
    first_day: dt.date | None
    last_day: dt.date | None
    goes: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What will happen; `lists` hold the stock, `both` of them the other one too.

    `price` says that the price of now goes to the other stock, with its ticks; where that has a price of its own it is
    dropped. `runs` are tries to get bars, of which those that brought some are kept. `referring` are stocks that were
    renamed to this one, or are measured against it. `directory` is the provider in whose directory it stands.
    """

    source: Instrument
    target: Instrument
    how: How
    lists: int
    both: int
    series: Sequence[Series]
    splits: Share
    dividends: Share
    closes: Share
    price: bool
    has_price: bool
    ticks: int
    findings: int
    held: bool
    runs: Share
    symbols: int
    referring: int
    directory: str

    @property
    def version(self) -> str:
        """Return a short text that is another one when anything is decided otherwise than it was.

        Prices and bars come by the minute: that there are more of them decides nothing.
        """
        series = tuple((one.id, one.goes) for one in self.series)
        return digest(self.source.id, self.target.id, self.how.value, self.lists, self.both, series, self.splits,
                      self.dividends, self.price, self.symbols, self.referring, self.directory)

    def summary(self) -> dict[str, object]:
        """Return it for the audit log."""
        shares = {name: asdict(getattr(self, name)) for name in ("splits", "dividends", "closes", "runs")}
        return {"into": self.target.key, "how": self.how.value, "lists": self.lists, "price": self.price,
                "bars": {f"{one.source} {one.interval}": one.bars for one in self.series if one.goes},
                "bars dropped": {f"{one.source} {one.interval}": one.bars for one in self.series if not one.goes},
                **shares}


def plan_merge(source: InstrumentRow, target: InstrumentRow, how: How) -> Plan:
    """Return what merging would do; raise Refused where the two cannot be the same, or it cannot be done now."""
    _check(source, target)
    lists, both = _lists(source.id, target.id)
    has_price, target_price = _has_price(source.id), _has_price(target.id)
    return Plan(
        source.record(), target.record(), how, lists, both, _series(source.id, target.id),
        _share(_all(SplitRow, source.id), new_splits(source.id, target.id)),
        _share(_all(DividendRow, source.id), new_dividends(source.id, target.id)), _closes(source.id, target.id),
        price=has_price and not target_price, has_price=has_price, ticks=_count(Tick, source.id),
        findings=_count(QuoteFinding, source.id), held=bool(_count(HeldQuote, source.id)), runs=_runs(source.id),
        symbols=_count(VendorSymbol, source.id), referring=_referring(source.record().key),
        directory=_directory(source) if how is How.DUPLICATE else "")


def new_splits(source_id: int, target_id: int) -> list[SplitRow]:
    """Return the splits of one stock that the other one does not have, about that day."""
    known = _all(SplitRow, target_id)
    return [one for one in _all(SplitRow, source_id) if not any(_is_same(one, other) for other in known)]


def new_dividends(source_id: int, target_id: int) -> list[DividendRow]:
    """Return the dividends of one stock of those sources of which the other one has none."""
    known = {one.source for one in _all(DividendRow, target_id)}
    return [one for one in _all(DividendRow, source_id) if one.source not in known]


def _is_same(one: SplitRow, other: SplitRow) -> bool:
    """Tell whether two splits are one and the same; vendors differ by some days."""
    near = abs(one.day - other.day) <= SAME_EVENT and abs(one.ratio / other.ratio - 1) <= SAME_RATIO
    return near or one.day == other.day


def _check(source: InstrumentRow, target: InstrumentRow) -> None:
    """Raise Refused where they are not to be merged."""
    one, other = source.record(), target.record()
    if source.id == target.id:
        raise Refused("That is this stock itself.", field="into")
    if one.quoted_in != other.quoted_in or one.currency != other.currency:
        raise Refused(f"{one.key} is quoted in {one.quoted_in}, {other.key} in {other.quoted_in}: their prices cannot "
                      "be put together.", field="into")
    if target.renamed_to:
        raise Refused(f"{other.key} is itself called {target.renamed_to} now: merge into that one.", field="into")
    if one.key in USUAL_BENCHMARKS.values():
        raise Refused(f"{one.key} is what other stocks are measured against, and has to stay.", field="into")
    if db.session.scalar(select(IngestRun.id).where(IngestRun.instrument_id == source.id,
                                                    IngestRun.state.in_(GOING_ON)).limit(1)) is not None:
        raise Refused(f"Bars of {one.key} are just being fetched or imported. Try again in a minute.", field="into")


def _lists(source_id: int, target_id: int) -> tuple[int, int]:
    """Return on how many lists the one is, and on how many of those the other is too."""
    with_it = select(WatchlistItem.watchlist_id).where(WatchlistItem.instrument_id == source_id)
    item = WatchlistItem
    lists = db.session.scalar(select(func.count()).select_from(item).where(item.instrument_id == source_id)) or 0
    both = db.session.scalar(select(func.count()).select_from(item).where(
        item.instrument_id == target_id, item.watchlist_id.in_(with_it))) or 0
    return lists, both


def _has_price(stock_id: int) -> bool:
    return db.session.scalar(select(QuoteRow.instrument_id).where(
        QuoteRow.instrument_id == stock_id, QuoteRow.price.is_not(None))) is not None


def _series(source_id: int, target_id: int) -> list[Series]:
    """Return the bars of the one, by interval and source, and whether they go to the other."""
    rows = db.session.scalars(select(BarSeries).where(BarSeries.instrument_id.in_([source_id, target_id]))
                              .order_by(BarSeries.interval, BarSeries.source)).all()
    held = {(row.interval, row.source) for row in rows if row.instrument_id == target_id and row.bars}
    return [Series(row.id, row.source, row.interval, row.bars, row.first_day, row.last_day,
                   goes=(row.interval, row.source) not in held)
            for row in rows if row.instrument_id == source_id]


def _all(model: type[Event], stock_id: int) -> Sequence[Event]:
    return db.session.scalars(select(model).where(model.instrument_id == stock_id).order_by(model.day)).all()


def _share(found: Sequence[object], kept: Sequence[object]) -> Share:
    return Share(len(kept), len(found) - len(kept))


def _closes(source_id: int, target_id: int) -> Share:
    found = _count(Close, source_id)
    known = select(Close.day).where(Close.instrument_id == target_id)
    dropped = db.session.scalar(select(func.count()).select_from(Close).where(
        Close.instrument_id == source_id, Close.day.in_(known))) or 0
    return Share(found - dropped, dropped)


def _runs(stock_id: int) -> Share:
    done = func.coalesce(func.sum(cast(IngestRun.state == RunState.DONE.value, Integer)), 0)
    kept, found = db.session.execute(select(done, func.count()).where(IngestRun.instrument_id == stock_id)).one()
    return Share(kept, found - kept)


def _referring(key: str) -> int:
    """Return how many stocks name this one as what they are called now, or are measured against."""
    row = InstrumentRow
    return db.session.scalar(select(func.count()).select_from(row).where(
        (row.renamed_to == key) | (row.benchmark == key))) or 0


def _directory(row: InstrumentRow) -> str:
    """Return the provider in whose directory the stock stands, so that it would come back."""
    listed = row.status == LISTED and row.listed_by in VENDORS and row.missing_since is None
    return title_of(row.listed_by) if listed else ""


def _count(model: type[Tick | QuoteFinding | HeldQuote | VendorSymbol | Close], stock_id: int) -> int:
    return db.session.scalar(select(func.count()).select_from(model).where(model.instrument_id == stock_id)) or 0
