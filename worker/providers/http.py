"""Asks a vendor over HTTP: once, within a time and a size, and without a word of the URL, for the key is in it."""

from __future__ import annotations

import datetime as dt
import http.client
import logging
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from queue import Empty, SimpleQueue
from threading import Thread

import requests
from urllib3.exceptions import HTTPError

from webapp import clock
from worker.providers.base import ErrorKind, ProviderError

CHUNK = 64 * 1024
MAX_BYTES = 2 * 1024 * 1024
# A packed answer may consist of several parts, each packed by itself; more than these are an attack.
MOST_PARTS = 16
A_DAY = dt.timedelta(days=1)
# urllib3 logs whole URLs on these, so nothing of theirs is let through at any level.
TALKATIVE = ("urllib3.connection", "urllib3.connectionpool", "urllib3.poolmanager", "urllib3.util.retry")


def _silence(_: logging.LogRecord) -> bool:
    return False


for _name in TALKATIVE:
    logging.getLogger(_name).addFilter(_silence)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: its status, its body, and how long it asks to be left alone."""

    status: int
    body: bytes
    retry_after: dt.timedelta | None = None


class _Session(requests.Session):
    """A session that follows no redirect, so that a key goes to no other host and a call stays one call."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """See a redirect as an answer like any other."""


class Client:
    """Fetches from one vendor, whose name is for the messages. One call at a time.

    `timeouts` are the seconds to connect and to wait for the next bytes, `deadline` those for the whole call.
    """

    def __init__(self, title: str, *, timeouts: tuple[float, float] = (3.05, 10.0), deadline: float = 15.0) -> None:
        self._title = title
        self._timeouts = timeouts
        self._deadline = deadline
        self._session = _new_session()

    def get(self, url: str, params: Mapping[str, str], headers: Mapping[str, str] | None = None,
            most: int = MAX_BYTES) -> Answer:
        """Make one GET request; raise ProviderError where no whole answer of at most `most` bytes came in time.

        A helper thread waits for the answer: timeouts of sockets start anew with each byte, and a server that
        sends its headers one by one would hold the worker for ever.
        """
        outcome: SimpleQueue[Answer | ProviderError] = SimpleQueue()
        Thread(target=lambda: outcome.put(self._ask(url, params, headers or {}, most)), daemon=True).start()
        try:
            answer = outcome.get(timeout=self._deadline)
        except Empty:
            self._session = _new_session()  # the thread still holds the old one
            answer = self._too_slow()
        # Raised out here, the error carries no other in its context: their texts and frames hold the URL.
        if isinstance(answer, ProviderError):
            raise answer
        return answer

    def _ask(self, url: str, params: Mapping[str, str], headers: Mapping[str, str],
             most: int) -> Answer | ProviderError:
        """Return the answer, or what went wrong in our own words."""
        until = time.monotonic() + self._deadline
        try:
            with self._session.get(url, params=params, headers=headers, timeout=self._timeouts,
                                   stream=True) as response:
                return self._read(response, until, most)
        except requests.Timeout:
            return self._too_slow()
        except (OSError, ValueError, zlib.error, HTTPError, http.client.HTTPException):
            return ProviderError(ErrorKind.UNREACHABLE, f"{self._title} could not be reached.")

    def _read(self, response: requests.Response, until: float, most: int) -> Answer | ProviderError:
        received = bytearray()
        while len(received) <= most and (chunk := response.raw.read1(CHUNK, decode_content=False)):
            received += chunk
            if time.monotonic() > until:
                return self._too_slow()
        packing = response.headers.get("Content-Encoding", "").strip().lower()
        body = unpack(received, packing, most) if len(received) <= most else received
        if len(body) > most:
            return ProviderError(ErrorKind.BROKEN_ANSWER, f"{self._title} sent far more than was asked for.")
        return Answer(response.status_code, bytes(body), retry_after(response.headers.get("Retry-After", "")))

    def _too_slow(self) -> ProviderError:
        return ProviderError(ErrorKind.UNREACHABLE, f"{self._title} did not answer in time.")


def unpack(body: bytes | bytearray, encoding: str, most: int) -> bytes | bytearray:
    """Return what the body holds, or its first bytes where that is more than `most`.

    Raise ValueError or zlib.error where it is not whole: a list that was cut short would pass for a shorter list.
    """
    if encoding in {"", "identity"} or not body:
        return body
    if encoding not in {"gzip", "x-gzip"}:
        raise ValueError("it is packed in a way that was not asked for")
    plain = bytearray()
    for _ in range(MOST_PARTS):
        part = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        plain += part.decompress(body, most + 1 - len(plain))
        body = part.unused_data
        if len(plain) > most or (part.eof and not body):
            return plain
        if not part.eof:
            break
    raise ValueError("it does not end as it should")


def retry_after(text: str) -> dt.timedelta | None:
    """Return how long a server asks to be left alone, in seconds or until a date; more than a day is not believed."""
    if text.isascii() and text.isdigit():
        wait = dt.timedelta(seconds=int(text)) if len(text) < 6 else None
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError):
            return None
        wait = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)) - clock.now()
    return wait if wait is not None and dt.timedelta(0) <= wait <= A_DAY else None


def _new_session() -> _Session:
    """Return a session that tries each request once."""
    session = _Session()
    session.headers.update({"User-Agent": "Stagewatch", "Accept": "application/json", "Accept-Encoding": "gzip"})
    return session
