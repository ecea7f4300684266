"""What Finnhub's other answers say: past days, splits, dividends, the directory and companies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from webapp.records import Adjustment, Bar, Company, Dividend, History, Instrument, Listing, Split
from worker.providers.directories import (
    by_ending,
    country_from,
    figi_of,
    kind_of,
    mic_of,
    money_of,
    symbol_of,
    text_of,
    unit_from,
    website_of,
    without_repeats,
)
from worker.providers.figures import FigureError, parse_day, parse_epoch
from worker.providers.histories import finished, known_dividends, known_splits, make_bar, make_dividend, make_split
from worker.providers.rest import as_list, as_object

if TYPE_CHECKING:
    from webapp.markets import SessionBook

EASTERN = ZoneInfo("America/New_York")
MILLION = 1_000_000
KINDS = {"EQS": "stock", "MLP": "stock", "NY Reg Shrs": "stock", "Tracking Stk": "stock", "Foreign Sh.": "stock",
         "Royalty Trst": "stock", "Dutch Cert": "stock", "CDI": "stock", "SDR": "stock", "Receipt": "stock",
         "Stapled Security": "stock", "PUBLIC": "preferred"}


def read_candles(body: dict[str, Any], instrument: Instrument, source: str, now: dt.datetime,
                 sessions: SessionBook) -> History:
    """Return the days. They come as one list for each figure, adjusted for splits."""
    state = body.get("s")
    if state not in ("ok", "no_data"):
        raise FigureError("there are no days in it")
    times, closes = as_list(body.get("t") or []), as_list(body.get("c") or [])
    others = [as_list(body.get(key) or [None] * len(times)) for key in ("o", "h", "l", "v")]
    if any(len(figures) != len(times) for figures in (closes, *others)) or (state == "ok" and not times):
        raise FigureError("its lists are not of one length")
    bars = [_bar(row) for row in zip(times, *others[:3], closes, others[3], strict=True)]
    return History(instrument.id, source, Adjustment.SPLITS, finished(bars, instrument.mic, now, sessions))


def _bar(row: tuple[Any, ...]) -> Bar | None:
    moment = parse_epoch(row[0], "a day")
    if moment is None:
        raise FigureError("a day is missing")
    # A day is its midnight, of UTC or of New York.
    day = moment.date() if moment.timestamp() % 86_400 == 0 else moment.astimezone(EASTERN).date()
    return make_bar(day, *row[1:])


def read_splits(rows: Any, symbol: str) -> list[Split]:
    """Return the splits: toFactor shares stand for fromFactor ones."""
    return known_splits(make_split(parse_day(row.get("date"), "a day"), row.get("toFactor"), row.get("fromFactor"))
                        for row in _rows_of(rows, symbol))


def read_dividends(rows: Any, symbol: str, unit: str) -> list[Dividend]:
    """Return the dividends as they were paid; one in another currency is left out. "date" is the ex-date."""
    return known_dividends(make_dividend(parse_day(row.get("date"), "a day"), row.get("amount"))
                           for row in _rows_of(rows, symbol) if unit_from(row.get("currency")) in {"", unit})


def _rows_of(rows: Any, symbol: str) -> Iterable[dict[str, Any]]:
    """Return the rows; refuse those of another symbol."""
    found = [as_object(row) for row in as_list(rows)]
    if any("date" not in row or str(row.get("symbol") or symbol) != symbol for row in found):
        raise FigureError("it is for something else")
    return found


def read_hits(body: dict[str, Any]) -> list[Listing]:
    """Return what a search found on exchanges that a symbol's ending names.

    The exchange of a stock of the United States is not said, so such a hit is left out: it could only be guessed.
    """
    rows = body.get("result")
    if rows is None and "count" in body:
        return []
    return without_repeats(_hit(as_object(row)) for row in as_list(rows))


def _hit(row: dict[str, Any]) -> Listing | None:
    symbol, mic = by_ending(row.get("symbol"))
    if not mic:
        return None
    return Listing(symbol, mic, text_of(row.get("description")) or symbol, country=country_from(None, mic),
                   kind=kind_of(row.get("type"), KINDS))


def read_directory(rows: Any) -> list[Listing]:
    """Return what is listed on the exchanges that we have; rows that name no symbol or exchange are left out."""
    found = without_repeats(_listing(row) for row in as_list(rows) if isinstance(row, dict))
    if not found:
        raise FigureError("it lists nothing")
    return found


def _listing(row: dict[str, Any]) -> Listing | None:
    symbol, mic = symbol_of(row.get("symbol")), mic_of(row.get("mic"))
    if not symbol or not mic:
        return None
    return Listing(symbol, mic, text_of(row.get("description")) or symbol, unit_from(row.get("currency")),
                   country_from(None, mic), kind_of(row.get("type"), KINDS),
                   figi_of(row.get("shareClassFIGI"), row.get("figi")))


def read_company(body: dict[str, Any], instrument: Instrument, source: str) -> Company:
    """Return the company. Money and shares come in millions, money in the currency of its reports."""
    name = text_of(body.get("name"))
    if not name:
        raise FigureError("there is no company in it")
    shares = money_of(body.get("shareOutstanding"), MILLION)
    own = unit_from(body.get("currency")) in {"", instrument.currency}
    return Company(
        instrument.id, source, name, text_of(body.get("description"), 4000), text_of(body.get("gsector")),
        text_of(body.get("finnhubIndustry")) or text_of(body.get("gind")), country_from(body.get("country")),
        website_of(body.get("weburl")), money_of(body.get("marketCapitalization"), MILLION) if own else None,
        int(shares) if shares is not None and shares >= 1 else None)


def epoch(day: dt.date) -> str:
    """Return the day's midnight in UTC as seconds since 1970."""
    return str(int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp()))
