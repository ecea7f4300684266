"""Massive, formerly Polygon: the bar of the last trading day, one stock a call. 5 calls a minute are free."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as quote_path
from zoneinfo import ZoneInfo

from webapp.records import Company, Dividend, History, Instrument, Listing, Minutes, Quote, Split, State
from webapp.vendors import VENDORS
from worker.providers.answers import MINUTE, bad_key, broken_answer, not_entitled, throttled, unknown_symbol
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.figures import FigureError, check_range, parse_decimal, parse_epoch, parse_price
from worker.providers.freshness import SKEW, times_of_day
from worker.providers.histories import finished, finished_weeks
from worker.providers.http import Client
from worker.providers.massive_history import (
    adjustment_of,
    read_bars,
    read_company,
    read_dividends,
    read_hits,
    read_splits,
)
from worker.providers.massive_minutes import days_of, read_minutes
from worker.providers.minutes import finished_minutes
from worker.providers.rest import RestProvider, as_list, as_object

if TYPE_CHECKING:
    from config import Config
    from webapp.markets import SessionBook

EASTERN = ZoneInfo("America/New_York")
GOOD = {"OK", "DELAYED"}
REFUSED_KEYS = ("unknown api key", "invalid api key", "api key was not provided", "api key is not valid")
OTHER_PLANS = ("not entitled", "upgrade your plan", "upgrade your subscription", "plan doesn't include")


# How far back the history of the free plan goes, and that of the smallest other; what lies further back is refused.
FREE_DAYS, PAID_DAYS = dt.timedelta(days=2 * 365), dt.timedelta(days=5 * 365)
# As many rows as one call may bring.
BARS, EVENTS, HITS = "50000", "1000", "50"


class Massive(RestProvider):
    """The provider. Its answers say a day and no previous close, so its quotes do too."""

    name = "massive"
    title = "Massive"
    setting = "MASSIVE_API_KEY"
    delay = State.END_OF_DAY
    case_counts = True  # preferred shares are ABCpA

    def __init__(self, config: Config, client: Client | None = None) -> None:
        super().__init__(config.MASSIVE_URL, config.MASSIVE_API_KEY, VENDORS[self.name].limits(config), client)

    def fetch(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Ask for the bar of the last trading day."""
        [instrument] = instruments
        symbol = self.symbol_of(instrument)
        body = self._ask(f"/v2/aggs/ticker/{quote_path(symbol, safe='')}/prev", {"adjusted": "true"})
        row = find_bar(body, symbol)
        if row is None:
            raise unknown_symbol(self.title)
        return [make_quote(row, instrument, now, sessions)]

    def _ask(self, path: str, params: dict[str, str]) -> dict[str, Any]:
        return as_object(self.call(path, params, {"Authorization": f"Bearer {self._key}"}))

    def daily(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook,
              since: dt.date | None = None) -> History:
        """Return past days as they were traded: two years on the free plan, else five, where `since` does not say.

        A further page is not asked for: one has 50,000 days.
        """
        def read() -> History:
            body = self._bars(instrument, "day", since or self._begin(now), now.date())
            bars = finished(read_bars(body, self.symbol_of(instrument)), instrument.mic, now, sessions)
            return History(instrument.id, self.name, adjustment_of(body), bars)

        return self.read(read)

    def weekly(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> History:
        """Return past weeks as they were traded, as far back as past days."""
        def read() -> History:
            day = self._begin(now)
            body = self._bars(instrument, "week", day - dt.timedelta(days=day.weekday()) + dt.timedelta(days=7),
                              now.date())
            bars = finished_weeks(read_bars(body, self.symbol_of(instrument)), instrument.mic, now, sessions,
                                  by_first_day=True)
            return History(instrument.id, self.name, adjustment_of(body), bars)

        return self.read(read)

    def minutes(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Minutes:
        """Return the last five sessions by the minute as they were traded, on the free plan until yesterday."""
        def read() -> Minutes:
            first, last = days_of(instrument.mic, now, sessions, free=bool(self.limits.per_minute))
            body = self._bars(instrument, "minute", first, last)
            bars = finished_minutes(read_minutes(body, self.symbol_of(instrument)), instrument.mic, now, sessions)
            return Minutes(instrument.id, self.name, adjustment_of(body), bars)

        return self.read(read)

    def _begin(self, now: dt.datetime) -> dt.date:
        return (now - (FREE_DAYS if self.limits.per_minute else PAID_DAYS)).date()

    def _bars(self, instrument: Instrument, length: str, begin: dt.date, end: dt.date) -> dict[str, Any]:
        symbol = quote_path(self.symbol_of(instrument), safe="")
        return self._ask(f"/v2/aggs/ticker/{symbol}/range/1/{length}/{begin}/{end}",
                         {"adjusted": "false", "sort": "asc", "limit": BARS})

    def splits(self, instrument: Instrument, now: dt.datetime) -> list[Split]:
        """Return the splits, at most the newest thousand: a further page is not asked for."""
        params = self._newest(instrument, "execution_date")
        return self.read(lambda: read_splits(self._ask("/v3/reference/splits", params), params["ticker"]))

    def dividends(self, instrument: Instrument, now: dt.datetime) -> list[Dividend]:
        """Return the dividends as they were paid, at most the newest thousand: a further page is not asked for."""
        params = self._newest(instrument, "ex_dividend_date")
        return self.read(lambda: read_dividends(self._ask("/v3/reference/dividends", params), params["ticker"],
                                                instrument.quoted_in))

    def _newest(self, instrument: Instrument, day: str) -> dict[str, str]:
        return {"ticker": self.symbol_of(instrument), "order": "desc", "sort": day, "limit": EVENTS}

    def search(self, text: str, now: dt.datetime) -> list[Listing]:
        """Return stocks whose symbol or name has the text, at most 50: a further page is not asked for."""
        params = {"search": text, "market": "stocks", "active": "true", "limit": HITS}
        return self.read(lambda: read_hits(self._ask("/v3/reference/tickers", params)))

    def overview(self, instrument: Instrument, now: dt.datetime) -> Company:
        """Return the company."""
        symbol = self.symbol_of(instrument)
        path = f"/v3/reference/tickers/{quote_path(symbol, safe='')}"
        return self.read(lambda: read_company(self._ask(path, {}), symbol, instrument, self.name))

    def complaint(self, status: int, body: Any, text: str) -> ProviderError | None:
        """Read `status` and the words beside it, which stand under `error` or `message`; HTTP may say 200 all the same.

        The words on the limit advise another plan, too, so they come first.
        """
        stated = str(body.get("status") or "").upper() if isinstance(body, dict) else ""
        good = status == 200 and (stated in GOOD or (not stated and "results" in text))
        if good or status in {401, 429} or not isinstance(body, dict):
            return None
        if "maximum requests" in text:
            return throttled(self.title, ErrorKind.THROTTLED_MINUTE, MINUTE)
        if stated in {"NOT_FOUND", "NOTFOUND"}:
            return unknown_symbol(self.title)
        if any(phrase in text for phrase in REFUSED_KEYS):
            return bad_key(self.title, self.setting)
        if stated == "NOT_AUTHORIZED" or any(phrase in text for phrase in OTHER_PLANS):
            return not_entitled(self.title)
        return broken_answer(self.title, "there is a notice in place of data") if status == 200 else None


def find_bar(body: dict[str, Any], symbol: str) -> dict[str, Any] | None:
    """Return the one bar of the answer, None where it says that there is none; refuse one of another symbol."""
    rows = body.get("results")
    if rows == [] or (rows is None and body.get("resultsCount") == "0"):
        return None
    bars = as_list(rows)
    if len(bars) != 1:
        raise FigureError("there is more than one day in it")
    row = as_object(bars[0])
    names = [name for name in (body.get("ticker"), row.get("T")) if name is not None]
    if not names or any(name != symbol for name in names):
        raise FigureError("it is for another symbol")
    return row


def make_quote(row: dict[str, Any], instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Quote:
    """Return the record of one bar; raise FigureError where its figures are not what they should be."""
    price = parse_price(row.get("c"), "the close")
    moment = parse_epoch(row.get("t"), "the day", per_second=1000)
    if price is None or moment is None:
        raise FigureError("the price or its day is missing")
    # It is the day's midnight in some answers and its close in others: the day in New York is the same.
    day = moment.astimezone(EASTERN).date()
    session = sessions.session_on(instrument.mic, day)
    if moment > now + SKEW or (session and now < session.starts_at):
        raise FigureError("its day has not come yet")
    first, high, low = (parse_price(row.get(key), word) for key, word in (("o", "open"), ("h", "high"), ("l", "low")))
    check_range(low, high, price, first)
    times = times_of_day(day, State.END_OF_DAY, now, sessions, instrument.mic)
    return Quote(
        instrument_id=instrument.id, price=price, as_of=times.as_of, day=day, source=Massive.name, state=times.state,
        session=times.session, open=first, high=high, low=low, volume=read_volume(row.get("v")), as_of_is_day=True,
        stale_at=times.stale_at)


def read_volume(value: Any) -> int | None:
    """Return whole shares: the count comes with decimals, and parts of a share are traded too."""
    shares = parse_decimal(value, "the volume")
    if shares is not None and shares < 0:
        raise FigureError("the volume is negative")
    return int(shares) if shares else None
