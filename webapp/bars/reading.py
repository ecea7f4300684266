"""Reading past prices: all sources of an instrument as one series, in the shares of today, whoever sent them.

What a source sent as traded, or divided for splits, is brought to one basis with the splits that are known, and joined
day by day, the better source first; one that is far off it on the days that both have is left out. What a source has
adjusted for dividends too cannot be undone: it stands alone, and only where there is nothing else. What the simulator
made up is never joined with anything real.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Row, select

from webapp import clock
from webapp.analytics.adjust import dividend_factors
from webapp.analytics.series import EMPTY, Days, Floats, Series, to_number
from webapp.bars.basis import factors_between
from webapp.bars.calendar import trading_days
from webapp.bars.codec import Bars, joined, unpack
from webapp.bars.events import events_changed, load_dividends, load_splits
from webapp.bars.merging import MINUTES
from webapp.bars.sources import is_made_up, ranks
from webapp.database import BYTES
from webapp.extensions import db
from webapp.markets import exchange_day, zone_of
from webapp.models import BarChunk, BarSeries, InstrumentRow
from webapp.models.bars import DAY, MINUTE
from webapp.records import Adjustment, Dividend, Split

__all__ = ["Past", "load_minutes", "load_past", "trading_days"]

# So many instruments are read at a time; SQLite has a limit on the values of one statement.
MOST = 500
# Sources differ by cents, and by whose last trade counts; not by so much, as the logarithm of a close's quotient.
ALIKE = 0.03
Found = Row[int, int, str, str, dt.date | None, dt.datetime, str]


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """The past of one instrument, oldest day first.

    `series` is adjusted as `adjusted` says: as was asked for, or ALL where there is only a source that does so itself.
    "Today" in its shares is the exchange's. `raw_close`, as long, is what each day closed at in the shares of that day;
    NaN where no source tells (ALL). `sources` are those that were joined, the best first. `splits` are the known ones
    that have taken effect, `dividends` those known, in the shares of their day. `changed_at` is when something of this
    last changed, a split that took effect included.
    """

    instrument_id: int
    series: Series
    raw_close: Floats
    adjusted: Adjustment
    sources: tuple[str, ...]
    splits: tuple[Split, ...]
    dividends: tuple[Dividend, ...]
    changed_at: dt.datetime


def load_past(ids: Collection[int], *, adjusted: Adjustment = Adjustment.SPLITS,
              since: dt.date | None = None) -> dict[int, Past]:
    """Return the daily bars of these instruments, from `since` on; those without any are left out.

    It is six statements for each 500 instruments.
    """
    now = clock.now()
    numbers = list(ids)
    found: dict[int, Past] = {}
    for start in range(0, len(numbers), MOST):
        part = numbers[start:start + MOST]
        chosen = _choose(part, DAY)
        bars = _load_bars([row.id for rows in chosen.values() for row in rows], since)
        splits, dividends = load_splits(chosen), load_dividends(chosen)
        changed = events_changed(chosen)
        for number, rows in chosen.items():
            events = _Events(splits.get(number, ()), dividends.get(number, ()), changed.get(number))
            past = _past(rows, bars, events.at(exchange_day(rows[0].mic, now)), adjusted, since)
            if past is not None:
                found[number] = past
    return found


def load_minutes(instrument_id: int, first: dt.date, last: dt.date) -> Series:
    """Return the bars of a minute of these days (the exchange's), in the shares of today, `at` in minutes of UTC."""
    chosen = _choose([instrument_id], MINUTE).get(instrument_id)
    if not chosen:
        return EMPTY
    zone = zone_of(chosen[0].mic)
    begin, end = (int(dt.datetime.combine(day, dt.time(), zone).timestamp()) // 60
                  for day in (first, last + dt.timedelta(days=1)))
    # The exchange's day begins and ends on another day of UTC.
    bars = _load_bars([row.id for row in chosen], first - dt.timedelta(days=1), last + dt.timedelta(days=1), exact=True)
    splits = _Events(load_splits([instrument_id]).get(instrument_id, ())).at(exchange_day(chosen[0].mic, clock.now()))
    parts = [_in_shares(found, row, splits.splits, Adjustment.SPLITS, _local_days(found, first, begin))
             for row in chosen if (found := bars.get(row.id)) is not None]
    if not parts:
        return EMPTY
    series = _join(parts)[0]
    start, stop = np.searchsorted(series.at, [begin, end])
    return series.part(int(start), int(stop))


def _local_days(bars: Bars, first: dt.date, begin: int) -> Days:
    """Return the exchange's day of each bar of a minute, where the day `first` begins there at the minute `begin`."""
    return ((bars.at - begin) // MINUTES + to_number(first)).astype(np.int32)


@dataclass(frozen=True, slots=True)
class _Events:
    splits: tuple[Split, ...]
    dividends: tuple[Dividend, ...] = ()
    changed_at: dt.datetime | None = None

    def at(self, today: dt.date) -> _Events:
        """Return them without the splits that are still to come."""
        if not self.splits or self.splits[-1].day <= today:
            return self
        return _Events(tuple(split for split in self.splits if split.day <= today), self.dividends, self.changed_at)


def _choose(ids: Sequence[int], interval: str) -> dict[int, list[Found]]:
    """Return the series that are used of each instrument, the best first."""
    query = select(BarSeries.id, BarSeries.instrument_id, BarSeries.source, BarSeries.adjusted, BarSeries.basis_day,
                   BarSeries.changed_at, InstrumentRow.mic).join(
        InstrumentRow, InstrumentRow.id == BarSeries.instrument_id).where(
        BarSeries.instrument_id.in_(ids), BarSeries.interval == interval, BarSeries.bars > 0)
    series: dict[int, list[Found]] = defaultdict(list)
    for row in db.session.execute(query):
        series[row.instrument_id].append(row)
    order = ranks({row.source for rows in series.values() for row in rows})
    for number, rows in series.items():
        if len(rows) > 1:
            rows.sort(key=lambda row: order[row.source])
            real = [row for row in rows if not is_made_up(row.source)] or rows
            series[number] = [row for row in real if row.adjusted != Adjustment.ALL] or real[:1]
    return series


def _load_bars(series_ids: Sequence[int], since: dt.date | None, until: dt.date | None = None, *,
               exact: bool = False) -> dict[int, Bars]:
    """Return the bars of each series, in whole chunks: of years, or of days (`exact`)."""
    query = select(BarChunk.series_id, BarChunk.data).where(BarChunk.series_id.in_(series_ids))
    if since is not None:
        query = query.where(BarChunk.start >= (since if exact else since.replace(month=1, day=1)))
    if until is not None:
        query = query.where(BarChunk.start <= until)
    parts: dict[int, list[Bars]] = defaultdict(list)
    if series_ids:
        query = query.order_by(BarChunk.series_id, BarChunk.start).execution_options(**{BYTES: True})
        for number, data in db.session.execute(query):
            parts[number].append(unpack(data))
    return {number: bars for number, found in parts.items() if len(bars := joined(found))}


def _past(rows: Sequence[Found], bars: Mapping[int, Bars], events: _Events, wanted: Adjustment,
          since: dt.date | None) -> Past | None:
    used = [row for row in rows if row.id in bars]
    if not used:
        return None
    own = used[0].adjusted == Adjustment.ALL
    parts = [_in_shares(bars[row.id], row, events.splits, wanted) for row in used]
    series, raw_close, joined_from = _join(parts)
    if wanted is Adjustment.ALL and not own and events.dividends:
        series = _without_dividends(series, events)
    if since is not None:
        start = int(np.searchsorted(series.at, to_number(since)))
        series, raw_close = series.part(start), raw_close[start:]
    if not len(series):
        return None
    return Past(used[0].instrument_id, series, raw_close, Adjustment.ALL if own else wanted,
                tuple(used[place].source for place in joined_from), events.splits, events.dividends,
                max(_moments(rows, events)))


def _moments(rows: Sequence[Found], events: _Events) -> Iterator[dt.datetime]:
    """Give each moment at which something of a past changed."""
    yield from (row.changed_at for row in rows)
    if events.changed_at is not None:
        yield events.changed_at
    if events.splits:
        yield dt.datetime.combine(events.splits[-1].day, dt.time(), zone_of(rows[0].mic)).astimezone(dt.UTC)


def _in_shares(bars: Bars, row: Found, splits: Sequence[Split], wanted: Adjustment,
               days: Days | None = None) -> tuple[Series, Floats]:
    """Return one source's bars in the shares that are wanted, and its closes as traded; `days` are theirs."""
    series = bars.series()
    if row.adjusted == Adjustment.ALL:
        return series, np.full(len(series), np.nan)
    if not splits:
        return series, series.close
    days = bars.at if days is None else days
    basis = row.basis_day if row.adjusted == Adjustment.SPLITS else None
    # What the source has divided by, and what is still to be divided by: all, where its bars are as traded.
    done = factors_between(days, splits, None, basis) if basis is not None else None
    due = factors_between(days, splits, basis, None)
    raw_close = series.close if done is None else series.close * done
    if wanted is Adjustment.NONE:
        return (series if done is None else _divided(series, 1 / done)), raw_close
    return (series if due is None else _divided(series, due)), raw_close


def _divided(series: Series, factors: Floats) -> Series:
    return Series(series.at, series.open / factors, series.high / factors, series.low / factors,
                  series.close / factors, series.volume * factors)


def _join(parts: Sequence[tuple[Series, Floats]]) -> tuple[Series, Floats, list[int]]:
    """Return several sources' bars as one, and the places of those that were joined.

    They are those of the first, and of each other the days that are still missing. One whose common days are far from
    the others' is in other shares than it says, or another stock's: it is left out.
    """
    series, raw_close = parts[0]
    places = [0]
    for place, (other, other_close) in enumerate(parts[1:], 1):
        fills = ~np.isin(other.at, series.at, assume_unique=True)
        if not _alike(series, other):
            continue
        places.append(place)
        if not np.any(fills):
            continue
        at = np.concatenate([series.at, other.at[fills]])
        order = np.argsort(at)
        columns = [np.concatenate([getattr(series, name), getattr(other, name)[fills]])[order]
                   for name in ("open", "high", "low", "close", "volume")]
        series = Series(at[order], *columns)
        raw_close = np.concatenate([raw_close, other_close[fills]])[order]
    return series, raw_close, places


def _alike(one: Series, other: Series) -> bool:
    """Tell whether two sources are about the same price on the days that both have; they are where there is none."""
    _, of_one, of_other = np.intersect1d(one.at, other.at, assume_unique=True, return_indices=True)
    apart = np.abs(np.log(one.close[of_one] / other.close[of_other]))
    return not len(apart) or float(np.median(apart)) < ALIKE


def _without_dividends(series: Series, events: _Events) -> Series:
    """Return split-adjusted bars adjusted for dividends too, by our own formula."""
    days = np.array([to_number(dividend.day) for dividend in events.dividends], np.int32)
    amounts = np.array([float(dividend.amount) for dividend in events.dividends])
    splits = factors_between(days, events.splits, None, None)
    factors = dividend_factors(series.at, series.close, days, amounts if splits is None else amounts / splits)
    return Series(series.at, series.open * factors, series.high * factors, series.low * factors,
                  series.close * factors, series.volume)
