"""Answers of market data that are given again for a second: of a thousand who ask at once, one costs the database.

Only what is public is kept: it is the same for whoever asks. What time alone changes is looked at once a second for
pages, too, so no program is told of an older state than they are.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from time import monotonic

from flask import Response, current_app, g, request

from webapp.api.callers import scope_of_view

NAME = "api_answers"
MOST_BYTES = 32 * 1024 * 1024
LARGEST = 512 * 1024
# What an answer depends on besides its address.
FORM = "Accept"
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was made at `at`, on the clock that counts since the machine's start."""

    at: float
    body: bytes
    mimetype: str
    headers: dict[str, str]


@dataclass(slots=True)
class Answers:
    """The answers of this process, the oldest first; never more than MOST_BYTES."""

    size: int = 0
    kept: OrderedDict[Key, Kept] = field(default_factory=OrderedDict)

    def find(self, key: Key, since: float) -> Kept | None:
        """Return an answer that was made after `since`."""
        found = self.kept.get(key)
        return found if found is not None and found.at > since else None

    def keep(self, key: Key, answer: Kept, since: float) -> None:
        """Keep an answer, and forget those from before `since`, and the oldest where they are too many."""
        self._forget(key)
        self.kept[key] = answer
        self.size += len(answer.body)
        while self.kept:
            oldest = next(iter(self.kept))
            if self.kept[oldest].at > since and self.size <= MOST_BYTES:
                break
            self._forget(oldest)

    def _forget(self, key: Key) -> None:
        if (gone := self.kept.pop(key, None)) is not None:
            self.size -= len(gone.body)


def give_again() -> Response | None:
    """Answer as a moment ago; None where that was not asked, or too long ago."""
    if (key := _key()) is None:
        return None
    found = _answers().find(key, monotonic() - _seconds())
    if found is None:
        return None
    g.given_again = True
    response = Response(found.body, mimetype=found.mimetype, headers=found.headers)
    response.make_conditional(request)
    return response


def keep(response: Response) -> Response:
    """Keep an answer that others may be given."""
    etag, _ = response.get_etag()
    if response.status_code != 200 or etag is None or response.is_streamed or g.get("given_again"):
        return response
    if (key := _key()) is None or len(body := response.get_data()) > LARGEST:
        return response
    headers = {name: response.headers[name] for name in ("ETag", "Link", "Content-Disposition")
               if name in response.headers}
    now = monotonic()
    _answers().keep(key, Kept(now, body, response.mimetype or "", headers), now - _seconds())
    return response


def _key() -> Key | None:
    """Name what is asked for; None where its answer is not for everybody."""
    if request.method != "GET" or not _seconds() or request.endpoint is None:
        return None
    if scope_of_view(current_app.view_functions[request.endpoint]) is not None:
        return None
    return request.full_path, request.headers.get(FORM, "")


def _seconds() -> int:
    seconds: int = current_app.config["API_FRESH_SECONDS"]
    return seconds


def _answers() -> Answers:
    answers: Answers = current_app.extensions[NAME]
    return answers
