"""What comes back from a vendor: JSON with every digit, or an error in our own words."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from worker.providers.base import ErrorKind, ProviderError
from worker.providers.http import Answer

MINUTE = dt.timedelta(minutes=1)
LATER = dt.timedelta(minutes=15)


def parse_json(body: bytes) -> Any:
    """Return what the JSON says, with its numbers as text, so that no digit is lost; None where it is none."""
    try:
        return json.loads(body.decode("utf-8-sig"), parse_float=str, parse_int=str, parse_constant=_refuse,
                          object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return None


def parse_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object with its numbers as text; None where it is not one."""
    found = parse_json(body)
    return found if isinstance(found, dict) else None


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not a number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that says something twice: nobody knows which of the two is true."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def broken_answer(title: str, reason: str) -> ProviderError:
    """Return the error for an answer that is no price, whatever else it is."""
    return ProviderError(ErrorKind.BROKEN_ANSWER, f"The answer of {title} cannot be used: {reason}.")


def unknown_symbol(title: str) -> ProviderError:
    """Return the error for a symbol that the vendor does not have."""
    return ProviderError(ErrorKind.UNKNOWN_SYMBOL, f"{title} does not know this symbol.")


def bad_key(title: str, setting: str) -> ProviderError:
    """Return the error for a key that the vendor refuses; `setting` is where a person mends it."""
    return ProviderError(ErrorKind.BAD_KEY, f"{title} does not accept the API key. Check {setting}.")


def not_entitled(title: str, *, symbol_only: bool = False) -> ProviderError:
    """Return the error for what the plan does not have; of one symbol only, it keeps no other from being asked for."""
    return ProviderError(ErrorKind.NOT_ENTITLED, f"This needs another plan of {title}.",
                         retry_after=dt.timedelta(seconds=1) if symbol_only else None)


def throttled(title: str, kind: ErrorKind, wait: dt.timedelta | None = None) -> ProviderError:
    """Return the error for a limit that is reached."""
    words = {ErrorKind.THROTTLED_SECOND: "asks for a slower pace",
             ErrorKind.THROTTLED_MINUTE: "has no calls left for this minute",
             ErrorKind.THROTTLED_HOUR: "has no calls left for this hour",
             ErrorKind.THROTTLED_DAY: "has no calls left for today"}
    return ProviderError(kind, f"{title} {words[kind]}.", retry_after=wait)


def status_error(title: str, setting: str, answer: Answer) -> ProviderError:
    """Return what an HTTP status other than 200 means where the vendor says no more."""
    status = answer.status
    if status == 401:
        return bad_key(title, setting)
    if status in {402, 403}:
        return not_entitled(title)
    if status == 404:
        return unknown_symbol(title)
    if status == 429:
        return throttled(title, ErrorKind.THROTTLED_MINUTE, answer.retry_after or MINUTE)
    return unclear_status(title, answer)


def unclear_status(title: str, answer: Answer) -> ProviderError:
    """Return the error for a status that says nothing of the key, the plan or the symbol."""
    status = answer.status
    if status < 400:
        return broken_answer(title, f"it came with HTTP {status}")
    words, wait = ("is out of order", answer.retry_after) if status >= 500 else ("refused the call", LATER)
    return ProviderError(ErrorKind.UNREACHABLE, f"{title} {words} (HTTP {status}).", retry_after=wait)
