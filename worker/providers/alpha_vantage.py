"""Prices of Alpha Vantage: one GLOBAL_QUOTE a call. The free plan is 25 calls a day of end-of-day prices."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from webapp.records import Instrument, Quote, State
from webapp.vendors import VENDORS
from worker.providers.answers import (
    LATER,
    MINUTE,
    broken_answer,
    parse_object,
    status_error,
    unclear_status,
    unknown_symbol,
)
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.figures import FigureError, check_range, parse_count, parse_day, parse_price
from worker.providers.freshness import times_of_day
from worker.providers.http import Answer, Client

if TYPE_CHECKING:
    from config import Config
    from webapp.markets import SessionBook

TITLE, SETTING = "Alpha Vantage", "ALPHA_VANTAGE_API_KEY"

# What Alpha Vantage writes behind the symbols of an exchange. Those that are not here it does not know.
SUFFIXES = {
    "XNAS": "", "XNYS": "", "XASE": "", "ARCX": "", "BATS": "",
    "XLON": ".LON", "XTSE": ".TRT", "XTSX": ".TRV", "XETR": ".DEX", "XFRA": ".FRK", "XPAR": ".PAR", "XAMS": ".AMS",
    "XSTO": ".STO", "XBOM": ".BSE", "XSHG": ".SHH", "XSHE": ".SHZ", "XHKG": ".HKG", "BVMF": ".SAO",
}


SECOND = dt.timedelta(seconds=2)
EASTERN = ZoneInfo("America/New_York")


@dataclass(frozen=True, slots=True)
class Notice:
    """A text that comes in place of a price: any of `phrases` tells it from others."""

    phrases: tuple[str, ...]
    kind: ErrorKind
    message: str
    wait: dt.timedelta | None = None


# The order matters: the notice for a second names the day's limit too, and that for a minute also does;
# nearly all of them praise premium plans. So a plan is to blame only where the wording says so.
NOTICES = (
    Notice(("request per second", "requests per second", "burst pattern", "spreading out your"),
           ErrorKind.THROTTLED_SECOND, f"{TITLE} asks for a slower pace.", SECOND),
    Notice(("minute-level rate limit", "calls per minute", "requests per minute", "api call frequency",
            "higher api call volume"),
           ErrorKind.THROTTLED_MINUTE, f"{TITLE} has no calls left for this minute.", MINUTE),
    Notice(("per day", "requests/day", "daily rate limit"),
           ErrorKind.THROTTLED_DAY, f"{TITLE} has no calls left for today."),
    Notice(("demo purposes only", "apikey is invalid or missing"),
           ErrorKind.BAD_KEY, f"{TITLE} does not accept the API key. Check ALPHA_VANTAGE_API_KEY."),
    Notice(("premium endpoint", "premium feature"),
           ErrorKind.NOT_ENTITLED, f"This needs a paid plan of {TITLE}."),
    Notice(("invalid api call",),
           ErrorKind.UNKNOWN_SYMBOL, f"{TITLE} does not know this symbol."),
)
NOTICE_KEYS = ("Error Message", "Information", "Note")


class AlphaVantage:
    """The provider. Its answers say a day, not a time, so its quotes do too."""

    name = "alpha-vantage"
    title = TITLE
    batch_size = 1
    extended_hours = False
    delay = State.END_OF_DAY

    def __init__(self, config: Config, client: Client | None = None) -> None:
        self.limits = VENDORS[self.name].limits(config)
        self._url = f"{config.ALPHA_VANTAGE_URL}/query"
        self._key = config.ALPHA_VANTAGE_API_KEY
        self._client = client or Client(TITLE)

    def covers(self, instrument: Instrument) -> bool:
        """Tell whether the exchange is one that Alpha Vantage knows."""
        return instrument.mic in SUFFIXES

    def quotes(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Make one call for one instrument; raise ProviderError where the answer holds no sound price."""
        if len(instruments) > self.batch_size:
            raise ValueError(f"{TITLE} takes one instrument a call")
        return [self._quote(instrument, now, sessions) for instrument in instruments]

    def _quote(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Quote:
        symbol = vendor_symbol(instrument)
        params = {"function": "GLOBAL_QUOTE", "symbol": symbol, "apikey": self._key}
        body = read_object(self._client.get(self._url, params), now)
        fields, state = find_quote(body)
        try:
            return read_quote(fields, symbol, state, instrument, now, sessions)
        except FigureError as error:
            reason = str(error)
        raise broken_answer(TITLE, reason)


def vendor_symbol(instrument: Instrument) -> str:
    """Return the symbol as Alpha Vantage writes it: BRK-B, TSCO.LON."""
    suffix = SUFFIXES.get(instrument.mic)
    if suffix is None:
        raise ProviderError(ErrorKind.UNKNOWN_SYMBOL, f"{TITLE} has no prices from the exchange {instrument.mic}.")
    return instrument.symbol.replace(".", "-").replace("/", "-") + suffix


def read_object(answer: Answer, now: dt.datetime) -> dict[str, Any]:
    """Return the JSON object of an answer that is no error; nearly all errors come with status 200."""
    body = parse_object(answer.body)
    if body is not None:
        raise_notice(body, now)
    if answer.status != 200:
        # It says all it has to say with 200; a 403 or 404 comes from what stands before it.
        raise (status_error(TITLE, SETTING, answer) if answer.status in {401, 429}
               else unclear_status(TITLE, answer))
    if body is None:
        raise broken_answer(TITLE, "it is not in the agreed form")
    return body


def raise_notice(body: dict[str, Any], now: dt.datetime) -> None:
    """Raise what the answer complains of, if it does; a quote beside a complaint is not trusted."""
    texts = [str(body[key]).lower() for key in NOTICE_KEYS if key in body]
    if not texts:
        return
    for notice in NOTICES:
        if any(phrase in text for phrase in notice.phrases for text in texts):
            wait = until_next_day(now) if notice.kind is ErrorKind.THROTTLED_DAY else notice.wait
            raise ProviderError(notice.kind, notice.message, retry_after=wait)
    # An unknown notice is most likely a new wording of a limit: wait, but do not give the symbol up.
    raise ProviderError(ErrorKind.BROKEN_ANSWER, f"{TITLE} sent a notice in place of a price.", retry_after=LATER)


def until_next_day(now: dt.datetime) -> dt.timedelta:
    """Return the time to the next midnight in UTC or New York: which of them resets the count is not documented."""
    midnights = []
    for zone in (dt.UTC, EASTERN):
        tomorrow = now.astimezone(zone).date() + dt.timedelta(days=1)
        midnights.append(dt.datetime.combine(tomorrow, dt.time(), zone).astimezone(dt.UTC))
    return min(midnights) - now


def find_quote(body: dict[str, Any]) -> tuple[dict[str, Any], State]:
    """Return the quote's fields and its state; delayed prices come under a longer key."""
    keys = [key for key in body if key.startswith("Global Quote")]
    if len(keys) != 1 or not isinstance(body[keys[0]], dict):
        raise broken_answer(TITLE, "there is no quote in it")
    if not body[keys[0]]:
        raise unknown_symbol(TITLE)
    return body[keys[0]], State.DELAYED if "DATA DELAYED" in keys[0].upper() else State.END_OF_DAY


def read_quote(fields: dict[str, Any], symbol: str, state: State, instrument: Instrument, now: dt.datetime,
               sessions: SessionBook) -> Quote:
    """Return the record; raise FigureError where the figures are not what they should be.

    "09. change" and "10. change percent" are not read. They follow from price and previous close, from which we
    compute them; and as a check they would mislead: on the day of a split or dividend they may be reckoned from an
    adjusted close, and a true price would be refused. The day's range guards the price.
    """
    if str(fields.get("01. symbol") or "").upper() != symbol.upper():
        raise FigureError("it is for another symbol")
    price = parse_price(fields.get("05. price"), "the price")
    day = parse_day(fields.get("07. latest trading day"), "the trading day")
    if price is None or day is None:
        raise FigureError("the price or its day is missing")
    session = sessions.session_on(instrument.mic, day)
    if day > (now + dt.timedelta(hours=14)).date() or (session and now < session.starts_at):
        raise FigureError("its day has not come yet")
    first, high, low = (parse_price(fields.get(key), key[4:]) for key in ("02. open", "03. high", "04. low"))
    check_range(low, high, price, first)
    times = times_of_day(day, state, now, sessions, instrument.mic)
    return Quote(
        instrument_id=instrument.id, price=price, as_of=times.as_of, day=day, source=AlphaVantage.name, state=state,
        session=times.session, previous_close=parse_price(fields.get("08. previous close"), "the previous close"),
        open=first, high=high, low=low, volume=parse_count(fields.get("06. volume"), "the volume"),
        as_of_is_day=True, stale_at=times.stale_at)
