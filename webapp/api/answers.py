"""Answers of the API: JSON or CSV as asked for, one page at a time, not sent again where the asker has it."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from flask import Response, request

from webapp.api.schemas import is_sound
from webapp.errors import AppError
from webapp.export import as_csv, sent
from webapp.rows import Row

JSON, CSV = "application/json", "text/csv"


class NotAcceptable(AppError):
    """The asker takes no form that there is."""

    status = 406


class BadCursor(AppError):
    """What `after` holds was not given out by `next`."""

    status = 422


def wants_csv() -> bool:
    """Tell whether CSV was asked for, by the path's end or by Accept; raise NotAcceptable for neither form."""
    if request.path.endswith(".csv"):
        return True
    return _best((JSON, CSV)) == CSV


def _best(forms: Sequence[str]) -> str:
    if not request.headers.get("Accept"):
        return forms[0]
    best = request.accept_mimetypes.best_match(forms)
    if best is None:
        raise NotAcceptable(f"There is {' and '.join(forms)} here.")
    return best


def answer(content: Mapping[str, object], status: int = 200, tag: str = "") -> Response:
    """Answer with JSON, or 304; `tag` saves hashing it where something shorter tells of each change."""
    _best((JSON,))
    return sent(as_json(content), JSON, status, tag)


def answer_page(rows: Sequence[Row], after: str | None, *, columns: Sequence[str] = (),
                **head: object) -> Response:
    """Answer with a page of a list: JSON with `items` and `next` (a path, None at the end), or CSV of the same rows.

    `after` is the cursor of the page that follows, None where none does. CSV has it in a Link header.
    """
    following = next_path(after) if after else None
    if wants_csv():
        response = sent(as_csv(rows, columns or list(rows[0]) if rows else columns).encode(), CSV)
        response.headers.set("Content-Disposition", "attachment", filename=f"{_file_name()}.csv")
    else:
        body = {**head, "items": list(rows), "next": following}
        response = sent(as_json(body), JSON)
    if following:
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response


def nothing() -> Response:
    """Answer that it is done and there is nothing to say."""
    return Response(status=204)


def as_json(content: object) -> bytes:
    """Return JSON, as short as it can be."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def next_path(after: str) -> str:
    """Return the path of the next page: this request's, from another place on. It names no host."""
    args = [(name, value) for name, value in request.args.items(multi=True) if name != "after"]
    return f"{request.path}?{urlencode([*args, ('after', after)])}"


def cursor(*place: str | int | None) -> str:
    """Return the text that stands for a place in a list."""
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(text: str, *kinds: type) -> tuple[object, ...]:
    """Return the place that a text of cursor() stands for; raise BadCursor where it is not of these kinds."""
    try:
        found = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or len(found) != len(kinds) or not all(map(_is_sound, found, kinds)):
        raise bad_cursor()
    return tuple(found)


def bad_cursor() -> BadCursor:
    """Return the error of an `after` that names no place."""
    return BadCursor("after: take it from the list's next, unchanged.", code="bad-cursor")


def read_number(after: str) -> int | None:
    """Return the number that a page begins behind, None for the first page; raise BadCursor."""
    return int(str(read_cursor(after, int)[0])) if after else None


def read_text(after: str) -> str:
    """Return the text that a page begins behind, "" for the first page; raise BadCursor."""
    return str(read_cursor(after, str)[0]) if after else ""


def read_day(after: str) -> dt.date | None:
    """Return the day that a page begins behind, None for the first page; raise BadCursor."""
    text = read_text(after)
    try:
        return dt.date.fromisoformat(text) if after else None
    except ValueError:
        raise bad_cursor() from None


def _is_sound(value: object, kind: type) -> bool:
    """Tell whether a value is one that a database takes."""
    if type(value) is not kind:
        return False
    return abs(value) < 2**63 if isinstance(value, int) else is_sound(str(value))


def _file_name() -> str:
    return request.path.removesuffix(".csv").rpartition("/")[2].replace(":", "-")
