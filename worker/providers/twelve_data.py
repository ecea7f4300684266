"""Twelve Data: the day's bar of one stock a call. The free plan has the United States, 8 calls a minute."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from webapp.markets import EXCHANGES
from webapp.records import (
    Adjustment,
    Bar,
    Company,
    Dividend,
    History,
    Instrument,
    Listing,
    Minutes,
    Quote,
    Split,
    State,
    unit_of,
)
from webapp.vendors import VENDORS
from worker.providers.answers import broken_answer, not_entitled, status_error, throttled, unknown_symbol
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.directories import unit_from
from worker.providers.figures import FigureError, check_range, parse_count, parse_day, parse_epoch, parse_price
from worker.providers.freshness import Times, check_time, times_of_day, times_of_regular
from worker.providers.histories import day_at, finished, finished_weeks
from worker.providers.http import Answer, Client
from worker.providers.minutes import begin_of, finished_minutes
from worker.providers.rest import US, RestProvider, as_object, stated_change
from worker.providers.twelve_data_history import read_bars, read_company, read_dividends, read_hits, read_splits
from worker.providers.twelve_data_minutes import read_minutes

if TYPE_CHECKING:
    from config import Config
    from webapp.markets import SessionBook

# What paid plans have besides. Its codes for these exchanges are the ISO ones; a symbol is sent with the code.
PAID = dict.fromkeys((
    "XTSE", "XTSX", "XLON", "XETR", "XFRA", "XPAR", "XAMS", "XBRU", "XLIS", "XMIL", "XMAD", "XSWX", "XSTO", "XCSE",
    "XHEL", "XHKG", "XBOM", "XNSE", "XASX"), "")

# The codes that its errors carry, whatever the HTTP status is.
CODES = {str(code) for code in range(400, 600)}

# As many bars and search hits as one call brings.
BARS, HITS = "5000", "60"


class TwelveData(RestProvider):
    """The provider.

    One call could ask for eight symbols, but each costs a credit of its own, and limits count calls. If a call were to
    stand for eight credits, a short list would waste most of them: so each call asks for one, and the count is exact.
    """

    name = "twelve-data"
    title = "Twelve Data"
    setting = "TWELVE_DATA_API_KEY"
    batch_size = 1

    def __init__(self, config: Config, client: Client | None = None) -> None:
        limits = VENDORS[self.name].limits(config)
        super().__init__(config.TWELVE_DATA_URL, config.TWELVE_DATA_API_KEY, limits, client)
        # Only the free plan has a limit for the day. It refuses other markets, and each refusal would cost a credit.
        self.suffixes = US if limits.per_day else US | PAID

    def fetch(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Ask for the one instrument."""
        [instrument] = instruments
        entry = self._ask("/quote", instrument)
        return [self._read(entry, self.symbol_of(instrument), instrument, now, sessions)]

    def _ask(self, path: str, instrument: Instrument, **params: str) -> dict[str, Any]:
        """Ask for something of one instrument."""
        symbol = self.symbol_of(instrument)
        # It has codes of its own for the parts of NASDAQ, but symbols are unique within the United States.
        where = {"country": "United States"} if instrument.mic in US else {"mic_code": instrument.mic}
        entry = as_object(self._get(path, {"symbol": symbol, **where, **params}))
        if symbol in entry and not {"close", "meta", "name"} & set(entry):  # the form of answers for many symbols
            entry = as_object(entry[symbol])
            error = self.complaint(200, entry, "")
            if error:
                raise error
        return entry

    def _get(self, path: str, params: dict[str, str]) -> Any:
        return self.call(path, params, {"Authorization": f"apikey {self._key}"})

    def daily(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook,
              since: dt.date | None = None) -> History:
        """Return past days as they were traded: at most 5,000, the newest."""
        params = {"start_date": since.isoformat()} if since else {}

        def read() -> History:
            body = self._series(instrument, "1day", **params)
            bars = finished(read_bars(body), instrument.mic, now, sessions)
            return self._history(instrument, body, bars)

        return self.read(read)

    def weekly(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> History:
        """Return past weeks as they were traded: at most 5,000, the newest."""
        def read() -> History:
            body = self._series(instrument, "1week")
            bars = finished_weeks(read_bars(body), instrument.mic, now, sessions, by_first_day=True)
            return self._history(instrument, body, bars)

        return self.read(read)

    def minutes(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Minutes:
        """Return the regular hours of the last five sessions by the minute, as they were traded.

        The hours before and after are for dearer plans, and without volume.
        """
        begin = day_at(instrument.mic, begin_of(instrument.mic, now, sessions))

        def read() -> Minutes:
            body = self._series(instrument, "1min", start_date=f"{begin} 00:00:00")
            bars = finished_minutes(read_minutes(body, instrument.mic), instrument.mic, now, sessions)
            return Minutes(instrument.id, self.name, Adjustment.NONE, bars, unit_from(body["meta"].get("currency")))

        return self.read(read)

    def _history(self, instrument: Instrument, body: dict[str, Any], bars: tuple[Bar, ...]) -> History:
        unit = unit_from(body["meta"].get("currency"))
        return History(instrument.id, self.name, Adjustment.NONE, bars, unit=unit)

    def _series(self, instrument: Instrument, interval: str, **params: str) -> dict[str, Any]:
        """Return the answer with bars of one length, which names the instrument that was asked for."""
        body = self._ask("/time_series", instrument, interval=interval, outputsize=BARS, adjust="none", **params)
        meta = as_object(body.get("meta"))
        check_identity(meta, self.symbol_of(instrument), instrument)
        if str(meta.get("interval") or interval) != interval:
            raise FigureError("its bars are of another length")
        return body

    def splits(self, instrument: Instrument, now: dt.datetime) -> list[Split]:
        """Return the splits; the free plan does not have them, and a call costs 20 credits."""
        return self.read(lambda: read_splits(self._events("/splits", instrument)))

    def dividends(self, instrument: Instrument, now: dt.datetime) -> list[Dividend]:
        """Return the dividends as they were paid; the free plan does not have them, and a call costs 20 credits."""
        return self.read(lambda: read_dividends(self._events("/dividends", instrument, adjust="false")))

    def _events(self, path: str, instrument: Instrument, **params: str) -> dict[str, Any]:
        body = self._ask(path, instrument, range="full", **params)
        if body.get("meta") is not None:
            check_identity(as_object(body["meta"]), self.symbol_of(instrument), instrument)
        return body

    def search(self, text: str, now: dt.datetime) -> list[Listing]:
        """Return the likeliest listings, at most 60."""
        params = {"symbol": text, "outputsize": HITS}
        return self.found(lambda: read_hits(as_object(self._get("/symbol_search", params))))

    def overview(self, instrument: Instrument, now: dt.datetime) -> Company:
        """Return the company; the free plan does not have it, and a call costs 10 credits."""
        def read() -> Company:
            body = self._ask("/profile", instrument)
            check_identity(body, self.symbol_of(instrument), instrument)
            return read_company(body, instrument, self.name)

        return self.read(read)

    def complaint(self, status: int, body: Any, text: str) -> ProviderError | None:
        """Read the error that an answer with any status may hold: its text where that says more, else its code."""
        if body is None and status == 404:  # a wrong address; unknown symbols are told of in JSON
            return broken_answer(self.title, "nothing is at this address")
        if not isinstance(body, dict) or not (body.get("status") == "error" or str(body.get("code")) in CODES):
            return None
        message, code = str(body.get("message", "")).lower(), str(body.get("code"))
        # A limit or a plan may stand behind any code.
        for phrase, error in (("credits for the day", throttled(self.title, ErrorKind.THROTTLED_DAY)),
                              ("available starting with", not_entitled(self.title, symbol_only=True)),
                              ("available exclusively", not_entitled(self.title, symbol_only=True))):
            if phrase in message:
                return error
        if "symbol" in message and any(word in message for word in ("not found", "invalid", "incorrect")):
            return unknown_symbol(self.title)
        if code in CODES and status != 429 and status < 500:  # those two statuses know how long to wait
            return status_error(self.title, self.setting, Answer(int(code), b""))
        return broken_answer(self.title, "it holds an error") if status == 200 else None

    def _read(self, entry: dict[str, Any], symbol: str, instrument: Instrument, now: dt.datetime,
              sessions: SessionBook) -> Quote:
        """Return the record of the day's bar, whose close is the last price."""
        check_identity(entry, symbol, instrument)
        price = parse_price(entry.get("close"), "the price")
        if price is None:
            raise FigureError("the price is missing")
        first, high, low = (parse_price(entry.get(word), f"the {word}") for word in ("open", "high", "low"))
        check_range(low, high, price, first)
        times, is_day = read_times(entry, now, sessions, instrument.mic)
        volume = None
        with suppress(FigureError):  # it may hold fractions of shares
            volume = parse_count(entry.get("volume"), "the volume") or None
        return Quote(instrument_id=instrument.id, price=price, as_of=times.as_of, day=times.day, source=self.name,
                     state=times.state, session=times.session, open=first, high=high, low=low, volume=volume,
                     previous_close=parse_price(entry.get("previous_close"), "the previous close"),
                     as_of_is_day=is_day, stale_at=times.stale_at,
                     unit=unit_from(entry.get("currency")) or instrument.quoted_in,
                     stated_change=stated_change(entry.get("change")))


def check_identity(entry: dict[str, Any], symbol: str, instrument: Instrument) -> None:
    """Raise FigureError where the bar is of another stock, from another market or in another unit.

    A symbol alone means many things: IBM is traded in five countries. Market and unit may be missing; old answers
    have no code of the market.
    """
    if str(entry.get("symbol") or "").upper() != symbol.upper():
        raise FigureError("it is for another symbol")
    mic = str(entry.get("mic_code") or instrument.mic)
    # New York's are the exchanges of the same country, under codes that we need not know.
    if mic != instrument.mic and (instrument.mic not in US or (mic in EXCHANGES and mic not in US)):
        raise FigureError("it is from another exchange")
    unit = str(entry.get("currency") or instrument.quoted_in)
    if instrument.currency and (unit_of(unit) or unit) != instrument.quoted_in:
        raise FigureError("it is in another currency")


def read_times(entry: dict[str, Any], now: dt.datetime, sessions: SessionBook, mic: str) -> tuple[Times, bool]:
    """Return the times of the bar, and whether only its day is known.

    "timestamp" is when the bar began, so it is no more than its day. "last_quote_at" is the last minute with a trade;
    it counts where it is of the bar's day.
    """
    moment, begun = (parse_epoch(entry.get(key), "the time") for key in ("last_quote_at", "timestamp"))
    exchange = EXCHANGES.get(mic)
    zone = ZoneInfo(exchange.zone if exchange else "America/New_York")
    named = entry.get("datetime")
    day = parse_day(named[:10] if isinstance(named, str) else named, "the day")
    if day is None and (begun or moment):
        day = (begun or moment or now).astimezone(zone).date()
    if day is None:
        raise FigureError("its day is missing")
    session = sessions.session_on(mic, day)
    if day > (now + dt.timedelta(hours=14)).date() or (session and now < session.starts_at):
        raise FigureError("its day has not come yet")
    moment = check_time(moment, now) if moment is not None else None
    if moment is None or moment.astimezone(zone).date() != day:
        running = session is not None and now < session.closes_at
        return times_of_day(day, State.DELAYED if running else State.END_OF_DAY, now, sessions, mic), True
    return times_of_regular(moment, State.LIVE if mic in US else State.DELAYED, now, sessions, mic), False
