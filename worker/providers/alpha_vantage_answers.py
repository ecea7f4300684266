"""What Alpha Vantage answers: JSON or CSV, or one of its notices, which nearly always come with HTTP 200."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from worker.providers.answers import (
    LATER,
    MINUTE,
    broken_answer,
    parse_json,
    status_error,
    unclear_status,
)
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.figures import FigureError
from worker.providers.http import Answer
from worker.providers.rest import as_list, as_object

NAME, TITLE, SETTING = "alpha-vantage", "Alpha Vantage", "ALPHA_VANTAGE_API_KEY"
SECOND = dt.timedelta(seconds=2)
EASTERN = ZoneInfo("America/New_York")
NO_FORM = "it is not in the agreed form"

# An answer without errors: the JSON object, or the text of what may be CSV.
Body = dict[str, Any] | str


@dataclass(frozen=True, slots=True)
class Notice:
    """A text that comes in place of an answer: any of `phrases` tells it from others."""

    phrases: tuple[str, ...]
    kind: ErrorKind
    message: str
    wait: dt.timedelta | None = None


# The order matters: the notice for a second names the day's limit too, and that for a minute also does;
# nearly all of them praise premium plans. So a plan is to blame only where the wording says so. One that blames a
# parameter keeps nothing else from being asked for, so its wait is short.
NOTICES = (
    Notice(("request per second", "requests per second", "burst pattern", "spreading out your"),
           ErrorKind.THROTTLED_SECOND, f"{TITLE} asks for a slower pace.", SECOND),
    Notice(("minute-level rate limit", "calls per minute", "requests per minute", "api call frequency",
            "higher api call volume"),
           ErrorKind.THROTTLED_MINUTE, f"{TITLE} has no calls left for this minute.", MINUTE),
    Notice(("per day", "requests/day", "daily rate limit"),
           ErrorKind.THROTTLED_DAY, f"{TITLE} has no calls left for today."),
    Notice(("demo purposes only", "apikey is invalid or missing"),
           ErrorKind.BAD_KEY, f"{TITLE} does not accept the API key. Check {SETTING}."),
    Notice(("parameter value is a premium feature",),
           ErrorKind.NOT_ENTITLED, f"This needs a paid plan of {TITLE}.", SECOND),
    Notice(("premium endpoint", "premium feature"),
           ErrorKind.NOT_ENTITLED, f"This needs a paid plan of {TITLE}."),
    Notice(("invalid api call",),
           ErrorKind.UNKNOWN_SYMBOL, f"{TITLE} does not know this symbol."),
)
NOTICE_KEYS = ("Error Message", "Information", "Note")


def read_answer(answer: Answer, now: dt.datetime) -> Body:
    """Return the JSON object or the text of an answer that is no error; where CSV was asked, errors are JSON too."""
    body = parse_json(answer.body)
    if isinstance(body, dict):
        raise_notice(body, now)
    if answer.status != 200:
        # It says all it has to say with 200; a 403 or 404 comes from what stands before it.
        raise (status_error(TITLE, SETTING, answer) if answer.status in {401, 429}
               else unclear_status(TITLE, answer))
    if isinstance(body, dict):
        return body
    if body is not None:
        raise broken_answer(TITLE, NO_FORM)
    return answer.body.decode("utf-8-sig", "replace")


def raise_notice(body: dict[str, Any], now: dt.datetime) -> None:
    """Raise what the answer complains of, if it does; figures beside a complaint are not trusted."""
    texts = [str(body[key]).lower() for key in NOTICE_KEYS if key in body]
    if not texts:
        return
    for notice in NOTICES:
        if any(phrase in text for phrase in notice.phrases for text in texts):
            wait = until_next_day(now) if notice.kind is ErrorKind.THROTTLED_DAY else notice.wait
            raise ProviderError(notice.kind, notice.message, retry_after=wait)
    # An unknown notice is most likely a new wording of a limit: wait, but do not give the symbol up.
    raise ProviderError(ErrorKind.BROKEN_ANSWER, f"{TITLE} sent a notice in place of an answer.", retry_after=LATER)


def until_next_day(now: dt.datetime) -> dt.timedelta:
    """Return the time to the next midnight in UTC or New York: which of them resets the count is not documented."""
    midnights = []
    for zone in (dt.UTC, EASTERN):
        tomorrow = now.astimezone(zone).date() + dt.timedelta(days=1)
        midnights.append(dt.datetime.combine(tomorrow, dt.time(), zone).astimezone(dt.UTC))
    return min(midnights) - now


def plain(key: str) -> str:
    """Return a field's name without its number and in one spelling: "08. previous close" as previousClose."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"^\d+[a-z]?\. *", "", key.strip()))
    return re.sub(r"[_ ]+", " ", words).strip().lower()


def plain_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields by their plain names; raise FigureError where two have the same."""
    found = {plain(key): value for key, value in fields.items()}
    if len(found) != len(fields):
        raise FigureError("a field stands twice")
    return found


def rows_of(body: Body, key: str, columns: Collection[str], *, loose: bool = False) -> list[dict[str, Any]]:
    """Return the rows under `key`, or those of a CSV that has the columns, with plain names.

    Raise FigureError where it is neither, and where a CSV's row lacks fields, as the last one of a text that was cut
    off does. One with too many raises too, unless `loose`: then it is left out.
    """
    if not isinstance(body, str):
        return [plain_fields(as_object(row, "a row")) for row in as_list(body.get(key))]
    try:
        head, *lines = [line for line in csv.reader(io.StringIO(body)) if line] or [[]]
    except csv.Error:
        raise FigureError(NO_FORM) from None
    names = [plain(name) for name in head]
    if len(set(names)) != len(names) or not set(columns) <= set(names):
        raise FigureError(NO_FORM)
    if any(len(line) < len(names) or (len(line) > len(names) and not loose) for line in lines):
        raise FigureError("a row has not as many fields as the first")
    return [dict(zip(names, line, strict=True)) for line in lines if len(line) == len(names)]


def check_symbol(found: object, symbol: str) -> None:
    """Raise FigureError where the answer says that it is for another symbol."""
    if str(found or "").upper() != symbol.upper():
        raise FigureError("it is for another symbol")
