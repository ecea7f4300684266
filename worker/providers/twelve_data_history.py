"""What Twelve Data's other answers say: past days and weeks, splits, dividends, search hits and companies."""

from __future__ import annotations

from typing import Any

from webapp.records import Bar, Company, Dividend, Instrument, Listing, Split
from worker.providers.directories import (
    country_from,
    figi_of,
    kind_of,
    mic_of,
    symbol_of,
    text_of,
    unit_from,
    website_of,
    without_repeats,
)
from worker.providers.figures import FigureError, parse_day
from worker.providers.histories import known_dividends, known_splits, make_bar, make_dividend, make_split
from worker.providers.rest import as_list, as_object

# Its words for exchanges, for answers without their codes. Some stand for exchanges of several countries.
EXCHANGES = {"NASDAQ": "XNAS", "NYSE": "XNYS", "TSX": "XTSE", "TSXV": "XTSX", "BMV": "XMEX", "Bovespa": "BVMF",
             "LSE": "XLON", "XETR": "XETR", "FSX": "XFRA", "MTA": "XMIL", "BME": "XMAD", "SIX": "XSWX", "OMX": "XSTO",
             "OMXC": "XCSE", "OMXH": "XHEL", "JSE": "XJSE", "JPX": "XTKS", "HKEX": "XHKG", "SSE": "XSHG",
             "SZSE": "XSHE", "KRX": "XKRX", "BSE": "XBOM", "NSE": "XNSE", "SGX": "XSES", "ASX": "XASX"}
EURONEXT = {"France": "XPAR", "Netherlands": "XAMS", "Belgium": "XBRU", "Portugal": "XLIS"}
KINDS = {"Limited Partnership": "stock", "Depository Receipt": "stock", "Trust": "fund"}


def read_bars(body: dict[str, Any]) -> list[Bar | None]:
    """Return the bars as they come, each by the day that it begins on."""
    return [_bar(as_object(row)) for row in _rows_of(body, "values")]


def _bar(row: dict[str, Any]) -> Bar | None:
    named = row.get("datetime")
    day = parse_day(named[:10] if isinstance(named, str) else named, "a day")
    if day is None:
        raise FigureError("a day is missing")
    return make_bar(day, row.get("open"), row.get("high"), row.get("low"), row.get("close"), row.get("volume"))


def read_splits(body: dict[str, Any]) -> list[Split]:
    """Return the splits: from_factor shares stand for to_factor ones; "ratio" is what prices are multiplied by."""
    return known_splits(_split(as_object(row)) for row in _rows_of(body, "splits"))


def _split(row: dict[str, Any]) -> Split | None:
    day, after, before = parse_day(row.get("date"), "a day"), row.get("from_factor"), row.get("to_factor")
    if after is not None and before is not None:
        return make_split(day, after, before)
    return make_split(day, "1", row.get("ratio"))


def read_dividends(body: dict[str, Any]) -> list[Dividend]:
    """Return the dividends."""
    rows = [as_object(row) for row in _rows_of(body, "dividends")]
    return known_dividends(make_dividend(parse_day(row.get("ex_date"), "a day"), row.get("amount")) for row in rows)


def _rows_of(body: dict[str, Any], name: str) -> list[Any]:
    """Return the rows; null stands for none, but a missing list is no answer to the question."""
    if name not in body:
        raise FigureError(f"there are no {name} in it")
    return as_list(body[name] or [])


def read_hits(body: dict[str, Any]) -> list[Listing]:
    """Return what a search found on the exchanges that we have."""
    return without_repeats(_hit(as_object(row)) for row in _rows_of(body, "data"))


def _hit(row: dict[str, Any]) -> Listing | None:
    symbol, kind = symbol_of(row.get("symbol")), kind_of(row.get("instrument_type"), KINDS)
    mic = mic_of(row.get("mic_code")) if text_of(row.get("mic_code")) else _exchange_by_word(row, kind)
    if not symbol or not mic:
        return None
    name = text_of(row.get("instrument_name")) or symbol
    return Listing(symbol, mic, name, unit_from(row.get("currency")), country_from(None, mic), kind,
                   figi_of(row.get("figi_code")))


def _exchange_by_word(row: dict[str, Any], kind: str) -> str:
    """Return the exchange of a hit that has no code for it, as those of some years ago; "" where it is not sure."""
    word = text_of(row.get("exchange"))
    if word == "Euronext":
        return EURONEXT.get(text_of(row.get("country")), "")
    if word == "NYSE" and kind != "stock":  # it says that of funds on Arca, too
        return ""
    return EXCHANGES.get(word, "")


def read_company(body: dict[str, Any], instrument: Instrument, source: str) -> Company:
    """Return the company; the answer has no money in it."""
    name = text_of(body.get("name"))
    if not name or "close" in body:
        raise FigureError("there is no company in it")
    return Company(instrument.id, source, name, text_of(body.get("description"), 4000), text_of(body.get("sector")),
                   text_of(body.get("industry")), country_from(body.get("country")), website_of(body.get("website")))
