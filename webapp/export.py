"""The page's own numbers as JSON, CSV and TradingView's list format: decimals as text, times in ISO 8601 UTC."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus

from flask import Response, request

from webapp.markets import EXCHANGES, exchange_name
from webapp.records import Instrument, LiveQuote, Quote, Standing

Value = str | int | None
Row = dict[str, Value]
# A spreadsheet takes a text that begins so for a formula, and runs it; some take the full-width signs too.
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"-\d+(?:\.\d+)?", re.ASCII)
_OWN_TEXT = ("symbol", "name", "problem", "note", "source")
# What each row carries, in the order of the CSV's columns.
FIELDS = ("symbol", "mic", "exchange", "name", "currency", "price", "previous_close", "open", "high", "low", "change",
          "change_percent", "volume", "bid", "ask", "extended_price", "extended_change", "extended_change_percent",
          "extended_as_of", "as_of", "as_of_precision", "day", "state", "source", "fetched_at", "problem", "version",
          "delay", "session", "previous_day", "sent_unit",
          "stage", "stage_since", "stage_weeks", "provisional_stage", "rs", "rs_kind", "stage_week")


def export_row(live: LiveQuote, now: dt.datetime) -> Row:
    """Return one row, FIELDS, with every number as it is stored; what is unknown is None."""
    instrument, quote = live.instrument, live.quote

    def price(name: str) -> str | None:
        return _text(getattr(quote, name, None))

    return {
        "symbol": instrument.symbol, "mic": instrument.mic, "exchange": exchange_name(instrument.mic),
        "name": instrument.name, "currency": instrument.currency,
        "price": price("price"), "previous_close": price("previous_close"), "open": price("open"),
        "high": price("high"), "low": price("low"),
        "change": _text(live.change), "change_percent": _text(live.change_percent),
        "volume": quote.volume if quote else None, "bid": price("bid"), "ask": price("ask"),
        "extended_price": price("extended_price"), "extended_change": _text(live.extended_change),
        "extended_change_percent": _text(live.extended_change_percent),
        "extended_as_of": _moment(quote.extended_as_of if quote else None),
        "as_of": _as_of(quote), "as_of_precision": _precision(quote),
        "day": quote.day.isoformat() if quote else None,
        "state": live.state_at(now).value, "source": quote.source if quote else None,
        "fetched_at": _moment(live.fetched_at), "problem": live.problem or None, "version": live.version,
        "delay": quote.delay.value if quote and quote.delay else None,
        "session": quote.session.value if quote else None,
        "previous_day": quote.previous_day.isoformat() if quote and quote.previous_day else None,
        "sent_unit": quote.sent_unit or None if quote else None,
        **_standing(live.standing or Standing()),
    }


def _standing(standing: Standing) -> Row:
    """Return where the stock stands; what is not known is None."""
    kind = "rating" if standing.rated else "rank in list"
    return {"stage": standing.stage, "stage_since": standing.since.isoformat() if standing.since else None,
            "stage_weeks": standing.weeks if standing.stage else None, "provisional_stage": standing.provisional,
            "rs": standing.rs, "rs_kind": None if standing.rs is None else kind,
            "stage_week": standing.week.isoformat() if standing.week else None}


def tradingview_name(instrument: Instrument) -> str:
    """Name a stock as TradingView's lists do: NASDAQ:AAPL."""
    exchange = EXCHANGES.get(instrument.mic)
    return f"{exchange.prefix if exchange else instrument.mic}:{instrument.symbol}"


def answer_json(content: Mapping[str, object], name: str, status: int = 200) -> Response:
    """Answer with JSON, or 304 where the asker has it already."""
    body = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
    return _answer(body, "application/json", f"{name}.json", "inline", status)


def answer_rows(head: Mapping[str, object], rows: Iterable[Row], name: str) -> Response:
    """Answer with JSON of any number of rows, each on its own line behind what `head` says of all of them."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    body = f'{json.dumps(head, ensure_ascii=False)[:-1]}, "rows": [\n{lines}\n]}}\n'
    return _answer(body, "application/json", f"{name}.json", "inline")


def answer_csv(rows: Sequence[Row], columns: Sequence[str], name: str) -> Response:
    """Answer with CSV as RFC 4180 has it, safe to open in a spreadsheet; what is unknown is empty."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({column: _harmless(column, row[column]) for column in columns} for row in rows)
    return _answer(text.getvalue(), "text/csv", f"{name}.csv", "attachment")


def answer_columns(columns: Mapping[str, Sequence[Value]], name: str) -> Response:
    """Answer with CSV like answer_csv(), of columns of one length; made for thousands of rows."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(zip(*(_harmless_column(*column) for column in columns.items()), strict=True))
    return _answer(text.getvalue(), "text/csv", f"{name}.csv", "attachment")


def answer_text(body: str, name: str) -> Response:
    """Answer with plain text to keep as a file."""
    return _answer(body, "text/plain", f"{name}.txt", "attachment")


def _answer(body: str, mimetype: str, filename: str, disposition: str, status: int = 200) -> Response:
    data = body.encode()
    response = Response(data, status, mimetype=mimetype)
    response.headers.set("Content-Disposition", disposition, filename=filename)
    # Weak, because a proxy or our own compression may change the bytes on the way, never the meaning.
    response.set_etag(hashlib.sha256(data).hexdigest()[:32], weak=True)
    if status == HTTPStatus.OK:
        response.make_conditional(request)
    return response


def _text(number: Decimal | None) -> str | None:
    return None if number is None else format(number, "f")


def _moment(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def _as_of(quote: Quote | None) -> str | None:
    if quote is None:
        return None
    return quote.day.isoformat() if quote.as_of_is_day else _moment(quote.as_of)


def _precision(quote: Quote | None) -> str | None:
    if quote is None:
        return None
    return "day" if quote.as_of_is_day else "instant"


def _harmless_column(column: str, values: Sequence[Value]) -> Sequence[Value]:
    """Return the same with _harmless() texts; most columns have none that could be a formula."""
    heads = {value[:1] for value in values if isinstance(value, str)}
    return values if heads.isdisjoint(_FORMULA_SIGNS) else [_harmless(column, value) for value in values]


def _harmless(column: str, value: Value) -> Value:
    """Return a text that no spreadsheet runs; numbers, which may begin with a minus, stay as they are."""
    if isinstance(value, str) and value.startswith(_FORMULA_SIGNS) and (
            column in _OWN_TEXT or not _NUMBER.fullmatch(value)):
        return f"'{value}"
    return "" if value is None else value
