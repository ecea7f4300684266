"""Minutes of Alpha Vantage, for plans with an entitlement: its rows bear the beginning of their minute, or the end.

In 2021 it was the end, in 2026 the beginning; nothing says which. So the data has to tell: by a row at the first or
the last moment of a day, else by whether the trades of the opening are in the row of the opening or in the next.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from webapp.records import Adjustment, Instrument, Minutes
from worker.providers.alpha_vantage import AlphaVantage
from worker.providers.alpha_vantage_answers import NAME, Body, check_symbol, plain_fields
from worker.providers.figures import FigureError, parse_decimal
from worker.providers.http import Client
from worker.providers.minutes import A_MINUTE, finished_minutes, in_utc, make_minute, parse_local
from worker.providers.rest import as_object

if TYPE_CHECKING:
    from decimal import Decimal

    from config import Config
    from webapp.markets import SessionBook, SessionTimes

INTERVAL = "1min"
SERIES = f"Time Series ({INTERVAL})"
ZONES = {"US/Eastern": "America/New_York", "America/New_York": "America/New_York"}
# The trailing thirty days are 5 MB where each minute has a trade.
MOST = 12 * 1024 * 1024
# What is older is not read: it says nothing of the last five sessions.
READ_BACK = dt.timedelta(days=16)
# The first minute of the session trades so many times what the one before it does, at least.
OPENING = 2
# Opening and close where the book does not have the day.
USUAL_OPEN, USUAL_CLOSE = dt.time(9, 30), dt.time(16, 0)
USUAL_START, USUAL_END = dt.time(4, 0), dt.time(20, 0)

Row = tuple[dt.datetime, dict[str, Any]]


class EntitledAlphaVantage(AlphaVantage):
    """The provider with a plan that has live or delayed prices."""

    def minutes(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Minutes:
        """Return the last five sessions by the minute as they were traded, extended hours included."""
        symbol = self.symbol_of(instrument)
        params = {"symbol": symbol, "interval": INTERVAL, "adjusted": "false", "extended_hours": "true",
                  "outputsize": "full", "entitlement": self.entitlement}
        return self.read(lambda: read_minutes(self.look_up("TIME_SERIES_INTRADAY", now, params, MOST), symbol,
                                              instrument, now, sessions))


def make_alpha_vantage(config: Config, client: Client | None = None) -> AlphaVantage:
    """Return the provider that the settings' plan makes it; only one with an entitlement has minutes."""
    made = AlphaVantage if config.ALPHA_VANTAGE_ENTITLEMENT == "none" else EntitledAlphaVantage
    return made(config, client)


@dataclass(frozen=True, slots=True)
class Day:
    """What tells of one day how its rows are stamped: the volume of each, by its time, and the day's hours there."""

    rows: Mapping[dt.time, Decimal | None]
    starts: dt.time
    opens: dt.time
    closes: dt.time
    ends: dt.time


def read_minutes(body: Body, symbol: str, instrument: Instrument, now: dt.datetime,
                 sessions: SessionBook) -> Minutes:
    """Return the minutes that are over; raise FigureError where it cannot be told of which minutes the rows are."""
    zone, rows = series_of(body, symbol, (now - READ_BACK).replace(tzinfo=None))
    local = [stamp for stamp, _fields in rows]
    if rows and ends_stamped(days_of(rows, instrument.mic, zone, sessions)):
        moments = [moment - A_MINUTE for moment in in_utc(local, zone)]
    else:
        moments = in_utc(local, zone)
    bars = (make_minute(at, *(fields.get(name) for name in ("open", "high", "low", "close", "volume")))
            for at, (_stamp, fields) in zip(moments, rows, strict=True))
    return Minutes(instrument.id, NAME, Adjustment.NONE,
                   finished_minutes(bars, instrument.mic, now, sessions))


def series_of(body: Body, symbol: str, since: dt.datetime) -> tuple[ZoneInfo, list[Row]]:
    """Return the place whose time the rows are in, and time and fields of each from `since` on, oldest first.

    Delayed prices stand under a longer key. Raise FigureError where the answer is of something else.
    """
    keys = [key for key in body if key.startswith(SERIES)] if isinstance(body, dict) else []
    if len(keys) != 1 or not isinstance(body, dict):
        raise FigureError("there are no minutes in it")
    meta = plain_fields(as_object(body.get("Meta Data"), "the head"))
    check_symbol(meta.get("symbol"), symbol)
    zone = ZONES.get(str(meta.get("time zone")))
    if meta.get("interval", INTERVAL) != INTERVAL or zone is None:
        raise FigureError("its rows are of another length or place")
    series = as_object(body[keys[0]], "the series")
    stamped = ((parse_local(text), fields) for text, fields in series.items())
    rows = [(stamp, plain_fields(as_object(fields, "a row"))) for stamp, fields in stamped if stamp >= since]
    return ZoneInfo(zone), sorted(rows, key=lambda row: row[0])


def days_of(rows: Sequence[Row], mic: str, zone: ZoneInfo,
            sessions: SessionBook) -> list[Day]:
    """Return the rows' volumes by the day."""
    volumes: dict[dt.date, dict[dt.time, Decimal | None]] = {}
    for stamp, fields in rows:
        volumes.setdefault(stamp.date(), {})[stamp.time()] = parse_decimal(fields.get("volume"), "the volume")
    return [_day(found, sessions.session_on(mic, day), zone) for day, found in volumes.items()]


def _day(volumes: Mapping[dt.time, Decimal | None], session: SessionTimes | None, zone: ZoneInfo) -> Day:
    if session is None:
        return Day(volumes, USUAL_START, USUAL_OPEN, USUAL_CLOSE, USUAL_END)
    starts, opens, closes, ends = (moment.astimezone(zone).time() if moment else usual for moment, usual in (
        (session.pre_opens_at, USUAL_START), (session.opens_at, USUAL_OPEN), (session.closes_at, USUAL_CLOSE),
        (session.post_closes_at, USUAL_END)))
    return Day(volumes, starts, opens, closes, ends)


def ends_stamped(days: Sequence[Day]) -> bool:
    """Tell whether the rows bear the end of their minute; raise FigureError where nothing tells."""
    by_edges = {said for day in days for said in _by_edges(day.rows, day.starts, day.ends)}
    if not by_edges:
        votes = [said for day in days if (said := _by_opening(day)) is not None]
        by_edges = {2 * sum(votes) > len(votes)} if votes and 2 * sum(votes) != len(votes) else set()
    if not by_edges and all(day.opens <= moment <= day.closes for day in days for moment in day.rows):
        by_edges = {said for day in days for said in _by_edges(day.rows, day.opens, day.closes)}
    if len(by_edges) != 1:
        raise FigureError("nothing tells whether its times are of the beginning or the end of a minute")
    return by_edges.pop()


def _by_edges(rows: Mapping[dt.time, Decimal | None], first: dt.time, last: dt.time) -> set[bool]:
    """Tell by a row at the first moment of trading, at which no minute ends, or at the last, when none begins."""
    said = {False} if first in rows else set()
    return said | ({True} if last in rows else set())


def _by_opening(day: Day) -> bool | None:
    """Tell by which of the two rows at the opening has the trades of the opening."""
    at = dt.datetime.combine(dt.date.min, day.opens)
    before, after = (day.rows.get(moment.time()) for moment in (at, at + A_MINUTE))
    if not before or not after:
        return None
    if after > OPENING * before:
        return True
    return None if after > before else False
