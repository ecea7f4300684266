"""Prices of Financial Modeling Prep: one quote a call. The free plan is 250 calls a day of end-of-day prices."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from webapp.markets import EXCHANGES
from webapp.records import (
    Adjustment,
    Company,
    Dividend,
    History,
    Instrument,
    Listing,
    Quote,
    Session,
    Split,
    State,
)
from webapp.vendors import VENDORS
from worker.providers.answers import MINUTE, bad_key, not_entitled, throttled, unknown_symbol
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.figures import FigureError, check_range, parse_decimal, parse_epoch, parse_price
from worker.providers.fmp_history import (
    is_symbol,
    read_bars,
    read_company,
    read_dividends,
    read_listings,
    read_rows,
    read_splits,
)
from worker.providers.freshness import DELAY, HOLDS, Times, check_time, times_of_day, times_of_trade
from worker.providers.histories import finished
from worker.providers.rest import RestProvider, as_list, as_object, stated_change

if TYPE_CHECKING:
    from config import Config
    from webapp.markets import SessionBook
    from worker.providers.http import Client

HOUR = dt.timedelta(hours=1)


class Fmp(RestProvider):
    """The provider: Financial Modeling Prep, whose own short name is FMP.

    Its free plan promises prices of the end of the day and no more, so that is the class of its prices. But the same
    address serves paid keys, with prices of the running session. Nothing in the answer names the plan; only
    "timestamp", the time of the price, tells the two apart. So a price says "End of day" unless its own time lies in
    a session that has not ended yet.
    """

    name = "fmp"
    title = "Financial Modeling Prep"
    setting = "FMP_API_KEY"
    delay = State.END_OF_DAY
    class_sign = "-"

    def __init__(self, config: Config, client: Client | None = None) -> None:
        super().__init__(config.FMP_URL, config.FMP_API_KEY, VENDORS[self.name].limits(config), client)

    def fetch(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Ask for one; several at once are for paid plans."""
        [instrument] = instruments
        symbol = self.symbol_of(instrument)
        rows = as_list(self._ask("quote", {"symbol": symbol}))
        if not rows:
            raise unknown_symbol(self.title)
        if len(rows) > 1:
            raise FigureError("it holds more than one quote")
        return [read_quote(as_object(rows[0]), symbol, instrument, now, sessions)]

    def _ask(self, path: str, params: Mapping[str, str]) -> Any:
        """Make a call. The key goes into the query: no header is documented."""
        return self.call(f"/stable/{path}", {**params, "apikey": self._key})

    def daily(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook,
              since: dt.date | None = None) -> History:
        """Return the days from `since` on, else those of the last five years, as they were traded.

        One call brings 5,000 days at most; of more it leaves out the oldest.
        """
        def reader() -> History:
            rows = self._rows("historical-price-eod/non-split-adjusted", instrument,
                              {"from": str(since)} if since else {})
            if not rows and since is None:
                raise unknown_symbol(self.title)  # it says nothing else of a symbol that it does not have
            adjusted, bars = read_bars(rows) if rows else (Adjustment.NONE, [])
            return History(instrument.id, self.name, adjusted, finished(bars, instrument.mic, now, sessions))

        return self.read(reader)

    def splits(self, instrument: Instrument, now: dt.datetime) -> list[Split]:
        """Return all splits, oldest first."""
        return self.read(lambda: read_splits(self._rows("splits", instrument)))

    def dividends(self, instrument: Instrument, now: dt.datetime) -> list[Dividend]:
        """Return all dividends as they were declared, oldest first."""
        return self.read(lambda: read_dividends(self._rows("dividends", instrument)))

    def search(self, text: str, now: dt.datetime) -> list[Listing]:
        """Return the listings whose symbol begins with the text or, where it can be none, whose name has it."""
        path = "search-symbol" if is_symbol(text.strip()) else "search-name"
        return self.read(lambda: read_listings(self._ask(path, {"query": text.strip()})))

    def overview(self, instrument: Instrument, now: dt.datetime) -> Company:
        """Return the profile of the company."""
        def reader() -> Company:
            rows = self._rows("profile", instrument)
            if not rows:
                raise unknown_symbol(self.title)
            return read_company(rows[0], instrument, self.name)

        return self.read(reader)

    def _rows(self, path: str, instrument: Instrument, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """Make a call for one symbol; return its rows."""
        symbol = self.symbol_of(instrument)
        return read_rows(self._ask(path, {"symbol": symbol, **(params or {})}), symbol)

    def complaint(self, status: int, body: Any, text: str) -> ProviderError | None:
        """Return what the answer's text says. It comes as JSON or bare, and limits with HTTP 200 too."""
        if isinstance(body, dict):
            text = str(body.get("Error Message") or body.get("message") or "").lower()
        elif isinstance(body, list) or text.lstrip().startswith(("[", "<")):
            return None  # quotes, perhaps cut off, or a page of a proxy: any word may be in them
        return None if status >= 500 else self._limit(text) or self._refusal(text)

    def _limit(self, text: str) -> ProviderError | None:
        """Return the error for a limit that is reached; "bandwidth" counts the bytes of the last thirty days."""
        if "bandwidth limit" in text:
            message = f"{self.title} has no bandwidth left in this plan's 30 days."
            return ProviderError(ErrorKind.THROTTLED_DAY, message, retry_after=HOUR)
        if "limit reach" not in text:
            return None
        # The same words stand for the day on the free plan and for the minute on the others.
        if self.limits.per_day:
            return throttled(self.title, ErrorKind.THROTTLED_DAY, HOUR)
        return throttled(self.title, ErrorKind.THROTTLED_MINUTE, MINUTE)

    def _refusal(self, text: str) -> ProviderError | None:
        """Return the error for a key or a plan."""
        if "invalid api key" in text:
            return bad_key(self.title, self.setting)
        if "premium query parameter" in text or "special endpoint" in text:
            return not_entitled(self.title, symbol_only=True)
        if any(f"{kind} endpoint" in text for kind in ("exclusive", "legacy", "restricted", "premium")):
            return not_entitled(self.title)
        return None


def read_quote(row: dict[str, Any], symbol: str, instrument: Instrument, now: dt.datetime,
               sessions: SessionBook) -> Quote:
    """Return the record; raise FigureError where the figures are not what they should be.

    The change in percent, "changePercentage" now and "changesPercentage" before, is not read: it follows from price
    and previous close.
    """
    if str(row.get("symbol") or "").upper() != symbol.upper():
        raise FigureError("it is for another symbol")
    price = parse_price(row.get("price"), "the price")
    as_of = parse_epoch(row.get("timestamp"), "the time")
    if price is None or as_of is None:
        raise FigureError("the price or its time is missing")
    first, high, low = (parse_price(row.get(key), f"the {key}") for key in ("open", "dayHigh", "dayLow"))
    times = find_times(check_time(as_of, now), now, sessions, instrument.mic)
    if times.session is Session.PRE:
        first = high = low = None  # before the open nothing tells whether they are yesterday's
    check_range(low, high, price)
    return Quote(
        instrument_id=instrument.id, price=price, as_of=times.as_of, day=times.day, source=Fmp.name,
        state=times.state, session=times.session, open=first, high=high, low=low, stale_at=times.stale_at,
        previous_close=parse_price(row.get("previousClose"), "the previous close"), volume=find_volume(row),
        stated_change=stated_change(row.get("change")))


def find_volume(row: dict[str, Any]) -> int | None:
    """Return the whole shares: fractions of one are traded too, and some answers count them."""
    volume = parse_decimal(row.get("volume"), "the volume")
    if volume is None:
        return None
    if volume < 0:
        raise FigureError("the volume is not a count")
    return int(volume)


def find_times(as_of: dt.datetime, now: dt.datetime, sessions: SessionBook, mic: str) -> Times:
    """Return the times: those of a trade while its session runs, else those of a day's last price.

    How late the prices are is not said. One that is a moment old is live; an older one may be a late one or that of a
    stock with few trades, and counts as late.
    """
    exchange = EXCHANGES.get(mic)
    day = as_of.astimezone(ZoneInfo(exchange.zone) if exchange else dt.UTC).date()
    session = sessions.session_on(mic, day)
    if session and as_of < session.closes_at and now < session.closes_at + DELAY:
        delay = State.LIVE if now - as_of <= HOLDS[State.LIVE] else State.DELAYED
        return times_of_trade(as_of, delay, now, sessions, mic)
    return replace(times_of_day(day, State.END_OF_DAY, now, sessions, mic), as_of=as_of)
