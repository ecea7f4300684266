"""The page's own numbers as JSON, CSV and TradingView's list format: decimals as text, times in ISO 8601 UTC."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus

from flask import Response, request

from webapp.markets import EXCHANGES
from webapp.records import Instrument
from webapp.rows import FIELDS, Row, Value, export_row

__all__ = ["FIELDS", "Row", "Value", "answer_columns", "answer_csv", "answer_json", "answer_rows", "answer_text",
           "as_csv", "export_row", "harmless", "tradingview_name"]

# A spreadsheet takes a text that begins so for a formula, and runs it; some take the full-width signs too.
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"-\d+(?:\.\d+)?", re.ASCII)
_OWN_TEXT = ("symbol", "name", "problem", "note", "source")


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
    """Answer with CSV like as_csv()."""
    return _answer(as_csv(rows, columns), "text/csv", f"{name}.csv", "attachment")


def as_csv(rows: Iterable[Row], columns: Sequence[str]) -> str:
    """Return CSV as RFC 4180 has it, safe to open in a spreadsheet; what is unknown is empty."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({column: harmless(column, row[column]) for column in columns} for row in rows)
    return text.getvalue()


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
    response = sent(body.encode(), mimetype, status)
    response.headers.set("Content-Disposition", disposition, filename=filename)
    return response


def sent(data: bytes, mimetype: str, status: int = 200, tag: str = "") -> Response:
    """Return an answer with a tag that is the same as long as its meaning is, or 304 where the asker has it."""
    response = Response(data, status, mimetype=mimetype)
    # Weak, because a proxy or our own compression may change the bytes on the way, never the meaning.
    response.set_etag(tag or digest(data), weak=True)
    if status == HTTPStatus.OK:
        response.make_conditional(request)
    return response


def digest(data: bytes) -> str:
    """Return a tag that is another one wherever these bytes are."""
    return hashlib.sha256(data).hexdigest()[:32]


def _harmless_column(column: str, values: Sequence[Value]) -> Sequence[Value]:
    """Return the same with harmless() texts; most columns have none that could be a formula."""
    heads = {value[:1] for value in values if isinstance(value, str)}
    return values if heads.isdisjoint(_FORMULA_SIGNS) else [harmless(column, value) for value in values]


def harmless(column: str, value: Value) -> Value:
    """Return a text that no spreadsheet runs; numbers, which may begin with a minus, stay as they are."""
    if isinstance(value, str) and value.startswith(_FORMULA_SIGNS) and (
            column in _OWN_TEXT or not _NUMBER.fullmatch(value)):
        return f"'{value}"
    return "" if value is None else value
